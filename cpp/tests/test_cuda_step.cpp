// The kernels' source, run on the CPU over every block and thread, against the CPU's own step:
// every elementwise rule, way to store and surrounding, sizes round every edge, bit for bit.
#include "tests/cuda_pair.hpp"

namespace {

namespace lists = saddlescape::cuda_lists;
namespace u = saddlescape::update;
using lists::Pair;
using lists::Storage;

struct Surrounding {
  const char* name;
  u::Around around;
};

std::vector<Surrounding> surroundings() {
  std::vector<Surrounding> all(7);
  all[0].name = "nothing";
  all[1].name = "unchecked";
  all[1].around.check_finite = false;
  all[2].name = "unscaled and clamped";
  all[2].around.unscale = 0.3;
  all[2].around.clip_value = 0.7;
  all[3].name = "clipped by norm";
  all[3].around.clip_norm = 1.5;
  all[4].name = "averaged";
  all[4].around.average_weight = 0.25;
  all[5].name = "all of it, measured";
  all[5].around.unscale = 2;
  all[5].around.clip_value = 5;
  all[5].around.clip_norm = 1.5;
  all[5].around.average_weight = 0.125;
  all[5].around.statistics = true;
  all[5].around.dithered_parameters = true;
  all[6].name = "measured, states to nearest";
  all[6].around.average_weight = 1;
  all[6].around.statistics = true;
  all[6].around.nearest_states = true;
  return all;
}

void check_rule(const u::Rule& rule, const Storage& storage, const Surrounding& surrounding,
                lists::Tally& tally) {
  u::Group group{&rule, lists::options(rule.name)};
  Pair pair(rule, storage, surrounding.around.average_weight != 0);
  bool ok = true;
  for (int t = 1; t <= 4; ++t) {
    group.options.refresh = t % 2 == 1;
    group.options.lr *= 0.9;
    pair.set_gradients(t);
    ok = ok && pair.step(&group, surrounding.around);
  }
  tally.expect(ok && pair.same(),
               std::string(rule.name) + ", " + storage.name + ", " + surrounding.name);
}

}  // namespace

int main() {
  if (!lists::have_device()) return lists::left_out;
  lists::Tally tally{"cuda step"};
  for (const u::Rule& rule : u::rules()) {
    if (rule.kind != u::Kind::elementwise && rule.kind != u::Kind::normed) continue;
    for (const Storage& storage : lists::storages)
      for (const Surrounding& surrounding : surroundings())
        if (lists::takes(rule, storage)) check_rule(rule, storage, surrounding, tally);
  }
  return tally.end();
}
