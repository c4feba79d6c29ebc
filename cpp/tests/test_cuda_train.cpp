// Training steps on the device against the CPU's loop: records and parameters, with orders,
// penalties, weights and clipping; what waits, and memory that is not there.
#include <limits>
#include <string>
#include <vector>

#include "cuda/hosted/device.hpp"
#include "tests/cuda_pair.hpp"
#include "tests/cuda_train_samples.hpp"

namespace {

using namespace saddlescape::cuda_train;

saddlescape::cuda_lists::Tally tally{"cuda train"};

const Case cases[] = {
    {{3, 5, 2}, "adam", 40, 40, {}, 0, 0.05},
    {{3, 5, 4, 2}, "adam", 41, 8, {}, 0, 0.05},
    {{3, 2}, "sgd", 17, 5, {0.01, 0.1}, 0, 0.3},
    {{3, 70, 60, 2}, "adam", 33, 32, {0, 0.01}, 0.5, 0.01},
    {{3, 4, 2}, "lion", 1, 1, {0.1, 0}, 0, 0.01},
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

// Masks of each step, and averages that move with it, until one that is not finite.
template <class T>
void check_layers() {
  for (const auto& normalisation : n::normalisations)
    for (const double dropout : {0.0, 0.3})
      for (const double rate : {0.05, 1e200}) {
        n::Architecture net{{4, 4, 5, 2}, n::Activation::tanh, n::Loss::cross_entropy};
        net.normalisation = normalisation.normalisation;
        net.residual = true;
        net.dropout = dropout;
        const Case of{net.sizes, "sgd", 42, 8, {0, 0.01}, 0, rate, 2};
        Both<T> both(of, net, false);
        const Ran here = both.run_here(of, 3), there = both.run_there(of, 3);
        const std::string name = std::string(normalisation.name) + (dropout > 0 ? " dropout" : "") +
                                 " rate " + std::to_string(rate);
        tally.expect(here.progress.finite == (rate < 1), name + " diverges");
        tally.expect(here.progress.finite == there.progress.finite &&
                         here.progress.steps == there.progress.steps,
                     name + " stops where the CPU does");
        tally.expect(same(there.records, here.records, apart<T>), name + " records");
        tally.expect(deviation(both.d_theta.back(), both.theta) <= apart<T>, name + " parameters");
        tally.expect(deviation(both.d_running, both.running) <= apart<T>, name + " averages");
        const bool moved = both.running != Both<T>::averages(net);
        tally.expect(moved == (net.normalisation == n::Normalisation::batch), name + " move");
      }
}

// A batch that is not finite ends the burst; those behind it, which are, move nothing. Its moments
// are finite where only a target is spoilt.
template <class T>
void check_spoilt_batch(bool target) {
  n::Architecture net{{4, 5, 2}, n::Activation::tanh, n::Loss::cross_entropy};
  net.normalisation = n::Normalisation::batch;
  const Case of{net.sizes, "sgd", 40, 8, {}, 0, 0.05};
  Both<T> both(of, net, false);
  std::vector<T>& numbers = target ? both.data.Y : both.data.X;
  const std::int64_t width = target ? 2 : 4;
  // the third batch's first sample
  numbers[width * (16 * 7 % 40)] = std::numeric_limits<T>::quiet_NaN();
  c::upload(stream, (target ? both.data.d_Y : both.data.d_X).data(), numbers.data(),
            40 * width * std::int64_t(sizeof(T)));
  const Ran here = both.run_here(of, 1), there = both.run_there(of, 1);
  tally.expect(!here.progress.finite && here.progress.steps == 3 && there.progress.steps == 3,
               "a spoilt batch ends the burst");
  tally.expect(deviation(both.d_running, both.running) <= apart<T>, "and leaves the averages");
}

// A gradient that is not finite, with a loss that is, moves nothing but the averages.
template <class T>
void check_spoilt_gradient() {
  n::Architecture net{{4, 5, 2}, n::Activation::tanh, n::Loss::cross_entropy};
  net.normalisation = n::Normalisation::batch;
  const Case of{net.sizes, "sgd", 40, 8, {0, 1e308}, 0, 0.05};
  Both<T> both(of, net, false);
  const std::vector<T> start = both.theta;
  const Ran here = both.run_here(of, 1), there = both.run_there(of, 1);
  tally.expect(!here.progress.finite && here.progress.steps == 1 && there.progress.steps == 1,
               "a spoilt gradient ends the burst");
  tally.expect(both.theta == start && both.d_theta.back() == start, "and moves no parameter");
  tally.expect(
      both.running != Both<T>::averages(net) && deviation(both.d_running, both.running) <= apart<T>,
      "its batch has moved the averages");
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
  check_layers<double>();
  check_layers<float>();
  for (const bool target : {false, true}) {
    check_spoilt_batch<double>(target);
    check_spoilt_batch<float>(target);
  }
  check_spoilt_gradient<double>();
  check_spoilt_gradient<float>();
  check_traffic();
  check_memory();
  check_faults();
  return tally.end();
}
