// Steps on the device that must not happen, or only just can: gradients that are not finite, sums
// of squares beyond a double's range, memory that is not there; what is launched and sent.
#include <limits>
#include <stdexcept>

#include "tests/cuda_pair.hpp"

namespace {

namespace lists = saddlescape::cuda_lists;
namespace u = saddlescape::update;
namespace c = saddlescape::cuda;
using lists::Pair;

constexpr double infinity = std::numeric_limits<double>::infinity();
const lists::Storage& float32 = lists::storages[0];
const lists::Storage& float64 = lists::storages[1];

lists::Tally tally{"cuda faults"};

u::Group adam() { return {&u::rule("adam"), lists::options("adam")}; }

// A gradient with x in it, among 14 tensors, in one that has a tail.
void check_non_finite(const char* name, const lists::Storage& storage, double x, u::Around around,
                      bool refused, const u::Group& group = adam()) {
  Pair pair(*group.rule, storage, false);
  pair.set_gradients(1);
  bool ok = pair.step(&group, {});
  pair.set_gradients(2);
  pair.spoil(11, 2050, x);
  pair.spoil(13, 1024, x);
  ok = ok && pair.step(&group, around);
  tally.expect(ok && pair.same() && pair.outcome.non_finite == (refused ? 11 : -1), name);
}

void check_non_finite() {
  u::Around plain, clipped, clamped, unscaled, unchecked;
  clipped.clip_norm = 1;
  clamped.clip_norm = 1;
  clamped.clip_value = 1;
  unscaled.unscale = 1e10;
  unchecked.check_finite = false;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  check_non_finite("NaN is refused", float32, nan, plain, true);
  check_non_finite("infinity is refused", lists::storages[4], -infinity, plain, true);
  check_non_finite("infinity in float64 is refused", float64, infinity, plain, true);
  check_non_finite("infinity in the norm to clip by is refused", float32, infinity, clipped, true);
  check_non_finite("what a clamp hides is refused", float32, infinity, clamped, true);
  check_non_finite("what overflows when it is unscaled is refused", float32, 1e35, unscaled, true);
  check_non_finite("what does not overflow is taken", float32, 1e20, unscaled, false);
  const u::Group lamb{&u::rule("lamb"), lists::options("lamb")};
  check_non_finite("before a rule looks at norms too", float32, nan, plain, true, lamb);
  check_non_finite("infinity passes unchecked", float32, infinity, unchecked, false);
}

// Squares that overflow a double, and such as vanish in it.
void check_range() {
  for (const double x : {1e200, 1e-200, 1e-310}) {
    const u::Group group{&u::rule("sgd"), lists::options("sgd")};
    Pair pair(*group.rule, float64, false);
    pair.set_gradients(1);
    for (std::size_t i = 0; i < pair.cpu.size(); ++i)
      for (std::int64_t k = 0; k < lists::sizes[i]; ++k)
        pair.spoil(i, k, x * static_cast<double>(k % 7));
    u::Around around;
    around.clip_norm = 1;
    around.statistics = true;
    tally.expect(pair.step(&group, around) && pair.same(), "norms of float64 beyond its squares");
  }
}

// Rules, types and paths side by side in one list; then a list that changes its layout.
void check_mixed() {
  Pair pair;
  const char* const names[] = {"adam", "sgd", "lion"};
  std::vector<u::Group> groups;
  for (const char* name : names) groups.push_back({&u::rule(name), lists::options(name)});
  for (int k = 0; k < 9; ++k) {
    const u::Group& group = groups[static_cast<std::size_t>(k % 3)];
    const bool codes = k == 6 || k == 8;
    pair.add(*group.rule, lists::storages[codes ? 7 : k % 6], 1000 + 13 * k, k % 2, true);
    pair.cpu.back().tensor.group = pair.device.back().tensor.group = k % 3;
  }
  bool ok = true;
  for (int t = 1; t <= 6; ++t) {
    u::Around around;
    around.statistics = t % 2 == 0;
    around.average_weight = t % 3 == 0 ? 0.5 : 0;
    pair.set_gradients(t);
    ok = ok && pair.step(groups.data(), around);
  }
  tally.expect(ok && pair.same(), "rules, types and paths in one list");
}

// More tiles than chunks: a block takes several.
void check_chunks() {
  Pair pair;
  const u::Group group{&u::rule("sgd"), lists::options("sgd")};
  const std::int64_t size = (3 * 8192 + 5) * u::tile_size + 17;
  pair.add(*group.rule, float32, size, 0, false);
  pair.set_gradients(2);
  u::Around around;
  around.clip_norm = 1;
  around.statistics = true;
  tally.expect(pair.step(&group, around) && pair.same(), "several tiles for each block");
}

void check_refused() {
  for (const char* name : {"adafactor", "asgd"}) {
    const u::Group group{&u::rule(name), lists::options(name)};
    Pair pair(*group.rule, lists::storages[7], false);
    std::vector<u::Tensor> tensors = pair.sent();
    std::string said;
    try {
      c::step(&group, tensors.data(), pair.count(), {}, pair.device_workspace, pair.stream);
    } catch (const std::invalid_argument& error) {
      said = error.what();
    }
    tally.expect(said.find(std::string("rule: '") + name + "' with 8-bit states") == 0,
                 "codes of what has to be exact");
  }
}

}  // namespace

int main() {
  if (!lists::have_device()) return lists::left_out;
  check_non_finite();
  check_range();
  check_mixed();
  check_chunks();
  check_refused();
  return tally.end();
}
