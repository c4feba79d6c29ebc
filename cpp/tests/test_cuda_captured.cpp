// Steps that the device counts by itself, as a CUDA graph replays them, against the CPU's: rates
// and scales that change on the device, steps that are left out, averages that begin late.
#include <limits>

#include "core/power.hpp"
#include "cuda/captured.hpp"
#include "tests/cuda_pair.hpp"

namespace {

namespace lists = saddlescape::cuda_lists;
namespace u = saddlescape::update;
namespace c = saddlescape::cuda;
using lists::Arrays;

lists::Tally tally{"cuda captured"};

std::vector<u::Tensor> tensors_of(std::vector<Arrays>& arrays) {
  std::vector<u::Tensor> all;
  for (Arrays& each : arrays) all.push_back(each.tensor);
  return all;
}

u::Averaging averaging() {
  u::Averaging average;
  average.kind = u::Averaging::Kind::exponential;
  average.decay = 0.75;
  average.start = 1;
  average.every = 2;
  return average;
}

u::Around around() {
  u::Around all;
  all.clip_norm = 2;
  all.statistics = true;
  return all;
}

// Six steps, the fourth with a gradient that overflowed, the fifth told from outside.
void check_rule(const u::Rule& rule, const lists::Storage& storage) {
  std::vector<u::Group> groups = {{&rule, lists::options(rule.name)}};
  lists::Pair pair(rule, storage, true);
  pair.set_gradients(2);
  std::vector<u::Tensor> cpu = tensors_of(pair.cpu), device = tensors_of(pair.device);
  const auto count = static_cast<std::int64_t>(cpu.size());
  float lr = 0, scale = 1, found = 0;
  c::Inputs inputs;
  inputs.lr = {&lr};
  inputs.scale = &scale;
  inputs.found = &found;
  inputs.averaging = averaging();
  c::Captured captured(groups, device.data(), count, around(), inputs, c::Stream());
  u::Around own = around();
  std::int64_t calls = 0;
  bool ok = true;
  for (int t = 1; t <= 6; ++t) {
    pair.set_gradients(2 * t);
    if (t == 4) pair.spoil(9, 3, std::numeric_limits<double>::infinity());
    lr = 0.01F / static_cast<float>(t);
    scale = static_cast<float>(t);
    found = t == 5 ? 1.0F : 0.0F;
    captured.launch(c::Stream());
    const u::Outcome outcome = captured.read(device.data(), c::Stream());
    if (t == 5) {
      ok = ok && outcome.non_finite == count;
      continue;
    }
    groups[0].options.lr = static_cast<double>(lr);
    own.unscale = 1.0 / static_cast<double>(scale);
    own.average_weight = averaging().weight(calls + 1);
    const u::Outcome expected = u::step(groups.data(), cpu.data(), count, own, pair.cpu_workspace);
    calls += expected.non_finite < 0 ? 1 : 0;
    ok = ok && captured.calls() == calls && outcome.non_finite == expected.non_finite &&
         lists::equal(outcome.gradient_norm, expected.gradient_norm);
  }
  for (std::size_t i = 0; i < cpu.size(); ++i) {
    pair.cpu[i].tensor = cpu[i];
    pair.device[i].tensor = device[i];
  }
  tally.expect(ok && pair.same(), std::string(rule.name) + ", " + storage.name);
}

// A launch sends nothing and waits for nothing.
void check_traffic() {
  const std::vector<u::Group> groups = {{&u::rule("adamw"), lists::options("adamw")}};
  lists::Pair pair(*groups[0].rule, lists::storages[0], false);
  pair.set_gradients(2);
  std::vector<u::Tensor> device = tensors_of(pair.device);
  u::Around plain;
  plain.check_finite = false;
  c::Captured captured(groups, device.data(), static_cast<std::int64_t>(device.size()), plain, {},
                       c::Stream());
  c::TestDevice& test = c::test_device();
  test.launches = test.uploads = test.waits = 0;
  captured.launch(c::Stream());
  tally.expect(test.launches == 4 && test.uploads == 0 && test.waits == 0,
               "a launch sends nothing and waits for nothing");
}

// x^n beside the host's pow, which has an error of up to 0.52 units in the last place.
void check_powers() {
  std::int64_t all = 0, other = 0, wrong = 0;
  for (const double x : {0.9, 0.99, 0.999, 0.9999, static_cast<double>(0.95F), 1.0, 0.0})
    for (std::int64_t n = 0; n < 40000; n += 1 + n / 300) {
      const double ours = saddlescape::power::whole_power(x, n);
      const double host = std::pow(x, static_cast<double>(n));
      const auto exact =
          static_cast<double>(powl(static_cast<long double>(x), static_cast<long double>(n)));
      ++all;
      if (ours != host) ++other;
      if (ours != exact &&
          std::fabs(ours - exact) > std::fabs(std::nextafter(exact, 1) - exact) + 5e-324)
        ++wrong;
    }
  std::printf("powers: %lld of %lld are not the host's\n", static_cast<long long>(other),
              static_cast<long long>(all));
  tally.expect(wrong == 0, "powers are at most a unit beside those of long double");
  tally.expect(50 * other <= all, "and mostly the host's");
}

}  // namespace

int main() {
  for (const u::Rule& rule : u::rules()) {
    if (rule.kind != u::Kind::elementwise) continue;
    for (const int k : {0, 1, 4, 7})
      if (lists::takes(rule, lists::storages[k])) check_rule(rule, lists::storages[k]);
  }
  check_traffic();
  check_powers();
  return tally.end();
}
