// Trains a small network to tell the inside of a ring from its outside, with Adam, and then asks
// for the curvature where it ended. Exits with 1 if the loss did not fall tenfold.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "core/blas.hpp"
#include "eig/lanczos.hpp"
#include "net/mlp.hpp"
#include "update/step.hpp"

namespace net = saddlescape::net;
namespace update = saddlescape::update;

namespace {

constexpr std::int64_t samples = 400;

// A generator that is the same on every machine; std::uniform_real_distribution need not be.
double uniform(std::uint64_t& state) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return static_cast<double>(state >> 11) / 9007199254740992.0;
}

}  // namespace

int main() {
  saddlescape::blas::load(SADDLESCAPE_BLAS_LIBRARY);

  std::uint64_t seed = 1;
  std::vector<double> X(samples * 2), Y(samples * 2);
  for (std::int64_t i = 0; i < samples; ++i) {
    const double x = 2 * uniform(seed) - 1, y = 2 * uniform(seed) - 1;
    const bool inside = x * x + y * y < 0.5;
    X[2 * i] = x, X[2 * i + 1] = y;
    Y[2 * i + inside] = 1;  // one-hot
  }
  const net::Batch<double> batch{X.data(), Y.data(), samples};

  net::Architecture mlp;
  mlp.sizes = {2, 16, 2};
  const std::int64_t P = mlp.parameters();
  std::vector<double> theta(P), gradient(P), exp_avg(P), exp_avg_sq(P);
  for (double& weight : theta) weight = 2 * uniform(seed) - 1;

  update::Tensor tensor;
  tensor.size = P;
  tensor.parameters = theta.data();
  tensor.gradient = gradient.data();
  tensor.state[0] = exp_avg.data();
  tensor.state[1] = exp_avg_sq.data();
  tensor.parameter_type = tensor.gradient_type = tensor.state_type = update::Element::float64;
  update::Group adam{&update::rule("adam"), {}};
  adam.options.lr = 0.02;
  adam.options.beta1 = 0.9;
  adam.options.beta2 = 0.999;
  adam.options.eps = 1e-8;
  update::Workspace workspace;

  const double before = net::loss(mlp, theta.data(), batch);
  for (int step = 0; step < 500; ++step) {
    const double loss = net::gradient(mlp, theta.data(), batch, gradient.data());
    if (step % 100 == 0) std::printf("step %3d  loss %.6f\n", step, loss);
    update::step(&adam, &tensor, 1, {}, workspace);
  }
  const double after = net::loss(mlp, theta.data(), batch);
  std::printf("step 500  loss %.6f\n", after);

  const saddlescape::eig::Operator hessian{P, [&](std::int64_t k, const double* V, double* HV) {
                                             net::hessian_product(mlp, theta.data(), batch, V, k,
                                                                  HV);
                                           }};
  const auto ends = saddlescape::eig::lanczos(hessian, {});
  std::printf("curvature %.3g to %.3g, residuals %.1g and %.1g\n", ends.eigenvalues[0],
              ends.eigenvalues[1], ends.residuals[0], ends.residuals[1]);
  return after < 0.1 * before ? 0 : 1;
}
