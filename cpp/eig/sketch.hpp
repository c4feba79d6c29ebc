// A random sketch of a symmetric operator: what XTrace and XDiag are computed from.
//
// Epperly, Tropp, Webber, "XTrace: making the most of every sample in stochastic trace estimation",
// SIAM J. Matrix Anal. Appl. 45 (2024). Vectors are rows here:
//
//     Omega  k x n   test vectors              Y = Omega A = R^T Q,  Q Q^T = I
//     Q      q x n   what spans Y, q <= k      Z = Q A
//     R      q x k   Q Y^T       W  q x k  Q Omega^T       H  q x q  Q A Q^T
//
// The matrices without a side of length n are small; the estimators' algebra is done on those.
// Disagreements with the paper: the sketch grows, so that no product is lost where a tolerance asks
// for more; and it may have a rank q < k (the paper divides by R's diagonal, which is zero for an
// operator of low rank).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/random.hpp"
#include "eig/products.hpp"

namespace saddlescape::eig {

class Sketch {
 public:
  // Test vectors of signs, or of normal numbers. At most `block` vectors in a product.
  Sketch(const Operator& op, std::int64_t block, bool signs, std::uint64_t seed)
      : products_(op, block), on_(products_.vectors()), signs_(signs), random_(seed) {}

  // `count` more test vectors: count products for Y, and one for each new row of Q. Throws
  // std::invalid_argument if a product is not finite, or if it shows that the operator is not
  // symmetric or not deterministic.
  void grow(std::int64_t count);

  std::int64_t vectors() const { return k_; }
  std::int64_t rank() const { return q_; }
  std::int64_t products() const { return products_.count(); }
  // Everything below is of A / unit().
  double unit() const { return products_.unit(); }
  const std::vector<double>& r() const { return r_; }
  const std::vector<double>& w() const { return w_; }
  const std::vector<double>& h() const { return h_; }
  const std::vector<double>& quadratic() const { return quadratic_; }  // omega_i^T A omega_i (k)
  const std::vector<double>& squares() const { return squares_; }      // |omega_i|^2 (k)

  // The mean over i and sum_i (d_i - mean)^2, both (n), of the k estimates of the diagonal
  //
  //     d_i = diag(QQ'A + AQQ' - QQ'AQQ') - 2 u (t - g) - s_i'Hs_i u^2 + omega_i (Q'a_i - Z'b_i)
  //
  // with u = Q's_i, t = Z's_i = A u, g = Q'Hs_i, products taken element by element; s, hs, a and b
  // are k x q. Of vectors in the host's memory only.
  void diagonal(const double* s, const double* hs, const double* a, const double* b, double* mean,
                double* deviations) const;

 private:
  void grow_by_piece(std::int64_t count);
  void draw(std::int64_t count);
  std::int64_t extend_range(std::int64_t count);
  void take_products(std::int64_t count, std::int64_t rank);
  void check(std::int64_t rank);

  // Rows that grow.
  struct Rows {
    std::shared_ptr<double> room;
    std::int64_t count = 0;
    const double* data() const { return room.get(); }
    double* data() { return room.get(); }
  };
  void widen(Rows& rows, std::int64_t used, std::int64_t count) const;

  Products products_;
  const Vectors& on_;
  bool signs_;
  Random random_;
  std::int64_t k_ = 0, q_ = 0;
  double scale_ = 0, norm_ = 0;  // the largest |A omega|, |A q| seen
  Rows omega_, basis_, z_;
  std::vector<double> r_, w_, h_, quadratic_, squares_;
};

}  // namespace saddlescape::eig
