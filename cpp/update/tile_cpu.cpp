// The loops around a rule: other storage types, scaling, averaging, sums. Compiled once for each
// instruction set, with SADDLESCAPE_KERNELS naming the table, like step_cpu.cpp.
#include "core/half.hpp"
#include "update/kernels.hpp"

namespace saddlescape::update {
namespace {

using half::Bfloat16;
using half::Float16;
using half::Signed8;
using half::Unsigned8;

// An IEEE number is infinite or NaN if every bit of its exponent is set.
template <class Bits, Bits exponent>
bool all_finite(const void* x, std::int64_t n) {
  const char* bytes = static_cast<const char*>(x);
  Bits bad = 0;
#pragma omp simd reduction(| : bad)
  for (std::int64_t i = 0; i < n; ++i) {
    Bits bits;
    __builtin_memcpy(&bits, bytes + i * std::int64_t(sizeof bits), sizeof bits);
    bad = static_cast<Bits>(bad | ((bits & exponent) == exponent ? Bits(1) : Bits(0)));
  }
  return bad == 0;
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

template <class Kind>
void expand_block(const typename Kind::Code* __restrict codes, float scale, std::int64_t n,
                  float* __restrict out) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) out[i] = Kind::expand(codes[i], scale);
}

template <class Kind>
void expand(const void* source, const float* scales, std::int64_t n, float* out) {
  const auto* codes = static_cast<const typename Kind::Code*>(source);
  for (std::int64_t from = 0; from < n; from += block8_size, ++scales) {
    const std::int64_t length = n - from < block8_size ? n - from : block8_size;
    // A constant length unrolls and leaves no tail.
    if (length == block8_size)
      expand_block<Kind>(codes + from, *scales, block8_size, out + from);
    else
      expand_block<Kind>(codes + from, *scales, length, out + from);
  }
}

// The largest magnitude; NaN if there is one.
inline float block_largest(const float* __restrict x, std::int64_t n) {
  std::uint32_t largest = 0;
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 0; i < n; ++i) {
    // The bits of numbers >= 0 are in their order; those of NaNs stand above all.
    const std::uint32_t bits = half::bits_of(x[i]) & 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  return half::float_of(largest);
}

// Scales of all blocks first: their maxima do not wait for one another, nor the codes for them.
inline void set_scales(const float* __restrict x, std::int64_t n, float top,
                       float* __restrict scales) {
  for (std::int64_t from = 0; from < n; from += block8_size, ++scales) {
    const std::int64_t length = n - from < block8_size ? n - from : block8_size;
    *scales = half::scale_of(length == block8_size ? block_largest(x + from, block8_size)
                                                   : block_largest(x + from, length),
                             top);
  }
}

template <class Kind>
void encode_block(const float* __restrict x, std::int32_t n, float inverse, std::uint32_t first,
                  std::uint32_t next, typename Kind::Code* __restrict codes) {
#pragma omp simd
  for (std::int32_t i = 0; i < n; ++i)
    codes[i] = static_cast<typename Kind::Code>(Kind::encode(
        x[i], inverse,
        static_cast<std::int32_t>((first + static_cast<std::uint32_t>(i) * next) >> 20)));
}

template <class Kind>
void quantise(const float* x, std::int64_t n, bool dithered, std::uint32_t dither, void* target,
              float* scales) {
  auto* codes = static_cast<typename Kind::Code*>(target);
  set_scales(x, n, Kind::top, scales);
  // To nearest: every fraction is a half.
  const std::uint32_t next = dithered ? half::weyl_index : 0;
  std::uint32_t own = dithered ? dither : 0x80000000;
  for (std::int64_t from = 0; from < n; from += block8_size, ++scales) {
    const std::int64_t length = n - from < block8_size ? n - from : block8_size;
    const float inverse = *scales > 0 ? 1 / *scales : 0;
    if (length == block8_size)
      encode_block<Kind>(x + from, block8_size, inverse, own, next, codes + from);
    else
      encode_block<Kind>(x + from, static_cast<std::int32_t>(length), inverse, own, next,
                         codes + from);
    own += static_cast<std::uint32_t>(block8_size) * next;
  }
}

template <class T>
void scale(const void* g, std::int64_t n, double unscale, double limit, double clip, void* out) {
  const T* __restrict x = static_cast<const T*>(g);
  T* __restrict to = static_cast<T*>(out);
  const T factor = static_cast<T>(unscale), most = static_cast<T>(limit);
  const T shrink = static_cast<T>(clip);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    T value = x[i] * factor;
    // Written so that a NaN stays one.
    value = value > most ? most : value;
    value = value < -most ? -most : value;
    to[i] = value * shrink;
  }
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

// Sixteen partial sums, whatever the width of a vector: the same bits everywhere.
constexpr std::int64_t lanes = 16;

inline double total(const double (&lane)[lanes]) {
  double sum = 0;
  for (double each : lane) sum += each;
  return sum;
}

template <class T>
double sum_squares(const void* source, std::int64_t n) {
  const T* __restrict x = static_cast<const T*>(source);
  double lane[lanes] = {};
  const std::int64_t body = n / lanes * lanes;
  for (std::int64_t i = 0; i < body; i += lanes)
#pragma omp simd
    for (std::int64_t j = 0; j < lanes; ++j) {
      const double value = static_cast<double>(x[i + j]);
      lane[j] += value * value;
    }
  for (std::int64_t i = body; i < n; ++i)
    lane[i - body] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return total(lane);
}

template <class T>
double sum_squared_differences(const void* source, const void* other, std::int64_t n) {
  const T* __restrict x = static_cast<const T*>(source);
  const T* __restrict y = static_cast<const T*>(other);
  double lane[lanes] = {};
  const std::int64_t body = n / lanes * lanes;
  for (std::int64_t i = 0; i < body; i += lanes)
#pragma omp simd
    for (std::int64_t j = 0; j < lanes; ++j) {
      const double value = static_cast<double>(x[i + j]) - static_cast<double>(y[i + j]);
      lane[j] += value * value;
    }
  for (std::int64_t i = body; i < n; ++i) {
    const double value = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    lane[i - body] += value * value;
  }
  return total(lane);
}

}  // namespace
}  // namespace saddlescape::update

#define SADDLESCAPE_TABLE_OF(name) name##_tile
#define SADDLESCAPE_TABLE(name) SADDLESCAPE_TABLE_OF(name)

namespace u = saddlescape::update;
using saddlescape::half::Bfloat16;
using saddlescape::half::Float16;
using saddlescape::half::Signed8;
using saddlescape::half::Unsigned8;

// In the order of Element: float32, float64, bfloat16, float16, block8.
extern "C" const u::TileKernels SADDLESCAPE_TABLE(SADDLESCAPE_KERNELS) = {
    {u::all_finite<std::uint32_t, 0x7f800000>, u::all_finite<std::uint64_t, 0x7ff0000000000000>,
     u::all_finite<std::uint16_t, 0x7f80>, u::all_finite<std::uint16_t, 0x7c00>, nullptr},
    {nullptr, nullptr, u::widen<Bfloat16>, u::widen<Float16>, nullptr},
    {nullptr, nullptr, u::narrow<Bfloat16>, u::narrow<Float16>, nullptr},
    {nullptr, nullptr, u::narrow_dithered<Bfloat16>, u::narrow_dithered<Float16>, nullptr},
    {u::expand<Signed8>, u::expand<Unsigned8>},
    {u::quantise<Signed8>, u::quantise<Unsigned8>},
    {u::scale<float>, u::scale<double>},
    {u::blend<float>, u::blend<double>},
    {u::sum_squares<float>, u::sum_squares<double>},
    {u::sum_squared_differences<float>, u::sum_squared_differences<double>}};
