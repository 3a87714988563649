// cuDNN's answer to the descriptors of recurrent layers, for which it needs no device.
#include <cstring>
#include <string>
#include <vector>

#include "catch.h"
#include "core/dtype.h"
#include "core/error.h"
#include "cuda/vendor/cudnn_rnn.h"

using namespace plait;
using namespace plait::cuda;

namespace {

constexpr int kStandard = 0, kPersistStatic = 1, kSmallHidden = 3;  // cudnnRNNAlgo_t

RnnProblem problem(RnnProblem::Mode mode, DType dtype) {
  RnnProblem p;
  std::memset(static_cast<void*>(&p), 0, sizeof(p));
  p.mode = mode, p.dtype = static_cast<int32_t>(dtype), p.biases = 1;
  p.input = 24, p.hidden = 128, p.layers = 2, p.steps = 9, p.batch = 4;
  return p;
}

constexpr RnnProblem::Mode kModes[] = {RnnProblem::Relu, RnnProblem::Tanh, RnnProblem::Lstm, RnnProblem::Gru};
constexpr DType kFloats[] = {DType::Float16, DType::BFloat16, DType::Float32, DType::Float64};

}  // namespace

TEST_CASE("recurrent layers of every mode, dtype and layout have descriptors") {
  for (const RnnProblem::Mode mode : kModes)
    for (const DType dtype : kFloats)
      for (int options = 0; options < 16; ++options) {
        RnnProblem p = problem(mode, dtype);
        p.biases = options & 1, p.bidirectional = options >> 1 & 1, p.packed = options >> 2 & 1;
        p.settings = options >> 3 & 1 ? RnnProblem::AllowTf32 : 0;
        CAPTURE(mode, name(dtype), options);
        const std::vector<int32_t> lengths =
            p.packed ? std::vector<int32_t>{9, 7, 7, 1} : std::vector<int32_t>(4, 9);
        CHECK_NOTHROW(cudnn_rnn_describe(p, lengths, kStandard));
        if (p.packed || dtype == DType::Float64) continue;
        CHECK_NOTHROW(cudnn_rnn_describe(p, lengths, kSmallHidden));
        CHECK_NOTHROW(cudnn_rnn_describe(p, lengths, kPersistStatic));
      }
}

TEST_CASE("LSTMs with a projection have descriptors") {
  for (const DType dtype : kFloats) {
    RnnProblem p = problem(RnnProblem::Lstm, dtype);
    p.projected = 40, p.bidirectional = 1;
    CHECK_NOTHROW(cudnn_rnn_describe(p, std::vector<int32_t>(4, 9), kStandard));
  }
}

TEST_CASE("cuDNN refuses descriptors that make no sense") {
  const auto refuses = [](const RnnProblem& p, const std::vector<int32_t>& lengths) {
    CHECK_THROWS_AS(cudnn_rnn_describe(p, lengths, kStandard), RuntimeError);
  };
  const std::vector<int32_t> equal(4, 9);
  RnnProblem p = problem(RnnProblem::Gru, DType::Float32);
  p.projected = 40;
  refuses(p, equal);  // only LSTMs have one
  p = problem(RnnProblem::Lstm, DType::Float32);
  p.projected = 129;
  refuses(p, equal);
  p = problem(RnnProblem::Lstm, DType::Float32);
  p.layers = 0;
  refuses(p, equal);
  p = problem(RnnProblem::Lstm, DType::Float32);
  p.packed = 1;
  refuses(p, {7, 9, 7, 1});  // not the longest first
  refuses(p, {10, 7, 7, 1});
}
