#include "cuda/step.hpp"

#include <cstring>
#include <optional>
#include <utility>

#include "cuda/blas.hpp"
#include "cuda/passes.hpp"
#include "cuda/stepping.hpp"
#include "update/begin.hpp"
#include "update/newton_schulz.hpp"

namespace saddlescape::cuda {

using update::Around;
using update::Group;
using update::Outcome;
using update::Tensor;

namespace {

// What matrix rules know before the step.
void set_lengths(const Group* groups, Tensor* tensors, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const Group& group = groups[tensors[i].group];
    if (group.rule->kind == update::Kind::matrix)
      tensors[i].trust = update::matrix_length(tensors[i], group.options);
  }
}

}  // namespace

// What is still being read must not go; a failure has no one to go to.
Workspace::Letter::~Letter() {
  try {
    sent.wait();
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch)
  }
}

void Workspace::prepare(const Group* groups, const Tensor* tensors, std::int64_t count,
                        const Around& around, const Stream& stream) {
  Plan made = plan(groups, tensors, count, around);
  const std::int64_t letter = Stepping::letter_bytes(count);
  letter_.grow(letter);
  for (Letter& each : letters_) {
    if (each.memory.bytes() < letter) each.sent.wait();
    each.memory.grow(letter);
  }
  if (update::clips(around) || around.statistics || !made.directions.empty() ||
      !made.matrices.empty()) {
    sums_.grow(made.tiles * static_cast<std::int64_t>(tile_sums * sizeof(double)));
    groups_.grow(made.sums.groups * static_cast<std::int64_t>(sizeof(TensorSums)));
    totals_.grow(2 * count * static_cast<std::int64_t>(sizeof(TensorSums)));
  }
  const FactorRoom& room = made.room;
  factor_sums_.grow((room.row_sums + room.column_sums + room.strips) *
                    static_cast<std::int64_t>(sizeof(double)));
  means_.grow(room.means * static_cast<std::int64_t>(sizeof(double)));
  for (const MatrixBatch& batch : made.matrices) matrices_.grow(batch.bytes());
  answer_.grow(Stepping::answer_bytes(count));
  if (planned_ && made == plan_) return;
  planned_ = false;
  rows_.grow(bytes_of(made.rows));
  chunks_.grow(bytes_of(made.chunks));
  order_.grow(bytes_of(made.order));
  factorings_.grow(bytes_of(made.factorings));
  stream.wait();  // for who still reads the tables
  tables_.grow(bytes_of(made.rows) + bytes_of(made.chunks) + bytes_of(made.order) +
               bytes_of(made.factorings));
  auto* host = tables_.as<unsigned char>();
  const auto send = [&](const Memory& to, const auto& list) {
    const std::int64_t bytes = bytes_of(list);
    if (bytes) std::memcpy(host, list.data(), static_cast<std::size_t>(bytes));
    upload(stream, to.data(), host, bytes);
    host += bytes;
  };
  send(rows_, made.rows);
  send(chunks_, made.chunks);
  send(order_, made.order);
  send(factorings_, made.factorings);
  plan_ = std::move(made);
  planned_ = true;
}

void ask(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
         Workspace& workspace, const Stream& stream, const std::int32_t* stopped) {
  workspace.prepare(groups, tensors, count, around, stream);
  std::optional<Blas> blas;
  if (workspace.has_matrices()) blas.emplace(stream);
  update::begin_steps(groups, tensors, count);
  set_lengths(groups, tensors, count);
  Stepping stepping(workspace, stream, count);
  const bool normed = workspace.is_normed();
  stepping.send(groups, tensors, control_of(around));
  if (stopped) hold(stream, stopped, stepping.table);
  stepping.look(around);
  stepping.factor();
  if (normed) stepping.direct(groups, tensors);
  if (blas) stepping.step_matrices(groups, *blas);
  stepping.move(around);
}

Outcome step(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
             Workspace& workspace, const Stream& stream, const std::int32_t* stopped) {
  ask(groups, tensors, count, around, workspace, stream, stopped);
  const Outcome outcome = Stepping(workspace, stream, count).read(tensors, around);
  if (outcome.non_finite >= 0) update::take_back(tensors, count);
  return outcome;
}

update::Seen look(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
                  Workspace& workspace, const Stream& stream) {
  workspace.prepare(groups, tensors, count, around, stream);
  if (!around.check_finite && !update::clips(around)) return {};
  update::begin_steps(groups, tensors, count);  // else no fold has a meaning
  Stepping stepping(workspace, stream, count);
  stepping.send(groups, tensors, control_of(around));
  update::take_back(tensors, count);
  stepping.look(around);
  return stepping.seen(tensors, around);
}

}  // namespace saddlescape::cuda
