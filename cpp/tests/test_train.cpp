// Training steps without Python: gradients against differences of the loss, the same bits for any
// number of threads and every instruction set that fuses multiplication and addition, a loop
// against calls of its parts, and how it ends.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/blas.hpp"
#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "train/loop.hpp"
#include "train_samples.hpp"

namespace {

using namespace saddlescape;
using net::Activation;
using net::Architecture;
using net::Batch;
using net::Loss;

struct Case {
  Architecture net;
  std::int64_t samples;
};

const std::vector<Case> cases = {
    {{{2, 3, 2}, Activation::tanh, Loss::cross_entropy, true}, 1},
    {{{5, 17, 16, 3}, Activation::sigmoid, Loss::mse, true}, 15},
    {{{16, 33, 4}, Activation::silu, Loss::bce, false}, 130},
    {{{7, 9, 2}, Activation::softplus, Loss::cross_entropy, true}, 257},
};

std::vector<double> targets(const Case& each) {
  std::vector<double> Y(static_cast<std::size_t>(each.samples * each.net.outputs()));
  for (std::int64_t i = 0; i < each.samples; ++i)
    Y[static_cast<std::size_t>(i * each.net.outputs() + i % each.net.outputs())] = 1;
  return Y;
}

// Central differences over h = u^(1/3) = 6e-6 are wrong by some 4e-11.
void test_gradient(const Case& each) {
  const std::int64_t P = each.net.parameters();
  auto theta = numbers<double>(P, 1);
  const auto X = numbers<double>(each.samples * each.net.inputs(), 2), Y = targets(each);
  const Batch<double> batch{X.data(), Y.data(), each.samples};
  std::vector<double> g(static_cast<std::size_t>(P));
  net::LossGradient<double> gradient(each.net, each.samples);
  const double loss = gradient(theta.data(), batch, g.data());
  expect(std::abs(loss - net::loss(each.net, theta.data(), batch)) < 1e-13 * std::abs(loss),
         "loss");
  double worst = 0;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    const double at = theta[i], h = 6e-6;
    theta[i] = at + h;
    const double above = net::loss(each.net, theta.data(), batch);
    theta[i] = at - h;
    const double below = net::loss(each.net, theta.data(), batch);
    theta[i] = at;
    worst = std::max(worst, std::abs((above - below) / (2 * h) - g[i]));
  }
  expect(worst < 1e-7, "gradient, off by " + std::to_string(worst));
}

// An optimizer of its own memory.
template <class T>
struct Adam {
  std::vector<T> theta, m, v;
  update::Group group{&update::rule("adam"), {}};
  update::Tensor tensor;
  update::Around around;
  update::Workspace workspace;
  update::Outcome outcome;
  std::int64_t calls = 0;

  explicit Adam(std::int64_t P) : theta(numbers<T>(P, 1)), m(theta.size()), v(theta.size()) {
    group.options.beta1 = 0.9;
    group.options.beta2 = 0.999;
    group.options.eps = 1e-8;
    tensor.size = P;
    tensor.parameters = theta.data();
    tensor.state[0] = m.data();
    tensor.state[1] = v.data();
    tensor.parameter_type = tensor.state_type =
        sizeof(T) == sizeof(float) ? update::Element::float32 : update::Element::float64;
  }
  train::Stepping stepping() { return {&group, &tensor, &around, &workspace, &outcome, &calls}; }
};

template <class T>
struct Trained {
  std::vector<T> theta;
  std::vector<double> records;
  train::Progress progress;
};

template <class T>
Trained<T> train_some(const Architecture& net, std::int64_t samples, std::int64_t size,
                      double rate) {
  const auto X = numbers<T>(samples * net.inputs(), 2), Y = numbers<T>(samples * net.outputs(), 3);
  Adam<T> adam(net.parameters());
  train::Loop<T> loop(net, adam.theta.data(), {X.data(), Y.data(), samples}, size, {});
  std::vector<std::int64_t> order(static_cast<std::size_t>(samples));
  for (std::int64_t i = 0; i < samples; ++i) order[static_cast<std::size_t>(i)] = i * 7 % samples;
  const std::int64_t steps = size < samples ? (samples + size - 1) / size : 3;
  const std::vector<double> rates(static_cast<std::size_t>(steps), rate), weights(rates.size());
  Trained<T> all;
  all.records.resize(static_cast<std::size_t>(steps * train::record_width));
  all.progress = loop.run({size < samples ? order.data() : nullptr, samples, size, steps,
                           rates.data(), weights.data(), all.records.data(), 1e9},
                          adam.stepping());
  all.theta = adam.theta;
  return all;
}

// Those whose products have the same bits.
std::vector<isa::Isa> alike() {
  std::vector<isa::Isa> all = isa::available();
  const auto unfused = std::find(all.begin(), all.end(), isa::Isa::x86_64_v2);
  if (isa::active() == isa::Isa::x86_64_v2) return {isa::Isa::x86_64_v2};
  if (unfused != all.end()) all.erase(unfused);
  return all;
}

template <class T>
void test_bits() {
  const std::vector<isa::Isa> sets = alike();
  const Architecture wide{{300, 257, 128, 10}, Activation::tanh, Loss::mse, true};
  const Architecture small{{8, 16, 3}, Activation::elu, Loss::mse, true};
  struct {
    const Architecture& net;
    std::int64_t samples, size;
  } const rows[] = {{wide, 3, 1},      {wide, 70, 32}, {wide, 300, 300}, {wide, 1'810, 1'800},
                    {small, 700, 700}, {small, 40, 9}};  // 1'800: two runs in float64
  for (const auto& row : rows) {
    const std::string text = "samples " + std::to_string(row.samples);
    set_threads(1);
    const Trained<T> expected = train_some<T>(row.net, row.samples, row.size, 1e-3);
    for (const int count : {2, 3}) {
      set_threads(count);
      for (const isa::Isa each : sets) {
        isa::force(isa::name(each));
        const Trained<T> found = train_some<T>(row.net, row.samples, row.size, 1e-3);
        expect(found.theta == expected.theta, "theta, " + text);
        expect(found.records[0] == expected.records[0], "loss, " + text);
      }
    }
  }
}

void test_parts() {
  const Architecture net{{5, 17, 3}, Activation::tanh, Loss::mse, true};
  const auto X = numbers<double>(21 * 5, 2), Y = numbers<double>(21 * 3, 3);
  const Batch<double> batch{X.data(), Y.data(), 21};
  Adam<double> adam(net.parameters());
  adam.group.options.lr = 1e-2;
  std::vector<double> g(adam.theta.size());
  const Trained<double> found = train_some<double>(net, 21, 21, 1e-2);
  for (int t = 0; t < 3; ++t) {
    const double loss = net::gradient(net, adam.theta.data(), batch, g.data());
    expect(loss == found.records[static_cast<std::size_t>(t * train::record_width)],
           "a step's loss");
    adam.tensor.gradient = g.data();
    adam.tensor.gradient_type = update::Element::float64;
    update::step(&adam.group, &adam.tensor, 1, {}, adam.workspace);
  }
  expect(adam.theta == found.theta, "steps by update::step");
}

// A loop for each step, which knows of the one before what it was told, against a single loop.
template <class T>
void test_memory() {
  const Architecture net{{5, 17, 3}, Activation::tanh, Loss::mse, true};
  const auto X = numbers<T>(21 * 5, 2), Y = numbers<T>(21 * 3, 3);
  const Trained<T> whole = train_some<T>(net, 21, 21, 1e-2);
  Adam<T> adam(net.parameters());
  std::vector<T> before, gradient;
  double norm = 0;
  const double rate = 1e-2, weight = 0;
  std::vector<double> records;
  for (int t = 0; t < 3; ++t) {
    train::Loop<T> loop(net, adam.theta.data(), {X.data(), Y.data(), 21}, 21, {});
    if (t > 0) loop.remember({before.data(), gradient.data(), norm});
    expect((loop.memory().gradient == nullptr) == (t == 0), "a gradient to look back at");
    double record[train::record_width];
    loop.run({nullptr, 21, 21, 1, &rate, &weight, record, 1e9}, adam.stepping());
    records.insert(records.end(), record, record + train::record_width);
    const train::Memory<T> kept = loop.memory();
    before.assign(kept.before, kept.before + loop.parameters());
    gradient.assign(kept.gradient, kept.gradient + loop.parameters());
    norm = kept.norm;
  }
  expect(adam.theta == whole.theta, "steps of loops that remember");
  // bit for bit: the first cosine is NaN
  expect(std::memcmp(records.data(), whole.records.data(), records.size() * sizeof(double)) == 0,
         "records of loops that remember");
}

void test_end() {
  const Architecture net{{5, 17, 3}, Activation::relu, Loss::mse, true};
  const Trained<float> found = train_some<float>(net, 21, 21, 1e30);
  expect(!found.progress.finite, "steps of 1e30 end it");
  for (const float x : found.theta) expect(std::isfinite(x), "finite parameters");
}

}  // namespace

int main() {
#ifdef SADDLESCAPE_TEST_BLAS
  blas::load(SADDLESCAPE_TEST_BLAS);
#else
  blas::load("");
#endif
  for (const Case& each : cases) test_gradient(each);
  test_bits<float>();
  test_bits<double>();
  test_parts();
  test_memory<float>();
  test_memory<double>();
  test_end();
  return summary("train");
}
