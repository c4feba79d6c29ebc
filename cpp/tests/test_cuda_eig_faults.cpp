// Dense solvers on the device where something is wrong: what cuSOLVER says, memory that is not
// there, factors that are not those of the matrix.
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "cuda/eig/dense.hpp"
#include "cuda/eig/factors.hpp"
#include "cuda/hosted/device.hpp"
#include "cuda/hosted/libraries.hpp"
#include "cuda/solver.hpp"
#include "tests/cuda_matrices.hpp"

namespace c = saddlescape::cuda;
namespace ce = saddlescape::cuda::eig;

namespace {

using namespace saddlescape::cuda_matrices;

// What cuSOLVER says comes with the call's name.
void faults() {
  const std::int64_t n = 5;
  const Vector a = with_spectrum(filled(n, [](double i, double) { return i + 1; }));
  Vector w(size_of(n));
  c::hosted::CusolverFault& fault = c::hosted::cusolver_fault();
  const auto values = [&] { ce::eigenvalues(stream, n, a.data(), w.data()); };
  const auto signs = [&] { ce::certified_signs(stream, n, a.data(), 0.0); };
  fault = {7, 0};
  refused("a status", refusal(values), "cusolverDnXsyevd: status 7 (internal error)");
  refused("a status", refusal(signs), "cusolverDnDsytrf: status 7 (internal error)");
  fault = {2, 0};
  refused("no memory", refusal(values), "out of memory in cuSOLVER");
  fault = {0, 3};
  refused("info", refusal(values), "cusolverDnXsyevd: did not converge, info 3");
  fault = {0, -4};
  refused("info", refusal(signs), "info -4, its argument 4 is wrong");
  fault = {};
  expect(refusal(values).empty() && refusal(signs).empty(), "and without a fault nothing");
}

// Wherever the memory ends: what was wanted is said, and all of it is given back.
template <class Call>
void ends_of_memory(const char* what, const Call& call) {
  c::TestDevice& device = c::test_device();
  const std::int64_t before = device.used;
  int refusals_seen = 0;
  for (std::int64_t room = 0;; room += 32) {
    device.limit = before + room;
    try {
      call();
      break;
    } catch (const c::OutOfMemory& error) {
      ++refusals_seen;
      expect(std::strstr(error.what(), "bytes wanted for") != nullptr, error.what());
    }
    expect(device.used == before, "memory is given back", static_cast<double>(device.used));
  }
  device.limit = std::numeric_limits<std::int64_t>::max();
  expect(refusals_seen > 2, what);
}

void out_of_memory() {
  const std::int64_t n = 9;
  const Vector a = with_spectrum(filled(n, [](double i, double m) { return i - m / 2; })), kept = a;
  Vector w(size_of(n)), v(a.size());
  ends_of_memory("eigenvalues", [&] { ce::eigenvalues(stream, n, a.data(), w.data()); });
  ends_of_memory("eigenpairs", [&] { ce::eigenpairs(stream, n, a.data(), w.data(), v.data()); });
  ends_of_memory("signs", [&] { ce::certified_signs(stream, n, a.data(), 0.0); });
  expect(a == kept, "A is as it was");
}

// The bound sees any element of the factors that is not what it should be.
void wrong_factors() {
  const std::int64_t n = 130;
  const Vector a = with_spectrum(filled(n, [](double i, double m) { return i - m / 2 + 0.25; }));
  const Vector sums(size_of(n), 100.0);
  Vector l = a;
  std::vector<std::int32_t> pivots(size_of(n));
  c::solver::ldlt(stream, n, l.data(), pivots.data());
  const ce::Blocks blocks = ce::put_in_order(stream, n, l.data(), pivots.data());
  expect(blocks.found, "pivots are exchanges");
  const auto bound = [&](const Vector& of, const ce::Blocks& with) {
    return ce::signs_of(stream, n, a.data(), 0, 0.0, of.data(), with, sums).bound;
  };
  const double right = bound(l, blocks);
  expect(right < 1e-9, "the bound of the factors", right);
  for (const std::int64_t k : {0, 1, 63, 64, 65, 127, 128}) {
    for (const std::int64_t i : {k + 1, n - 1}) {
      Vector other = l;
      other[k * n + i] += 1e-3;
      expect(bound(other, blocks) > 1e-6, "an element of L", static_cast<double>(k * n + i));
    }
    ce::Blocks other = blocks;
    other.d[size_of(k)] += 1e-3;
    expect(bound(l, other) > 0.99e-3, "an element of D", static_cast<double>(k));
    other = blocks;
    std::swap(other.order[size_of(k)], other.order[size_of(k + 1)]);
    expect(bound(l, other) > 1e-6, "the order", static_cast<double>(k));
  }
  Vector strange = l;
  strange[2 * n + 100] = std::numeric_limits<double>::quiet_NaN();
  expect(!(bound(strange, blocks) < 1e300), "NaN proves nothing");
  strange[2 * n + 100] = 0x1p420;
  expect(!(bound(strange, blocks) < 1e300), "nor does what is too large");
  for (const std::int32_t pivot : {0, 200, -3}) {
    std::vector<std::int32_t> others = pivots;
    others[size_of(n - 1)] = pivot;
    Vector room = a;
    expect(!ce::put_in_order(stream, n, room.data(), others.data()).found, "no exchanges", pivot);
  }
}

}  // namespace

int main() {
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
  faults();
  out_of_memory();
  wrong_factors();
  return summary("faults of eig on the device");
}
