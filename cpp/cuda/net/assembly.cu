// The kernels of the dense Hessian.
#include "cuda/launch.hpp"
#include "cuda/net/assembly_kernels.hpp"
#include "cuda/net/assembly_launches.hpp"

namespace saddlescape::cuda {

void loss_curvature(const Stream& stream, const net::Architecture& net,
                    const net::Batch<double>& chunk, double scale, const double* kept, double* unit,
                    double* column, double* upper) {
  net::with_loss(net, [&](auto loss) {
    const Targets<double> targets{chunk.Y, chunk.weight, scale, chunk.N, net.outputs()};
    launch("the loss's curvature", stream, row_blocks(net.outputs(), chunk.N),
           LossCurvature<decltype(loss)>{loss, targets, kept, unit, column, upper});
  });
}

void unpack(const Stream& stream, const double* upper, double* S, std::int64_t d, std::int64_t n) {
  launch("a symmetric matrix", stream, row_blocks(d * d, n), Unpack{upper, S, d, n});
}

void other_side(const Stream& stream, const double* whole, const double* slope, const double* bend,
                double* upper, std::int64_t d, std::int64_t n) {
  launch("the curvature of a layer", stream, row_blocks(d * (d + 1) / 2, n),
         OtherSide{whole, slope, bend, upper, d, n});
}

void scale_rows(const Stream& stream, double* X, const double* by, std::int64_t rows,
                std::int64_t across, std::int64_t n) {
  launch("the slopes of a layer", stream, row_blocks(rows * across, n),
         ScaleRows{X, by, across, n});
}

void neighbour_slopes(const Stream& stream, const double* inner, const double* W,
                      const double* outer, double* D, std::int64_t d, std::int64_t above,
                      std::int64_t n) {
  launch("the slopes of two layers", stream, row_blocks(d * above, n),
         NeighbourSlopes{inner, W, outer, D, d, above, n});
}

void row_products(const Stream& stream, const Pairs& pairs, std::int64_t begin, std::int64_t count,
                  const double* x, const double* y, double* out, std::int64_t n) {
  launch("the products of rows", stream, row_blocks(count, n),
         RowProducts{pairs, begin, x, y, out, n});
}

void scatter(const Stream& stream, const Tile& tile, const Place& row, const Place& column,
             bool crossed, double* H, std::int64_t width) {
  launch("a tile of the Hessian", stream, row_blocks(tile.rows, tile.columns),
         Scatter{tile.sums, tile.units, tile.sides, tile.first_unit, tile.first_side, tile.columns,
                 row, column, H, width, crossed});
}

void mirror(const Stream& stream, const Place& row, const Place& column, bool bias, bool same,
            double* H, std::int64_t width) {
  const auto numbers = [&](const Place& place) {
    return place.units * (place.inputs + (bias ? 1 : 0));
  };
  launch("the Hessian's other side", stream, row_blocks(numbers(row), numbers(column)),
         Mirror{row, column, numbers(column), H, width, same});
}

void unit_vectors(const Stream& stream, std::int64_t first, double* to, std::int64_t k,
                  std::int64_t P) {
  launch("unit vectors", stream, row_blocks(k, P), UnitVectors{first, to, P});
}

void add_rows(const Stream& stream, const double* from, std::int64_t step, double* to,
              std::int64_t rows, std::int64_t columns) {
  launch("columns of the Hessian", stream, row_blocks(rows, columns),
         AddRows{from, step, to, columns});
}

void symmetrise(const Stream& stream, double* H, std::int64_t width) {
  launch("the Hessian's two sides", stream, row_blocks(width, width), Symmetrise{H, width});
}

}  // namespace saddlescape::cuda
