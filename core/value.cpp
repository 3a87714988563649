#include "core/value.h"

namespace plait {

void Value::release() noexcept {
  switch (tag_) {
    case Tag::Tensor: tensor_.~Tensor(); break;
    case Tag::TensorList: tensors_.~vector(); break;
    case Tag::Ints: ints_.~Dims(); break;
    case Tag::Doubles: doubles_.~vector(); break;
    case Tag::Generator: generator_.~Ref(); break;
    case Tag::String: string_.~basic_string(); break;
    default: break;
  }
  tag_ = Tag::None;
}

void Value::copy_owned(const Value& other) {
  switch (other.tag_) {
    case Tag::Tensor:
    case Tag::BorrowedTensor: new (&tensor_) Tensor(other.tensor()); break;
    case Tag::TensorList: new (&tensors_) std::vector<Tensor>(other.tensors_); break;
    case Tag::Ints: new (&ints_) Dims(other.ints_); break;
    case Tag::Doubles: new (&doubles_) std::vector<double>(other.doubles_); break;
    case Tag::Generator: new (&generator_) plait::Generator(other.generator_); break;
    case Tag::String: new (&string_) std::string(other.string_); break;
    default: break;
  }
  tag_ = other.tag_ == Tag::BorrowedTensor ? Tag::Tensor : other.tag_;
}

void Value::move_owned(Value& other) noexcept {
  switch (other.tag_) {
    case Tag::TensorList: new (&tensors_) std::vector<Tensor>(std::move(other.tensors_)); break;
    case Tag::Ints: new (&ints_) Dims(std::move(other.ints_)); break;
    case Tag::Doubles: new (&doubles_) std::vector<double>(std::move(other.doubles_)); break;
    case Tag::Generator: new (&generator_) plait::Generator(std::move(other.generator_)); break;
    case Tag::String: new (&string_) std::string(std::move(other.string_)); break;
    default: break;
  }
  tag_ = other.tag_;
  other.release();
}

}  // namespace plait
