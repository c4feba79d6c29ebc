#include "cuda/step.hpp"

#include <cstring>
#include <utility>

#include "cuda/stepping.hpp"
#include "update/begin.hpp"

namespace saddlescape::cuda {

using update::Around;
using update::Group;
using update::Outcome;
using update::Tensor;

void Workspace::prepare(const Group* groups, const Tensor* tensors, std::int64_t count,
                        const Around& around, const Stream& stream) {
  Plan made = plan(groups, tensors, count, around);
  const std::int64_t letter = Stepping::letter_bytes(count);
  letter_.grow(letter);
  for (Letter& each : letters_) {
    if (each.memory.bytes() < letter) each.sent.wait();
    each.memory.grow(letter);
  }
  if (update::clips(around) || around.statistics || !made.directions.empty()) {
    sums_.grow(made.tiles * static_cast<std::int64_t>(tile_sums * sizeof(double)));
    totals_.grow(2 * count * static_cast<std::int64_t>(sizeof(TensorSums)));
  }
  answer_.grow(Stepping::answer_bytes(count));
  if (planned_ && made == plan_) return;
  planned_ = false;
  const std::int64_t rows = bytes_of(made.rows), chunks = bytes_of(made.chunks);
  rows_.grow(rows);
  chunks_.grow(chunks);
  stream.wait();  // for who still reads the tables
  tables_.grow(rows + chunks);
  auto* const host = tables_.as<unsigned char>();
  if (rows) std::memcpy(host, made.rows.data(), static_cast<std::size_t>(rows));
  if (chunks) std::memcpy(host + rows, made.chunks.data(), static_cast<std::size_t>(chunks));
  upload(stream, rows_.data(), host, rows);
  upload(stream, chunks_.data(), host + rows, chunks);
  plan_ = std::move(made);
  planned_ = true;
}

Outcome step(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
             Workspace& workspace, const Stream& stream) {
  workspace.prepare(groups, tensors, count, around, stream);
  update::begin_steps(groups, tensors, count);
  Stepping stepping(workspace, stream, count);
  const bool normed = workspace.is_normed();
  stepping.send(groups, tensors, control_of(around), normed);
  stepping.look(around);
  if (normed) stepping.direct(groups, tensors);
  stepping.move(around);
  const Outcome outcome = stepping.read(tensors, around);
  if (outcome.non_finite >= 0) update::take_back(tensors, count);
  return outcome;
}

update::Seen look(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
                  Workspace& workspace, const Stream& stream) {
  workspace.prepare(groups, tensors, count, around, stream);
  update::begin_steps(groups, tensors, count);  // else no fold has a meaning
  Stepping stepping(workspace, stream, count);
  stepping.send(groups, tensors, control_of(around));
  update::take_back(tensors, count);
  stepping.look(around);
  return stepping.seen(tensors, around);
}

}  // namespace saddlescape::cuda
