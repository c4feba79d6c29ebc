// Steps that the device counts by itself, as a CUDA graph replays them, against the CPU's: rates
// and scales that change on the device, steps that are left out, averages that begin late.
#include <limits>
#include <stdexcept>

#include "cuda/captured.hpp"
#include "tests/cuda_pair.hpp"

namespace {

namespace lists = saddlescape::cuda_lists;
namespace u = saddlescape::update;
namespace c = saddlescape::cuda;

lists::Tally tally{"cuda captured"};

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

// Three numbers on the device.
struct Numbers {
  Numbers() { memory.grow(sizeof here); }
  void send(const c::Stream& stream) { c::upload(stream, memory.data(), here, sizeof here); }
  const float* at(int k) const { return memory.as<float>() + k; }

  float here[3] = {};  // lr, scale, found
  c::Memory memory{c::Memory::Where::device, "a test"};
};

// Six steps, the fourth with a gradient that overflowed, the fifth told from outside.
void check_rule(const u::Rule& rule, const lists::Storage& storage) {
  std::vector<u::Group> groups = {{&rule, lists::options(rule.name)}};
  lists::Pair pair(rule, storage, true);
  pair.set_gradients(2);
  std::vector<u::Tensor> there = pair.sent();
  Numbers numbers;
  c::Inputs inputs;
  inputs.lr = {numbers.at(0)};
  inputs.scale = numbers.at(1);
  inputs.found = numbers.at(2);
  inputs.averaging = averaging();
  c::Captured captured(groups, there.data(), pair.count(), around(), inputs, pair.stream);
  u::Around own = around();
  std::int64_t calls = 0;
  bool ok = true;
  for (int t = 1; t <= 6; ++t) {
    pair.set_gradients(2 * t);
    if (t == 4) pair.spoil(9, 3, std::numeric_limits<double>::infinity());
    numbers.here[0] = 0.01F / static_cast<float>(t);
    numbers.here[1] = static_cast<float>(t);
    numbers.here[2] = t == 5 ? 1.0F : 0.0F;
    numbers.send(pair.stream);
    pair.sent();
    captured.launch(pair.stream);
    const u::Outcome outcome = captured.read(there.data(), pair.stream);
    pair.fetch(there);
    if (t == 5) {
      ok = ok && outcome.non_finite == pair.count();
      continue;
    }
    groups[0].options.lr = static_cast<double>(numbers.here[0]);
    own.unscale = 1.0 / static_cast<double>(numbers.here[1]);
    own.average_weight = averaging().weight(calls + 1);
    const u::Outcome expected = pair.step_cpu(groups.data(), own);
    calls += expected.non_finite < 0 ? 1 : 0;
    ok = ok && captured.calls() == calls && outcome.non_finite == expected.non_finite &&
         lists::equal(outcome.gradient_norm, expected.gradient_norm);
  }
  tally.expect(ok && pair.same(), std::string(rule.name) + ", " + storage.name);
}

void check_refused() {
  const std::vector<u::Group> groups = {{&u::rule("lamb"), lists::options("lamb")}};
  lists::Pair pair(*groups[0].rule, lists::storages[0], false);
  pair.set_gradients(2);
  const std::vector<u::Tensor> there = pair.sent();
  std::string said;
  try {
    const c::Captured captured(groups, there.data(), pair.count(), {}, {}, pair.stream);
  } catch (const std::invalid_argument& error) {
    said = error.what();
  }
  tally.expect(
      said.find("rule: one that looks at norms or multiplies matrices can't be captured") == 0,
      "a rule that has to know a norm");
}

}  // namespace

int main() {
  if (!lists::have_device()) return lists::left_out;
  for (const u::Rule& rule : u::rules()) {
    if (rule.kind != u::Kind::elementwise) continue;
    for (const int k : {0, 1, 4, 7})
      if (lists::takes(rule, lists::storages[k])) check_rule(rule, lists::storages[k]);
  }
  check_refused();
  return tally.end();
}
