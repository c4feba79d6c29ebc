#include "eig/krylov.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "core/blas.hpp"
#include "core/reduce.hpp"

namespace saddlescape::eig {
namespace {

using blas::Op;

std::size_t length(std::int64_t count) { return static_cast<std::size_t>(count); }

}  // namespace

Krylov::Krylov(const Operator& op, std::int64_t capacity, std::int64_t block, std::int64_t pairs,
               double tol, std::uint64_t seed, const double* start, std::int64_t starts)
    : op_(op),
      products_(op, block),
      on_(products_.vectors()),
      capacity_(capacity),
      block_(block),
      // A pair that was locked with a residual of tol ||A|| is missing from C by that much.
      allowed_asymmetry_(1e-3 + 2 * tol),
      random_(seed),
      v_(on_.room(checked_size(std::max(capacity, 2 * pairs) + block, on_.n))),
      t_(length(checked_size(capacity, capacity))) {
  fresh();
  if (starts > 0) add_starts(start, starts);
}

// Row a of Q is the sum of the vectors a, a + q, ... and a hundredth of a random one: what the
// vectors are orthogonal to is found as well, some steps later. Of a few vectors that are nearly
// eigenvectors the Krylov space of their sum contains all within as many steps.
void Krylov::add_starts(const double* start, std::int64_t starts) {
  constexpr double part_random = 1e-2;
  const std::int64_t n = here();
  const std::shared_ptr<double> room = on_.room(2 * n);
  double *const sum = room.get(), *const near_one = sum + n;
  for (std::int64_t a = 0; a < next_; ++a) {
    bool any = false;
    for (std::int64_t i = a; i < starts; i += next_) {
      on_.copy(n, start + i * n, near_one);
      const std::optional<int> exponent = on_.largest_exponent(n, near_one);
      if (!exponent) continue;
      on_.shift_exponent(n, -*exponent, near_one);
      const double factor = 1 / eig::norm(on_, near_one);
      if (any) {
        on_.add(factor, near_one, sum);
      } else {
        on_.copy(n, near_one, sum);
        on_.scale(factor, sum);
      }
      any = true;
    }
    const double size = any ? eig::norm(on_, sum) : 0;
    if (!(size > 1e-8)) continue;
    on_.scale(part_random, row(a));
    on_.divide(size, sum);
    on_.add(1, sum, row(a));
  }
  // Sums that depend on each other are replaced at random, as after a breakdown.
  std::vector<double> unused(length(next_ * next_));
  random_rows(orthonormalise_rows(on_, v_.get(), 0, next_, 1, unused.data()), next_);
}

void Krylov::saw_norm(double value) { norm_ = std::max(norm_, value); }

void Krylov::multiply(std::int64_t first, std::int64_t count, std::int64_t to) {
  products_.multiply(count, row(first), row(to));
  std::vector<double> lengths(length(count));
  on_.norms(count, row(to), lengths.data());
  for (const double each : lengths) saw_norm(each);
}

void Krylov::expand() {
  const std::int64_t q = next_, last = size_ + q;
  multiply(size_, q, last);
  // H = V W^T over all of V and twice, W <- W - H^T V
  std::vector<double> h(length(last * q));
  on_.project_out_twice(last, v_.get(), q, row(last), h.data());
  take_projection(h, q);
  orthonormalise_next(last);
}

// |D e_i|: what of A v_i lies in directions that were given up. Those of one time are orthogonal to
// each other, but not to those of another: a sum of squares would not be a bound.
double Krylov::given_up(std::int64_t i) const {
  double sum = 0;
  for (const std::vector<double>& d : d_)
    if (i < static_cast<std::int64_t>(d.size())) sum += std::abs(d[i]);
  return sum;
}

// T gets H as its new rows and columns. The rows of H that belong to the old basis were known
// before: they are C^T. That they come out again is a free test of A = A^T and of its determinism.
void Krylov::take_projection(const std::vector<double>& h, std::int64_t q) {
  double worst = 0;
  for (std::int64_t i = 0; i < size_; ++i)
    for (std::int64_t a = 0; a < q; ++a)
      worst = std::max(worst, std::abs(h[i * q + a] - c_[a * size_ + i]) - given_up(i));
  for (std::int64_t a = 0; a < q; ++a)
    for (std::int64_t b = 0; b < a; ++b)
      worst = std::max(worst, std::abs(h[(size_ + a) * q + b] - h[(size_ + b) * q + a]));
  if (worst > allowed_asymmetry_ * norm_)
    throw std::invalid_argument(
        "op: not symmetric, or not deterministic: u'(Av) and v'(Au) differ by " +
        std::to_string(worst / norm_) + " ||A|| at product " + std::to_string(products()) +
        ", expected at most " + std::to_string(allowed_asymmetry_) +
        " ||A||; switch off dropout, batch statistics and shuffling, or pass (A + A.T) / 2");
  noise_ = std::max(noise_, worst);
  for (std::int64_t i = 0; i < size_ + q; ++i)
    for (std::int64_t a = 0; a < q; ++a) {
      const std::int64_t j = size_ + a;
      const double mean = i < size_ ? h[i * q + a] : 0.5 * (h[i * q + a] + h[j * q + i - size_]);
      t_[i * capacity_ + j] = t_[j * capacity_ + i] = mean;
    }
}

// The rows behind `last` rows of basis hold W: Q is what it spans, and random vectors instead of
// what it does not. Only the q rows that were multiplied couple to Q.
void Krylov::orthonormalise_next(std::int64_t last) {
  const std::int64_t q = last - size_;
  std::vector<double> r(length(q * q));
  const std::int64_t room = op_.n - last;
  const std::int64_t rank =
      std::min(room, orthonormalise_rows(on_, v_.get(), last, q, norm_, r.data()));
  const std::int64_t first = size_;
  size_ = last;
  next_ = std::min(block_, room);
  c_.assign(length(next_ * size_), 0.0);
  for (std::int64_t i = 0; i < std::min(rank, next_); ++i)
    for (std::int64_t a = 0; a < q; ++a) c_[i * size_ + first + a] = r[i * q + a];
  random_rows(size_ + rank, size_ + next_);
}

void Krylov::random_rows(std::int64_t from, std::int64_t to) {
  for (std::int64_t r = from; r < to; ++r) {
    bool found = false;
    for (int draw = 0; draw < 10 && !found; ++draw) {
      on_.put(
          here(),
          [&](double* x) { random_.part_of_normals(x, op_.sum ? op_.first : 0, here(), op_.n); },
          row(r));
      on_.divide(eig::norm(on_, row(r)), row(r));
      found = orthonormalise_row(on_, v_.get(), r);
    }
    if (!found) throw std::runtime_error("Lanczos: no direction is orthogonal to the basis");
  }
}

void Krylov::fresh() {
  for (std::int64_t a = 0; coupled() && a < next_; ++a)
    d_.emplace_back(c_.begin() + a * size_, c_.begin() + (a + 1) * size_);
  next_ = std::min(block_, op_.n - size_);
  c_.assign(length(next_ * size_), 0.0);
  random_rows(size_, size_ + next_);
}

void Krylov::restart(std::int64_t kept) {
  c_.clear();
  for (std::vector<double>& d : d_)
    d.resize(std::min(d.size(), length(kept)));  // the rows behind are gone
  size_ = kept;  // expand() writes the rows and columns of T behind it before they are read
  fresh();
}

bool Krylov::coupled() const {
  return std::any_of(c_.begin(), c_.end(), [](double c) { return c != 0; });
}

Ritz Krylov::ritz(std::int64_t first) const {
  const std::int64_t j = size_ - first;
  Ritz result;
  result.values.resize(length(j));
  result.rows.resize(length(j * j));
  result.residuals.resize(length(j));
  result.missed.resize(length(j));
  for (std::int64_t i = 0; i < j; ++i)
    std::copy_n(t_.data() + (first + i) * capacity_ + first, j, result.rows.data() + i * j);
  blas::eigh(j, result.rows.data(), result.values.data(), true);
  // ||C s_i|| and |D s_i|_1
  std::vector<double> coupled(length(j * next_));
  if (next_)
    blas::gemm(Op::none, Op::transpose, j, next_, j, 1.0, result.rows.data(), j, c_.data() + first,
               size_, 0.0, coupled.data(), next_);
  for (std::int64_t i = 0; i < j; ++i) {
    result.residuals[i] = std::sqrt(reduce::sum_squares(coupled.data() + i * next_, next_));
    for (const std::vector<double>& d : d_) {
      double sum = 0;
      for (std::int64_t l = first; l < static_cast<std::int64_t>(d.size()); ++l)
        sum += d[l] * result.rows[i * j + l - first];
      result.missed[i] += std::abs(sum);
    }
  }
  return result;
}

void Krylov::keep(const Ritz& ritz, const std::vector<std::int64_t>& kept) {
  const std::int64_t n = here(), j = size_, l = static_cast<std::int64_t>(kept.size());
  std::vector<double> s(length(l * j)), coupling(length(next_ * l));
  for (std::int64_t i = 0; i < l; ++i)
    std::copy_n(ritz.rows.data() + kept[i] * j, j, s.data() + i * j);
  // V <- S V, C <- C S^T, T <- diag(theta)
  on_.rotate(l, j, s.data(), v_.get());
  blas::gemm(Op::none, Op::transpose, next_, l, j, 1.0, c_.data(), j, s.data(), j, 0.0,
             coupling.data(), l);
  c_ = coupling;
  for (std::vector<double>& d : d_) {
    std::vector<double> turned(length(l));
    for (std::int64_t i = 0; i < l; ++i)
      for (std::size_t k = 0; k < d.size(); ++k) turned[i] += d[k] * s[i * j + k];
    d = turned;
  }
  std::fill(t_.begin(), t_.end(), 0.0);
  for (std::int64_t i = 0; i < l; ++i) t_[i * capacity_ + i] = ritz.values[kept[i]];
  polish_rows(on_, l, v_.get());
  for (std::int64_t i = 0; i < next_; ++i) on_.copy(n, row(j + i), row(l + i));
  size_ = l;
  for (std::int64_t i = 0; i < next_; ++i)
    if (!orthonormalise_row(on_, v_.get(), l + i))
      throw std::runtime_error("Lanczos: the basis lost its orthogonality at a restart");
}

std::vector<double> Krylov::true_residuals() {
  const std::int64_t k = size_;
  d_.clear();
  multiply(0, k, k);
  std::vector<double> h(length(k * k)), lengths(length(k)), result(length(k));
  on_.project_out(k, v_.get(), k, row(k), h.data());
  on_.norms(k, row(k), lengths.data());
  for (std::int64_t i = 0; i < k; ++i) {
    // A v_i - T_ii v_i = (its part outside V) + sum_{l != i} h_li v_l
    double squares = lengths[i] * lengths[i];
    for (std::int64_t l = 0; l < k; ++l) {
      if (l != i) squares += h[l * k + i] * h[l * k + i];
      t_[l * capacity_ + i] = 0.5 * (h[l * k + i] + h[i * k + l]);
    }
    result[i] = std::sqrt(squares);
  }
  return result;
}

void Krylov::resume() {
  const std::int64_t n = here(), k = size_;
  std::vector<std::int64_t> order(length(k));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::vector<double> lengths(length(k));
  on_.norms(k, row(k), lengths.data());
  std::sort(order.begin(), order.end(),
            [&](std::int64_t a, std::int64_t b) { return lengths[a] > lengths[b]; });
  const std::int64_t room = op_.n - k, q = std::min({block_, k, room});
  const std::shared_ptr<double> chosen = on_.room(q * n);
  std::vector<double> r(length(q * q));
  for (std::int64_t i = 0; i < q; ++i) on_.copy(n, row(k + order[i]), chosen.get() + i * n);
  on_.copy(q * n, chosen.get(), row(k));
  const std::int64_t rank = orthonormalise_rows(on_, v_.get(), k, q, norm_, r.data());
  next_ = std::min(block_, room);
  c_.assign(length(next_ * k), 0.0);
  for (std::int64_t i = 0; i < rank; ++i)
    for (std::int64_t a = 0; a < q; ++a) c_[i * k + order[a]] = r[i * q + a];
  random_rows(k + rank, k + next_);
}

}  // namespace saddlescape::eig
