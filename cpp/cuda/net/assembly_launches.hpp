// Launches of the dense Hessian's kernels (assembly_kernels.hpp).
#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "cuda/net/pairs.hpp"
#include "net/mlp.hpp"

namespace saddlescape::cuda {

void loss_curvature(const Stream& stream, const net::Architecture& net,
                    const net::Batch<double>& chunk, double scale, const double* kept, double* unit,
                    double* column, double* upper);
void unpack(const Stream& stream, const double* upper, double* S, std::int64_t d, std::int64_t n);
void other_side(const Stream& stream, const double* whole, const double* slope, const double* bend,
                double* upper, std::int64_t d, std::int64_t n);
void scale_rows(const Stream& stream, double* X, const double* by, std::int64_t rows,
                std::int64_t across, std::int64_t n);
void neighbour_slopes(const Stream& stream, const double* inner, const double* W,
                      const double* outer, double* D, std::int64_t d, std::int64_t above,
                      std::int64_t n);
// `count` pairs from `begin` on.
void row_products(const Stream& stream, const Pairs& pairs, std::int64_t begin, std::int64_t count,
                  const double* x, const double* y, double* out, std::int64_t n);

// A tile of `rows` units and `columns` sides, each from its first one on.
struct Tile {
  const double* sums;
  Pairs units, sides;
  std::int64_t first_unit, rows, first_side, columns;
};
void scatter(const Stream& stream, const Tile& tile, const Place& row, const Place& column,
             bool crossed, double* H, std::int64_t width);
void mirror(const Stream& stream, const Place& row, const Place& column, bool bias, bool same,
            double* H, std::int64_t width);

void unit_vectors(const Stream& stream, std::int64_t first, double* to, std::int64_t k,
                  std::int64_t P);
void add_rows(const Stream& stream, const double* from, std::int64_t step, double* to,
              std::int64_t rows, std::int64_t columns);
void symmetrise(const Stream& stream, double* H, std::int64_t width);

}  // namespace saddlescape::cuda
