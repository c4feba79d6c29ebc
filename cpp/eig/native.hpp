// Vectors as wide as the instruction set that a kernel is compiled for, and eight numbers made of
// them: what is added to what is the same for every width.
//
// Internal linkage, nothing of std::. Everything is inlined: no vector is passed between functions.
#pragma once

#include <cstdint>

#define SADDLESCAPE_INLINE [[gnu::always_inline]] inline

namespace saddlescape::native {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 8;
#elif defined(__AVX__)
constexpr int lanes = 4;
#else
constexpr int lanes = 2;
#endif

using Vec = double __attribute__((vector_size(lanes * 8)));
using Bits = long long __attribute__((vector_size(lanes * 8)));
using Unaligned = double __attribute__((vector_size(lanes * 8), aligned(8), may_alias));

constexpr int width = 8;
constexpr int pieces = width / lanes;

struct Eight {
  Vec piece[pieces];

  SADDLESCAPE_INLINE Eight& operator+=(const Eight& x) {
    for (int i = 0; i < pieces; ++i) piece[i] += x.piece[i];
    return *this;
  }
  SADDLESCAPE_INLINE Eight& operator-=(const Eight& x) {
    for (int i = 0; i < pieces; ++i) piece[i] -= x.piece[i];
    return *this;
  }
  SADDLESCAPE_INLINE Eight& operator*=(double x) {
    for (int i = 0; i < pieces; ++i) piece[i] *= x;
    return *this;
  }
  SADDLESCAPE_INLINE double operator[](int i) const { return piece[i / lanes][i % lanes]; }
  SADDLESCAPE_INLINE void set(int i, double x) { piece[i / lanes][i % lanes] = x; }
};

SADDLESCAPE_INLINE Eight operator+(Eight x, const Eight& y) { return x += y; }
SADDLESCAPE_INLINE Eight operator-(Eight x, const Eight& y) { return x -= y; }
SADDLESCAPE_INLINE Eight operator*(Eight x, double y) { return x *= y; }
SADDLESCAPE_INLINE Eight operator*(Eight x, const Eight& y) {
  for (int i = 0; i < pieces; ++i) x.piece[i] *= y.piece[i];
  return x;
}

SADDLESCAPE_INLINE Vec load_vec(const double* p) { return *reinterpret_cast<const Unaligned*>(p); }
SADDLESCAPE_INLINE void store_vec(double* p, Vec x) { *reinterpret_cast<Unaligned*>(p) = x; }

SADDLESCAPE_INLINE Eight load(const double* p) {
  Eight x;
  for (int i = 0; i < pieces; ++i) x.piece[i] = load_vec(p + i * lanes);
  return x;
}
SADDLESCAPE_INLINE void store(double* p, const Eight& x) {
  for (int i = 0; i < pieces; ++i) store_vec(p + i * lanes, x.piece[i]);
}

SADDLESCAPE_INLINE Vec magnitudes(Vec x) {
  return reinterpret_cast<Vec>(reinterpret_cast<Bits>(x) & 0x7fffffffffffffff);
}

// Elements from `first` on are those of x, the others those of y.
SADDLESCAPE_INLINE Eight from(int first, const Eight& x, const Eight& y) {
  Eight result;
  for (int i = 0; i < pieces; ++i) {
    Bits index;
    for (int l = 0; l < lanes; ++l) index[l] = i * lanes + l;
    result.piece[i] = index >= static_cast<long long>(first) ? x.piece[i] : y.piece[i];
  }
  return result;
}

// ((x0 + x4) + (x2 + x6)) + ((x1 + x5) + (x3 + x7))
SADDLESCAPE_INLINE double sum(const Eight& x) {
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

// Element c is the sum of x[c], in that order.
SADDLESCAPE_INLINE Eight sums(const Eight x[width]) {
  Eight result;
#if defined(__AVX512F__)
  Vec half[4], quarter[2];
  for (int c = 0; c < 4; ++c) {
    const Vec a = x[c].piece[0], b = x[c + 4].piece[0];
    half[c] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11) +
              __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  }
  for (int c = 0; c < 2; ++c)
    quarter[c] = __builtin_shufflevector(half[c], half[c + 2], 0, 1, 8, 9, 4, 5, 12, 13) +
                 __builtin_shufflevector(half[c], half[c + 2], 2, 3, 10, 11, 6, 7, 14, 15);
  result.piece[0] = __builtin_shufflevector(quarter[0], quarter[1], 0, 8, 2, 10, 4, 12, 6, 14) +
                    __builtin_shufflevector(quarter[0], quarter[1], 1, 9, 3, 11, 5, 13, 7, 15);
#elif defined(__AVX__)
  for (int i = 0; i < pieces; ++i) {
    Vec half[4], quarter[2];
    for (int c = 0; c < 4; ++c) half[c] = x[4 * i + c].piece[0] + x[4 * i + c].piece[1];
    for (int c = 0; c < 2; ++c)
      quarter[c] = __builtin_shufflevector(half[2 * c], half[2 * c + 1], 0, 1, 4, 5) +
                   __builtin_shufflevector(half[2 * c], half[2 * c + 1], 2, 3, 6, 7);
    result.piece[i] = __builtin_shufflevector(quarter[0], quarter[1], 0, 2, 4, 6) +
                      __builtin_shufflevector(quarter[0], quarter[1], 1, 3, 5, 7);
  }
#else
  for (int i = 0; i < pieces; ++i) {
    Vec quarter[2];
    for (int c = 0; c < 2; ++c) {
      const Eight& each = x[2 * i + c];
      quarter[c] = (each.piece[0] + each.piece[2]) + (each.piece[1] + each.piece[3]);
    }
    result.piece[i] = __builtin_shufflevector(quarter[0], quarter[1], 0, 2) +
                      __builtin_shufflevector(quarter[0], quarter[1], 1, 3);
  }
#endif
  return result;
}

}  // namespace
}  // namespace saddlescape::native
