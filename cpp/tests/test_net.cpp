// The network without Python: gradient by finite differences, Hessian products by differences of
// gradients, symmetry, few vectors against many, more samples than a chunk holds.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "core/blas.hpp"
#include "core/parallel.hpp"
#include "net/assembly.hpp"

namespace {

using saddlescape::net::Architecture;
using saddlescape::net::Batch;
using Vector = std::vector<double>;

int failures = 0;

void expect(bool ok, const std::string& what, double value) {
  if (ok) return;
  ++failures;
  std::printf("FAILED %s: %.3e\n", what.c_str(), value);
}

// Numbers in (-1, 1) from a linear congruence: the same on every machine.
Vector numbers(std::int64_t n, std::uint64_t seed) {
  Vector all(static_cast<std::size_t>(n));
  for (double& x : all) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    x = static_cast<double>(seed >> 11) / 4503599627370496.0 - 1;
  }
  return all;
}

double largest(const Vector& a) {
  double most = 0;
  for (double x : a) most = std::max(most, std::abs(x));
  return most;
}

double deviation(const Vector& a, const Vector& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

Vector moved(const Vector& theta, const Vector& v, double step) {
  Vector result = theta;
  for (std::size_t i = 0; i < theta.size(); ++i) result[i] += step * v[i];
  return result;
}

// Central differences over h = u^(1/3) = 6e-6 are wrong by some 4e-11; 1e-7 has room for large
// third derivatives and is far below what a wrong term changes.
constexpr double step = 6e-6, tolerance = 1e-7;

void test_derivatives(const Architecture& net, const Batch<double>& batch,
                      const std::string& name) {
  const std::int64_t P = net.parameters();
  const Vector theta = numbers(P, 1), v = numbers(P, 2);
  Vector g(theta.size()), above(theta.size()), below(theta.size()), Hv(theta.size());
  saddlescape::net::gradient(net, theta.data(), batch, g.data());
  saddlescape::net::hessian_product(net, theta.data(), batch, v.data(), 1, Hv.data());
  const Vector up = moved(theta, v, step), down = moved(theta, v, -step);
  const double L_up = saddlescape::net::gradient(net, up.data(), batch, above.data());
  const double L_down = saddlescape::net::gradient(net, down.data(), batch, below.data());

  double slope = 0;
  for (std::size_t i = 0; i < v.size(); ++i) slope += g[i] * v[i];
  expect(std::abs((L_up - L_down) / (2 * step) - slope) < tolerance, name + " gradient", slope);
  Vector difference(theta.size());
  for (std::size_t i = 0; i < v.size(); ++i) difference[i] = (above[i] - below[i]) / (2 * step);
  expect(deviation(difference, Hv) < tolerance * (1 + largest(Hv)), name + " product",
         deviation(difference, Hv));

  Vector extended(theta.size());
  saddlescape::net::hessian_product_extended(net, theta.data(), batch, v.data(), extended.data());
  expect(deviation(extended, Hv) < 1e-13 * (1 + largest(Hv)), name + " extended product",
         deviation(extended, Hv));
}

void test_hessian(const Architecture& net, const Batch<double>& batch, const std::string& name) {
  const std::int64_t P = net.parameters();
  const Vector theta = numbers(P, 1), v = numbers(P, 3);
  Vector H(static_cast<std::size_t>(P * P)), Hv(theta.size()), by_rows(theta.size());
  saddlescape::net::hessian(net, theta.data(), batch, saddlescape::net::Part::all, 1, net.layers(),
                            H.data());
  std::int64_t unequal = 0;
  for (std::int64_t i = 0; i < P; ++i)
    for (std::int64_t j = 0; j < P; ++j) {
      unequal += H[i * P + j] != H[j * P + i];
      by_rows[i] += H[i * P + j] * v[j];
    }
  expect(unequal == 0, name + " symmetry, exactly", static_cast<double>(unequal));
  saddlescape::net::hessian_product(net, theta.data(), batch, v.data(), 1, Hv.data());
  expect(deviation(by_rows, Hv) < 1e-13 * static_cast<double>(P) * (1 + largest(H)),
         name + " dense against product", deviation(by_rows, Hv));
}

// The same bits for 1, 2 and 3 threads.
void test_threads(const Architecture& net, const Batch<double>& batch, const std::string& name) {
  const std::int64_t P = net.parameters(), k = 9;
  const Vector theta = numbers(P, 1), V = numbers(k * P, 4);
  const int before = saddlescape::threads();
  Vector g[3], HV[3];
  for (int threads = 1; threads <= 3; ++threads) {
    saddlescape::set_threads(threads);
    g[threads - 1].resize(theta.size());
    HV[threads - 1].resize(V.size());
    saddlescape::net::gradient(net, theta.data(), batch, g[threads - 1].data());
    saddlescape::net::hessian_product(net, theta.data(), batch, V.data(), k,
                                      HV[threads - 1].data());
  }
  saddlescape::set_threads(before);
  expect(g[0] == g[1] && g[0] == g[2], name + " gradient, threads", deviation(g[0], g[1]));
  expect(HV[0] == HV[1] && HV[0] == HV[2], name + " products, threads", deviation(HV[0], HV[1]));
}

}  // namespace

int main() {
#ifdef SADDLESCAPE_TEST_BLAS
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
#else
  saddlescape::blas::load("");
#endif
  int cases = 0;
  for (const auto& activation : saddlescape::net::activations)
    for (const auto& loss : saddlescape::net::losses)
      for (const bool bias : {true, false}) {
        const Architecture net{{3, 5, 4, 2}, activation.activation, loss.loss, bias};
        const std::int64_t N = 131;  // a chunk of 128 and one of 3
        const Vector X = numbers(N * 3, 5);
        Vector Y = numbers(N * 2, 6);
        for (double& y : Y) y = (y + 1) / 2;
        const Batch<double> batch{X.data(), Y.data(), N};
        const std::string name = std::string(activation.name) + " " + loss.name;
        // A step of 6e-6 must not cross the kink of a sample: only smooth pairs are differenced.
        const std::string phi = activation.name;
        if (phi != "relu" && phi != "leaky_relu" && phi != "elu" && phi.substr(0, 4) != "hard" &&
            loss.loss != saddlescape::net::Loss::mae && loss.loss != saddlescape::net::Loss::huber)
          test_derivatives(net, batch, name);
        test_hessian(net, batch, name);
        test_threads(net, batch, name);
        ++cases;
      }
  std::printf("%d networks, %d failures\n", cases, failures);
  return failures == 0 ? 0 : 1;
}
