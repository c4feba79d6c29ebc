#include "cuda/net/assembly.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cuda/net/assembly_launches.hpp"
#include "cuda/net/hessian_columns.hpp"
#include "cuda/net/launches.hpp"
#include "cuda/net/pass.hpp"
#include "cuda/net/room.hpp"

namespace saddlescape::cuda {
namespace {

using net::Part;

constexpr std::int64_t float64_bytes = 8;
// Of a tile of sums; its columns are built from as many rows.
constexpr std::int64_t most_rows = 4096, most_columns = 2048;

struct Layers {
  const net::Architecture& net;
  Part part;
  std::int64_t first, last;

  std::int64_t offset() const { return net.weight_offset(first); }
  std::int64_t width() const { return net.weight_offset(last + 1) - offset(); }
  std::int64_t d(std::int64_t l) const { return net.sizes[l]; }
  // Rows of a_{l-1}, the bias's ones among them.
  std::int64_t fan_in(std::int64_t l) const { return d(l - 1) + (net.bias ? 1 : 0); }
  Place place(std::int64_t l) const { return {net.weight_offset(l) - offset(), d(l), d(l - 1)}; }
  // Numbers of the largest S_lm or D_lm for a sample, and of the longest list of sides.
  std::int64_t largest() const {
    std::int64_t most = 1;
    for (std::int64_t l = 1; l <= net.layers(); ++l)
      for (std::int64_t m = l; m <= net.layers(); ++m) most = std::max(most, d(l) * d(m));
    return most;
  }
  std::int64_t most_sides() const {
    std::int64_t most = 1;
    for (std::int64_t l = first; l <= last; ++l)
      for (std::int64_t m = l; m <= last; ++m)
        most = std::max(most, fan_in(l) * std::max(fan_in(m), d(m)));
    return most;
  }
};

// What one chunk of samples brings.
class ChunkHessian {
 public:
  ChunkHessian(const Layers& of, const Blas& blas, const Stream& stream, double* H)
      : of_(of),
        blas_(blas),
        stream_(stream),
        H_(H),
        pass_(of.net, Keep::curvatures, false),
        inputs_(static_cast<std::size_t>(of.net.layers() + 1)) {}

  void arrange(Cut& cut, std::int64_t rows) {
    pass_.arrange(cut, rows);
    for (std::int64_t l = 1; l <= of_.net.layers(); ++l)
      inputs_[l] = cut.take<double>(rows * of_.fan_in(l));
    outputs_ = cut.take<double>(rows * of_.net.outputs());
    const std::int64_t size = rows * of_.largest();
    for (double** each : {&upper_, &S_, &D_, &spare_}) *each = cut.take<double>(size);
    const std::int64_t columns = std::min(most_columns, of_.most_sides());
    columns_ = cut.take<double>(rows * columns);
    tile_ = cut.take<double>(std::min(most_rows, of_.largest()) * columns);
    value_ = cut.take<double>(1);
  }

  void add(const double* theta, const net::Batch<double>& chunk, std::int64_t, std::int64_t total) {
    take(theta, chunk, total);
    outputs_curvature(total);
    for (std::int64_t m = of_.net.layers(); m >= of_.first; --m) {
      const bool wanted = m <= of_.last;
      // Of the network's own curvature nothing comes through the outputs of the last layer.
      const bool curved = of_.part != Part::functional || m < of_.net.layers();
      if (wanted && curved)
        add_tiles(upper_, Pairs::ordered(d(m)), input(m), input(m), Pairs::ordered(of_.fan_in(m)),
                  m, m, false);
      if (m > of_.first) unpack(stream_, upper_, S_, d(m), n());
      // S_lm and D_lm for l = m - 1 down to the first.
      for (std::int64_t l = m - 1; l >= of_.first && (wanted || l == m - 1); --l) {
        descend(l, d(m), d(l + 1), S_);
        if (l == m - 1) curvature(l);
        if (!wanted) continue;
        if (curved)
          add_tiles(S_, Pairs::all(d(l), d(m)), input(l), input(m),
                    Pairs::all(of_.fan_in(l), of_.fan_in(m)), l, m, false);
        if (of_.part != Part::gauss_newton) add_second(l, m);
      }
    }
  }

  void begin() { set_zero(stream_, H_, of_.width() * of_.width() * float64_bytes); }

  // The other side of the diagonal.
  void finish() {
    for (std::int64_t l = of_.first; l <= of_.last; ++l)
      for (std::int64_t m = of_.first; m <= l; ++m)
        mirror(stream_, of_.place(l), of_.place(m), of_.net.bias, l == m, H_, of_.width());
  }

 private:
  std::int64_t d(std::int64_t l) const { return of_.d(l); }
  std::int64_t n() const { return pass_.n(); }
  const double* input(std::int64_t l) const { return inputs_[l]; }
  // delta_m (d_m, n).
  const double* delta(std::int64_t m) const {
    return m == of_.net.layers() ? outputs_ : pass_.delta(m).data;
  }

  // Forward and backward; inputs of layers with ones behind them, delta_L turned.
  void take(const double* theta, const net::Batch<double>& chunk, std::int64_t total) {
    pass_.forward(blas_, stream_, theta, chunk, 0);
    pass_.loss(stream_, total, value_, false);
    pass_.backward(blas_, stream_);
    for (std::int64_t l = 1; l <= of_.net.layers(); ++l) {
      const Operand<double> in = pass_.input(l);
      const std::int64_t numbers = d(l - 1) * n();
      if (in.op == Op::transpose)
        transpose(stream_, in.data, inputs_[l], n(), d(l - 1));
      else
        copy(stream_, inputs_[l], in.data, numbers * float64_bytes);
      if (of_.net.bias) fill(stream_, inputs_[l] + numbers, 1.0, n());
    }
    const std::int64_t L = of_.net.layers();
    transpose(stream_, pass_.delta(L).data, outputs_, n(), d(L));
  }

  // S_LL, its upper triangle: the loss's own Hessian in the outputs.
  void outputs_curvature(std::int64_t total) {
    const std::int64_t C = of_.net.outputs();
    if (of_.part == Part::functional)
      set_zero(stream_, upper_, C * (C + 1) / 2 * n() * float64_bytes);
    else
      loss_curvature(stream_, of_.net, pass_.chunk(), pass_.scale(total), pass_.kept(), S_, spare_,
                     upper_);
  }

  // X <- phi'(s_l) (W_{l+1}^T X): X (above, across, n) becomes (d_l, across, n).
  void descend(std::int64_t l, std::int64_t across, std::int64_t above, double*& X) {
    blas_.gemm(Op::transpose, Op::none, d(l), across * n(), above, 1.0, pass_.W(l + 1), d(l), X,
               across * n(), 0.0, spare_, across * n());
    scale_rows(stream_, spare_, pass_.slope(l), d(l), across, n());
    std::swap(X, spare_);
  }

  // S_ll, its upper triangle, from S_l,l+1 (d_l, d_{l+1}, n).
  void curvature(std::int64_t l) {
    const std::int64_t above = d(l + 1);
    blas_.gemm_batch(d(l), Op::transpose, Op::none, d(l), n(), above, 1.0, pass_.W(l + 1), d(l),
                     std::int64_t{0}, S_, n(), above * n(), 0.0, spare_, n(), d(l) * n());
    const double* const bend = of_.part == Part::gauss_newton ? nullptr : pass_.bend(l);
    other_side(stream_, spare_, pass_.slope(l), bend, upper_, d(l), n());
  }

  // H[(p, q), (i, j)] += sum D_lm[p, j] a_{l-1}[q] delta_m[i]; with neighbours p = j.
  void add_second(std::int64_t l, std::int64_t m) {
    const bool neighbours = l == m - 1;
    if (l == m - 2)
      neighbour_slopes(stream_, pass_.slope(l), pass_.W(l + 1), pass_.slope(l + 1), D_, d(l),
                       d(l + 1), n());
    if (l < m - 2) descend(l, d(m - 1), d(l + 1), D_);
    add_tiles(neighbours ? pass_.slope(l) : D_,
              neighbours ? Pairs::equal(d(l)) : Pairs::all(d(l), d(m - 1)), input(l), delta(m),
              Pairs::all(of_.fan_in(l), d(m)), l, m, true);
  }

  // Tile by tile the products of left's rows, one for each pair of units, with x[first] y[second],
  // summed over the samples.
  void add_tiles(const double* left, const Pairs& units, const double* x, const double* y,
                 const Pairs& sides, std::int64_t l, std::int64_t m, bool crossed) {
    for (std::int64_t c = 0; c < sides.count(); c += most_columns) {
      const std::int64_t across = std::min(most_columns, sides.count() - c);
      row_products(stream_, sides, c, across, x, y, columns_, n());
      for (std::int64_t r = 0; r < units.count(); r += most_rows) {
        const std::int64_t down = std::min(most_rows, units.count() - r);
        blas_.gemm(Op::none, Op::transpose, down, across, n(), 1.0, left + r * n(), n(), columns_,
                   n(), 0.0, tile_, across);
        scatter(stream_, {tile_, units, sides, r, down, c, across}, of_.place(l), of_.place(m),
                crossed, H_, of_.width());
      }
    }
  }

  const Layers& of_;
  const Blas& blas_;
  const Stream& stream_;
  double* H_;
  DevicePass<double> pass_;
  std::vector<double*> inputs_;  // a_{l-1} (d_{l-1} and the ones, n)
  double *outputs_ = nullptr, *upper_ = nullptr, *S_ = nullptr, *D_ = nullptr, *spare_ = nullptr;
  double *columns_ = nullptr, *tile_ = nullptr, *value_ = nullptr;
};

}  // namespace

DenseHessian::DenseHessian(net::Architecture net, const Stream& stream,
                           const NetworkOptions& options)
    : net_(std::move(net)), stream_(stream), options_(options), blas_(stream) {}

// H is written when all memory is there.
template <class Chunk>
void DenseHessian::run(Chunk& chunk, bool at_once, const double* theta,
                       const net::Batch<double>& batch) {
  const auto arrange = [&](Cut& cut, std::int64_t rows) { chunk.arrange(cut, rows); };
  const std::int64_t rows =
      at_once ? batch.N : chunk_rows_of(batch.N, options_.most_bytes, arrange);
  arrange_in(memory_, rows, arrange);
  chunk.begin();
  for (std::int64_t start = 0; start < batch.N; start += rows)
    chunk.add(theta, rows_of(net_, batch, start, rows), start, batch.N);
  chunk.finish();
}

void DenseHessian::compute(const double* theta, const net::Batch<double>& batch, Part part,
                           std::int64_t first, std::int64_t last, double* H,
                           const net::Mode& mode) {
  if (batch.N < 1)
    throw std::invalid_argument("batch: " + std::to_string(batch.N) +
                                " samples, expected at least one");
  if (net_.plain(mode)) {
    const Layers layers{net_, part, first, last};
    ChunkHessian chunk(layers, blas_, stream_, H);
    return run(chunk, false, theta, batch);
  }
  HessianColumns columns(net_, moments_.take(stream_, net_, mode), part, first, last, blas_,
                         stream_, H);
  run(columns, net_.coupled(mode), theta, batch);
}

std::string hessian_that_fits() {
  const double numbers = static_cast<double>(device().free) / float64_bytes;
  return "; the Hessian of " + std::to_string(static_cast<std::int64_t>(std::sqrt(numbers))) +
         " parameters would fit";
}

}  // namespace saddlescape::cuda
