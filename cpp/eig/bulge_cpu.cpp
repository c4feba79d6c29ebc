// The loops of bulge.cpp. Vectors are of eight numbers for every instruction set (the compiler
// takes as many registers as it needs), no contraction, nothing of std::, so every set gives the
// same bits.
#include "eig/bulge_kernels.hpp"

// Vectors are passed between functions of this file only, all of them inlined.
#pragma GCC diagnostic ignored "-Wpsabi"

#define SADDLESCAPE_INLINE [[gnu::always_inline]] inline

namespace saddlescape::eig {
namespace {

constexpr int width = 8;
constexpr int b = 64;
constexpr int parts = b / width;

using Vec = double __attribute__((vector_size(64)));
using Mask = long long __attribute__((vector_size(64)));
using Unaligned = double __attribute__((vector_size(64), aligned(8), may_alias));

SADDLESCAPE_INLINE Vec load(const double* p) { return *reinterpret_cast<const Unaligned*>(p); }
SADDLESCAPE_INLINE void store(double* p, const Vec& x) { *reinterpret_cast<Unaligned*>(p) = x; }
SADDLESCAPE_INLINE Vec all(double x) { return Vec{x, x, x, x, x, x, x, x}; }

SADDLESCAPE_INLINE double sum(const Vec& x) {
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

// Lane c is the sum of x[c], in the same order as sum().
SADDLESCAPE_INLINE Vec sums(const Vec x[width]) {
  Vec half[4], quarter[2];
  for (int c = 0; c < 4; ++c)
    half[c] = __builtin_shufflevector(x[c], x[c + 4], 0, 1, 2, 3, 8, 9, 10, 11) +
              __builtin_shufflevector(x[c], x[c + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  for (int c = 0; c < 2; ++c)
    quarter[c] = __builtin_shufflevector(half[c], half[c + 2], 0, 1, 8, 9, 4, 5, 12, 13) +
                 __builtin_shufflevector(half[c], half[c + 2], 2, 3, 10, 11, 6, 7, 14, 15);
  return __builtin_shufflevector(quarter[0], quarter[1], 0, 8, 2, 10, 4, 12, 6, 14) +
         __builtin_shufflevector(quarter[0], quarter[1], 1, 9, 3, 11, 5, 13, 7, 15);
}

// Squares that sum up to less are lost in the underflow of their own rounding: nothing is
// reflected, and what is dropped is below 1e-140 of a matrix whose largest element is near 1.
constexpr double least_squares = 1e-280;

// H x = (beta, 0, ..., 0): beta = -sign(x_0) ||x||, tau = (beta - x_0) / beta,
// v = x / (x_0 - beta) but for v_0 = 1.
SADDLESCAPE_INLINE double reflect(const Vec x[parts], Reflector* h) {
  const double first = x[0][0];
  Vec squares = x[0] * x[0];
  squares[0] = 0;
  for (int i = 1; i < parts; ++i) squares += x[i] * x[i];
  const double rest = sum(squares);
  const bool none = !(rest >= least_squares);
  const double norm = __builtin_sqrt(first * first + rest);
  const double beta = none ? first : (first > 0 ? -norm : norm);
  const Vec scale = all(none ? 0.0 : 1 / (first - beta));
  for (int i = 0; i < parts; ++i) store(h->v + i * width, x[i] * scale);
  h->v[0] = 1;
  h->tau = none ? 0.0 : (beta - first) / beta;
  return beta;
}

void annihilate(double* x, Reflector* h) {
  Vec parts_of_x[parts];
  for (int i = 0; i < parts; ++i) parts_of_x[i] = load(x + i * width);
  const double beta = reflect(parts_of_x, h);
  for (int i = 0; i < parts; ++i) store(x + i * width, Vec{});
  x[0] = beta;
}

// The lower triangle of D <- H D H = D - v x^T - x v^T with w = tau D v, x = w - (tau w^T v / 2) v.
// What stands above the diagonal of a block is somebody else's: it is read and written back.
SADDLESCAPE_INLINE void both_sides(double* a, std::int64_t stride, const Vec v[parts], double tau) {
  const Mask row = {0, 1, 2, 3, 4, 5, 6, 7};
  Vec w[parts] = {};
  for (int p = 0; p < parts; ++p) {
    Vec dots[width];
    for (int c = 0; c < width; ++c) {
      const double* column = a + (p * width + c) * stride;
      const Vec factor = all(v[p][c]);
      const Vec own = load(column + p * width);
      const Vec below = row > static_cast<long long>(c) ? own : Vec{};
      // The diagonal element once, those under it here and as the row that they are too.
      w[p] += (row >= static_cast<long long>(c) ? own : Vec{}) * factor;
      dots[c] = below * v[p];
      for (int i = p + 1; i < parts; ++i) {
        const Vec each = load(column + i * width);
        w[i] += each * factor;
        dots[c] += each * v[i];
      }
    }
    w[p] += sums(dots);
  }
  Vec product = Vec{};
  for (int i = 0; i < parts; ++i) {
    w[i] *= all(tau);
    product += w[i] * v[i];
  }
  const Vec half = all(0.5 * tau * sum(product));
  for (int i = 0; i < parts; ++i) w[i] -= half * v[i];
  for (int p = 0; p < parts; ++p)
    for (int c = 0; c < width; ++c) {
      double* column = a + (p * width + c) * stride;
      const Vec vc = all(v[p][c]), xc = all(w[p][c]);
      const Vec own = load(column + p * width);
      store(column + p * width,
            row >= static_cast<long long>(c) ? own - (v[p] * xc + w[p] * vc) : own);
      for (int i = p + 1; i < parts; ++i)
        store(column + i * width, load(column + i * width) - (v[i] * xc + w[i] * vc));
    }
}

// B <- H_next (B H): w = tau B v, then B - w v^T column by column.
SADDLESCAPE_INLINE void under(double* a, std::int64_t stride, const Reflector* h, Reflector* next) {
  Vec w[parts] = {};
  for (int j = 0; j < b; ++j) {
    const Vec factor = all(h->v[j]);
    for (int i = 0; i < parts; ++i) w[i] += load(a + j * stride + i * width) * factor;
  }
  for (int i = 0; i < parts; ++i) w[i] *= all(h->tau);

  Vec x[parts];
  for (int i = 0; i < parts; ++i) x[i] = load(a + i * width) - w[i];  // v_0 = 1
  const double beta = reflect(x, next);
  Vec v[parts];
  for (int i = 0; i < parts; ++i) v[i] = load(next->v + i * width);
  const Vec tau = all(next->tau);
  for (int j = 0; j < b; j += width) {
    Vec dots[width] = {};
    for (int i = 0; i < parts; ++i)
      for (int c = 0; c < width; ++c)
        dots[c] += v[i] * (load(a + (j + c) * stride + i * width) - w[i] * all(h->v[j + c]));
    const Vec s = tau * sums(dots);
    for (int i = 0; i < parts; ++i)
      for (int c = 0; c < width; ++c) {
        double* each = a + (j + c) * stride + i * width;
        store(each, (load(each) - w[i] * all(h->v[j + c])) - v[i] * all(s[c]));
      }
  }
  for (int i = 0; i < parts; ++i) store(a + i * width, Vec{});
  a[0] = beta;
}

void step(double* a, std::int64_t stride, const Reflector* h, Reflector* next) {
  Vec v[parts];
  for (int i = 0; i < parts; ++i) v[i] = load(h->v + i * width);
  both_sides(a, stride, v, h->tau);
  under(a + b, stride, h, next);
}

}  // namespace
}  // namespace saddlescape::eig

#define SADDLESCAPE_TABLE_OF(name) name##_bulge
#define SADDLESCAPE_TABLE(name) SADDLESCAPE_TABLE_OF(name)

namespace s = saddlescape::eig;

extern "C" const s::BulgeKernels SADDLESCAPE_TABLE(SADDLESCAPE_KERNELS) = {s::annihilate, s::step};
