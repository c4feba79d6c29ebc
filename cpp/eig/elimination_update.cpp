#include "eig/elimination_update.hpp"

#include <algorithm>

#include "core/parallel.hpp"
#include "eig/elimination.hpp"

namespace saddlescape::eig {
namespace {

constexpr std::int64_t block = 6;  // slices

std::int64_t slices(std::int64_t n) { return (n + slice - 1) / slice; }

struct Update {
  const Triangle& m;
  std::int64_t first, filled;
  const double *C, *L;
  double* sums;
  const EliminationKernels& kernels = elimination_kernels();

  // Rows i .. i + strip, slice s, at an edge of the triangle.
  void corner(std::int64_t i, std::int64_t s, double* row_sums) const {
    double* rows[strip];
    for (std::int64_t r = 0; r < strip; ++r) rows[r] = m.row(std::min(i + r, m.n - 1)) + s * slice;
    kernels.subtract_corner(C + strip_at(i), L + s * slice * panel, filled,
                            {i, s * slice, first, m.n}, rows, sums + s * slice, row_sums + i);
  }

  // Slices [s, end) of columns.
  void columns(std::int64_t s, std::int64_t end, double* row_sums) const {
    std::fill(row_sums, row_sums + end * slice, 0.0);
    for (std::int64_t i = first / strip * strip; i < std::min(m.n, end * slice); i += strip) {
      const std::int64_t from = std::max(s, i / slice);
      // Slices [inner, inner_end) lie wholly within the triangle.
      const bool whole = i >= first && i + strip <= m.n;
      const std::int64_t inner_end = whole ? std::min(end, m.n / slice) : from;
      const std::int64_t inner = std::min(inner_end, std::max(from, slices(i + strip)));
      for (std::int64_t t = from; t < inner; ++t) corner(i, t, row_sums);
      if (inner < inner_end) {
        double *rows[strip], *next[strip];
        for (std::int64_t r = 0; r < strip; ++r) rows[r] = m.row(i + r) + inner * slice;
        for (std::int64_t r = 0; r < strip; ++r)
          next[r] = m.row(std::min(i + strip + r, m.n - 1)) + inner * slice;
        kernels.subtract_strip(C + strip_at(i), L + inner * slice * panel, filled,
                               inner_end - inner, rows, next, sums + inner * slice, row_sums + i);
      }
      for (std::int64_t t = std::max(inner, inner_end); t < end; ++t) corner(i, t, row_sums);
    }
  }
};

}  // namespace

std::int64_t room_of_row_sums(std::int64_t n) {
  return (slices(n) + block) / block * slices(n) * slice;
}

void subtract_panel(const Triangle& m, std::int64_t first, std::int64_t filled, const double* C,
                    const double* L, double* sums, double* row_sums) {
  const Update update{m, first, filled, C, L, sums};
  const std::int64_t from = first / slice, to = slices(m.n), width = to * slice;
  const std::int64_t blocks = (to - from + block - 1) / block;
  parallel_for(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const std::int64_t s = from + (blocks - 1 - b) * block;  // the tallest first
      update.columns(s, std::min(to, s + block), row_sums + (blocks - 1 - b) * width);
    }
  });
  for (std::int64_t b = 0; b < blocks; ++b)
    for (std::int64_t i = first; i < std::min(m.n, (from + (b + 1) * block) * slice); ++i)
      sums[i] += row_sums[b * width + i];
}

}  // namespace saddlescape::eig
