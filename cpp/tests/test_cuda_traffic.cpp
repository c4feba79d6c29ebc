// What a step launches, sends and waits for, and what it leaves where memory is short; on the CPU
// that stands in for a device and looks on.
#include <limits>
#include <memory>

#include "core/blas.hpp"
#include "cuda/captured.hpp"
#include "cuda/hosted/device.hpp"
#include "tests/cuda_pair.hpp"

namespace {

namespace lists = saddlescape::cuda_lists;
namespace u = saddlescape::update;
namespace c = saddlescape::cuda;
using lists::Pair;

const lists::Storage& float32 = lists::storages[0];

lists::Tally tally{"cuda traffic"};

u::Group adam() { return {&u::rule("adam"), lists::options("adam")}; }

void check_traffic() {
  const u::Group group = adam();
  Pair pair(*group.rule, float32, false);
  u::Around around;
  around.check_finite = false;
  c::TestDevice& device = c::test_device();
  for (int t = 1; t <= 3; ++t) {
    pair.set_gradients(2 * t);
    std::vector<u::Tensor> there = pair.sent();
    device.launches = device.uploads = device.waits = 0;
    c::step(&group, there.data(), pair.count(), around, pair.device_workspace, pair.stream);
  }
  tally.expect(device.launches == 1 && device.uploads == 1 && device.waits == 0,
               "a step over a list is one copy and one launch, and nobody waits");
}

// The list of a rule, its tensors as matrices of one row; with statistics, so that
// all of the memory is asked for.
struct List {
  explicit List(const char* rule) : group{&u::rule(rule), lists::options(rule)} {
    pair = std::make_unique<Pair>(*group.rule, float32, false);
    group.options.ns_steps = 1;
    for (std::vector<lists::Arrays>* list : {&pair->cpu, &pair->device})
      for (lists::Arrays& each : *list) {
        each.tensor.rows = each.tensor.size > 0 ? 1 : 0;
        each.tensor.columns = each.tensor.size;
      }
    pair->set_gradients(2);
  }
  u::Group group;
  std::unique_ptr<Pair> pair;
};

void check_memory(const char* rule) {
  c::TestDevice& device = c::test_device();
  u::Around around;
  around.statistics = true;
  int refused = 0;
  List list(rule);
  const List untouched(rule);
  Pair& pair = *list.pair;
  std::vector<u::Tensor> there = pair.sent();
  for (std::int64_t room = 0;; room += room < 65536 ? 512 : room / 8) {
    device.limit = device.used + room;
    try {
      c::step(&list.group, there.data(), pair.count(), around, pair.device_workspace, pair.stream);
      break;
    } catch (const c::OutOfMemory&) {
      ++refused;
      pair.fetch(there);
      bool same = true;
      for (std::size_t i = 0; i < there.size(); ++i)
        same = same && pair.device[i].same(untouched.pair->device[i]);
      tally.expect(same, "nothing changes where memory is short");
    }
  }
  device.limit = std::numeric_limits<std::int64_t>::max();
  tally.expect(refused > 5, "memory was short several times");
}

// A launch sends nothing and waits for nothing.
void check_captured() {
  const std::vector<u::Group> groups = {{&u::rule("adamw"), lists::options("adamw")}};
  lists::Pair pair(*groups[0].rule, lists::storages[0], false);
  pair.set_gradients(2);
  std::vector<u::Tensor> there = pair.sent();
  u::Around plain;
  plain.check_finite = false;
  c::TestDevice& test = c::test_device();
  test.launches = 0;
  c::Captured captured(groups, there.data(), pair.count(), plain, {}, pair.stream);
  tally.expect(test.launches == 4, "all kernels of a launch are there before it");
  lists::Pair before(*groups[0].rule, lists::storages[0], false);
  before.set_gradients(2);
  pair.fetch(there);
  for (std::size_t i = 0; i < there.size(); ++i)
    tally.expect(
        there[i].steps == 0 && (there[i].size == 0 || pair.device[i].same(before.device[i])),
        "and changed nothing");
  test.launches = test.uploads = test.waits = 0;
  captured.launch(pair.stream);
  tally.expect(test.launches == 4 && test.uploads == 0 && test.waits == 0,
               "a launch sends nothing and waits for nothing");
}

}  // namespace

int main() {
  check_traffic();
  check_captured();
#ifdef SADDLESCAPE_TEST_BLAS
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
#endif
  for (const char* rule : {"adam", "lamb", "adafactor", "muon"}) check_memory(rule);
  return tally.end();
}
