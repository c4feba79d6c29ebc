// Dense eigenvalues, eigenpairs and certified signs on the device: spectra that are known, the
// CPU's results, and what is refused.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuda/device.hpp"
#include "cuda/eig/dense.hpp"
#include "cuda/solver.hpp"
#include "eig/dense.hpp"
#include "eig/signs.hpp"
#include "tests/cuda_matrices.hpp"

namespace c = saddlescape::cuda;
namespace ce = saddlescape::cuda::eig;
namespace eig = saddlescape::eig;

namespace {

using namespace saddlescape::cuda_matrices;

struct Case {
  const char* name;
  Vector (*spectrum)(std::int64_t n);
};

const Case cases[] = {
    {"evenly spaced",
     [](std::int64_t n) { return filled(n, [](double i, double m) { return 2 * i - m + 1; }); }},
    {"two values",
     [](std::int64_t n) { return filled(n, [](double i, double) { return i < 2 ? 50.0 : 1.0; }); }},
    {"a cluster at zero",
     [](std::int64_t n) {
       return filled(n, [](double i, double m) { return i < m / 2 ? 0.0 : i - m / 3; });
     }},
    {"graded",
     [](std::int64_t n) {
       return filled(n, [](double i, double m) {
         return (std::fmod(i, 2) == 0 ? 1 : -1) * std::pow(10, -14 * i / m);
       });
     }},
    {"near the end of float64",
     [](std::int64_t n) {
       return filled(n, [](double i, double m) { return (i - m / 2 + 0.25) * 1e305 / m; });
     }},
    {"tiny",
     [](std::int64_t n) {
       return filled(n, [](double i, double m) { return (i - m / 2 + 0.25) * 1e-300; });
     }},
    {"zero", [](std::int64_t n) { return filled(n, [](double, double) { return 0.0; }); }},
};

const std::int64_t sizes[] = {1, 2, 3, 31, 32, 33, 63, 64, 65, 66, 129, 200};

double largest(const Vector& x) {
  double most = 0;
  for (double each : x) most = std::max(most, std::abs(each));
  return most;
}

// The device's memory is the host's here.
void values_and_pairs(const Case& of, std::int64_t n) {
  const std::string name = std::string(of.name) + ", n = " + std::to_string(n);
  Vector d = of.spectrum(n);
  const Vector a = with_spectrum(d);
  std::sort(d.begin(), d.end());
  const double norm = largest(d), allowed = 40 * static_cast<double>(n) * eps * norm;
  Vector w(size_of(n), -1), pair_values(w), rows(size_of(n * n));
  ce::eigenvalues(stream, n, a.data(), w.data());
  ce::eigenpairs(stream, n, a.data(), pair_values.data(), rows.data());
  double worst = 0, residual = 0, gram = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    worst = std::max({worst, std::abs(w[i] - d[i]), std::abs(pair_values[i] - d[i])});
    for (std::int64_t j = 0; j < n; ++j) {
      double product = 0, inner = 0;
      for (std::int64_t k = 0; k < n; ++k) {
        product += a[j * n + k] * rows[i * n + k];
        inner += rows[i * n + k] * rows[j * n + k];
      }
      residual = std::max(residual, std::abs(product - pair_values[i] * rows[i * n + j]));
      gram = std::max(gram, std::abs(inner - (i == j ? 1.0 : 0.0)));
    }
  }
  expect(worst <= allowed, (name + ": eigenvalues").c_str(), worst / norm);
  expect(residual <= allowed, (name + ": residuals").c_str(), residual / norm);
  expect(gram <= 40 * static_cast<double>(n) * eps, (name + ": orthonormal").c_str(), gram);
}

// Of what is told from zero nothing is miscounted, and what lies beyond the band is counted.
void signs(const Case& of, std::int64_t n) {
  const std::string name = std::string(of.name) + ", n = " + std::to_string(n);
  const Vector d = of.spectrum(n), a = with_spectrum(d);
  const double norm = largest(d);
  for (const double tolerance : {0.0, 0.3 * norm}) {
    const eig::CertifiedSigns found = ce::certified_signs(stream, n, a.data(), tolerance);
    const eig::CertifiedSigns cpu = eig::certified_signs(n, a.data(), tolerance);
    std::int64_t above = 0, below = 0, far_above = 0, far_below = 0;
    const double slack = 40 * static_cast<double>(n) * eps * norm;  // of building A
    for (double x : d) {
      above += x > tolerance - slack;
      below += x < -tolerance + slack;
      far_above += x > found.band + slack;
      far_below += x < -found.band - slack;
    }
    expect(found.found && found.finite, (name + ": a bound is found").c_str());
    expect(found.positive <= above && found.negative <= below, (name + ": claims").c_str());
    expect(found.positive >= far_above && found.negative >= far_below,
           (name + ": counts what is beyond the band").c_str());
    expect(found.band <= 20 * (cpu.band - tolerance) + tolerance + slack,
           (name + ": as narrow a band as the CPU's").c_str(), found.band / norm);
  }
}

void float32_and_asymmetric() {
  const std::int64_t n = 70;
  const Vector a = with_spectrum(filled(n, [](double i, double m) { return i - m / 2 + 0.5; }));
  std::vector<float> f(a.begin(), a.end());
  f[1] += 1e-5F;  // what an assembly in float32 leaves
  Vector w(size_of(n)), cpu(w);
  ce::eigenvalues(stream, n, f.data(), w.data());
  eig::eigenvalues(n, f.data(), cpu.data());
  double worst = 0;
  for (std::int64_t i = 0; i < n; ++i) worst = std::max(worst, std::abs(w[i] - cpu[i]));
  expect(worst < 1e-12 * static_cast<double>(n), "float32 gives what the CPU gives", worst);
  const eig::CertifiedSigns signs = ce::certified_signs(stream, n, f.data(), 0.0);
  expect(signs.positive == n / 2 && signs.negative == n / 2, "float32's signs");
  expect(signs.error_bound > 5e-6, "the asymmetry is in the bound", signs.error_bound);
}

void refusals() {
  const std::int64_t n = 40;
  Vector a = with_spectrum(filled(n, [](double i, double) { return i + 1; })), w(size_of(n)), v(a);
  const auto each = [&](const char* what, const std::string& wanted) {
    refused(what, refusal([&] { ce::eigenvalues(stream, n, a.data(), w.data()); }), wanted);
    refused(what, refusal([&] { ce::eigenpairs(stream, n, a.data(), w.data(), v.data()); }),
            wanted);
    refused(what, refusal([&] { ce::certified_signs(stream, n, a.data(), 0.0); }), wanted);
  };
  const double kept = a[33 * n + 35];
  a[33 * n + 35] = std::numeric_limits<double>::quiet_NaN();
  each("NaN", "A: NaN at (33, 35), expected finite numbers");
  a[33 * n + 35] = -std::numeric_limits<double>::infinity();
  each("infinity", "A: -infinite at (33, 35), expected finite numbers");
  a[33 * n + 35] = kept + 1;
  each("not symmetric", "A: not symmetric, |A[35, 33] - A[33, 35]| = 1 is its largest");
  const std::string cpu = refusal([&] { eig::check_symmetric(n, a.data(), "A"); });
  each("in the CPU's words", cpu);
  a[33 * n + 35] = kept;
  const Vector large(a.size(), 1.7e308);
  refused("beyond float64", refusal([&] { ce::eigenvalues(stream, n, large.data(), w.data()); }),
          "A: an eigenvalue is beyond the range of float64");
  const std::int64_t many = c::solver::most_ldlt + 1;
  refused("too many", refusal([&] { c::solver::ldlt(stream, many, nullptr, nullptr); }),
          "n 46341, expected at most 46340");
}

}  // namespace

int main() {
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
  for (const Case& of : cases)
    for (const std::int64_t n : sizes) {
      values_and_pairs(of, n);
      signs(of, n);
    }
  double none = -1;
  ce::eigenvalues<double>(stream, 0, nullptr, &none);
  ce::eigenpairs<double>(stream, 0, nullptr, &none, nullptr);
  expect(none == -1 && ce::certified_signs<double>(stream, 0, nullptr, 1.0).band == 1, "n = 0");
  float32_and_asymmetric();
  refusals();
  return summary("eig on the device");
}
