#include "eig/band.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "core/blas.hpp"
#include "core/parallel.hpp"
#include "eig/panel.hpp"
#include "eig/reduction_error.hpp"

namespace saddlescape::eig {
namespace {

using blas::Op;

constexpr std::int64_t b = bandwidth;
constexpr std::int64_t wide = 512;  // columns of a tile of the update

class Reduction {
 public:
  Reduction(std::int64_t n, double* s, Band& band, Panels* kept, ReductionError* error)
      : n_(n),
        s_(s),
        band_(band),
        kept_(kept),
        error_(error),
        tile_(n < 2000 ? 128 : 256),
        factors_(numbers(3 * b * n)),
        t_(b * b),
        sum_(b * b),
        m_(b * b) {}

  void run() {
    std::int64_t j = 0;
    for (; j + b + 1 < n_; j += b) {
      first_ = j + b;
      const Panel panel{n_ - first_, b, s_ + j * n_ + first_, n_, V() + first_, n_, t_.data()};
      k_ = panel.reflectors();
      if (error_) error_->before(panel);
      factor(panel);
      if (error_) error_->after(panel);
      to_band(j, j + b);
      if (kept_) keep(j);
      blocks_ = cut();
      times_a();
      if (error_) error_->x(V_again() + first_, n_);
      to_w();
      if (error_) error_->rest(W() + first_, n_, sum_.data(), m_.data());
      update();
    }
    to_band(j, n_);
  }

 private:
  // V^T, W^T, V^T, k x n each, so that [V W]^T and [W V]^T both lie in one piece. Column i is row i
  // of the matrix.
  double* V() { return factors_.get(); }
  double* W() { return V() + k_ * n_; }
  double* V_again() { return W() + k_ * n_; }

  struct Block {
    std::int64_t begin, end;
  };

  // The rest of the matrix, cut where the tiles are.
  std::vector<Block> cut() const {
    std::vector<Block> blocks;
    for (std::int64_t i = first_; i < n_;) {
      const std::int64_t end = std::min(n_, (i / tile_ + 1) * tile_);
      blocks.push_back({i, end});
      i = end;
    }
    return blocks;
  }

  // f(0), ..., f(count - 1), each by the thread that comes next: no two threads wait long for one.
  template <class F>
  void share(std::int64_t count, const F& f) {
    std::atomic<std::int64_t> next{0};
    parallel_for(n_ < 200 ? 1 : std::min<std::int64_t>(threads(), count), 1,
                 [&](std::int64_t, std::int64_t) {
                   for (std::int64_t i = next++; i < count; i = next++) f(i);
                 });
  }

  template <class F>
  void each_block(const F& f) {
    share(static_cast<std::int64_t>(blocks_.size()),
          [&](std::int64_t i) { f(i, blocks_[i].begin, blocks_[i].end); });
  }

  // Columns [begin, end), with the R under them.
  void to_band(std::int64_t begin, std::int64_t end) {
    for (std::int64_t j = begin; j < end; ++j)
      std::copy(s_ + j * n_ + j, s_ + j * n_ + std::min(n_, j + b + 1), band_.diagonal(j));
  }

  void keep(std::int64_t j) {
    for (std::int64_t c = 0; c < k_; ++c)
      std::copy(V() + c * n_ + first_, V() + (c + 1) * n_, s_ + (j + c) * n_ + first_);
    kept_->t.insert(kept_->t.end(), t_.begin(), t_.end());
  }

  // X^T = T^T (V^T A), and V^T X by blocks, which are no longer than a piece.
  void times_a() {
    partial_.resize(blocks_.size() * static_cast<std::size_t>(k_ * k_));
    double* const y = W();
    double* const x = V_again();
    each_block([&](std::int64_t i, std::int64_t begin, std::int64_t end) {
      const std::int64_t width = end - begin;
      for (std::int64_t r = first_; r < end; r += piece)
        blas::gemm_tile(Op::none, Op::none, k_, width, std::min(piece, end - r), 1.0, V() + r, n_,
                        s_ + r * n_ + begin, n_, r == first_ ? 0.0 : 1.0, y + begin, n_);
      for (std::int64_t c = end; c < n_; c += piece)
        blas::gemm_tile(Op::none, Op::transpose, k_, width, std::min(piece, n_ - c), 1.0, V() + c,
                        n_, s_ + begin * n_ + c, n_, 1.0, y + begin, n_);
      blas::gemm_tile(Op::transpose, Op::none, k_, width, k_, 1.0, t_.data(), b, y + begin, n_, 0.0,
                      x + begin, n_);
      blas::gemm_tile(Op::none, Op::transpose, k_, k_, width, 1.0, V() + begin, n_, x + begin, n_,
                      0.0, partial_.data() + i * k_ * k_, k_);
    });
  }

  // M = T^T (V^T X), W^T = X^T - 1/2 M^T V^T.
  void to_w() {
    std::fill(sum_.begin(), sum_.end(), 0.0);
    for (std::size_t i = 0; i < blocks_.size(); ++i)
      for (std::int64_t l = 0; l < k_ * k_; ++l) sum_[l] += partial_[i * k_ * k_ + l];
    blas::gemm_tile(Op::transpose, Op::none, k_, k_, k_, 1.0, t_.data(), b, sum_.data(), k_, 0.0,
                    m_.data(), k_);
    each_block([&](std::int64_t, std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = 0; c < k_; ++c)
        std::copy(V_again() + c * n_ + begin, V_again() + c * n_ + end, W() + c * n_ + begin);
      blas::gemm_tile(Op::transpose, Op::none, k_, end - begin, k_, -0.5, m_.data(), k_,
                      V() + begin, n_, 1.0, W() + begin, n_);
      for (std::int64_t c = 0; c < k_; ++c)
        std::copy(V() + c * n_ + begin, V() + c * n_ + end, V_again() + c * n_ + begin);
    });
  }

  // A - [V W] [W V]^T: from the diagonal tile of each block of rows to the right.
  void update() {
    struct Tile {
      Block rows;
      std::int64_t begin, end;
    };
    std::vector<Tile> tiles;
    for (const Block& rows : blocks_)
      for (std::int64_t c = rows.begin; c < n_; c += wide)
        tiles.push_back({rows, c, std::min(n_, c + wide)});
    share(static_cast<std::int64_t>(tiles.size()), [&](std::int64_t i) {
      const Tile& t = tiles[i];
      blas::gemm_tile(Op::transpose, Op::none, t.rows.end - t.rows.begin, t.end - t.begin, 2 * k_,
                      -1.0, V() + t.rows.begin, n_, W() + t.begin, n_, 1.0,
                      s_ + t.rows.begin * n_ + t.begin, n_);
      if (t.begin == t.rows.begin) mirror(t.rows.begin, t.rows.end);
    });
  }

  // The lower triangle of a diagonal tile: the product may have rounded it otherwise.
  void mirror(std::int64_t begin, std::int64_t end) {
    constexpr std::int64_t side = 16;
    for (std::int64_t i0 = begin; i0 < end; i0 += side)
      for (std::int64_t j0 = begin; j0 <= i0; j0 += side)
        for (std::int64_t i = i0; i < std::min(end, i0 + side); ++i)
          for (std::int64_t j = j0; j < std::min(i, j0 + side); ++j)
            s_[i * n_ + j] = s_[j * n_ + i];
  }

  std::int64_t n_;
  double* s_;
  Band& band_;
  Panels* kept_;
  ReductionError* error_;
  std::int64_t tile_;
  Numbers factors_;
  std::vector<double> t_, sum_, m_, partial_;
  std::int64_t first_ = 0, k_ = 0;  // where the rest of the matrix begins; reflectors of the panel
  std::vector<Block> blocks_;
};

}  // namespace

void dense_to_band(std::int64_t n, double* s, Band& band, Panels* kept, ReductionError* error) {
  Reduction(n, s, band, kept, error).run();
}

}  // namespace saddlescape::eig
