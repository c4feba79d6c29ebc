// The loops of bulge.cpp: eight rows at a time, no contraction, nothing of std::, so every
// instruction set gives the same bits.
#include "eig/bulge_kernels.hpp"
#include "eig/native.hpp"

namespace saddlescape::eig {
namespace {

using native::Eight;
using native::load;
using native::store;
using native::sum;
using native::sums;
using native::width;

constexpr int b = 64;
constexpr int parts = b / width;

// Squares that sum up to less are lost in the underflow of their own rounding: nothing is
// reflected, and what is dropped is below 1e-140 of a matrix whose largest element is near 1.
constexpr double least_squares = 1e-280;

// H x = (beta, 0, ..., 0): beta = -sign(x_0) ||x||, tau = (beta - x_0) / beta,
// v = x / (x_0 - beta) but for v_0 = 1.
SADDLESCAPE_INLINE double reflect(const Eight x[parts], Reflector* h) {
  const double first = x[0][0];
  Eight squares = x[0] * x[0];
  squares.set(0, 0);
  for (int i = 1; i < parts; ++i) squares += x[i] * x[i];
  const double rest = sum(squares);
  const bool none = !(rest >= least_squares);
  const double norm = __builtin_sqrt(first * first + rest);
  const double beta = none ? first : (first > 0 ? -norm : norm);
  const double scale = none ? 0.0 : 1 / (first - beta);
  for (int i = 0; i < parts; ++i) store(h->v + i * width, x[i] * scale);
  h->v[0] = 1;
  h->tau = none ? 0.0 : (beta - first) / beta;
  return beta;
}

void annihilate(double* x, Reflector* h) {
  Eight all[parts];
  for (int i = 0; i < parts; ++i) all[i] = load(x + i * width);
  const double beta = reflect(all, h);
  for (int i = 0; i < parts; ++i) store(x + i * width, Eight{});
  x[0] = beta;
}

// The lower triangle of D <- H D H = D - v x^T - x v^T with w = tau D v, x = w - (tau w^T v / 2) v.
// What stands above the diagonal of a block is somebody else's: it is read and written back.
SADDLESCAPE_INLINE void both_sides(double* a, std::int64_t stride, const Eight v[parts],
                                   double tau) {
  Eight w[parts] = {};
  for (int p = 0; p < parts; ++p) {
    Eight dots[width];
    for (int c = 0; c < width; ++c) {
      const double* column = a + (p * width + c) * stride;
      const double factor = v[p][c];
      const Eight own = load(column + p * width);
      // The diagonal element once, those under it here and as the row that they are too.
      w[p] += native::from(c, own, Eight{}) * factor;
      dots[c] = native::from(c + 1, own, Eight{}) * v[p];
      for (int i = p + 1; i < parts; ++i) {
        const Eight each = load(column + i * width);
        w[i] += each * factor;
        dots[c] += each * v[i];
      }
    }
    w[p] += sums(dots);
  }
  Eight product = {};
  for (int i = 0; i < parts; ++i) {
    w[i] *= tau;
    product += w[i] * v[i];
  }
  const double half = 0.5 * tau * sum(product);
  for (int i = 0; i < parts; ++i) w[i] -= v[i] * half;
  for (int p = 0; p < parts; ++p)
    for (int c = 0; c < width; ++c) {
      double* column = a + (p * width + c) * stride;
      const double vc = v[p][c], xc = w[p][c];
      const Eight own = load(column + p * width);
      store(column + p * width, native::from(c, own - (v[p] * xc + w[p] * vc), own));
      for (int i = p + 1; i < parts; ++i)
        store(column + i * width, load(column + i * width) - (v[i] * xc + w[i] * vc));
    }
}

// B <- H_next (B H): w = tau B v, then B - w v^T column by column.
SADDLESCAPE_INLINE void under(double* a, std::int64_t stride, const Reflector* h, Reflector* next) {
  Eight w[parts] = {};
  for (int j = 0; j < b; ++j)
    for (int i = 0; i < parts; ++i) w[i] += load(a + j * stride + i * width) * h->v[j];
  for (int i = 0; i < parts; ++i) w[i] *= h->tau;

  Eight x[parts];
  for (int i = 0; i < parts; ++i) x[i] = load(a + i * width) - w[i];  // v_0 = 1
  const double beta = reflect(x, next);
  Eight v[parts];
  for (int i = 0; i < parts; ++i) v[i] = load(next->v + i * width);
  for (int j = 0; j < b; j += width) {
    Eight dots[width] = {};
    for (int i = 0; i < parts; ++i)
      for (int c = 0; c < width; ++c)
        dots[c] += v[i] * (load(a + (j + c) * stride + i * width) - w[i] * h->v[j + c]);
    const Eight s = sums(dots) * next->tau;
    for (int i = 0; i < parts; ++i)
      for (int c = 0; c < width; ++c) {
        double* each = a + (j + c) * stride + i * width;
        store(each, (load(each) - w[i] * h->v[j + c]) - v[i] * s[c]);
      }
  }
  for (int i = 0; i < parts; ++i) store(a + i * width, Eight{});
  a[0] = beta;
}

void step(double* a, std::int64_t stride, const Reflector* h, Reflector* next) {
  Eight v[parts];
  for (int i = 0; i < parts; ++i) v[i] = load(h->v + i * width);
  both_sides(a, stride, v, h->tau);
  under(a + b, stride, h, next);
}

}  // namespace
}  // namespace saddlescape::eig

namespace s = saddlescape::eig;

extern "C" const s::BulgeKernels SADDLESCAPE_TABLE(_bulge) = {s::annihilate, s::step};
