// The loops of ldlt.cpp. Like the update kernels: one object for each instruction set, no
// contraction, and nothing of std::, so that no function of one set is linked into another's code.
// But the products are by fused multiply-add where the set has it, half of the time: the same bits
// from all sets that do (x86-64-v3, v4), others from those that don't.
#include "core/lanes.hpp"
#include "core/multiply_add.hpp"
#include "eig/elimination.hpp"
#include "eig/native.hpp"

namespace saddlescape::eig {
namespace {

constexpr double u = 0x1p-53;  // unit roundoff

inline double magnitude(double x) { return __builtin_fabs(x); }

template <class F>
SADDLESCAPE_BLOCK_LOOP double sum_of(std::int64_t n, const F& f) {
  lanes::Lanes sum;
  sum.add(n, f);
  return sum.total();
}

std::int64_t largest(const double* x, std::int64_t n, std::int64_t self) {
  double most = -1;
#pragma omp simd reduction(max : most)
  for (std::int64_t i = 0; i < n; ++i) {
    const double own = i == self ? -1 : magnitude(x[i]);
    most = own > most ? own : most;
  }
  for (std::int64_t i = 0; i < n; ++i)
    if (i != self && magnitude(x[i]) == most) return i;
  return -1;
}

void divide(const double* __restrict w, std::int64_t n, double d, double* __restrict l) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) l[i] = d == 0 ? 0 : w[i] / d;
}

void divide_two(const double* __restrict w, const double* __restrict x, std::int64_t n, double a,
                double b, double c, double* const l[2], double* const e[2]) {
  const double a_b = a / b, c_b = c / b, t = 1 / (b * (a_b * c_b - 1));
  double* __restrict l1 = l[0], * __restrict l2 = l[1];
  double* __restrict e1 = e[0], * __restrict e2 = e[1];
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const double first = t * (c_b * w[i] - x[i]), second = t * (a_b * x[i] - w[i]);
    l1[i] = first;
    l2[i] = second;
    // The residual as computed, and what its four roundings may have got wrong.
    const double fa = first * a, sb = second * b, fb = first * b, sc = second * c;
    e1[i] = magnitude(fa + sb - w[i]) + 4 * u * (magnitude(fa) + magnitude(sb) + magnitude(w[i]));
    e2[i] = magnitude(fb + sc - x[i]) + 4 * u * (magnitude(fb) + magnitude(sc) + magnitude(x[i]));
  }
}

double note(const double* __restrict l, const double* __restrict c, std::int64_t n,
            double* __restrict sums) {
  const double l_sum = 1 + sum_of(n, [=](std::int64_t i) { return magnitude(l[i]); });
  const double c_sum = sum_of(n, [=](std::int64_t i) { return magnitude(c[i]); });
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) sums[i] += magnitude(l[i]) * c_sum + magnitude(c[i]) * l_sum;
  return c_sum;
}

template <std::int64_t width>
void keep(const double* __restrict column, std::int64_t from, std::int64_t n,
          double* __restrict to) {
  std::int64_t i = from;
  for (; i < n && i % width != 0; ++i) to[i / width * width * panel + i % width] = column[i];
  for (; i + width <= n; i += width)
#pragma omp simd
    for (std::int64_t j = 0; j < width; ++j) to[i * panel + j] = column[i + j];
  for (; i < n; ++i) to[i / width * width * panel + i % width] = column[i];
}

void subtract(const double* __restrict own, const double* __restrict l, std::int64_t k,
              std::int64_t slices, double* __restrict w) {
  for (std::int64_t s = 0; s < slices; ++s, l += panel * slice, w += slice)
    for (std::int64_t start = 0; start < k; start += chain) {
      const std::int64_t end = start + chain < k ? start + chain : k;
      double sum[slice] = {};
      for (std::int64_t i = start; i < end; ++i) {
#pragma omp simd
        for (std::int64_t j = 0; j < slice; ++j) sum[j] += own[i] * l[i * slice + j];
      }
#pragma omp simd
      for (std::int64_t j = 0; j < slice; ++j) w[j] -= sum[j];
    }
}

using native::Vec, native::load_vec, native::store_vec;

// How many rows and vectors of a block are summed at a time: what fits into the registers.
constexpr int block_rows = native::lanes == 8 ? 8 : 4, block_vectors = native::lanes == 2 ? 2 : 3;

// rows -= c l, strip x slice, and what of `ahead` the next block wants. With `noting`, the
// magnitudes of what is left are added to `columns` and, by columns modulo 8, to `lanes`.
template <bool noting>
SADDLESCAPE_BLOCK_LOOP void subtract_block(const double* c, const double* l, std::int64_t k,
                                           double* const rows[strip],
                                           const double* const ahead[strip], double* columns,
                                           double (*lanes)[8]) {
  constexpr int width = block_vectors * native::lanes;
  constexpr std::int64_t ahead_rows = (strip * chain + panel - 1) / panel;
  std::int64_t wanted = 0;
  for (std::int64_t start = 0; start < k; start += chain) {
    const std::int64_t end = start + chain < k ? start + chain : k;
    for (std::int64_t r = wanted; ahead && r < wanted + ahead_rows && r < strip; ++r)
      for (std::int64_t j = 0; j < slice; j += 8) __builtin_prefetch(ahead[r] + j, 1);
    wanted += ahead_rows;
    for (int r0 = 0; r0 < strip; r0 += block_rows)
      for (int j0 = 0; j0 < slice; j0 += width) {
        Vec sum[block_rows][block_vectors] = {};
        for (std::int64_t i = start; i < end; ++i) {
          Vec right[block_vectors];
#pragma GCC unroll 8
          for (int j = 0; j < block_vectors; ++j)
            right[j] = load_vec(l + i * slice + j0 + j * native::lanes);
#pragma GCC unroll 8
          for (int r = 0; r < block_rows; ++r) {
            const Vec left = Vec{} + c[i * strip + r0 + r];
#pragma GCC unroll 8
            for (int j = 0; j < block_vectors; ++j)
              sum[r][j] = lanes::multiply_add(left, right[j], sum[r][j]);
          }
        }
        if (!noting || end < k) {
#pragma GCC unroll 8
          for (int r = 0; r < block_rows; ++r)
#pragma GCC unroll 8
            for (int j = 0; j < block_vectors; ++j) {
              double* const p = rows[r0 + r] + j0 + j * native::lanes;
              store_vec(p, load_vec(p) - sum[r][j]);
            }
          continue;
        }
        Vec column[block_vectors];
#pragma GCC unroll 8
        for (int j = 0; j < block_vectors; ++j)
          column[j] = load_vec(columns + j0 + j * native::lanes);
#pragma GCC unroll 8
        for (int r = 0; r < block_rows; ++r) {
#pragma GCC unroll 8
          for (int j = 0; j < block_vectors; ++j) {
            double* const p = rows[r0 + r] + j0 + j * native::lanes;
            const Vec left = load_vec(p) - sum[r][j], size = native::magnitudes(left);
            store_vec(p, left);
            column[j] += size;
            double* const lane = lanes[r0 + r] + (j0 + j * native::lanes) % 8;
            store_vec(lane, load_vec(lane) + size);
          }
        }
#pragma GCC unroll 8
        for (int j = 0; j < block_vectors; ++j)
          store_vec(columns + j0 + j * native::lanes, column[j]);
      }
  }
}

void subtract_strip(const double* c, const double* l, std::int64_t k, std::int64_t slices,
                    double* const rows[strip], double* const next[strip], double* sums,
                    double* row_sums) {
  double lanes[strip][8] = {};
  for (std::int64_t s = 0; s < slices; ++s) {
    const std::int64_t at = s * slice;
    double* here[strip];
    const double* ahead[strip];
    for (std::int64_t r = 0; r < strip; ++r) {
      here[r] = rows[r] + at;
      ahead[r] = s + 1 < slices ? here[r] + slice : next[r];
    }
    if (sums)
      subtract_block<true>(c, l + at * panel, k, here, ahead, sums + at, lanes);
    else
      subtract_block<false>(c, l + at * panel, k, here, ahead, nullptr, nullptr);
  }
  if (!sums) return;
  for (std::int64_t r = 0; r < strip; ++r)
    for (double each : lanes[r]) row_sums[r] += each;
}

void subtract_corner(const double* c, const double* l, std::int64_t k, const Corner& corner,
                     double* const rows[strip], double* sums, double* row_sums) {
  double block[strip * slice] = {};
  double* inner[strip];
  for (std::int64_t r = 0; r < strip; ++r) inner[r] = block + r * slice;
  subtract_block<false>(c, l, k, inner, nullptr, nullptr, nullptr);
  for (std::int64_t r = 0; r < strip; ++r) {
    const std::int64_t i = corner.i + r;
    if (i < corner.first || i >= corner.n) continue;
    const std::int64_t diagonal = i - corner.j, from = diagonal > 0 ? diagonal : 0;
    const std::int64_t to = corner.n - corner.j < slice ? corner.n - corner.j : slice;
    double sizes[slice] = {};
    double* __restrict row = rows[r];
#pragma omp simd
    for (std::int64_t j = from; j < to; ++j) sizes[j] = magnitude(row[j] += inner[r][j]);
    row_sums[r] += sum_of(slice, [&](std::int64_t j) { return sizes[j]; });
    if (diagonal >= 0 && diagonal < slice) sizes[diagonal] = 0;
#pragma omp simd
    for (std::int64_t j = 0; j < slice; ++j) sums[j] += sizes[j];
  }
}

template <class T>
double sum_and_largest(const T* x, std::int64_t n, double* most) {
  T found = 0;
#pragma omp simd reduction(max : found)
  for (std::int64_t i = 0; i < n; ++i) {
    const T own = x[i] < 0 ? -x[i] : x[i];
    found = own > found ? own : found;
  }
  *most = static_cast<double>(found);
  return sum_of(n, [=](std::int64_t i) { return magnitude(static_cast<double>(x[i])); });
}

}  // namespace
}  // namespace saddlescape::eig

namespace s = saddlescape::eig;

extern "C" const s::EliminationKernels SADDLESCAPE_TABLE(_elimination) = {
    s::largest,
    s::divide,
    s::divide_two,
    s::note,
    s::keep<s::strip>,
    s::keep<s::slice>,
    s::subtract,
    s::subtract_strip,
    s::subtract_corner,
    s::sum_and_largest<double>,
    s::sum_and_largest<float>};
