// Emitted by tools/emit_header.py from ops/random.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(IntSpan, const Generator&, std::optional<DType>, std::optional<Device>)> rand;
extern PLAIT_API Op<Tensor(IntSpan, const Generator&, std::optional<DType>, std::optional<Device>)> randn;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>, const Generator&)> rand_like;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>, const Generator&)> randn_like;
extern PLAIT_API Op<Tensor(int64_t, IntSpan, const Generator&, std::optional<DType>, std::optional<Device>)> randint;
extern PLAIT_API Op<Tensor(int64_t, int64_t, IntSpan, const Generator&, std::optional<DType>, std::optional<Device>)> randint_low;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>, const Generator&)> randint_like;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>, const Generator&)> randint_like_low;
extern PLAIT_API Op<Tensor(int64_t, const Generator&, std::optional<DType>, std::optional<Device>)> randperm;
extern PLAIT_API Op<Tensor(const Tensor&, double, double, const Generator&)> uniform;
extern PLAIT_API Op<Tensor(const Tensor&, double, const Generator&)> normal_Tensor_float;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Generator&)> normal;
extern PLAIT_API Op<Tensor(double, const Tensor&, const Generator&)> normal_float_Tensor;
extern PLAIT_API Op<Tensor(double, double, IntSpan, const Generator&, std::optional<DType>, std::optional<Device>)> normal_float_float;
extern PLAIT_API Op<Tensor(const Tensor&, double, double, const Generator&)> normal_fill;
extern PLAIT_API Op<Tensor(const Tensor&, double, const Generator&)> exponential;
extern PLAIT_API Op<Tensor(const Tensor&, double, double, const Generator&)> log_normal;
extern PLAIT_API Op<Tensor(const Tensor&, double, double, const Generator&)> cauchy;
extern PLAIT_API Op<Tensor(const Tensor&, double, const Generator&)> geometric;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<int64_t>, const Generator&)> random_from;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Generator&)> random_to;
extern PLAIT_API Op<Tensor(const Tensor&, const Generator&)> random;
extern PLAIT_API Op<Tensor(const Tensor&, const Generator&)> bernoulli;
extern PLAIT_API Op<Tensor(const Tensor&, double, const Generator&)> bernoulli_p;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Generator&)> bernoulli_tensor;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, bool, const Generator&)> multinomial;
extern PLAIT_API Op<Tensor(const Tensor&, double, int64_t, int64_t)> _dropout;
extern PLAIT_API Op<Tensor(const Tensor&, double, bool)> dropout;
}  // namespace plait::op

namespace plait {
inline Tensor rand(IntSpan size, const Generator& generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::rand(size, generator, dtype, device); }
inline Tensor randn(IntSpan size, const Generator& generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randn(size, generator, dtype, device); }
inline Tensor rand_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt, const Generator& generator = {}) { return op::rand_like(self, dtype, device, memory_format, generator); }
inline Tensor rand_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt, const Generator& generator = {}) { return op::rand_like.inplace(self, dtype, device, memory_format, generator); }
inline Tensor randn_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt, const Generator& generator = {}) { return op::randn_like(self, dtype, device, memory_format, generator); }
inline Tensor randn_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt, const Generator& generator = {}) { return op::randn_like.inplace(self, dtype, device, memory_format, generator); }
inline Tensor randint(int64_t high, IntSpan size, const Generator& generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randint(high, size, generator, dtype, device); }
inline Tensor randint(int64_t low, int64_t high, IntSpan size, const Generator& generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randint_low(low, high, size, generator, dtype, device); }
inline Tensor randint_like(const Tensor& self, int64_t high, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt, const Generator& generator = {}) { return op::randint_like(self, high, dtype, device, memory_format, generator); }
inline Tensor randint_like_(const Tensor& self, int64_t high, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt, const Generator& generator = {}) { return op::randint_like.inplace(self, high, dtype, device, memory_format, generator); }
inline Tensor randint_like(const Tensor& self, int64_t low, int64_t high, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt, const Generator& generator = {}) { return op::randint_like_low(self, low, high, dtype, device, memory_format, generator); }
inline Tensor randint_like_(const Tensor& self, int64_t low, int64_t high, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt, const Generator& generator = {}) { return op::randint_like_low.inplace(self, low, high, dtype, device, memory_format, generator); }
inline Tensor randperm(int64_t n, const Generator& generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randperm(n, generator, dtype, device); }
inline Tensor uniform(const Tensor& self, double from = 0.0, double to = 1.0, const Generator& generator = {}) { return op::uniform(self, from, to, generator); }
inline Tensor uniform_(const Tensor& self, double from = 0.0, double to = 1.0, const Generator& generator = {}) { return op::uniform.inplace(self, from, to, generator); }
inline Tensor normal(const Tensor& mean, double std = 1.0, const Generator& generator = {}) { return op::normal_Tensor_float(mean, std, generator); }
inline Tensor normal_(const Tensor& mean, double std = 1.0, const Generator& generator = {}) { return op::normal_Tensor_float.inplace(mean, std, generator); }
inline Tensor normal(const Tensor& mean, const Tensor& std, const Generator& generator = {}) { return op::normal(mean, std, generator); }
inline Tensor normal_(const Tensor& mean, const Tensor& std, const Generator& generator = {}) { return op::normal.inplace(mean, std, generator); }
inline Tensor normal(double mean, const Tensor& std, const Generator& generator = {}) { return op::normal_float_Tensor(mean, std, generator); }
inline Tensor normal(double mean, double std, IntSpan size, const Generator& generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::normal_float_float(mean, std, size, generator, dtype, device); }
inline Tensor normal(const Tensor& self, double mean = 0.0, double std = 1.0, const Generator& generator = {}) { return op::normal_fill(self, mean, std, generator); }
inline Tensor normal_(const Tensor& self, double mean = 0.0, double std = 1.0, const Generator& generator = {}) { return op::normal_fill.inplace(self, mean, std, generator); }
inline Tensor exponential(const Tensor& self, double lambd = 1.0, const Generator& generator = {}) { return op::exponential(self, lambd, generator); }
inline Tensor exponential_(const Tensor& self, double lambd = 1.0, const Generator& generator = {}) { return op::exponential.inplace(self, lambd, generator); }
inline Tensor log_normal(const Tensor& self, double mean = 1.0, double std = 2.0, const Generator& generator = {}) { return op::log_normal(self, mean, std, generator); }
inline Tensor log_normal_(const Tensor& self, double mean = 1.0, double std = 2.0, const Generator& generator = {}) { return op::log_normal.inplace(self, mean, std, generator); }
inline Tensor cauchy(const Tensor& self, double median = 0.0, double sigma = 1.0, const Generator& generator = {}) { return op::cauchy(self, median, sigma, generator); }
inline Tensor cauchy_(const Tensor& self, double median = 0.0, double sigma = 1.0, const Generator& generator = {}) { return op::cauchy.inplace(self, median, sigma, generator); }
inline Tensor geometric(const Tensor& self, double p, const Generator& generator = {}) { return op::geometric(self, p, generator); }
inline Tensor geometric_(const Tensor& self, double p, const Generator& generator = {}) { return op::geometric.inplace(self, p, generator); }
inline Tensor random(const Tensor& self, int64_t from, std::optional<int64_t> to, const Generator& generator = {}) { return op::random_from(self, from, to, generator); }
inline Tensor random_(const Tensor& self, int64_t from, std::optional<int64_t> to, const Generator& generator = {}) { return op::random_from.inplace(self, from, to, generator); }
inline Tensor random(const Tensor& self, int64_t to, const Generator& generator = {}) { return op::random_to(self, to, generator); }
inline Tensor random_(const Tensor& self, int64_t to, const Generator& generator = {}) { return op::random_to.inplace(self, to, generator); }
inline Tensor random(const Tensor& self, const Generator& generator = {}) { return op::random(self, generator); }
inline Tensor random_(const Tensor& self, const Generator& generator = {}) { return op::random.inplace(self, generator); }
inline Tensor bernoulli(const Tensor& self, const Generator& generator = {}) { return op::bernoulli(self, generator); }
inline Tensor bernoulli_(const Tensor& self, const Generator& generator = {}) { return op::bernoulli.inplace(self, generator); }
inline Tensor bernoulli(const Tensor& self, double p = 0.5, const Generator& generator = {}) { return op::bernoulli_p(self, p, generator); }
inline Tensor bernoulli_(const Tensor& self, double p = 0.5, const Generator& generator = {}) { return op::bernoulli_p.inplace(self, p, generator); }
inline Tensor bernoulli(const Tensor& self, const Tensor& p, const Generator& generator = {}) { return op::bernoulli_tensor(self, p, generator); }
inline Tensor bernoulli_(const Tensor& self, const Tensor& p, const Generator& generator = {}) { return op::bernoulli_tensor.inplace(self, p, generator); }
inline Tensor multinomial(const Tensor& self, int64_t num_samples, bool replacement = false, const Generator& generator = {}) { return op::multinomial(self, num_samples, replacement, generator); }
inline Tensor multinomial_(const Tensor& self, int64_t num_samples, bool replacement = false, const Generator& generator = {}) { return op::multinomial.inplace(self, num_samples, replacement, generator); }
inline Tensor _dropout(const Tensor& self, double p, int64_t seed, int64_t offset) { return op::_dropout(self, p, seed, offset); }
inline Tensor dropout(const Tensor& self, double p = 0.5, bool train = true) { return op::dropout(self, p, train); }
inline Tensor dropout_(const Tensor& self, double p = 0.5, bool train = true) { return op::dropout.inplace(self, p, train); }
}  // namespace plait
// clang-format on
