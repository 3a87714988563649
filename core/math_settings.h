// Switches of the libraries behind the kernels, as plait.backends sets them. They stand in core, since they
// are set and read before a device's library is loaded; a kernel reads them at each call.
#pragma once

#include <atomic>

#include "core/export.h"

namespace plait {

struct MathSettings {
  std::atomic<bool> allow_tf32_matmul{false};            // float32 products by TF32 tensor cores
  std::atomic<bool> allow_fp16_reduced_precision{true};  // partial sums of float16 products in float16
  std::atomic<bool> allow_bf16_reduced_precision{true};
  std::atomic<bool> allow_fp16_accumulation{false};
  std::atomic<bool> allow_tf32_conv{true};
  std::atomic<bool> cudnn_enabled{true};
  std::atomic<bool> cudnn_benchmark{false};
  std::atomic<int> cudnn_benchmark_limit{10};  // plans that are tried; 0: all
  std::atomic<bool> cudnn_deterministic{false};
  std::atomic<bool> deterministic{false};  // use_deterministic_algorithms
  std::atomic<bool> deterministic_warn_only{false};
  std::atomic<bool> attention_flash{true}, attention_mem_efficient{true}, attention_math{true},
      attention_cudnn{true};
};

PLAIT_API MathSettings& math_settings();

}  // namespace plait
