#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include "catch.h"
#include "core/allocator.h"
#include "core/parallel.h"
#include "core/strided_iter.h"
#include "core/tensor.h"

using namespace plait;

namespace {

Tensor counting(const Dims& sizes, DType dtype = DType::Int64) {
  Tensor t = empty_tensor(sizes, dtype);
  visit(dtype, [&]<class T>() {
    for (int64_t i = 0; i < t.numel(); ++i) t.data<T>()[i] = T(static_cast<float>(i));
  });
  return t;
}

void add_loop(char* const* data, const int64_t* strides, int64_t n, const void*) {
  for (int64_t i = 0; i < n; ++i)
    *reinterpret_cast<int64_t*>(data[0] + i * strides[0]) =
        *reinterpret_cast<const int64_t*>(data[1] + i * strides[1]) +
        *reinterpret_cast<const int64_t*>(data[2] + i * strides[2]);
}

int64_t at(const Tensor& t, std::initializer_list<int64_t> index) {
  int64_t offset = 0, d = 0;
  for (int64_t i : index) offset += i * t.strides()[d++];
  return t.data<int64_t>()[offset];
}

}  // namespace

TEST_CASE("sizes stay inline up to six dimensions and go to the heap beyond") {
  for (int n = 0; n <= 12; ++n) {
    Dims a(n, 3);
    Dims b = a;
    b.push_back(7);
    CHECK(b.size() == n + 1);
    CHECK(b[n] == 7);
    b.erase(0);
    CHECK((n == 0 || b[n - 1] == 7));
    Dims c = std::move(b);
    CHECK(c.size() == n);
    CHECK(a == Dims(n, 3));
  }
}

TEST_CASE("the number of elements is checked") {
  CHECK(checked_numel(Dims{2, 3, 0}, "test") == 0);
  CHECK(checked_numel(Dims{}, "test") == 1);
  CHECK_THROWS_AS(checked_numel(Dims{2, -1}, "test"), ValueError);
  CHECK_THROWS_AS(checked_numel(Dims{int64_t{1} << 40, int64_t{1} << 40}, "test"), ValueError);
  // A zero does not hide a product that overflows.
  CHECK(checked_numel(Dims{0, int64_t{1} << 20}, "test") == 0);
}

TEST_CASE("shapes broadcast from the right") {
  CHECK(broadcast(Dims{2, 1, 4}, Dims{3, 1}, "test") == Dims{2, 3, 4});
  CHECK(broadcast(Dims{}, Dims{0}, "test") == Dims{0});
  CHECK_THROWS_AS(broadcast(Dims{2}, Dims{3}, "test"), ValueError);
}

TEST_CASE("a view is possible where merged dimensions are contiguous") {
  Dims out;
  CHECK(view_strides(Dims{2, 3, 4}, Dims{12, 4, 1}, Dims{6, 4}, out));
  CHECK(out == Dims{4, 1});
  CHECK(view_strides(Dims{2, 3}, Dims{1, 2}, Dims{2, 3, 1}, out));
  CHECK(!view_strides(Dims{2, 3}, Dims{1, 2}, Dims{6}, out));
  CHECK(view_strides(Dims{4, 3}, Dims{6, 2}, Dims{2, 6}, out));
  CHECK(out == Dims{12, 2});
}

TEST_CASE("layouts are told apart") {
  CHECK(is_contiguous(Dims{2, 1, 3}, Dims{3, 99, 1}));
  CHECK(is_channels_last(Dims{2, 3, 4, 5}, channels_last_strides(Dims{2, 3, 4, 5})));
  CHECK(is_dense(Dims{2, 3}, Dims{1, 2}));
  CHECK(!is_dense(Dims{2, 3}, Dims{4, 1}));
  CHECK(has_internal_overlap(Dims{2, 3}, Dims{0, 1}));
  CHECK(!has_internal_overlap(Dims{2, 3}, Dims{4, 1}));
}

TEST_CASE("views share bytes, version and the first base") {
  const Tensor base = counting(Dims{4, 6});
  const Tensor view = make_view(base, Dims{2, 3}, Dims{12, 2}, 1),
               inner = make_view(view, Dims{3}, Dims{2}, 13);
  CHECK(at(view, {1, 2}) == 17);
  CHECK(at(inner, {1}) == 15);
  CHECK(!inner.impl()->view);  // integers carry no gradient
  const Tensor real = counting(Dims{4, 6}, DType::Float64);
  const Tensor row = make_view(real, Dims{6}, Dims{1}, 6), part = make_view(row, Dims{2}, Dims{1}, 7);
  CHECK(part.impl()->view->base.same(real));
  const uint32_t before = base.version();
  view.storage()->bump_version();
  CHECK(base.version() == before + 1);
  CHECK(detached_alias(view).version() == base.version());
  CHECK(!detached_alias(part).impl()->view);
}

TEST_CASE("overlaps are found") {
  const Tensor base = counting(Dims{10});
  const auto window = [&](int64_t start, int64_t n, int64_t step = 1) {
    return make_view(base, Dims{n}, Dims{step}, start);
  };
  CHECK(overlap(base, base) == Overlap::Same);
  CHECK(overlap(window(0, 5), window(5, 5)) == Overlap::None);
  CHECK(overlap(window(0, 5), window(4, 5)) == Overlap::Partial);
  CHECK(overlap(base, counting(Dims{10})) == Overlap::None);
}

TEST_CASE("promotion is PyTorch's") {
  const Tensor i = counting(Dims{2}, DType::Int32), f = counting(Dims{2}, DType::Float16),
               zero_dim = scalar_tensor(1.0, DType::Float64);
  CHECK(result_type(i, f) == DType::Float16);
  CHECK(result_type(f, zero_dim) == DType::Float16);
  CHECK(result_type(i, zero_dim) == DType::Float64);
  CHECK(result_type(i, Scalar(1)) == DType::Int32);
  CHECK(result_type(i, Scalar(1.5)) == DType::Float32);
  CHECK(promote(DType::Float16, DType::BFloat16) == DType::Float32);
  CHECK(promote(DType::UInt8, DType::Int8) == DType::Int16);
}

TEST_CASE("the iterator broadcasts, permutes and splits") {
  set_num_threads(2);
  for (const int64_t n : {1, 3, 200}) {
    const Tensor a = counting(Dims{n, 5, 7});
    const Tensor turned = make_view(a, Dims{7, 5, n}, Dims{1, 7, 35}, 0);
    const Tensor row = make_view(counting(Dims{5}), Dims{7, 5, n}, Dims{0, 1, 0}, 0);
    const Tensor out = empty_tensor(Dims{7, 5, n}, DType::Int64);
    StridedIter iter;
    iter.output(out);
    iter.input(turned);
    iter.input(row);
    iter.build();
    CHECK(iter.numel() == 35 * n);
    iter.run(add_loop, nullptr, 1000);
    bool right = true;
    for (int64_t i = 0; i < 7; ++i)
      for (int64_t j = 0; j < 5; ++j)
        for (int64_t k = 0; k < n; ++k) right = right && at(out, {i, j, k}) == k * 35 + j * 7 + i + j;
    CHECK(right);
  }
}

TEST_CASE("contiguous operands are one run") {
  const Tensor a = counting(Dims{4, 5, 6}), b = counting(Dims{4, 5, 6}),
               out = empty_tensor(Dims{4, 5, 6}, DType::Int64);
  StridedIter iter;
  iter.output(out);
  iter.input(a);
  iter.input(b);
  iter.build();
  CHECK(iter.is_flat());
}

TEST_CASE("an exception of a thread reaches the caller") {
  set_num_threads(2);
  CHECK_THROWS_AS(parallel_for(0, 100, 1,
                               [](int64_t begin, int64_t) {
                                 if (begin >= 50) fail<ValueError>("part {} failed", begin);
                               }),
                  ValueError);
  std::vector<int> seen(1000);
  parallel_for(0, 1000, 10, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ++seen[i];
  });
  CHECK(std::accumulate(seen.begin(), seen.end(), 0) == 1000);
}

TEST_CASE("memory is aligned, reused and counted") {
  empty_cpu_cache();
  const int64_t before = cpu_memory_stats().allocated;
  void* first = nullptr;
  {
    const Tensor t = empty_tensor(Dims{1 << 20}, DType::Float32);
    first = t.data_ptr();
    CHECK(reinterpret_cast<uintptr_t>(first) % 64 == 0);
    CHECK(cpu_memory_stats().allocated >= before + (4 << 20));
  }
  CHECK(cpu_memory_stats().allocated == before);
  CHECK(empty_tensor(Dims{1 << 20}, DType::Float32).data_ptr() == first);
  for (const int64_t n : {1, 3, 100, 5000})
    CHECK(reinterpret_cast<uintptr_t>(empty_tensor(Dims{n}, DType::UInt8).data_ptr()) % 64 == 0);
}

TEST_CASE("blocks may be freed by another thread") {
  for (int round = 0; round < 20; ++round) {
    std::vector<Tensor> tensors;
    for (int i = 0; i < 100; ++i) tensors.push_back(counting(Dims{round + 1, 17}));
    std::thread([moved = std::move(tensors)]() mutable { moved.clear(); }).join();
  }
  SUCCEED();
}
