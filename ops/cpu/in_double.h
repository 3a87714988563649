// Functions of numbers that are computed in double whatever the dtype, one element at a time: those whose
// series and recurrences are of a length of their own for each element, which is no vector code.
#pragma once

#include <array>
#include <utility>

#include "core/strided_iter.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/pointwise.h"

namespace plait::cpu {

// out = function(in...), rounded once. `cost`: work of an element beside an addition. Arguments of another
// dtype than out's are converted to it first.
template <class F, class... In>
void in_double(const F& function, int cost, const Tensor& out, const In&... in) {
  const std::array<Tensor, sizeof...(In)> arguments{converted(in, out.dtype())...};
  StridedIter iter;
  iter.output(out);
  for (const Tensor& argument : arguments) iter.input(argument);
  iter.build();
  visit(out.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<compute_t<T>>)
      iter.run(
          [](char* const* data, const int64_t* strides, int64_t count, const void* given) {
            const F& f = *static_cast<const F*>(given);
            const auto number = [&](size_t k, int64_t i) {
              return static_cast<double>(
                  static_cast<compute_t<T>>(*reinterpret_cast<const T*>(data[k] + i * strides[k])));
            };
            [&]<size_t... k>(std::index_sequence<k...>) {
              for (int64_t i = 0; i < count; ++i)
                *reinterpret_cast<T*>(data[0] + i * strides[0]) =
                    static_cast<T>(static_cast<compute_t<T>>(f(number(k + 1, i)...)));
            }
            (std::index_sequence_for<In...>{});
          },
          &function, cost);
  });
}

}  // namespace plait::cpu
