// Training steps on the device against the CPU's loop: records and parameters, with orders,
// penalties, weights and clipping; how steps end that are not finite; memory that is not there.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cuda/hosted/device.hpp"
#include "cuda/train/loop.hpp"
#include "tests/cuda_net_samples.hpp"
#include "tests/cuda_pair.hpp"

namespace {

namespace c = saddlescape::cuda;
namespace n = saddlescape::net;
namespace t = saddlescape::train;
namespace u = saddlescape::update;
using namespace saddlescape::cuda_net;

saddlescape::cuda_lists::Tally tally{"cuda train"};

struct Case {
  std::vector<std::int64_t> sizes;
  const char* rule;
  std::int64_t samples, batch;
  t::Penalty penalty;
  double clip_norm, rate;
  std::size_t calm = 0;  // steps of a burst with a rate of 0.01
};

const Case cases[] = {
    {{3, 5, 2}, "adam", 40, 40, {}, 0, 0.05},
    {{3, 5, 4, 2}, "adam", 41, 8, {}, 0, 0.05},
    {{3, 2}, "sgd", 17, 5, {0.01, 0.1}, 0, 0.3},
    {{3, 70, 60, 2}, "adam", 33, 32, {0, 0.01}, 0.5, 0.01},
    {{3, 4, 2}, "lion", 1, 1, {0.1, 0}, 0, 0.01},
};

u::Options options() {
  u::Options o;
  o.momentum = 0.9;
  o.beta1 = 0.9;
  o.beta2 = 0.999;
  o.eps = 1e-8;
  return o;
}

// An optimizer's arrays, here or there.
template <class T>
struct Kept {
  u::Group group;
  u::Tensor tensor;
  u::Around around;
  u::Outcome outcome;
  std::int64_t calls = 0;

  Kept(const Case& of, T* theta, T* const* states, std::int64_t P)
      : group{&u::rule(of.rule), options()} {
    tensor.size = P;
    tensor.parameters = theta;
    for (std::size_t s = 0; s < group.rule->state_names.size(); ++s) tensor.state[s] = states[s];
    tensor.parameter_type = tensor.state_type =
        sizeof(T) == 4 ? u::Element::float32 : u::Element::float64;
    if (of.clip_norm > 0) around.clip_norm = of.clip_norm;
  }
};

struct Ran {
  t::Progress progress;
  std::vector<double> records;
};

// Several bursts over an order that is a new one in each.
template <class Run>
Ran bursts(const Case& of, int count, const Run& run) {
  Ran all;
  for (int b = 0; b < count && all.progress.finite; ++b) {
    const std::int64_t steps = (of.samples + of.batch - 1) / of.batch;
    std::vector<std::int64_t> order(static_cast<std::size_t>(of.samples));
    for (std::int64_t i = 0; i < of.samples; ++i) order[i] = (i * 7 + b) % of.samples;
    std::vector<double> rates(static_cast<std::size_t>(steps), of.rate);
    const std::vector<double> weights(rates.size());
    std::fill_n(rates.begin(), std::min(of.calm, rates.size()), 0.01);
    std::vector<double> records(rates.size() * t::record_width);
    const t::Burst burst{of.batch < of.samples ? order.data() : nullptr,
                         of.samples,
                         of.batch,
                         steps,
                         rates.data(),
                         weights.data(),
                         records.data(),
                         1e9};
    const t::Progress progress = run(burst);
    records.resize(static_cast<std::size_t>(progress.steps * t::record_width));
    all.records.insert(all.records.end(), records.begin(), records.end());
    all.progress.steps += progress.steps;
    all.progress.finite = progress.finite;
  }
  return all;
}

// Rounding in another order, carried on by some steps.
template <class T>
constexpr double apart = sizeof(T) == 4 ? 2e-3 : 1e-10;

bool same(const std::vector<double>& a, const std::vector<double>& b, double allowed) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    // inf or NaN: sums that overflow say which by their order
    if ((std::isfinite(a[i]) || std::isfinite(b[i])) && a[i] != b[i] &&
        !(std::abs(a[i] - b[i]) <= allowed * (1e-3 + std::abs(b[i]))))
      return false;
  return true;
}

template <class T>
struct Both {
  Samples<T> data;
  std::vector<T> theta, m, v;
  Mirrored<T> d_theta, d_m, d_v;
  Kept<T> here, there;
  u::Workspace workspace;
  c::Workspace device_workspace;
  t::Loop<T> cpu;
  c::DeviceLoop<T> device;

  Both(const Case& of, const n::Architecture& net, bool weighted)
      : data(net, of.samples, weighted, false),
        theta(data.theta),
        m(theta.size()),
        v(theta.size()),
        d_theta(theta),
        d_m(m),
        d_v(v),
        here(of, theta.data(), std::vector<T*>{m.data(), v.data()}.data(), net.parameters()),
        there(of, d_theta.data(), std::vector<T*>{d_m.data(), d_v.data()}.data(), net.parameters()),
        cpu(net, theta.data(), data.here(), of.batch, of.penalty),
        device(net, d_theta.data(), data.there(), of.batch, of.penalty, stream) {}

  Ran run_here(const Case& of, int count) {
    return bursts(of, count, [&](const t::Burst& burst) {
      return cpu.run(
          burst, {&here.group, &here.tensor, &here.around, &workspace, &here.outcome, &here.calls});
    });
  }
  Ran run_there(const Case& of, int count) {
    return bursts(of, count, [&](const t::Burst& burst) {
      return device.run(burst, {&there.group, &there.tensor, &there.around, &device_workspace,
                                &there.outcome, &there.calls});
    });
  }
};

template <class T>
void check_steps() {
  for (const Case& of : cases)
    for (const bool weighted : {false, true}) {
      const n::Architecture net{of.sizes, n::Activation::tanh, n::Loss::cross_entropy};
      Both<T> both(of, net, weighted);
      const Ran here = both.run_here(of, 4), there = both.run_there(of, 4);
      const std::string name = std::string(of.rule) + " " + std::to_string(of.samples);
      tally.expect(here.progress.finite && there.progress.finite, name + " is finite");
      tally.expect(same(there.records, here.records, apart<T>), name + " records");
      tally.expect(there.records[3] > 0 && both.theta != both.data.theta, name + " moves");
      tally.expect(deviation(both.d_theta.back(), both.theta) <= apart<T>, name + " parameters");
      tally.expect(
          both.here.calls == both.there.calls && both.here.tensor.steps == both.there.tensor.steps,
          name + " counts its steps");
    }
}

// A rate that no step survives: both end at the same step, with the parameters before it.
void check_divergence() {
  Case of = cases[1];
  of.rule = "sgd";
  of.rate = 1e200;
  const n::Architecture net{of.sizes, n::Activation::linear, n::Loss::mse};
  Both<double> both(of, net, false);
  const Ran here = both.run_here(of, 4), there = both.run_there(of, 4);
  tally.expect(!here.progress.finite && !there.progress.finite &&
                   here.progress.steps == there.progress.steps,
               "a diverged run ends");
  tally.expect(deviation(both.d_theta.back(), both.theta) <= 1e-10,
               "with the last good parameters");
  tally.expect(same(there.records, here.records, 1e-10), "and says so");
}

// Nobody waits in a burst but at its end; a rule that looks at norms waits for them.
void check_traffic() {
  for (const bool clips : {false, true}) {
    Case of = cases[1];
    if (clips) of.clip_norm = 0.1;
    const n::Architecture net{of.sizes, n::Activation::tanh, n::Loss::cross_entropy};
    Both<float> both(of, net, false);
    both.run_there(of, 1);
    c::TestDevice& device = c::test_device();
    device.waits = device.downloads = 0;
    both.run_there(of, 1);
    // one at the beginning, for a burst that ended in an error
    tally.expect(device.waits == 2 && device.downloads == 2, "a burst is read once");
  }
}

// What a run looks back at after it diverged, at each of the places where it can: as the CPU's
// loop. What was asked for beyond that leaves no trace.
struct End {
  const char* rule;
  double rate, clip_norm, l1;
  bool statistics;
};

// Linear networks, whose losses overflow one or two steps later; with a large l1 parameters do.
const End ends[] = {
    {"sgd", 1e200, 0, 0, false},   {"sgd", 1e60, 0, 0, false},    {"sgd", 1e30, 0, 0, true},
    {"sgd", 1e308, 0, 100, false}, {"sgd", 1e308, 0, 100, true},  {"adam", 1e120, 0, 0, false},
    {"nadam", 1e90, 0, 0, false},  {"sgd", 1e150, 0.5, 0, false}, {"lamb", 1e150, 0, 0, false}};

void check_end(const End& end, const Case& of) {
  const n::Architecture net{of.sizes, n::Activation::linear, n::Loss::mse};
  Both<double> both(of, net, false);
  both.here.around.statistics = both.there.around.statistics = end.statistics;
  const Ran here = both.run_here(of, 40), there = both.run_there(of, 40);
  const std::string name = std::string(end.rule) + " 1e" + std::to_string(std::log10(end.rate)) +
                           " after " + std::to_string(of.calm) + " in " + std::to_string(of.batch);
  tally.expect(!here.progress.finite && !there.progress.finite &&
                   here.progress.steps == there.progress.steps,
               name + " ends at the same step");
  tally.expect(same(there.records, here.records, 1e-9), name + " has the same records");
  const t::Memory<double> kept = both.cpu.memory(), told = both.device.memory();
  const auto P = both.theta.size();
  const auto equal = [&](const double* a, const double* b) {
    return (a == nullptr) == (b == nullptr) &&
           (!a || deviation(std::vector<double>(a, a + P), std::vector<double>(b, b + P)) <= 1e-9);
  };
  tally.expect(equal(told.before, kept.before), name + " keeps the parameters before");
  tally.expect(equal(told.gradient, kept.gradient), name + " keeps the last gradient");
  tally.expect(std::abs(told.norm - kept.norm) <= 1e-9 * kept.norm, name + " keeps its norm");
  tally.expect(deviation(both.d_theta.back(), both.theta) <= 1e-9, name + " goes back");
  tally.expect(deviation(both.d_m.back(), both.m) <= 1e-9, name + " keeps its states");
  const u::Tensor &a = both.here.tensor, &b = both.there.tensor;
  tally.expect(
      both.here.calls == both.there.calls && a.steps == b.steps && a.carried[0] == b.carried[0],
      name + " counts what was done");
  tally.expect(std::abs(both.here.outcome.clip - both.there.outcome.clip) <= 1e-9 &&
                   same({b.norms.update}, {a.norms.update}, 1e-9),
               name + " says how it clipped and went");
}

void check_ends() {
  for (const End& end : ends)
    for (const std::int64_t batch : {1, 5, 17})
      for (const std::size_t calm : {0, 1, 2, 3})
        if (calm == 0 || batch < 17)
          check_end(end,
                    {{3, 4, 2}, end.rule, 17, batch, {end.l1, 0}, end.clip_norm, end.rate, calm});
}

// Steps that go on in another loop are those of one.
void check_memory() {
  const Case& of = cases[1];
  const n::Architecture net{of.sizes, n::Activation::tanh, n::Loss::cross_entropy};
  Both<float> whole(of, net, false), parts(of, net, false);
  const Ran one = whole.run_there(of, 2);
  Ran two = parts.run_there(of, 1);
  c::DeviceLoop<float> next(net, parts.d_theta.data(), parts.data.there(), of.batch, of.penalty,
                            stream);
  next.remember(parts.device.memory());
  const Ran rest = bursts(of, 2, [&](const t::Burst& burst) {
    // The first of the two was taken already.
    static int number = 0;
    return number++ == 0 ? t::Progress{}
                         : next.run(burst, {&parts.there.group, &parts.there.tensor,
                                            &parts.there.around, &parts.device_workspace,
                                            &parts.there.outcome, &parts.there.calls});
  });
  two.records.insert(two.records.end(), rest.records.begin(), rest.records.end());
  tally.expect(same(two.records, one.records, 0), "the same bits in two loops");
  tally.expect(whole.d_theta.back() == parts.d_theta.back(), "and the same parameters");
}

void check_faults() {
  c::TestDevice& device = c::test_device();
  const Case& of = cases[0];
  const n::Architecture net{of.sizes, n::Activation::tanh, n::Loss::cross_entropy};
  Both<double> both(of, net, false);
  for (const std::int64_t room : {0, 400, 1000, 1600}) {
    device.limit = device.used + room;
    bool refused = false;
    try {
      c::DeviceLoop<double> loop(net, both.d_theta.data(), both.data.there(), of.batch, of.penalty,
                                 stream);
      both.run_there(of, 1);
    } catch (const c::OutOfMemory&) {
      refused = true;
    }
    device.limit = std::numeric_limits<std::int64_t>::max();
    tally.expect(refused && both.d_theta.back() == both.theta && both.there.calls == 0 &&
                     both.there.tensor.steps == 0,
                 "without memory nothing changes");
  }
  tally.expect(both.run_there(of, 1).progress.finite, "then it goes on");
}

}  // namespace

int main() {
#ifdef SADDLESCAPE_TEST_BLAS
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
#endif
  check_steps<double>();
  check_steps<float>();
  check_divergence();
  check_traffic();
  check_ends();
  check_memory();
  check_faults();
  return tally.end();
}
