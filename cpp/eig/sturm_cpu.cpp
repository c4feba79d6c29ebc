// The loop of sturm.cpp: four vectors of shifts beside one another, so that none waits for its own
// last product. No contraction, nothing of std::: the same bits everywhere.
#include "eig/native.hpp"
#include "eig/sturm_kernels.hpp"

namespace saddlescape::eig {
namespace {

using native::Bits;
using native::lanes;
using native::Vec;

constexpr int vectors = 4;
constexpr std::int64_t between = 8;  // steps between two scalings

// The leading principal minors of T - x I, the last two of them: q = p_{i-1}, p = p_i.
struct Minors {
  Vec x, q, p;
  Bits changes;  // counted downwards: a comparison gives -1
};

// p_{i+1} = (d_i - x) p_i - e_{i-1}^2 p_{i-1}; the sign changes wherever T - x I has one more
// negative eigenvalue.
SADDLESCAPE_INLINE void step(Minors& m, double d, double e2) {
  const Vec next = (d - m.x) * m.p - e2 * m.q;
  m.changes += (reinterpret_cast<Bits>(m.p) ^ reinterpret_cast<Bits>(next)) < 0;
  m.q = m.p;
  m.p = next;
}

// Both by the power of two that takes the larger one to [1, 2).
SADDLESCAPE_INLINE void scale(Minors& m) {
  constexpr long long exponent = 0x7ff0000000000000ll, one = 0x3ff0000000000000ll;
  const Bits p = reinterpret_cast<Bits>(m.p) & exponent;
  const Bits q = reinterpret_cast<Bits>(m.q) & exponent;
  const Bits inverse = 2 * one - (p > q ? p : q);
  m.p *= reinterpret_cast<Vec>(inverse);
  m.q *= reinterpret_cast<Vec>(inverse);
}

SADDLESCAPE_INLINE void count_some(std::int64_t n, const double* d, const double* e2,
                                   const double* x, std::int64_t* below) {
  Minors m[vectors];
  for (int k = 0; k < vectors; ++k) {
    m[k].x = *reinterpret_cast<const native::Unaligned*>(x + k * lanes);
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
    for (int l = 0; l < lanes; ++l) below[k * lanes + l] = -m[k].changes[l];
}

void count(std::int64_t n, const double* d, const double* e2, const double* x,
           std::int64_t* below) {
  for (std::int64_t i = 0; i < shifts_at_once; i += vectors * lanes)
    count_some(n, d, e2, x + i, below + i);
}

}  // namespace
}  // namespace saddlescape::eig

namespace s = saddlescape::eig;

extern "C" const s::SturmKernels SADDLESCAPE_TABLE(_sturm) = {s::count};
