// The loop of sturm.cpp: eight shifts to a vector, four vectors beside one another, so that none
// waits for its own last product. No contraction, nothing of std::: the same bits everywhere.
#include "eig/sturm_kernels.hpp"

// Vectors are passed between functions of this file only, all of them inlined.
#pragma GCC diagnostic ignored "-Wpsabi"

#define SADDLESCAPE_INLINE [[gnu::always_inline]] inline

namespace saddlescape::eig {
namespace {

constexpr int width = 8;
constexpr int vectors = static_cast<int>(shifts_at_once) / width;
constexpr std::int64_t between = 8;  // steps between two scalings

using Vec = double __attribute__((vector_size(64)));
using Bits = unsigned long long __attribute__((vector_size(64)));
using Unaligned = double __attribute__((vector_size(64), aligned(8), may_alias));

// The leading principal minors of T - x I, the last two of them: q = p_{i-1}, p = p_i.
struct Minors {
  Vec x, q, p;
  Bits changes;
};

// p_{i+1} = (d_i - x) p_i - e_{i-1}^2 p_{i-1}; the sign changes wherever T - x I has one more
// negative eigenvalue.
SADDLESCAPE_INLINE void step(Minors& m, double d, double e2) {
  const Vec next = (d - m.x) * m.p - e2 * m.q;
  m.changes += (reinterpret_cast<Bits>(m.p) ^ reinterpret_cast<Bits>(next)) >> 63;
  m.q = m.p;
  m.p = next;
}

// Both by the power of two that takes the larger one to [1, 2).
SADDLESCAPE_INLINE void scale(Minors& m) {
  constexpr unsigned long long exponent = 0x7ff0000000000000ull, one = 0x3ff0000000000000ull;
  const Bits p = reinterpret_cast<Bits>(m.p) & exponent, q = reinterpret_cast<Bits>(m.q) & exponent;
  const Bits most = p > q ? p : q;
  const Bits inverse = 2 * one - most;
  m.p *= reinterpret_cast<Vec>(inverse);
  m.q *= reinterpret_cast<Vec>(inverse);
}

void count(std::int64_t n, const double* d, const double* e2, const double* x,
           std::int64_t* below) {
  Minors m[vectors];
  for (int k = 0; k < vectors; ++k) {
    m[k].x = *reinterpret_cast<const Unaligned*>(x + k * width);
    m[k].q = Vec{};
    m[k].p = Vec{} + 1.0;
    m[k].changes = Bits{};
    step(m[k], d[0], 0.0);
  }
  for (std::int64_t i = 1; i < n;) {
    const std::int64_t end = n - i < between ? n : i + between;
    for (; i < end; ++i)
      for (int k = 0; k < vectors; ++k) step(m[k], d[i], e2[i - 1]);
    for (int k = 0; k < vectors; ++k) scale(m[k]);
  }
  for (int k = 0; k < vectors; ++k)
    for (int l = 0; l < width; ++l)
      below[k * width + l] = static_cast<std::int64_t>(m[k].changes[l]);
}

}  // namespace
}  // namespace saddlescape::eig

#define SADDLESCAPE_TABLE_OF(name) name##_sturm
#define SADDLESCAPE_TABLE(name) SADDLESCAPE_TABLE_OF(name)

namespace s = saddlescape::eig;

extern "C" const s::SturmKernels SADDLESCAPE_TABLE(SADDLESCAPE_KERNELS) = {s::count};
