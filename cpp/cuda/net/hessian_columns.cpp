#include "cuda/net/hessian_columns.hpp"

#include <algorithm>

#include "cuda/net/assembly_launches.hpp"

namespace saddlescape::cuda {

HessianColumns::HessianColumns(const net::Architecture& net, const LayerMode& mode, net::Part part,
                               std::int64_t first, std::int64_t last, const Blas& blas,
                               const Stream& stream, double* H)
    : net_(net),
      blas_(blas),
      stream_(stream),
      pass_(net, Keep::curvatures, false, mode),
      tangent_(net, part),
      begin_(net.weight_offset(first)),
      width_(net.weight_offset(last + 1) - begin_),
      columns_(std::min<std::int64_t>(width_, 64)),
      H_(H) {}

void HessianColumns::arrange(Cut& cut, std::int64_t rows) {
  const std::int64_t numbers = columns_ * net_.parameters();
  value_ = cut.take<double>(1);
  units_ = cut.take<double>(numbers);
  products_ = cut.take<double>(numbers);
  pass_.arrange(cut, rows);
  tangent_.arrange(cut, pass_, rows, columns_);
}

void HessianColumns::begin() {
  set_zero(stream_, H_, width_ * width_ * static_cast<std::int64_t>(sizeof(double)));
}

void HessianColumns::add(const double* theta, const net::Batch<double>& chunk, std::int64_t row,
                         std::int64_t total) {
  const std::int64_t P = net_.parameters();
  pass_.forward(blas_, stream_, theta, chunk, row);
  pass_.loss(stream_, total, value_, false);
  pass_.backward(blas_, stream_);
  for (std::int64_t first = 0; first < width_; first += columns_) {
    const std::int64_t k = std::min(columns_, width_ - first);
    unit_vectors(stream_, begin_ + first, units_, k, P);
    tangent_.product(blas_, stream_, pass_, total, units_, k, products_, false);
    add_rows(stream_, products_ + begin_, P, H_ + first * width_, k, width_);
  }
}

void HessianColumns::finish() { symmetrise(stream_, H_, width_); }

}  // namespace saddlescape::cuda
