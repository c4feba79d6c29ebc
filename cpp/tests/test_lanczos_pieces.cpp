// Lanczos over vectors in two pieces, each held by a thread that sees nothing of the other's but
// sums: the numbers of one process, the same bits in both, and nobody left waiting.
#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/random.hpp"
#include "eig/lanczos.hpp"
#include "eig_samples.hpp"

namespace eig = saddlescape::eig;

namespace {

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

}  // namespace

int main() {
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
  parts_of_normals();
  for (std::int64_t cut : {150, 300, 301})
    for (std::int64_t block : {1, 5}) pieces(cut, block, 40);
  return summary("lanczos in pieces");
}
