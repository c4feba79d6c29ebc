// The network on the device against the CPU's own: every activation and loss in both precisions,
// sizes round every edge, chunks, weights, orders, many vectors; what can't be done, and memory
// that is not there.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuda/hosted/device.hpp"
#include "cuda/net/assembly.hpp"
#include "cuda/net/network.hpp"
#include "net/gradient.hpp"
#include "tests/cuda_pair.hpp"

namespace {

namespace c = saddlescape::cuda;
namespace n = saddlescape::net;

saddlescape::cuda_lists::Tally tally{"cuda net"};
const c::Stream stream;

// Numbers in (-1, 1) from a linear congruence: the same on every machine.
template <class T>
std::vector<T> numbers(std::int64_t count, std::uint64_t seed) {
  std::vector<T> all(static_cast<std::size_t>(count));
  for (T& x : all) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    x = static_cast<T>(static_cast<double>(seed >> 11) / 4503599627370496.0 - 1);
  }
  return all;
}

// A vector with a mirror on the device.
template <class T>
class Mirrored {
 public:
  explicit Mirrored(const std::vector<T>& numbers)
      : count_(static_cast<std::int64_t>(numbers.size())) {
    memory_.grow(std::max<std::int64_t>(1, bytes()));
    c::upload(stream, memory_.data(), numbers.data(), bytes());
    stream.wait();
  }
  T* data() const { return memory_.as<T>(); }
  std::vector<T> back() const {
    std::vector<T> numbers(static_cast<std::size_t>(count_));
    c::download(stream, numbers.data(), memory_.data(), bytes());
    stream.wait();
    return numbers;
  }

 private:
  std::int64_t bytes() const { return count_ * static_cast<std::int64_t>(sizeof(T)); }
  std::int64_t count_;
  c::Memory memory_{c::Memory::Where::device, "a test"};
};

template <class T>
double deviation(const std::vector<T>& a, const std::vector<T>& b) {
  double most = 0, large = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double apart = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    most = apart <= most ? most : apart;  // a NaN stays
    large = std::max(large, std::abs(static_cast<double>(b[i])));
  }
  return large > 0 ? most / large : most;
}

// Sums of some hundred numbers in another order: some units in the last place of the largest.
template <class T>
constexpr double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-12;

// A batch here and there.
template <class T>
struct Samples {
  std::vector<T> theta, X, Y, weight;
  std::vector<std::int64_t> order;
  Mirrored<T> d_theta, d_X, d_Y, d_weight;
  Mirrored<std::int64_t> d_order;
  std::int64_t N;

  Samples(const n::Architecture& net, std::int64_t N_in, bool weighted, bool ordered)
      : theta(numbers<T>(net.parameters(), 1)),
        X(numbers<T>((N_in + 3) * net.inputs(), 5)),
        Y(numbers<T>((N_in + 3) * net.outputs(), 6)),
        weight(numbers<T>(weighted ? N_in + 3 : 0, 7)),
        order(static_cast<std::size_t>(ordered ? N_in : 0)),
        d_theta(theta),
        d_X(X),
        d_Y(Y = halves(Y)),
        d_weight(weight = halves(weight)),
        d_order(order = shuffled(order)),
        N(N_in) {}

  n::Batch<T> here() const {
    return {X.data(), Y.data(), N, weight.empty() ? nullptr : weight.data(),
            order.empty() ? nullptr : order.data()};
  }
  n::Batch<T> there() const {
    return {d_X.data(), d_Y.data(), N, weight.empty() ? nullptr : d_weight.data(),
            order.empty() ? nullptr : d_order.data()};
  }

 private:
  static std::vector<T> halves(std::vector<T> x) {  // into [0, 1)
    for (T& each : x) each = (each + 1) / 2;
    return x;
  }
  // With repeats, and rows behind the first N.
  static std::vector<std::int64_t> shuffled(std::vector<std::int64_t> order) {
    const auto count = static_cast<std::int64_t>(order.size());
    for (std::int64_t i = 0; i < count; ++i) order[i] = (5 * i + 2) % (count + 3);
    return order;
  }
};

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

template <class Call>
std::string refused(const Call& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

void check_refused() {
  n::Architecture net{{2, 3, 1}};
  n::Architecture batch = net, layer = net, residual = net, dropout = net;
  batch.normalisation = n::Normalisation::batch;
  layer.normalisation = n::Normalisation::layer;
  residual.residual = true;
  dropout.dropout = 0.5;
  const std::pair<n::Architecture, std::string> rows[] = {{batch, "batch normalisation"},
                                                          {layer, "layer normalisation"},
                                                          {residual, "residual connections"},
                                                          {dropout, "dropout"}};
  for (const auto& [each, what] : rows) {
    const n::Architecture& of = each;
    const std::string said = refused([&] { c::Network<float> network(of, stream); });
    tally.expect(said.find("net: " + what) == 0, what + " is refused by its name");
    tally.expect(said == refused([&] { c::DenseHessian dense(of, stream); }), what + ", dense");
  }
  const Samples<double> none(net, 0, false, false);
  c::Network<double> network(net, stream);
  const Mirrored<double> out(none.theta);
  tally.expect(!refused([&] {
                  network.gradient(none.d_theta.data(), none.there(), out.data(), out.data());
                }).empty(),
               "a mean over no samples");
  network.predict(none.d_theta.data(), none.d_X.data(), 0, out.data());
  tally.expect(out.back() == none.theta, "the outputs of no samples are none");
}

// Where memory ends nothing has been written, and what would fit is said.
void check_memory() {
  c::TestDevice& device = c::test_device();
  const n::Architecture net{{3, 8, 2}, n::Activation::tanh, n::Loss::mse};
  const Samples<double> of(net, 50, false, false);
  const std::int64_t P = net.parameters();
  const Mirrored<double> out(std::vector<double>(static_cast<std::size_t>(P * P), 7.0)), value({7});
  const std::vector<double> before = out.back();
  for (int what = 0; what < 5; ++what) {
    c::Network<double> network(net, stream);
    c::DenseHessian dense(net, stream);
    const double* const theta = of.d_theta.data();
    const auto call = [&] {
      if (what == 0) network.predict(theta, of.d_X.data(), of.N, out.data());
      if (what == 1) network.loss(theta, of.there(), value.data());
      if (what == 2) network.gradient(theta, of.there(), out.data(), value.data());
      if (what == 3) network.products(theta, of.there(), theta, 1, out.data());
      if (what == 4) dense.compute(theta, of.there(), n::Part::all, 1, 2, out.data());
    };
    device.limit = device.used + 1000;
    std::string said;
    try {
      call();
    } catch (const c::OutOfMemory& error) {
      said = error.what();
    }
    device.limit = std::numeric_limits<std::int64_t>::max();
    tally.expect(said.find("50 samples at a time") != std::string::npos &&
                     said.find("would fit") != std::string::npos,
                 "out of memory says what would fit");
    tally.expect(out.back() == before && value.back()[0] == 7, "and changes nothing");
    call();
    tally.expect(what == 1 ? value.back()[0] != 7 : out.back() != before, "then it goes on");
    c::upload(stream, out.data(), before.data(), 8 * P * P);
    const double seven = 7;
    c::upload(stream, value.data(), &seven, 8);
    stream.wait();
  }
}

// The same bits again, and NaN that is not hidden.
void check_bits() {
  const n::Architecture net{{3, 8, 2}, n::Activation::relu, n::Loss::cross_entropy};
  Samples<float> of(net, 50, false, false);
  c::Network<float> network(net, stream, {c::Precision::full, 3000});
  const Mirrored<float> one(of.theta), two(of.theta);
  const Mirrored<double> value({0});
  network.gradient(of.d_theta.data(), of.there(), one.data(), value.data());
  network.gradient(of.d_theta.data(), of.there(), two.data(), value.data());
  tally.expect(one.back() == two.back(), "the same bits again");
  std::vector<float> spoilt = of.theta;
  spoilt[0] = std::numeric_limits<float>::quiet_NaN();
  const Mirrored<float> theta(spoilt);
  network.gradient(theta.data(), of.there(), one.data(), value.data());
  tally.expect(std::isnan(value.back()[0]) && std::isnan(one.back()[0]), "NaN stays NaN");
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
  check_refused();
  check_bits();
#if !defined(SADDLESCAPE_TEST_ON_DEVICE)
  check_memory();
#endif
  return tally.end();
}
