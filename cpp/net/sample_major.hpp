// What one chunk of samples brings to a dense Hessian, with the samples last: row r of a matrix
// (rows, n) is one number of each of the n samples, so that products over samples are products of
// rows.
#pragma once

#include <algorithm>
#include <vector>

#include "net/assembly.hpp"
#include "net/pass.hpp"

namespace saddlescape::net {

class SampleMajor {
 public:
  // Room for chunks of `rows` samples of a batch of `total`.
  SampleMajor(const Architecture& net, const double* theta, std::int64_t rows, std::int64_t total)
      : net_(net), weights_(net, Layout::plain, theta), pass_(weights_, rows, total) {
    const auto layers = static_cast<std::size_t>(net.layers() + 1);
    a_.resize(layers);
    slope_.resize(layers);
    bend_.resize(layers);
    delta_.resize(layers);
  }

  // Forward and backward over the chunk.
  void take(const Batch<double>& chunk) {
    n_ = chunk.N, weight_ = chunk.weight;
    pass_.forward(chunk, Need::curvatures);
    pass_.backward(chunk, Need::curvatures);
    keep_loss_curvature(chunk);
    for (std::int64_t l = 0; l <= net_.layers(); ++l) {
      const std::int64_t d = net_.sizes[l];
      if (l < net_.layers()) {
        transpose(pass_.input(l + 1), d, a_[l]);
        if (net_.bias) a_[l].insert(a_[l].end(), static_cast<std::size_t>(n_), 1.0);
      }
      if (l == 0) continue;
      transpose(pass_.delta(l), d, delta_[l]);
      if (l == net_.layers()) continue;
      transpose(pass_.slope(l), d, slope_[l]);
      transpose(pass_.bend(l), d, bend_[l]);  // dL/da_l phi''(s_l)
    }
  }

  const Architecture& net() const { return net_; }
  std::int64_t n() const { return n_; }
  const double* kept() const { return kept_.data(); }  // what products with the loss's Hessian need
  // Of a sample's loss in the mean.
  double scale(std::int64_t i) const {
    return weight_ ? pass_.scale() * weight_[i] : pass_.scale();
  }
  // Rows of a_{l-1}, the bias's ones among them.
  std::int64_t fan_in(std::int64_t l) const { return net_.sizes[l - 1] + (net_.bias ? 1 : 0); }
  const double* input(std::int64_t l) const { return a_[l - 1].data(); }
  const double* slope(std::int64_t l) const { return slope_[l].data(); }
  const double* bend(std::int64_t l) const { return bend_[l].data(); }
  const double* delta(std::int64_t l) const { return delta_[l].data(); }
  const double* W(std::int64_t l) const { return pass_.W(l); }

 private:
  void keep_loss_curvature(const Batch<double>& chunk) {
    const std::int64_t C = net_.outputs();
    with_loss(net_, [&](auto loss) {
      const std::int64_t width = loss.kept(C);
      kept_.resize(static_cast<std::size_t>(n_ * width));
      for (std::int64_t i = 0; i < n_; ++i)
        loss.keep(pass_.outputs() + i * C, chunk.Y + i * C, C, kept_.data() + i * width);
    });
  }

  // (n, d) -> (d, n).
  void transpose(const double* in, std::int64_t d, std::vector<double>& out) const {
    out.resize(static_cast<std::size_t>(d * n_));
    for (std::int64_t i = 0; i < n_; ++i)
      for (std::int64_t j = 0; j < d; ++j) out[j * n_ + i] = in[i * d + j];
  }

  const Architecture& net_;
  Weights<double> weights_;
  Pass<double> pass_;
  std::vector<double> kept_;
  std::int64_t n_ = 0;
  const double* weight_ = nullptr;
  std::vector<std::vector<double>> a_, slope_, bend_, delta_;
};

}  // namespace saddlescape::net
