// Operators, and the commonest ops as methods of Tensor. Part of plait/extension.h.
#pragma once

#include "plait/ops.h"

namespace plait {
inline namespace v1 {

namespace detail {
inline Tensor number(const Scalar& s) {
  plait_tensor* t = nullptr;
  check_status(api().tensor_number(&s.value, -1, &t));
  return Tensor::adopt(t);
}
}  // namespace detail

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator+(const Tensor& a, Scalar b) { return add(a, b); }
inline Tensor operator+(Scalar a, const Tensor& b) { return add(b, a); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator-(const Tensor& a, Scalar b) { return sub(a, b); }
inline Tensor operator-(Scalar a, const Tensor& b) { return sub(detail::number(a), b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator*(const Tensor& a, Scalar b) { return mul(a, b); }
inline Tensor operator*(Scalar a, const Tensor& b) { return mul(b, a); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator/(const Tensor& a, Scalar b) { return div(a, b); }
inline Tensor operator/(Scalar a, const Tensor& b) { return div(detail::number(a), b); }
inline Tensor operator-(const Tensor& a) { return neg(a); }
inline Tensor operator>(const Tensor& a, const Tensor& b) { return gt(a, b); }
inline Tensor operator>(const Tensor& a, Scalar b) { return gt(a, b); }
inline Tensor operator>=(const Tensor& a, const Tensor& b) { return ge(a, b); }
inline Tensor operator>=(const Tensor& a, Scalar b) { return ge(a, b); }
inline Tensor operator<(const Tensor& a, const Tensor& b) { return lt(a, b); }
inline Tensor operator<(const Tensor& a, Scalar b) { return lt(a, b); }
inline Tensor operator<=(const Tensor& a, const Tensor& b) { return le(a, b); }
inline Tensor operator<=(const Tensor& a, Scalar b) { return le(a, b); }
inline Tensor operator==(const Tensor& a, const Tensor& b) { return eq(a, b); }
inline Tensor operator==(const Tensor& a, Scalar b) { return eq(a, b); }
inline Tensor operator!=(const Tensor& a, const Tensor& b) { return ne(a, b); }
inline Tensor operator!=(const Tensor& a, Scalar b) { return ne(a, b); }

inline Tensor Tensor::contiguous() const { return plait::contiguous(*this); }
inline Tensor Tensor::clone() const { return plait::clone(*this); }
inline Tensor Tensor::detach() const { return plait::detach(*this); }
inline Tensor Tensor::to(DType dtype) const {
  return dtype == this->dtype() ? *this : call("_convert", {*this, dtype});
}
inline Tensor Tensor::to(Device device) const {
  return device == this->device() ? *this : call("_to_device", {*this, device, false});
}
inline Tensor Tensor::reshape(IntSpan sizes) const { return plait::reshape(*this, sizes); }
inline Tensor Tensor::transpose(int64_t a, int64_t b) const { return plait::transpose(*this, a, b); }
inline Tensor Tensor::unsqueeze(int64_t dim) const { return plait::unsqueeze(*this, dim); }
inline Tensor Tensor::squeeze(int64_t dim) const { return plait::squeeze(*this, dim); }
inline Tensor Tensor::select(int64_t dim, int64_t index) const { return plait::select(*this, dim, index); }
inline Tensor Tensor::narrow(int64_t dim, int64_t start, int64_t length) const {
  return plait::narrow(*this, dim, start, length);
}
inline Tensor Tensor::expand(IntSpan sizes) const { return plait::expand(*this, sizes); }
inline Tensor Tensor::sum() const { return plait::sum(*this); }
inline Tensor Tensor::sum(int64_t dim, bool keepdim) const { return plait::sum(*this, dim, keepdim); }
inline Tensor Tensor::mean() const { return plait::mean(*this); }
inline Tensor Tensor::mean(int64_t dim, bool keepdim) const { return plait::mean(*this, dim, keepdim); }
inline Tensor Tensor::neg() const { return plait::neg(*this); }
inline Tensor Tensor::abs() const { return plait::abs(*this); }
inline Tensor Tensor::exp() const { return plait::exp(*this); }
inline Tensor Tensor::log() const { return plait::log(*this); }
inline Tensor Tensor::sqrt() const { return plait::sqrt(*this); }
inline Tensor Tensor::tanh() const { return plait::tanh(*this); }
inline Tensor Tensor::sigmoid() const { return plait::sigmoid(*this); }
inline Tensor Tensor::relu() const { return plait::relu(*this); }
inline Tensor Tensor::softmax(int64_t dim) const { return plait::softmax(*this, dim); }
inline Tensor Tensor::matmul(const Tensor& other) const { return plait::matmul(*this, other); }
inline const Tensor& Tensor::copy_(const Tensor& source) const {
  plait::copy_(*this, source);
  return *this;
}
inline const Tensor& Tensor::fill_(Scalar value) const {
  plait::fill_(*this, value);
  return *this;
}
inline const Tensor& Tensor::operator+=(const Tensor& other) const {
  add_(*this, other);
  return *this;
}
inline const Tensor& Tensor::operator+=(Scalar other) const {
  add_(*this, other);
  return *this;
}
inline const Tensor& Tensor::operator-=(Scalar other) const {
  sub_(*this, other);
  return *this;
}
inline const Tensor& Tensor::operator*=(Scalar other) const {
  mul_(*this, other);
  return *this;
}
inline const Tensor& Tensor::operator/=(Scalar other) const {
  div_(*this, other);
  return *this;
}
inline const Tensor& Tensor::operator-=(const Tensor& other) const {
  sub_(*this, other);
  return *this;
}
inline const Tensor& Tensor::operator*=(const Tensor& other) const {
  mul_(*this, other);
  return *this;
}
inline const Tensor& Tensor::operator/=(const Tensor& other) const {
  div_(*this, other);
  return *this;
}

}  // namespace v1
}  // namespace plait
