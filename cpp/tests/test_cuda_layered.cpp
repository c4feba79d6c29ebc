// Networks that normalise, drop units out or are skipped, on the device against the CPU's own: in
// training and at test time, every activation, sizes round every edge, chunks, weights, orders.
#include <cmath>
#include <string>
#include <vector>

#include "cuda/net/assembly.hpp"
#include "cuda/net/network.hpp"
#include "net/layered.hpp"
#include "tests/cuda_net_samples.hpp"
#include "tests/cuda_pair.hpp"

namespace {

namespace c = saddlescape::cuda;
namespace n = saddlescape::net;
using namespace saddlescape::cuda_net;

saddlescape::cuda_lists::Tally tally{"cuda layered"};

// A normalisation divides by deviations, and so adds to what a sum's order makes.
template <class T>
constexpr double close = sizeof(T) == 4 ? 2e-4 : 1e-11;

// A network and what it is asked for, with averages of its own.
struct Case {
  n::Architecture net;
  n::Mode mode;
  std::vector<double> mean, variance;
  std::string name;

  Case(n::Architecture of, bool training) : net(std::move(of)) {
    const std::int64_t units = net.hidden_units();
    mean = numbers<double>(units, 11);
    variance = numbers<double>(units, 12);
    for (double& each : variance) each = each * each + 0.1;
    mode.training = training;
    mode.seed = 5, mode.draw = 3;
    for (const auto& each : n::normalisations)
      if (each.normalisation == net.normalisation) name = each.name;
    for (const auto& each : n::activations)
      if (each.activation == net.activation) name += std::string(" ") + each.name;
    name += net.normalise_after ? " after" : " before";
    if (net.residual) name += " residual";
    if (net.dropout > 0) name += " dropout";
    if (!net.bias) name += " no bias";
    name += training ? " training" : " test";
    for (const std::int64_t d : net.sizes) name += " " + std::to_string(d);
  }
  n::Mode asked() const {
    n::Mode own = mode;
    own.mean = mean.data(), own.variance = variance.data();
    return own;
  }
};

// Where the batch's moments go, twice.
struct Seen {
  std::vector<double> here, there;

  explicit Seen(const Case& of)
      : here(static_cast<std::size_t>(2 * of.net.hidden_units())), there(here) {}
  static n::Mode into(std::vector<double>& seen, n::Mode mode) {
    mode.seen_mean = seen.data();
    mode.seen_variance = seen.data() + seen.size() / 2;
    return mode;
  }
};

// The CPU's functions of normalised networks take no order.
template <class T>
struct Ordered {
  std::vector<T> X, Y, weight;
  n::Batch<T> batch;

  Ordered(const n::Architecture& net, const n::Batch<T>& from) : batch(from) {
    if (!from.order) return;
    const std::int64_t d = net.inputs(), C = net.outputs();
    for (std::int64_t i = 0; i < from.N; ++i) {
      const std::int64_t row = from.order[i];
      X.insert(X.end(), from.X + row * d, from.X + (row + 1) * d);
      Y.insert(Y.end(), from.Y + row * C, from.Y + (row + 1) * C);
      weight.push_back(from.weight ? from.weight[row] : T(1));
    }
    batch = {X.data(), Y.data(), from.N, weight.data()};
  }
};

template <class T>
void check_gradient(c::Network<T>& network, const Case& of, const Samples<T>& samples,
                    const std::string& name) {
  const n::Architecture& net = of.net;
  std::vector<T> g(static_cast<std::size_t>(net.parameters()), T(7));
  const Mirrored<T> out(g);
  const Mirrored<double> mean({0.0, 0.0});
  Seen seen(of);
  const Ordered<T> here(net, samples.here());
  const double value = n::gradient(net, samples.theta.data(), here.batch, g.data(),
                                   Seen::into(seen.here, of.asked()));
  network.gradient(samples.d_theta.data(), samples.there(), out.data(), mean.data(),
                   Seen::into(seen.there, of.asked()));
  network.loss(samples.d_theta.data(), samples.there(), mean.data() + 1, of.asked());
  const std::vector<double> means = mean.back();
  tally.expect(deviation(out.back(), g) <= close<T>, name + " gradient");
  tally.expect(std::abs(means[0] - value) <= close<T> * std::abs(value) && means[0] == means[1],
               name + " loss");
  tally.expect(deviation(seen.there, seen.here) <= close<T>, name + " moments");
}

template <class T>
void check_outputs(c::Network<T>& network, const Case& of, const Samples<T>& samples,
                   const std::string& name) {
  std::vector<T> f(static_cast<std::size_t>(samples.N * of.net.outputs()));
  const Mirrored<T> out(f);
  n::predict(of.net, samples.theta.data(), samples.X.data(), samples.N, f.data(), of.asked());
  network.predict(samples.d_theta.data(), samples.d_X.data(), samples.N, out.data(), of.asked());
  tally.expect(deviation(out.back(), f) <= close<T>, name + " outputs");
}

template <class T>
void check_products(c::Network<T>& network, const Case& of, const Samples<T>& samples,
                    std::int64_t k, const std::string& name) {
  const std::vector<T> V = numbers<T>(k * of.net.parameters(), 3);
  std::vector<T> HV(V.size(), T(7));
  const Mirrored<T> d_V(V), out(HV);
  const Ordered<T> here(of.net, samples.here());
  n::hessian_product(of.net, samples.theta.data(), here.batch, V.data(), k, HV.data(), of.asked());
  network.products(samples.d_theta.data(), samples.there(), d_V.data(), k, out.data(), of.asked());
  tally.expect(deviation(out.back(), HV) <= close<T>, name + " products with " + std::to_string(k));
}

void check_dense(const Case& of, const Samples<double>& samples, n::Part part, std::int64_t first,
                 std::int64_t last, std::int64_t bytes, const std::string& name) {
  const std::int64_t P = of.net.weight_offset(last + 1) - of.net.weight_offset(first);
  std::vector<double> H(static_cast<std::size_t>(P * P));
  const Mirrored<double> out(H);
  if (of.net.plain(of.mode))
    n::hessian(of.net, samples.theta.data(), samples.here(), part, first, last, H.data());
  else
    n::layered_hessian(of.net, samples.theta.data(), samples.here(), of.asked(), part, first, last,
                       H.data());
  c::DenseHessian dense(of.net, stream, {c::Precision::full, bytes});
  dense.compute(samples.d_theta.data(), samples.there(), part, first, last, out.data(), of.asked());
  const std::vector<double> there = out.back();
  bool symmetric = true;
  for (std::int64_t i = 0; i < P; ++i)
    for (std::int64_t j = 0; j < i; ++j) symmetric &= there[i * P + j] == there[j * P + i];
  tally.expect(deviation(there, H) <= close<double>, name + " Hessian");
  tally.expect(symmetric, name + " Hessian is symmetric");
}

// calls(case) for every way that a hidden layer can be, but plain ones.
template <class Call>
void each_layer(const n::Architecture& like, const Call& call) {
  for (const auto& normalisation : n::normalisations)
    for (const bool after : {false, true})
      for (const bool residual : {false, true})
        for (const double dropout : {0.0, 0.3})
          for (const bool bias : {true, false})
            for (const bool training : {false, true}) {
              n::Architecture net = like;
              net.normalisation = normalisation.normalisation;
              net.normalise_after = after;
              net.residual = residual;
              net.dropout = dropout;
              net.bias = bias;
              if (after && net.normalisation == n::Normalisation::none) continue;
              call(Case(net, training));
            }
}

// One chunk, and several where little memory may be used.
template <class T>
void check_layers() {
  const n::Architecture like{{4, 4, 5, 5, 2}, n::Activation::tanh, n::Loss::cross_entropy};
  each_layer(like, [](const Case& of) {
    for (const std::int64_t bytes : {1 << 26, 20'000}) {
      const Samples<T> samples(of.net, 37, bytes == 20'000, bytes == 20'000);
      c::Network<T> network(of.net, stream, {c::Precision::full, bytes});
      const std::string name = of.name + (bytes == 20'000 ? " chunks" : "");
      check_outputs(network, of, samples, name);
      check_gradient(network, of, samples, name);
      check_products(network, of, samples, 3, name);
    }
  });
}

template <class T>
void check_activations() {
  for (const auto& activation : n::activations) {
    n::Architecture like{{3, 6, 6, 1}, activation.activation, n::Loss::mse};
    like.residual = true, like.dropout = 0.4;
    for (const auto& normalisation : n::normalisations)
      for (const bool after : {false, true}) {
        like.normalisation = normalisation.normalisation;
        like.normalise_after = after;
        const Case of(like, true);
        const Samples<T> samples(like, 21, false, false);
        c::Network<T> network(like, stream);
        check_gradient(network, of, samples, of.name);
        check_products(network, of, samples, 2, of.name);
      }
  }
}

// Samples and units round the edges of blocks.
template <class T>
void check_sizes() {
  for (const std::vector<std::int64_t>& sizes :
       {std::vector<std::int64_t>{3, 1}, {2, 1, 1}, {3, 8, 9, 2}, {7, 7, 33, 2}})
    for (const std::int64_t N : {1, 2, 8, 9, 33, 257})
      for (const auto normalisation : {n::Normalisation::batch, n::Normalisation::layer}) {
        n::Architecture net{sizes, n::Activation::silu, n::Loss::mse};
        net.normalisation = normalisation;
        net.residual = true, net.dropout = 0.25;
        // Of one sample there are no moments over a batch.
        const Case of(net, N > 1 || normalisation == n::Normalisation::layer);
        const Samples<T> samples(net, N, true, false);
        c::Network<T> network(net, stream, {c::Precision::full, 60'000});
        const std::string name = of.name + " N " + std::to_string(N);
        check_gradient(network, of, samples, name);
        check_products(network, of, samples, 1, name);
      }
}

// All of it and its parts, of all layers and of some.
void check_hessians() {
  const n::Architecture like{{2, 2, 2, 2}, n::Activation::softplus, n::Loss::cross_entropy};
  each_layer(like, [](const Case& of) {
    if (!of.net.bias || of.net.residual != (of.net.dropout > 0)) return;
    const Samples<double> samples(of.net, 21, true, false);
    for (const n::Part part : {n::Part::all, n::Part::gauss_newton, n::Part::functional})
      check_dense(of, samples, part, 1, 3, 1 << 26, of.name);
    check_dense(of, samples, n::Part::all, 2, 3, 30'000, of.name + " chunks, two layers");
  });
}

// More vectors than go through at a time.
template <class T>
void check_groups() {
  n::Architecture net{{3, 3, 2}, n::Activation::tanh, n::Loss::mse};
  net.residual = true;
  for (const auto normalisation : {n::Normalisation::batch, n::Normalisation::layer}) {
    net.normalisation = normalisation;
    const Case of(net, true);
    const Samples<T> samples(net, 9, true, false);
    c::Network<T> network(net, stream);
    for (const std::int64_t k : {0, 64, 65}) check_products(network, of, samples, k, of.name);
  }
}

}  // namespace

int main() {
  if (!saddlescape::cuda_lists::have_device()) return saddlescape::cuda_lists::left_out;
#ifdef SADDLESCAPE_TEST_BLAS
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
#endif
  check_layers<double>();
  check_layers<float>();
  check_activations<double>();
  check_activations<float>();
  check_sizes<double>();
  check_sizes<float>();
  check_groups<double>();
  check_groups<float>();
  check_hessians();
  return tally.end();
}
