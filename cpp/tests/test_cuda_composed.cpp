// Rules that see the shapes of their tensors, and lists that they share with elementwise ones:
// the kernels' source against the CPU's own step, Adafactor bit for bit.
#include <limits>

#include "core/blas.hpp"
#include "tests/cuda_pair.hpp"

namespace {

namespace lists = saddlescape::cuda_lists;
namespace u = saddlescape::update;
namespace c = saddlescape::cuda;
using lists::Pair;
using lists::Storage;
using u::Element;
namespace half = saddlescape::half;

lists::Tally tally{"cuda composed"};

struct Shape {
  std::int64_t matrices, rows, columns;  // rows = 0: a vector
};

// Round sixteen lanes, a segment of a tile's width, and rows that share a panel.
constexpr Shape small_shapes[] = {
    {1, 1, 1},    {1, 3, 5},   {6, 5, 7},    {1, 15, 17}, {2, 16, 64},  {1, 33, 1025}, {1, 130, 3},
    {1, 1, 2049}, {300, 2, 2}, {1, 4, 1024}, {1, 0, 1},   {1, 0, 1025}, {1, 0, 0}};
// Several units for each matrix, several strips of 1024 rows, one row and one column beyond them.
constexpr Shape large_shapes[] = {{1, 300, 1100}, {1, 2100, 40}, {2, 1500, 50},
                                  {1, 66000, 1},  {1, 1025, 64}, {1, 2, 70001}};

u::Options options(const std::string& rule) {
  u::Options o = lists::options(rule);
  o.beta2_decay = -0.8;
  o.clip_threshold = 1;
  o.parameter_floor = 1e-3;
  o.weight_decay = 0.1;
  o.momentum = 0.95;
  o.use_nesterov = true;
  o.ns_a = 3.4445;
  o.ns_b = -4.7750;
  o.ns_c = 2.0315;
  o.ns_steps = 5;
  if (rule == "adafactor") o.eps = -1;  // the machine's
  return o;
}

template <std::size_t count>
void add(Pair& pair, const u::Rule& rule, const Storage& storage, const Shape (&shapes)[count],
         bool average) {
  int shift = 0;
  for (const Shape& shape : shapes) {
    const std::int64_t rows = shape.rows > 0 ? shape.rows : 1;
    pair.add(rule, storage, shape.matrices * rows * shape.columns, shift, average);
    shift = 1 - shift;
    for (std::vector<lists::Arrays>* list : {&pair.cpu, &pair.device}) {
      list->back().tensor.rows = shape.rows;
      list->back().tensor.columns = shape.rows > 0 ? shape.columns : 0;
    }
  }
}

u::Around everything() {
  u::Around around;
  around.unscale = 2;
  around.clip_value = 5;
  around.clip_norm = 1.5;
  around.average_weight = 0.125;
  around.statistics = true;
  around.dithered_parameters = true;
  return around;
}

u::Around unchecked() {
  u::Around around;
  around.check_finite = false;
  return around;
}

template <std::size_t count>
void check_factored(const Shape (&shapes)[count], const Storage& storage, const u::Around& around,
                    const std::string& what) {
  u::Group group{&u::rule("adafactor"), options("adafactor")};
  Pair pair;
  add(pair, *group.rule, storage, shapes, around.average_weight != 0);
  bool ok = true;
  for (int t = 1; t <= 3; ++t) {
    group.options.lr *= 0.9;
    pair.set_gradients(t);
    ok = ok && pair.step(&group, around);
  }
  tally.expect(ok && pair.same(), "adafactor, " + std::string(storage.name) + ", " + what);
}

void check_factored() {
  for (const Storage& storage : lists::storages) {
    if (!lists::takes(u::rule("adafactor"), storage)) continue;
    check_factored(small_shapes, storage, {}, "plain");
    check_factored(small_shapes, storage, unchecked(), "unchecked");
    check_factored(small_shapes, storage, everything(), "all of it");
  }
  check_factored(large_shapes, lists::storages[0], {}, "several units");
  check_factored(large_shapes, lists::storages[1], everything(), "several units, all of it");
  check_factored(large_shapes, lists::storages[2], unchecked(), "several units, narrow");
}

// Wide, tall and square ones, several of a shape, and none.
constexpr Shape matrix_shapes[] = {{1, 1, 1},   {1, 3, 5},   {1, 5, 3},    {1, 64, 32}, {1, 33, 65},
                                   {1, 33, 65}, {1, 130, 3}, {1, 33, 65},  {1, 40, 40}, {1, 65, 33},
                                   {1, 33, 65}, {1, 0, 0},   {1, 1, 2049}, {1, 40, 40}};

double read(Element type, const void* array, std::int64_t i) {
  switch (type) {
    case Element::float64:
      return static_cast<const double*>(array)[i];
    case Element::float32:
      return static_cast<const float*>(array)[i];
    case Element::bfloat16:
      return half::widen(static_cast<const half::Bfloat16*>(array)[i]);
    default:
      return half::widen(static_cast<const half::Float16*>(array)[i]);
  }
}

// Whether parameters are as near as products that round in another order leave them, and all else
// but what hangs on them is equal.
bool near(const Pair& pair) {
  for (std::size_t i = 0; i < pair.cpu.size(); ++i) {
    const u::Tensor &a = pair.cpu[i].tensor, &b = pair.device[i].tensor;
    const bool wide = a.parameter_type == Element::float64, full = u::width(a.parameter_type) == 4;
    const double tolerance = wide ? 1e-12 : full ? 1e-5 : 1e-2;
    for (std::int64_t k = 0; k < a.size; ++k) {
      const double x = read(a.parameter_type, a.parameters, k);
      const double y = read(a.parameter_type, b.parameters, k);
      if (!(std::fabs(x - y) <= tolerance * (std::fabs(x) + 0.01))) return false;
    }
    if (a.steps != b.steps || !lists::equal(a.norms.gradient, b.norms.gradient)) return false;
  }
  return true;
}

void check_matrices(const Storage& storage, const u::Around& around, const std::string& what) {
  std::vector<u::Group> groups(3, {&u::rule("muon"), options("muon")});
  groups[1].options.use_nesterov = false;
  groups[1].options.match_rms = true;
  groups[1].options.ns_steps = 4;
  groups[2] = {&u::rule("adam"), options("adam")};
  Pair pair;
  add(pair, *groups[0].rule, storage, matrix_shapes, around.average_weight != 0);
  add(pair, *groups[2].rule, storage, matrix_shapes, around.average_weight != 0);
  for (std::size_t i = 0; i < pair.cpu.size(); ++i)
    pair.cpu[i].tensor.group = pair.device[i].tensor.group = i >= std::size(matrix_shapes) ? 2
                                                             : i == 7                      ? 1
                                                                                           : 0;
  bool ok = true, same_bits = true;
  for (int t = 1; t <= 4; ++t) {
    pair.set_gradients(t);
    if (t == 3) pair.spoil(9, 40, std::numeric_limits<double>::infinity());
    ok = ok && pair.step(groups.data(), around);
    ok = ok && near(pair);
    same_bits = same_bits && pair.same();
  }
  tally.expect(ok, "muon, " + std::string(storage.name) + ", " + what);
  // The products are the CPU's own where it stands in for the device.
  tally.expect(lists::on_device || same_bits, "the same bits, " + std::string(storage.name));
}

void check_matrices() {
  for (const Storage& storage : lists::storages) {
    check_matrices(storage, {}, "plain");
    check_matrices(storage, everything(), "all of it");
  }
}

// float32 and float64, elementwise, normed and factored rules in one list; one gradient that is not
// finite leaves all of it as it was.
void check_mixed() {
  Pair pair;
  const char* const names[] = {"adafactor", "lamb", "adam"};
  std::vector<u::Group> groups;
  for (const char* name : names) groups.push_back({&u::rule(name), options(name)});
  for (int k = 0; k < 12; ++k) {
    const std::size_t first = pair.cpu.size();
    add(pair, *groups[static_cast<std::size_t>(k % 3)].rule, lists::storages[k / 3 % 2],
        small_shapes, true);
    for (std::size_t i = first; i < pair.cpu.size(); ++i)
      pair.cpu[i].tensor.group = pair.device[i].tensor.group = k % 3;
  }
  bool ok = true;
  for (int t = 1; t <= 4; ++t) {
    pair.set_gradients(t);
    if (t == 3) pair.spoil(5, 11, std::nan(""));
    ok = ok && pair.step(groups.data(), everything());
    ok = ok && pair.outcome.non_finite == (t == 3 ? 5 : -1);
  }
  tally.expect(ok && pair.same(), "factored, normed and elementwise rules in one list");
}

// Tensors whose tiles are as many as a group that is added up in order, and one more or less.
void check_group_edges() {
  const u::Group group{&u::rule("lamb"), options("lamb")};
  Pair pair;
  for (const std::int64_t size :
       {1023 * u::tile_size, 1024 * u::tile_size, 1024 * u::tile_size + 1, std::int64_t{5}})
    pair.add(*group.rule, lists::storages[0], size, 0, false);
  u::Around around;
  around.statistics = true;
  around.clip_norm = 1;
  pair.set_gradients(2);
  tally.expect(pair.step(&group, around) && pair.same(), "sums across the edges of groups");
}

}  // namespace

int main() {
  if (!lists::have_device()) return lists::left_out;
  check_factored();
  check_mixed();
  check_group_edges();
#if defined(SADDLESCAPE_TEST_BLAS)
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
#endif
  check_matrices();
  return tally.end();
}
