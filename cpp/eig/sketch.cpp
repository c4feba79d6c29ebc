#include "eig/sketch.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "core/blas.hpp"
#include "core/reduce.hpp"

namespace saddlescape::eig {
namespace {

using blas::Op;

// Rows made orthonormal at once: one by one among themselves, by matrix products to those before.
constexpr std::int64_t piece = 16;

// What symmetry may lack, in parts of |A q|: far above the rounding of float32, far below dropout.
constexpr double allowed_asymmetry = 1e-2;

constexpr std::int64_t tile = 4096;  // columns of the diagonal computed at once

std::size_t length(std::int64_t count) { return static_cast<std::size_t>(count); }

// The rows x columns matrix `a` with rows and columns of zeros behind it.
std::vector<double> widened(const std::vector<double>& a, std::int64_t rows, std::int64_t columns,
                            std::int64_t to_rows, std::int64_t to_columns) {
  std::vector<double> wide(length(to_rows * to_columns));
  for (std::int64_t i = 0; i < rows; ++i)
    std::copy_n(a.data() + i * columns, columns, wide.data() + i * to_columns);
  return wide;
}

}  // namespace

void Sketch::grow(std::int64_t count) {
  // At once; and behind the basis stand the products that become its next rows.
  widen(omega_, k_, k_ + count);
  widen(basis_, q_, k_ + count);
  widen(z_, q_, k_ + count);
  for (std::int64_t done = 0; done < count; done += piece)
    grow_by_piece(std::min(piece, count - done));
}

// Room for `count` rows, of which the first `used` stay.
void Sketch::widen(Rows& rows, std::int64_t used, std::int64_t count) const {
  if (count <= rows.count) return;
  const std::shared_ptr<double> room = on_.room(checked_size(count, on_.n));
  on_.copy(used * on_.n, rows.data(), room.get());
  rows = {room, count};
}

void Sketch::grow_by_piece(std::int64_t count) {
  draw(count);
  const std::int64_t rank = extend_range(count);
  take_products(count, rank);
  k_ += count;
  q_ += rank;
  check(rank);
}

// Omega gets `count` rows more, and Y = Omega A lies where Q's next rows will.
void Sketch::draw(std::int64_t count) {
  const std::int64_t n = products_.n();
  for (std::int64_t i = k_; i < k_ + count; ++i)
    on_.put(
        n,
        [&](double* row) {
          signs_ ? random_.signs(row, n) : random_.normals(row, n);
          squares_.push_back(reduce::sum_squares(row, n));
        },
        omega_.data() + i * n);
  products_.multiply(count, omega_.data() + k_ * n, basis_.data() + q_ * n);
  for (std::int64_t i = 0; i < count; ++i) {
    const double* const y = basis_.data() + (q_ + i) * n;
    quadratic_.push_back(on_.dot(omega_.data() + (k_ + i) * n, y));
    scale_ = std::max(scale_, norm(on_, y));
  }
}

// Q gets what Y adds to it, R follows. Returns by how many rows.
std::int64_t Sketch::extend_range(std::int64_t count) {
  const std::int64_t n = products_.n();
  double* const y = basis_.data() + q_ * n;
  std::vector<double> h(length(q_ * count)), again(length(q_ * count)), c(length(count * count));
  if (q_ > 0) {
    on_.project_out(q_, basis_.data(), count, y, h.data());
    on_.project_out(q_, basis_.data(), count, y, again.data());
  }
  const std::int64_t rank =
      std::min(n - q_, orthonormalise_rows(on_, basis_.data(), q_, count, scale_, c.data()));
  // R <- [R  Q Y'; 0  C]
  r_ = widened(r_, q_, k_, q_ + rank, k_ + count);
  double* const right = r_.data() + k_;
  for (std::int64_t i = 0; i < q_; ++i)
    for (std::int64_t j = 0; j < count; ++j)
      right[i * (k_ + count) + j] = h[i * count + j] + again[i * count + j];
  for (std::int64_t i = 0; i < rank; ++i)
    for (std::int64_t j = 0; j < count; ++j) right[(q_ + i) * (k_ + count) + j] = c[i * count + j];
  return rank;
}

// Z = Q A, and with it the new rows and columns of W and H.
void Sketch::take_products(std::int64_t count, std::int64_t rank) {
  const std::int64_t n = products_.n(), k = k_ + count, q = q_ + rank;
  products_.multiply(rank, basis_.data() + q_ * n, z_.data() + q_ * n);
  for (std::int64_t i = q_; i < q; ++i) norm_ = std::max(norm_, norm(on_, z_.data() + i * n));
  w_ = widened(w_, q_, k_, q, k);
  std::vector<double> right(length(q_ * count));
  on_.inner_products(q_, basis_.data(), count, omega_.data() + k_ * n, 1.0, right.data());
  for (std::int64_t i = 0; i < q_; ++i)
    std::copy_n(right.data() + i * count, count, w_.data() + i * k + k_);
  on_.inner_products(rank, basis_.data() + q_ * n, k, omega_.data(), 1.0, w_.data() + q_ * k);
  h_ = widened(h_, q_, q_, q, q);
  on_.inner_products(rank, z_.data() + q_ * n, q, basis_.data(), 1.0, h_.data() + q_ * q);
  for (std::int64_t i = q_; i < q; ++i)
    for (std::int64_t j = 0; j < i; ++j) {
      const double mean = j < q_ ? h_[i * q + j] : 0.5 * (h_[i * q + j] + h_[j * q + i]);
      h_[i * q + j] = h_[j * q + i] = mean;
    }
}

// Q (A Omega') = (Q A) Omega': both sides are there, a free test of A = A^T and of its determinism.
void Sketch::check(std::int64_t rank) {
  const std::int64_t n = products_.n(), first = q_ - rank;
  std::vector<double> other(length(rank * k_));
  on_.inner_products(rank, z_.data() + first * n, k_, omega_.data(), 1.0, other.data());
  double worst = 0;
  for (std::int64_t i = 0; i < rank * k_; ++i)
    worst = std::max(worst, std::abs(other[i] - r_[first * k_ + i]));
  if (worst > allowed_asymmetry * norm_)
    throw std::invalid_argument(
        "op: not symmetric, or not deterministic: q'(Av) and v'(Aq) differ by " +
        std::to_string(worst / norm_) + " ||A|| at product " + std::to_string(products()) +
        ", expected at most " + std::to_string(allowed_asymmetry) +
        " ||A||; switch off dropout, batch statistics and shuffling, or pass (A + A.T) / 2");
}

void Sketch::diagonal(const double* s, const double* hs, const double* a, const double* b,
                      double* mean, double* deviations) const {
  const std::int64_t n = products_.n(), k = k_, q = q_;
  const std::size_t most = length(std::max(k, q) * std::min(n, tile));
  std::vector<double> hq(most), u(most), t(most), rho(most), curvature(length(k));
  for (std::int64_t i = 0; i < k; ++i) curvature[i] = reduce::dot(s + i * q, hs + i * q, q);
  for (std::int64_t begin = 0; begin < n; begin += tile) {
    const std::int64_t width = std::min(tile, n - begin);
    const double* const basis = basis_.data() + begin;
    const double* const z = z_.data() + begin;
    const auto times = [&](const double* rows, std::int64_t count, const double* matrix,
                           double factor, double beta, std::vector<double>& out) {
      blas::gemm(Op::none, Op::none, count, width, q, factor, rows, q, matrix, n, beta, out.data(),
                 width);
    };
    times(h_.data(), q, basis, 1, 0, hq);
    times(s, k, basis, 1, 0, u);
    times(s, k, z, 1, 0, t);
    times(hs, k, basis, -1, 1, t);  // t - g
    times(a, k, basis, 1, 0, rho);
    times(b, k, z, -1, 1, rho);
    for (std::int64_t j = 0; j < width; ++j) {
      double base = 0, sum = 0, squares = 0;
      for (std::int64_t l = 0; l < q; ++l)
        base += basis[l * n + j] * (2 * z[l * n + j] - hq[l * width + j]);
      for (std::int64_t i = 0; i < k; ++i) {
        const double x = u[i * width + j];
        double& d = rho[i * width + j];
        d = base - 2 * x * t[i * width + j] - curvature[i] * x * x +
            omega_.data()[i * n + begin + j] * d;
        sum += d;
      }
      const double average = sum / static_cast<double>(k);
      for (std::int64_t i = 0; i < k; ++i) {
        const double difference = rho[i * width + j] - average;
        squares += difference * difference;
      }
      mean[begin + j] = average;
      deviations[begin + j] = squares;
    }
  }
}

}  // namespace saddlescape::eig
