#include "update/step.hpp"

#include <cmath>
#include <optional>

#include "update/adafactor_step.hpp"
#include "update/begin.hpp"
#include "update/check.hpp"
#include "update/kernels.hpp"
#include "update/newton_schulz.hpp"
#include "update/passes.hpp"
#include "update/row.hpp"
#include "update/rules.hpp"

namespace saddlescape::update {
namespace {

// Every rule elementwise, every array of the type that is computed in, nothing round it.
void plain(const Group* groups, const Tensor* tensors, std::int64_t count, Check* check) {
  std::int64_t arrays = 2;
  for (std::int64_t i = 0; i < count; ++i)
    if (tensors[i].gradient)
      arrays = std::max(
          arrays, 2 + static_cast<std::int64_t>(groups[tensors[i].group].rule->state_names.size()));
  const Kernels& table = kernels();
  Folds folds;
  for_each_range(
      tensors, count, line_bytes * arrays, has_gradient, line,
      [=, &table](std::int64_t i, std::int64_t, std::int64_t from, std::int64_t to) mutable {
        const Tensor& tensor = tensors[i];
        const Group& group = groups[tensor.group];
        const int kernel = group.rule->kernel;
        const std::int64_t bytes = from * width(tensor.parameter_type);
        void* state[max_states];
        for (int s = 0; s < max_states; ++s) state[s] = at(tensor.state[s], bytes);
        table.update[kernel][static_cast<int>(real_of(tensor.parameter_type))](
            folds.of(kernel, group, tensor), to - from, at(tensor.parameters, bytes),
            at(tensor.gradient, bytes), state);
      },
      [=](double at) { return !check || check->pass(at); });
}

void set_trust(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
               const Workspace& workspace) {
  collect(Role::direction, groups, tensors, count, around, workspace,
          [&](std::int64_t i, const Squares(&sums)[3]) {
            tensors[i].trust =
                trust(groups[tensors[i].group], tensors[i], sums[0].norm(), sums[1].norm());
          });
}

double gradient_norm(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
                     Workspace& workspace) {
  run_pass(Role::gradient_norm, groups, tensors, count, around, 1, nullptr, workspace);
  Squares sum;
  collect(Role::gradient_norm, groups, tensors, count, around, workspace,
          [&](std::int64_t i, const Squares(&sums)[3]) {
            tensors[i].norms.gradient = sums[0].norm();
            sum.add(sums[0]);
          });
  return sum.norm();
}

// Norms of each tensor that the pass visited. The pass that finds the norm to clip by has taken the
// gradients' already: here they are shrunk, and rounded once more.
void keep_norms(Role role, const Group* groups, Tensor* tensors, std::int64_t count,
                const Around& around, const Workspace& workspace) {
  if (!around.statistics) return;
  collect(role, groups, tensors, count, around, workspace,
          [&](std::int64_t i, const Squares(&sums)[3]) {
            Norms& norms = tensors[i].norms;
            if (!clips(around)) norms.gradient = sums[0].norm();
            norms.update = sums[1].norm();
            norms.parameter = sums[2].norm();
          });
}

// Matrix rules, one matrix after the other: the workspace holds one, and its products' memory.
void step_matrices(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
                   double clip, Workspace& workspace) {
  for (std::int64_t i = 0; i < count; ++i) {
    Tensor& tensor = tensors[i];
    const Group& group = groups[tensor.group];
    if (!tensor.gradient || tensor.size == 0 || group.rule->kind != Kind::matrix) continue;
    make_room(tensor, workspace);
    run_pass(Role::write_direction, groups, &tensor, 1, around, clip, nullptr, workspace);
    double norm = 0;
    collect(Role::write_direction, groups, &tensor, 1, around, workspace,
            [&](std::int64_t, const Squares(&sums)[3]) { norm = sums[1].norm(); });
    newton_schulz(tensor, group.options, norm, workspace);
    tensor.trust = matrix_length(tensor, group.options);
    run_pass(Role::apply_direction, groups, &tensor, 1, around, clip, nullptr, workspace);
    keep_norms(Role::apply_direction, groups, &tensor, 1, around, workspace);
  }
}

bool any_of(Kind kind, const Group* groups, const Tensor* tensors, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    if (tensors[i].gradient && groups[tensors[i].group].rule->kind == kind) return true;
  return false;
}

// A norm that is finite had no NaN and no infinity in it; a clamp may have hidden one.
bool must_check(const Around& around, double norm) {
  const bool known_finite = clips(around) && std::isfinite(norm) && !clamps(around);
  return around.check_finite && !known_finite;
}

// Looks at all gradients and changes nothing.
void look(const Tensor* tensors, std::int64_t count, Check& check) {
  for_each_range(
      tensors, count, line_bytes, has_gradient, line,
      [](std::int64_t, std::int64_t, std::int64_t, std::int64_t) {},
      [&](double at) { return check.pass(at); });
}

// The passes of a step. The first one asks `check`, which may be null, before it changes anything.
void move(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
          double clip, Check* check, Workspace& workspace) {
  if (clip == 1 && !needs_tiles(groups, tensors, count, around)) {
    plain(groups, tensors, count, check);
    return;
  }
  const bool factored = any_of(Kind::factored, groups, tensors, count);
  if (check && (factored || any_of(Kind::matrix, groups, tensors, count))) {
    look(tensors, count, *check);
    if (check->first() >= 0) return;
    check = nullptr;
  }
  if (factored) adafactor::accumulate(groups, tensors, count, around, clip, workspace);
  if (factored || any_of(Kind::normed, groups, tensors, count)) {
    run_pass(Role::direction, groups, tensors, count, around, clip, check, workspace);
    if (check && check->first() >= 0) return;
    check = nullptr;
    set_trust(groups, tensors, count, around, workspace);
  }
  step_matrices(groups, tensors, count, around, clip, workspace);
  run_pass(Role::update, groups, tensors, count, around, clip, check, workspace);
  if (check && check->first() >= 0) return;
  keep_norms(Role::update, groups, tensors, count, around, workspace);
}

}  // namespace

Outcome step(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
             Workspace& workspace) {
  Outcome outcome;
  if (clips(around)) {
    outcome.gradient_norm = around.norm_is_known
                                ? around.norm_of_all
                                : gradient_norm(groups, tensors, count, around, workspace);
    outcome.clip = clip_factor(outcome.gradient_norm, around.clip_norm);
  }
  std::optional<Check> check;
  if (must_check(around, outcome.gradient_norm)) check.emplace(tensors, count, around.unscale);

  begin_steps(groups, tensors, count);
  move(groups, tensors, count, around, outcome.clip, check ? &*check : nullptr, workspace);
  if (check) outcome.non_finite = check->first();
  if (outcome.non_finite >= 0) {
    take_back(tensors, count);
    return outcome;
  }
  if (around.statistics) {
    const double norm = total_norm(tensors, count);
    if (!clips(around)) outcome.gradient_norm = norm;
  }
  return outcome;
}

Seen look(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
          Workspace& workspace) {
  Seen seen;
  double norm = 0;
  if (clips(around)) {
    norm = gradient_norm(groups, tensors, count, around, workspace);
    seen.squares.resize(static_cast<std::size_t>(count));
    collect(Role::gradient_norm, groups, tensors, count, around, workspace,
            [&](std::int64_t i, const Squares(&sums)[3]) {
              seen.squares[static_cast<std::size_t>(i)] = sums[0];
            });
  }
  if (!must_check(around, norm)) return seen;
  Check check(tensors, count, around.unscale);
  look(tensors, count, check);
  seen.non_finite = check.first();
  return seen;
}

void widen(Element type, const void* source, std::int64_t n, float* out) {
  tile_kernels().widen[static_cast<int>(type)](source, n, out);
}

std::int64_t first_non_finite(const Tensor* tensors, std::int64_t count) {
  Check check(tensors, count, 1);
  look(tensors, count, check);
  return check.first();
}

}  // namespace saddlescape::update
