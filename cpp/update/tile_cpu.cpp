// The loops around a rule: other storage types, scaling, averaging, sums. Compiled once for each
// instruction set, with SADDLESCAPE_KERNELS naming the table, like step_cpu.cpp.
#include "core/half.hpp"
#include "update/loops.hpp"

namespace saddlescape::update {
namespace {

using half::Bfloat16;
using half::Float16;

// An IEEE number is infinite or NaN if every bit of its exponent is set.
template <class Bits, Bits exponent>
SADDLESCAPE_BLOCK_LOOP bool block_finite(const char* bytes, std::int64_t n) {
  Bits bad = 0;
#pragma omp simd reduction(| : bad)
  for (std::int64_t i = 0; i < n; ++i) {
    Bits bits;
    __builtin_memcpy(&bits, bytes + i * std::int64_t(sizeof bits), sizeof bits);
    bad = static_cast<Bits>(bad | ((bits & exponent) == exponent ? Bits(1) : Bits(0)));
  }
  return bad == 0;
}

template <class Bits, Bits exponent>
bool all_finite(const void* x, std::int64_t n) {
  constexpr std::int64_t size = sizeof(Bits);
  const char* bytes = static_cast<const char*>(x);
  bool finite = true;
  for (; n >= block; n -= block, bytes += block * size) {
    ask_ahead(bytes, 0, size);
    finite &= block_finite<Bits, exponent>(bytes, block);
  }
  return finite & block_finite<Bits, exponent>(bytes, n);
}

template <class Narrow>
void widen(const void* x, std::int64_t n, float* __restrict out) {
  const Narrow* __restrict in = static_cast<const Narrow*>(x);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) out[i] = half::widen(in[i]);
}

template <class Narrow>
void narrow(const float* __restrict x, std::int64_t n, void* out) {
  Narrow* __restrict to = static_cast<Narrow*>(out);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) half::narrow(x[i], to[i]);
}

template <class Narrow>
void narrow_dithered(const float* __restrict x, std::int64_t n, std::uint32_t dither, void* out) {
  Narrow* __restrict to = static_cast<Narrow*>(out);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i)
    half::narrow_dithered(x[i], dither + static_cast<std::uint32_t>(i) * half::weyl_index, to[i]);
}

template <class T>
void scale(const void* g, std::int64_t n, const Scaling& scaling, void* out) {
  const T* __restrict x = static_cast<const T*>(g);
  T* __restrict to = static_cast<T*>(out);
  const Scale<T> scaled(scaling);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) to[i] = scaled(x[i]);
}

template <class T>
void blend(void* a, const void* p, std::int64_t n, double weight) {
  T* __restrict average = static_cast<T*>(a);
  const T* __restrict x = static_cast<const T*>(p);
  if (weight == 1) {  // exactly, whatever was there
    __builtin_memcpy(average, x, static_cast<std::size_t>(n) * sizeof(T));
    return;
  }
  const T w = static_cast<T>(weight);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) average[i] += w * (x[i] - average[i]);
}

template <class T>
double sum_squares(const void* source, std::int64_t n) {
  Lanes lanes;
  lanes.add_squares(static_cast<const T*>(source), n);
  return lanes.total();
}

template <class T>
double sum_squared_differences(const void* source, const void* other, std::int64_t n) {
  const T* __restrict x = static_cast<const T*>(source);
  const T* __restrict y = static_cast<const T*>(other);
  Lanes lanes;
  lanes.add(n, [=](std::int64_t i) {
    const double value = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    return value * value;
  });
  return lanes.total();
}

}  // namespace
}  // namespace saddlescape::update

namespace u = saddlescape::update;
using saddlescape::half::Bfloat16;
using saddlescape::half::Float16;

// In the order of Element: float32, float64, bfloat16, float16, block8.
extern "C" const u::TileKernels SADDLESCAPE_TABLE(_tile) = {
    {u::all_finite<std::uint32_t, 0x7f800000>, u::all_finite<std::uint64_t, 0x7ff0000000000000>,
     u::all_finite<std::uint16_t, 0x7f80>, u::all_finite<std::uint16_t, 0x7c00>, nullptr},
    {nullptr, nullptr, u::widen<Bfloat16>, u::widen<Float16>, nullptr},
    {nullptr, nullptr, u::narrow<Bfloat16>, u::narrow<Float16>, nullptr},
    {nullptr, nullptr, u::narrow_dithered<Bfloat16>, u::narrow_dithered<Float16>, nullptr},
    {u::scale<float>, u::scale<double>},
    {u::blend<float>, u::blend<double>},
    {u::sum_squares<float>, u::sum_squares<double>},
    {u::sum_squared_differences<float>, u::sum_squared_differences<double>}};
