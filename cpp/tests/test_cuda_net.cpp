// The network on the device against the CPU's own: every activation and loss in both precisions,
// sizes round every edge, chunks, weights, orders, many vectors.
#include <cmath>
#include <string>
#include <vector>

#include "cuda/net/assembly.hpp"
#include "cuda/net/network.hpp"
#include "cuda/net/pairs.hpp"
#include "net/gradient.hpp"
#include "tests/cuda_net_samples.hpp"
#include "tests/cuda_pair.hpp"

namespace {

namespace c = saddlescape::cuda;
namespace n = saddlescape::net;
using namespace saddlescape::cuda_net;

saddlescape::cuda_lists::Tally tally{"cuda net"};

template <class T>
void check_gradient(c::Network<T>& network, const Samples<T>& of, const std::string& name) {
  const n::Architecture& net = network.net();
  const std::vector<T> nothing(static_cast<std::size_t>(net.parameters()), T(7));
  std::vector<T> g = nothing;
  n::LossGradient<T> cpu(net, of.N, true);
  const double value = cpu(of.theta.data(), of.here(), g.data());
  const Mirrored<T> out(nothing);
  const Mirrored<double> mean({0.0, 0.0});
  network.gradient(of.d_theta.data(), of.there(), out.data(), mean.data());
  network.loss(of.d_theta.data(), of.there(), mean.data() + 1);
  const std::vector<double> means = mean.back();
  tally.expect(deviation(out.back(), g) <= tolerance<T>, name + " gradient");
  tally.expect(std::abs(means[0] - value) <= tolerance<T> * std::abs(value) && means[0] == means[1],
               name + " loss");
}

template <class T>
void check_outputs(c::Network<T>& network, const Samples<T>& of, const std::string& name) {
  const n::Architecture& net = network.net();
  std::vector<T> f(static_cast<std::size_t>(of.N * net.outputs()));
  const Mirrored<T> out(f);
  n::predict(net, of.theta.data(), of.X.data(), of.N, f.data());
  network.predict(of.d_theta.data(), of.d_X.data(), of.N, out.data());
  tally.expect(deviation(out.back(), f) <= tolerance<T>, name + " outputs");
}

template <class T>
void check_products(c::Network<T>& network, const Samples<T>& of, std::int64_t k,
                    const std::string& name) {
  const n::Architecture& net = network.net();
  const std::vector<T> V = numbers<T>(k * net.parameters(), 3);
  std::vector<T> HV(V.size(), T(7));
  const Mirrored<T> d_V(V), out(HV);
  n::hessian_product(net, of.theta.data(), of.here(), V.data(), k, HV.data());
  network.products(of.d_theta.data(), of.there(), d_V.data(), k, out.data());
  tally.expect(deviation(out.back(), HV) <= tolerance<T>,
               name + " products with " + std::to_string(k));
}

void check_dense(const n::Architecture& net, const Samples<double>& of, n::Part part,
                 std::int64_t first, std::int64_t last, std::int64_t bytes,
                 const std::string& name) {
  const std::int64_t P = net.weight_offset(last + 1) - net.weight_offset(first);
  std::vector<double> H(static_cast<std::size_t>(P * P));
  const Mirrored<double> out(H);
  n::hessian(net, of.theta.data(), of.here(), part, first, last, H.data());
  c::DenseHessian dense(net, stream, {c::Precision::full, bytes});
  dense.compute(of.d_theta.data(), of.there(), part, first, last, out.data());
  const std::vector<double> there = out.back();
  bool symmetric = true;
  for (std::int64_t i = 0; i < P; ++i)
    for (std::int64_t j = 0; j < i; ++j) symmetric &= there[i * P + j] == there[j * P + i];
  tally.expect(deviation(there, H) <= tolerance<double>, name + " Hessian");
  tally.expect(symmetric, name + " Hessian is symmetric");
}

// Every pair of formulas; two chunks and more where little memory may be used.
template <class T>
void check_formulas() {
  for (const auto& activation : n::activations)
    for (const auto& loss : n::losses) {
      n::Architecture net{{3, 5, 4, 2}, activation.activation, loss.loss};
      net.huber_delta = 0.4;
      for (const std::int64_t bytes : {1 << 26, 20'000}) {
        const Samples<T> of(net, 37, bytes == 20'000, false);
        const std::string name = std::string(activation.name) + " " + loss.name;
        c::Network<T> network(net, stream, {c::Precision::full, bytes});
        check_outputs(network, of, name);
        check_gradient(network, of, name);
        check_products(network, of, 3, name);
        if constexpr (sizeof(T) == 8)
          for (const n::Part part : {n::Part::all, n::Part::gauss_newton, n::Part::functional})
            check_dense(net, of, part, 1, net.layers(), bytes, name);
      }
    }
}

// Sizes, samples and vectors round the edges of blocks and groups.
template <class T>
void check_sizes() {
  const std::vector<std::vector<std::int64_t>> shapes = {
      {1, 1}, {3, 1}, {4, 3}, {1, 1, 1}, {2, 7, 3}, {5, 17, 2, 9}, {3, 2, 4, 3, 2}, {7, 33, 1, 3}};
  for (const auto& sizes : shapes)
    for (const bool bias : {true, false})
      for (const std::int64_t N : {1, 2, 255, 256, 257}) {
        const n::Architecture net{sizes, n::Activation::tanh,
                                  sizes.back() > 1 ? n::Loss::cross_entropy : n::Loss::bce, bias};
        std::string name = "N " + std::to_string(N) + (bias ? "" : " no bias");
        for (const std::int64_t d : sizes) name += " " + std::to_string(d);
        c::Network<T> network(net, stream, {c::Precision::full, 60'000});
        const Samples<T> plain(net, N, false, false), ordered(net, N, true, true);
        check_outputs(network, plain, name);
        check_gradient(network, plain, name);
        check_gradient(network, ordered, name + " in an order");
        for (const std::int64_t k : {1, 2}) check_products(network, plain, k, name);
        if constexpr (sizeof(T) == 8)
          check_dense(net, plain, n::Part::all, 1, net.layers(), 1 << 20, name);
      }
  const n::Architecture net{{3, 4, 2}, n::Activation::silu, n::Loss::mse};
  c::Network<T> network(net, stream);
  const Samples<T> of(net, 9, true, false);
  for (const std::int64_t k : {0, 63, 64, 65, 130}) check_products(network, of, k, "groups");
}

// Blocks of some layers alone; tiles that are not the only ones.
void check_blocks() {
  const n::Architecture net{{3, 4, 5, 3, 2}, n::Activation::softplus, n::Loss::cross_entropy};
  const Samples<double> of(net, 21, true, false);
  for (std::int64_t first = 1; first <= net.layers(); ++first)
    for (std::int64_t last = first; last <= net.layers(); ++last)
      for (const n::Part part : {n::Part::all, n::Part::gauss_newton, n::Part::functional})
        check_dense(net, of, part, first, last, 30'000, "some layers");
  const n::Architecture wide{{70, 5, 66}, n::Activation::tanh, n::Loss::mse};
  check_dense(wide, Samples<double>(wide, 3, false, false), n::Part::all, 1, 2, 1 << 24, "tiles");
}

// A pair from its number, where a root of numbers beyond 2^31 has to be right to the last.
void check_pairs() {
  bool right = true;
  for (const std::int64_t one : {1, 2, 3, 1000, 70'000, 3'000'000}) {
    const c::Pairs pairs = c::Pairs::ordered(one);
    for (std::int64_t first = 0; first < one; first += 1 + one / 997)
      for (const std::int64_t second : {first, (first + one) / 2, one - 1}) {
        const c::IndexPair pair = pairs.at(pairs.start(first) + second - first);
        right = right && pair.first == first && pair.second == second;
      }
    right = right && pairs.at(pairs.count() - 1).first == one - 1;
  }
  tally.expect(right, "ordered pairs by their numbers");
}

}  // namespace

int main() {
  if (!saddlescape::cuda_lists::have_device()) return saddlescape::cuda_lists::left_out;
#ifdef SADDLESCAPE_TEST_BLAS
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
#endif
  check_formulas<double>();
  check_formulas<float>();
  check_sizes<double>();
  check_sizes<float>();
  check_blocks();
  check_pairs();
  return tally.end();
}
