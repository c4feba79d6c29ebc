// More than 2^31 elements, without their memory: what a plan counts, and kernels at the far end of
// arrays of which only the pages there exist.
#include <sys/mman.h>

#include <limits>
#include <set>

#include "core/in_groups.hpp"
#include "cuda/factored.hpp"
#include "cuda/look.hpp"
#include "cuda/pass.hpp"
#include "cuda/plan.hpp"
#include "tests/cuda_pair.hpp"

namespace {

namespace lists = saddlescape::cuda_lists;
namespace u = saddlescape::update;
namespace c = saddlescape::cuda;
namespace sums = saddlescape::sums;

lists::Tally tally{"cuda sizes"};

constexpr std::int64_t many = (std::int64_t{1} << 31) + 5 * u::tile_size + 17;
constexpr std::int64_t most_blocks = 2147483647;

// Address space whose pages come when they are touched.
class Far {
 public:
  explicit Far(std::int64_t bytes) : bytes_(static_cast<std::size_t>(bytes)) {
    data_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data_ == MAP_FAILED) data_ = nullptr;
  }
  ~Far() {
    if (data_) munmap(data_, bytes_);
  }
  Far(const Far&) = delete;
  Far& operator=(const Far&) = delete;
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  std::size_t bytes_;
  void* data_;
};

u::Tensor tensor(std::int64_t size, int group, std::int64_t rows, std::int64_t columns) {
  static float somewhere;
  u::Tensor made;
  made.size = size;
  made.group = group;
  made.parameters = made.state[0] = made.state[1] = &somewhere;
  made.gradient = &somewhere;
  made.rows = rows;
  made.columns = columns;
  return made;
}

// Nothing stands round the rules.
c::Control plain() {
  c::Control control{};
  control.unscale = control.clip = 1;
  control.limit = std::numeric_limits<double>::infinity();
  control.non_finite = c::all_finite;
  return control;
}

// Every tile of the wanted tensors once, in order, and no chunk that a launch can't number.
void check_chunks(const c::Plan& plan, std::int64_t from, std::int64_t count,
                  const std::vector<u::Tensor>& tensors, const std::set<std::int64_t>& wanted) {
  std::vector<std::int64_t> next(tensors.size());
  bool ok = count <= most_blocks;
  for (std::int64_t k = from; k < from + count; ++k) {
    const c::Chunk& chunk = plan.chunks[static_cast<std::size_t>(k)];
    const auto i = static_cast<std::size_t>(chunk.tensor);
    ok = ok && wanted.count(chunk.tensor) == 1 && chunk.tile == next[i];
    next[i] += chunk.tiles;
  }
  for (const std::int64_t i : wanted) {
    const auto k = static_cast<std::size_t>(i);
    ok = ok && next[k] == u::ceiling(tensors[k].size, u::tile_size);
  }
  tally.expect(ok, "chunks cover every tile once");
}

void check_plan() {
  const std::vector<u::Group> groups = {{&u::rule("adam"), lists::options("adam")},
                                        {&u::rule("adafactor"), lists::options("adafactor")},
                                        {&u::rule("muon"), lists::options("muon")}};
  const std::vector<u::Tensor> tensors = {tensor(many, 0, 0, 0),
                                          tensor(70000LL * 50001, 1, 70000, 50001),
                                          tensor(5, 0, 0, 0),
                                          tensor(50000LL * 50000, 2, 50000, 50000),
                                          tensor(3LL * 40000 * 40000, 1, 40000, 40000),
                                          tensor(6LL * 7, 2, 6, 7),
                                          tensor(6LL * 7, 2, 6, 7)};
  const c::Plan plan =
      c::plan(groups.data(), tensors.data(), static_cast<std::int64_t>(tensors.size()), {});
  std::int64_t tiles = 0;
  bool ok = true;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    ok = ok && plan.rows[i].sums == tiles && plan.rows[i].size == tensors[i].size;
    tiles += u::ceiling(tensors[i].size, u::tile_size);
  }
  tally.expect(ok && plan.tiles == tiles, "the first tile of each tensor");
  check_chunks(plan, plan.sums.from, plan.sums.groups, tensors, {0, 1, 2, 3, 4, 5, 6});
  for (const c::PassLaunch& pass : plan.directions)
    check_chunks(plan, pass.from, pass.count, tensors, {1, 4});
  check_chunks(plan, plan.direction_sums.from, plan.direction_sums.groups, tensors, {1, 4});
  tally.expect(plan.matrices.size() == 2 && plan.matrices[1].count == 2 &&
                   plan.rows[6].direction == 42 && plan.rows[5].direction == 0,
               "batches by shape");
  check_chunks(plan, plan.matrices[0].passes[0].from, plan.matrices[0].passes[0].count, tensors,
               {3});
  tally.expect(plan.matrices[0].bytes() == 4 * 4 * 2500000000LL, "the memory of a batch");
  const c::SumLaunch& batch = plan.matrices[1].sums;
  tally.expect(batch.tensors == 2 &&
                   plan.order[static_cast<std::size_t>(batch.tensors_from)] == 5 &&
                   batch.groups == 2,
               "the sums of a batch");
  ok = plan.factorings.size() == 2 && plan.factors.size() == 1;
  const c::Factoring &a = plan.factorings[0], &b = plan.factorings[1];
  ok = ok && b.row_sums == 70000LL * 49 && a.segments == 49 && b.matrices == 3 && b.means == 1;
  ok = ok && b.first_strip == sums::groups_of(70000) && plan.factors[0].blocks.means == 2;
  ok = ok && b.column_sums == a.groups * a.columns && b.first_panel == a.groups * 49;
  ok = ok && a.height * a.groups >= a.rows && (a.groups - 1) * a.height < a.rows;
  tally.expect(ok, "the panels of matrices");
}

// The last three tiles of a huge tensor against a small one with the same numbers.
void check_pass() {
  const Far memory[4] = {Far(4 * many), Far(4 * many), Far(4 * many), Far(4 * many)};
  const std::int64_t start = many / u::tile_size * u::tile_size - 2 * u::tile_size,
                     n = many - start;
  std::vector<float> small[4];
  for (int k = 0; k < 4; ++k) {
    small[k].resize(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n && k < 2; ++i)
      memory[k].as<float>()[start + i] = small[k][static_cast<std::size_t>(i)] =
          static_cast<float>(lists::number(i, k));
  }
  const u::Group group{&u::rule("adam"), lists::options("adam")};
  u::Tensor near = tensor(n, 0, 0, 0);
  near.parameters = small[0].data();
  near.gradient = small[1].data();
  near.state[0] = small[2].data();
  near.state[1] = small[3].data();
  c::Row row{};
  row.size = many;
  row.parameters = memory[0].as<float>();
  row.state[0] = memory[2].as<float>();
  row.state[1] = memory[3].as<float>();
  const c::Now now{memory[1].as<float>(), 0, 0};
  c::Fold fold{};
  fold.steps = 1;
  const u::Folded folded = u::fold(group.rule->kernel, u::Real::float32, group.options, 1);
  std::memcpy(fold.bytes, folded.bytes, sizeof fold.bytes);
  c::Control control = plain();
  const c::Chunk chunk{0, start / u::tile_size, 3};
  c::Table table{};
  table.rows = &row;
  table.now = &now;
  table.folds = &fold;
  table.chunks = &chunk;
  table.control = &control;
  c::Pass<u::Adam<float>, float, c::Path::native>{table}(c::Block(0));
  u::Workspace workspace;
  u::Around around;
  u::step(&group, &near, 1, around, workspace);
  bool ok = true;
  for (int k = 0; k < 4; ++k)
    ok = ok && std::memcmp(memory[k].as<float>() + start, small[k].data(),
                           static_cast<std::size_t>(4 * n)) == 0;
  tally.expect(ok, "a pass behind 2^31 elements");
}

// The last panel, strip and columns of a huge matrix, all else of which is 0.
void check_factors() {
  const std::int64_t rows = 70001, columns = 50001;
  const u::Group group{&u::rule("adafactor"), lists::options("adafactor")};
  u::Tensor matrix = tensor(rows * columns, 0, rows, columns);
  const c::Plan plan = c::plan(&group, &matrix, 1, {});
  const c::Factoring& own = plan.factorings[0];
  const c::FactorBlocks& blocks = plan.factors[0].blocks;
  const Far gradient(4 * rows * columns),
      sums_there(8 * (plan.room.row_sums + plan.room.column_sums));
  std::vector<float> row_var(static_cast<std::size_t>(rows)),
      col_var(static_cast<std::size_t>(columns));
  std::vector<double> strips(static_cast<std::size_t>(blocks.strips));
  gradient.as<float>()[rows * columns - 1] = 3;
  c::Row row = plan.rows[0];
  row.state[0] = row_var.data();
  row.state[1] = col_var.data();
  const c::Now now{gradient.as<float>(), 0, 0};
  c::Fold fold{};
  fold.weight = 1;
  c::Control control = plain();
  c::Table table{};
  table.rows = &row;
  table.now = &now;
  table.folds = &fold;
  table.control = &control;
  const c::FactorList list{&own, 1, sums_there.as<double>(),
                           sums_there.as<double>() + plan.room.row_sums, strips.data()};
  c::AddPanels<float>{table, list}(c::Block(blocks.panels - 1));
  c::EndRows<float>{table, list}(c::Block(blocks.strips - 1));
  c::EndColumns<float>{table, list}(c::Block(blocks.columns - 1));
  tally.expect(row_var.back() == static_cast<float>(9.0 / static_cast<double>(columns)),
               "the last row's mean");
  tally.expect(col_var.back() == static_cast<float>(9.0 / static_cast<double>(rows)),
               "the last column's mean");
  tally.expect(strips.back() == static_cast<double>(row_var.back()) / static_cast<double>(rows),
               "the last strip");
}

}  // namespace

int main() {
  check_plan();
  check_pass();
  check_factors();
  return tally.end();
}
