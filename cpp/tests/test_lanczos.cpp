// The Krylov space from inside: its invariant must hold after hundreds of restarts, which no result
// shows by itself; and Lanczos as a C++ user sees it.
#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/parallel.hpp"
#include "core/random.hpp"
#include "eig/krylov.hpp"
#include "eig/lanczos.hpp"
#include "eig/orthogonal.hpp"
#include "eig/pairs.hpp"
#include "eig_samples.hpp"

namespace eig = saddlescape::eig;

namespace {

std::vector<double> squares(std::int64_t n) {
  std::vector<double> d(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(i) / static_cast<double>(n - 1);
    d[i] = x * x;
  }
  return d;
}

// max |V V^T - I| over the basis and the next block.
double gram_error(const eig::Krylov& space, std::int64_t n) {
  const std::int64_t rows = space.size() + space.next();
  std::vector<double> gram(static_cast<std::size_t>(rows * rows));
  saddlescape::blas::gemm(saddlescape::blas::Op::none, saddlescape::blas::Op::transpose, rows, rows,
                          n, 1.0, space.vectors(), n, space.vectors(), n, 0.0, gram.data(), rows);
  double worst = 0;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < rows; ++j)
      worst = std::max(worst, std::abs(gram[i * rows + j] - (i == j ? 1.0 : 0.0)));
  return worst;
}

// The invariant V A = T V + C^T Q by its consequence for Ritz pairs: claimed residual = real one.
double residual_error(const std::vector<double>& d, const eig::Krylov& space) {
  const eig::Ritz ritz = space.ritz();
  const std::int64_t n = static_cast<std::int64_t>(d.size()), j = space.size();
  double worst = 0;
  for (std::int64_t i = 0; i < j; ++i) {
    double squares_sum = 0;
    for (std::int64_t c = 0; c < n; ++c) {
      double x = 0;
      for (std::int64_t l = 0; l < j; ++l) x += ritz.rows[i * j + l] * space.vectors()[l * n + c];
      const double r = (d[c] - ritz.values[i]) * x;
      squares_sum += r * r;
    }
    worst = std::max(worst, std::abs(std::sqrt(squares_sum) - ritz.residuals[i]));
  }
  return worst;
}

void invariant_after_600_restarts(std::int64_t block) {
  const std::vector<double> d = squares(301);
  const eig::Operator op = diagonal(d);
  eig::Krylov space(op, 40, block, 4, 1e-6, 1);
  std::vector<std::int64_t> kept;
  for (int restart = 0; restart < 600; ++restart) {
    while (!space.full()) space.expand();
    kept.clear();
    for (std::int64_t i = 0; i < space.size(); ++i)
      if (i < 8 || i >= space.size() - 8) kept.push_back(i);
    space.keep(space.ritz(), kept);
  }
  while (!space.full()) space.expand();
  // 4e-16 is seen; without polish_rows it is 8e-14 and grows with the restarts.
  expect(gram_error(space, 301) < 3e-15, "orthonormal after 600 restarts", gram_error(space, 301));
  expect(residual_error(d, space) < 1e-13, "invariant after 600 restarts",
         residual_error(d, space));
  expect(space.noise() < 1e-12, "H = C^T", space.noise());
}

void breakdown_reveals_rank() {
  const std::int64_t n = 50;
  std::vector<double> v(static_cast<std::size_t>(4 * n)), c(16);
  saddlescape::Random random(3);
  random.normals(v.data(), n);
  for (std::int64_t i = 0; i < n; ++i) {
    v[n + i] = 2 * v[i];               // dependent
    v[2 * n + i] = i == 0 ? 1 : 0;     // independent
    v[3 * n + i] = i == 1 ? 1e-9 : 0;  // small, but no rounding
  }
  const std::vector<double> before = v;
  const std::int64_t rank =
      eig::orthonormalise_rows(n, v.data(), 0, 4, 2 * eig::norm(n, v.data()), c.data());
  expect(rank == 3, "rank of 4 rows that span 3 dimensions", static_cast<double>(rank));
  double worst = 0;
  for (std::int64_t row = 0; row < 4; ++row)
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::int64_t l = 0; l < rank; ++l) sum += c[l * 4 + row] * v[l * n + i];
      worst = std::max(worst, std::abs(sum - before[row * n + i]));
    }
  expect(worst < 1e-13, "C^T Q gives the rows back", worst);
}

// The fused passes against the plain formula in long double, at the edges of lanes, groups of four
// rows, pieces and tiles; and the same bits for any number of threads.
void taken_out_twice(std::int64_t n, std::int64_t j, std::int64_t k) {
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  std::vector<double> v(at(j * n)), b(at(k * n));
  saddlescape::Random random(5);
  random.normals(b.data(), k * n);
  random.normals(v.data(), j * n);
  for (std::int64_t i = 0; i < j; ++i) {
    const double size = eig::norm(n, v.data() + i * n);
    for (std::int64_t c = 0; c < n; ++c) v[i * n + c] /= size;
    if (i > 0 && !eig::orthonormalise_row(n, v.data(), i)) return;
  }
  std::vector<double> first, products;
  const int threads = saddlescape::threads();
  for (int count : {1, 2, 3}) {
    saddlescape::set_threads(count);
    std::vector<double> left = b, h(at(std::max<std::int64_t>(1, j * k)));
    eig::project_out_twice(n, j, v.data(), k, left.data(), h.data());
    if (count == 1) {
      first = left;
      products = h;
    }
    expect(first == left && products == h, "the same bits for any number of threads");
  }
  saddlescape::set_threads(threads);
  double worst = 0, remaining = 0;
  for (std::int64_t i = 0; i < j; ++i)
    for (std::int64_t a = 0; a < k; ++a) {
      long double before = 0, after = 0;
      for (std::int64_t c = 0; c < n; ++c) {
        before += static_cast<long double>(v[i * n + c]) * b[a * n + c];
        after += static_cast<long double>(v[i * n + c]) * first[a * n + c];
      }
      worst = std::max(worst, std::abs(static_cast<double>(before) - products[i * k + a]));
      remaining = std::max(remaining, std::abs(static_cast<double>(after)));
    }
  // Rounding of a sum of n products of vectors of norm 1 and sqrt(n).
  const double size = 1e-15 * std::sqrt(static_cast<double>(n));
  expect(worst < 10 * size, "H = V B^T", worst / size);
  expect(remaining < size, "nothing is left", remaining / size);
}

void both_ends() {
  const std::vector<double> d = squares(500);
  eig::LanczosOptions options;
  options.low = 0;
  options.high = 3;
  const eig::LanczosResult r = eig::lanczos(diagonal(d), options);
  expect(r.outcome == eig::Outcome::converged, "converged");
  for (std::size_t i = 0; i < 3; ++i) {
    expect(std::abs(r.eigenvalues[i] - d[497 + i]) <= r.bounds[i], "eigenvalue", r.eigenvalues[i]);
    expect(r.multiplicities[i] == 1, "alone", static_cast<double>(r.multiplicities[i]));
  }
  expect(r.missing <= 1e-4, "none is missing", r.missing);
  options.start = r.eigenvectors.data();
  options.starts = 3;
  const eig::LanczosResult again = eig::lanczos(diagonal(d), options);
  expect(again.products < r.products, "a start saves products",
         static_cast<double>(again.products));
}

// Sums over two threads that hold a piece each, added in the order of their ranks.
class Meeting {
 public:
  eig::Sum of(int rank) {
    return [this, rank](std::int64_t count, double* numbers) {
      std::unique_lock<std::mutex> lock(mutex_);
      const int round = round_;
      parts_[rank].assign(numbers, numbers + count);
      ++sums_;
      if (++arrived_ == 2) {
        arrived_ = 0;
        total_ = parts_[0];
        for (std::size_t i = 0; i < total_.size(); ++i) total_[i] += parts_[1].at(i);
        ++round_;
        all_.notify_all();
      } else {
        all_.wait(lock, [&] { return round_ != round; });
      }
      // Nobody starts the next round before both have arrived there, so the total stays.
      std::copy_n(total_.begin(), count, numbers);
    };
  }
  int sums() const { return sums_; }

 private:
  std::mutex mutex_;
  std::condition_variable all_;
  std::vector<double> parts_[2], total_;
  int arrived_ = 0, round_ = 0, sums_ = 0;
};

// Each rank's result, or what it threw.
struct Piece {
  eig::LanczosResult result;
  std::string error;
};

std::vector<Piece> in_pieces(const std::vector<double>& d, std::int64_t cut,
                             const eig::LanczosOptions (&options)[2], int failing, int* sums) {
  const std::int64_t n = static_cast<std::int64_t>(d.size());
  Meeting meeting;
  std::vector<Piece> found(2);
  const auto run = [&](int rank) {
    const std::int64_t first = rank == 0 ? 0 : cut, piece = rank == 0 ? cut : n - cut;
    int calls = 0;
    eig::Operator op{n, [&](std::int64_t k, const double* in, double* out) {
                       if (rank == failing && ++calls == 7) throw std::domain_error("own");
                       for (std::int64_t i = 0; i < k * piece; ++i)
                         out[i] = d[static_cast<std::size_t>(first + i % piece)] * in[i];
                     }};
    op.sum = meeting.of(rank);
    op.first = first;
    op.piece = piece;
    try {
      found[static_cast<std::size_t>(rank)].result = eig::lanczos(op, options[rank]);
    } catch (const std::exception& error) {
      found[static_cast<std::size_t>(rank)].error = error.what();
    }
  };
  std::thread other(run, 1);
  run(0);
  other.join();
  *sums = meeting.sums();
  return found;
}

void pieces(std::int64_t cut, std::int64_t block, std::int64_t basis) {
  const std::vector<double> d = squares(301);
  eig::LanczosOptions options;
  options.low = 0;
  options.high = 3;
  options.block = block;
  options.basis = basis;
  const eig::LanczosResult whole = eig::lanczos(diagonal(d), options);
  int sums = 0;
  const std::vector<Piece> found = in_pieces(d, cut, {options, options}, -1, &sums);
  const eig::LanczosResult &a = found[0].result, &b = found[1].result;
  expect(found[0].error.empty() && found[1].error.empty(), "no error");
  expect(a.eigenvalues == b.eigenvalues && a.residuals == b.residuals && a.missing == b.missing &&
             a.products == b.products && a.outcome == b.outcome,
         "the same bits in both");
  expect(a.outcome == eig::Outcome::converged && a.products > basis, "converged after restarts");
  expect(a.products == whole.products, "as many products as in one process",
         static_cast<double>(a.products));
  expect(sums < 2 * 20 * a.products, "a few sums for each product", sums);
  for (std::size_t i = 0; i < a.eigenvalues.size(); ++i) {
    expect(std::abs(a.eigenvalues[i] - whole.eigenvalues[i]) < 1e-13, "eigenvalue in pieces");
    const std::size_t m = static_cast<std::size_t>(cut), rest = d.size() - m;
    double inner = 0;
    for (std::size_t c = 0; c < d.size(); ++c)
      inner += whole.eigenvectors[i * d.size() + c] *
               (c < m ? a.eigenvectors[i * m + c] : b.eigenvectors[i * rest + c - m]);
    expect(std::abs(std::abs(inner) - 1) < 1e-8, "eigenvector in pieces", inner);
  }
  eig::LanczosOptions other = options;
  other.tol = 1e-7;
  for (const Piece& each : in_pieces(d, cut, {options, other}, -1, &sums))
    expect(each.error.find("not the same in all processes") != std::string::npos,
           "different options are refused in both");
  const std::vector<Piece> failed = in_pieces(d, cut, {options, options}, 1, &sums);
  expect(failed[1].error == "own", "its own exception");
  expect(failed[0].error.find("failed in another process") != std::string::npos, "the other's");
}

void parts_of_normals() {
  for (std::int64_t n : {1, 2, 9, 10})
    for (std::int64_t first = 0; first <= n; ++first) {
      std::vector<double> all(static_cast<std::size_t>(n + 1)), parts = all;
      saddlescape::Random random(7), here(7), there(7);
      random.normals(all.data(), n);
      here.part_of_normals(parts.data(), 0, first, n);
      there.part_of_normals(parts.data() + first, first, n - first, n);
      expect(all == parts, "parts of random normals are the whole");
      const std::uint64_t next = random.bits();
      expect(next == here.bits() && next == there.bits(), "and the next draw is the same");
    }
}

// Kato and Temple on two by two matrices: (a, b; b, c), the pair (a, e_1) has the residual |b|.
void bounds_of_pairs() {
  for (double b : {0.5, 1e-3, 1e-6}) {
    const double a = 0, c = 1;
    const double gap = c - a, distance = b * b / (gap / 2 + std::hypot(gap / 2, b));
    const std::vector<double> bound = eig::bounds({b}, {gap}, 1e-17);
    expect(distance <= bound[0], "Kato and Temple", distance / bound[0]);
    expect(bound[0] <= 1.21 * distance + 1e-17, "and they are sharp", distance / bound[0]);
  }
  expect(eig::bounds({1e-3}, {0.0}, 0.25)[0] == 1e-3 + 0.25, "without a gap the residual");
  expect(eig::bounds({0.0}, {1.0}, 0.25)[0] == 0.25, "rounding remains");
}

void refusals() {
  const std::vector<double> d = squares(5);
  eig::LanczosOptions options;
  options.tol = 0;
  bool refused = false;
  try {
    eig::lanczos(diagonal(d), options);
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  expect(refused, "tol = 0 is refused");
}

}  // namespace

int main() {
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
  for (std::int64_t block : {1, 3}) invariant_after_600_restarts(block);
  breakdown_reveals_rank();
  for (std::int64_t n : {1, 7, 8, 9, 511, 512, 513, 1023, 40'001})
    for (std::int64_t j : {0, 1, 3, 4, 5, 17})
      for (std::int64_t k : {1, 3, 5})
        if (j + k <= n) taken_out_twice(n, j, k);
  both_ends();
  parts_of_normals();
  for (std::int64_t cut : {150, 300, 301})
    for (std::int64_t block : {1, 5}) pieces(cut, block, 40);
  bounds_of_pairs();
  refusals();
  return summary("lanczos");
}
