// How training steps on the device end that are not finite: where the CPU's do, and as they do.
#include <cmath>
#include <string>
#include <vector>

#include "tests/cuda_pair.hpp"
#include "tests/cuda_train_samples.hpp"

namespace {

using namespace saddlescape::cuda_train;

saddlescape::cuda_lists::Tally tally{"cuda train ends"};

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

}  // namespace

int main() {
#ifdef SADDLESCAPE_TEST_BLAS
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
#endif
  for (const End& end : ends)
    for (const std::int64_t batch : {1, 5, 17})
      for (const std::size_t calm : {0, 1, 2, 3})
        if (calm == 0 || batch < 17)
          check_end(end,
                    {{3, 4, 2}, end.rule, 17, batch, {end.l1, 0}, end.clip_norm, end.rate, calm});
  return tally.end();
}
