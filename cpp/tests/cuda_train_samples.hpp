// Training steps of the CPU's loop and of the device's, side by side.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "cuda/train/loop.hpp"
#include "tests/cuda_net_samples.hpp"

namespace saddlescape::cuda_train {

namespace c = saddlescape::cuda;
namespace n = saddlescape::net;
namespace t = saddlescape::train;
namespace u = saddlescape::update;
using namespace saddlescape::cuda_net;

struct Case {
  std::vector<std::int64_t> sizes;
  const char* rule;
  std::int64_t samples, batch;
  t::Penalty penalty;
  double clip_norm, rate;
  std::size_t calm = 0;  // steps of a burst with a rate of 0.01
};

inline u::Options options() {
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

inline bool same(const std::vector<double>& a, const std::vector<double>& b, double allowed) {
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
  std::vector<double> running, d_running;  // averages of either side, on the host
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
        running(averages(net)),
        d_running(running),
        d_theta(theta),
        d_m(m),
        d_v(v),
        here(of, theta.data(), std::vector<T*>{m.data(), v.data()}.data(), net.parameters()),
        there(of, d_theta.data(), std::vector<T*>{d_m.data(), d_v.data()}.data(), net.parameters()),
        cpu(net, theta.data(), data.here(), of.batch, of.penalty,
            t::Training{3, 2, running.data()}),
        device(net, d_theta.data(), data.there(), of.batch, of.penalty, stream, {},
               t::Training{3, 2, d_running.data()}) {}

  static std::vector<double> averages(const n::Architecture& net) {
    return std::vector<double>(static_cast<std::size_t>(2 * net.hidden_units()), 0.5);
  }

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

}  // namespace saddlescape::cuda_train
