#include "cuda/stepping.hpp"

#include <algorithm>
#include <cstring>

#include "cuda/fold_list.hpp"
#include "update/begin.hpp"
#include "update/row.hpp"
#include "update/rules.hpp"

namespace saddlescape::cuda {

using update::Around;
using update::Group;
using update::Outcome;
using update::Tensor;

namespace {

// Whether the norm to clip by is found here.
bool finds_norm(const Around& around) { return update::clips(around) && !around.norm_is_known; }

bool measures(const Around& around) { return update::clips(around) || around.statistics; }

template <class T>
void copy(unsigned char* to, const std::vector<T>& list) {
  if (!list.empty()) std::memcpy(to, list.data(), static_cast<std::size_t>(bytes_of(list)));
}

}  // namespace

Control control_of(const Around& around) {
  Control control;
  std::memset(static_cast<void*>(&control), 0, sizeof control);
  control.unscale = around.unscale;
  control.limit = around.clip_value;
  control.clip_norm = around.clip_norm;
  control.average_weight = around.average_weight;
  control.clip = 1;
  if (around.norm_is_known) {
    control.gradient_norm = around.norm_of_all;
    control.clip = update::clip_factor(around.norm_of_all, around.clip_norm);
  }
  control.non_finite = all_finite;
  control.clips = update::clips(around);
  control.statistics = around.statistics;
  control.nearest_states = around.nearest_states;
  control.dithered_parameters = around.dithered_parameters;
  return control;
}

Stepping::Stepping(Workspace& workspace, const Stream& stream, std::int64_t count)
    : table{}, workspace_(workspace), stream_(stream), count_(count) {
  table.control = workspace.letter_.as<Control>();
  table.rows = workspace.rows_.as<Row>();
  table.sums = workspace.sums_.as<double>();
  table.totals = workspace.totals_.as<TensorSums>();
  table.groups = workspace.groups_.as<TensorSums>();
  table.means = workspace.means_.as<double>();
  table.count = count;
}

std::int64_t Stepping::letter_bytes(std::int64_t count) {
  return placed(sizeof(Control)) + (2 * count + 1) * static_cast<std::int64_t>(sizeof(Fold)) +
         count * static_cast<std::int64_t>(sizeof(Now));
}

std::int64_t Stepping::answer_bytes(std::int64_t count) {
  return placed(sizeof(Control)) + 2 * count * static_cast<std::int64_t>(sizeof(TensorSums));
}

std::int64_t Stepping::write(unsigned char* host, const Group* groups, const Tensor* tensors,
                             const Control& control) {
  FoldList folds, firsts;
  std::vector<Now> now;
  for (std::int64_t i = 0; i < count_; ++i) {
    const Tensor& tensor = tensors[i];
    const Group& group = groups[tensor.group];
    now.push_back({tensor.gradient, 0, 0});
    if (!tensor.gradient) continue;
    now.back().fold = now.back().first = folds.number(group.rule->kernel, group, tensor);
    if (group.rule->direction >= 0)
      now.back().first = firsts.number(group.rule->direction, group, tensor);
  }
  for (std::int64_t i = 0; i < count_; ++i)
    if (tensors[i].gradient && groups[tensors[i].group].rule->direction >= 0)
      now[static_cast<std::size_t>(i)].first += folds.count();
  const std::int64_t fold_bytes = bytes_of(folds.folds()) + bytes_of(firsts.folds());
  const std::int64_t folds_at = placed(sizeof(Control));
  const std::int64_t now_at = folds_at + std::max<std::int64_t>(fold_bytes, sizeof(Fold));
  std::memcpy(host, &control, sizeof control);
  copy(host + folds_at, folds.folds());
  copy(host + folds_at + bytes_of(folds.folds()), firsts.folds());
  copy(host + now_at, now);
  auto* const device = workspace_.letter_.as<unsigned char>();
  table.folds = reinterpret_cast<Fold*>(device + folds_at);
  table.now = reinterpret_cast<const Now*>(device + now_at);
  return now_at + bytes_of(now);
}

void Stepping::send(const Group* groups, const Tensor* tensors, const Control& control) {
  Workspace::Letter& letter = workspace_.letters_[workspace_.next_];
  workspace_.next_ = 1 - workspace_.next_;
  letter.sent.wait();
  auto* const host = letter.memory.as<unsigned char>();
  const std::int64_t bytes = write(host, groups, tensors, control);
  upload(stream_, workspace_.letter_.data(), host, bytes);
  letter.sent.record(stream_);
}

void Stepping::look(const Around& around) const {
  if (finds_norm(around)) {
    for (const LookLaunch& look : workspace_.plan_.looks)
      gradient_squares(look.real)(stream_, look.count, chunked(look.from));
    add(workspace_.plan_.sums, false);
    find_clip(stream_, table);
  }
  if (!around.check_finite) return;
  for (const LookLaunch& look : workspace_.plan_.looks)
    find_non_finite(look.real)(stream_, look.count, chunked(look.from));
}

void Stepping::move(const Around& around) const {
  for (const PassLaunch& pass : workspace_.plan_.passes)
    pass.launch(stream_, pass.count, chunked(pass.from));
  if (around.statistics) add(workspace_.plan_.sums, true);
}

void Stepping::add(const SumLaunch& sums, bool measured) const {
  Table of_launch = chunked(sums.from);
  of_launch.order = workspace_.order_.as<std::int64_t>() + sums.tensors_from;
  if (measured) of_launch.totals += count_;
  add_tiles(stream_, sums.groups, sums.tensors, of_launch);
}

Table Stepping::chunked(const Table& of, std::int64_t from) const {
  Table of_launch = of;
  of_launch.chunks = workspace_.chunks_.as<Chunk>() + from;
  return of_launch;
}

Outcome Stepping::read(Tensor* tensors, const Around& around) const {
  Outcome outcome;
  if (!around.check_finite && !measures(around)) return outcome;
  auto* const host = workspace_.answer_.as<unsigned char>();
  auto* const totals = reinterpret_cast<TensorSums*>(host + placed(sizeof(Control)));
  download(stream_, host, table.control, sizeof(Control));
  if (measures(around))
    download(stream_, totals, table.totals,
             2 * count_ * static_cast<std::int64_t>(sizeof(TensorSums)));
  stream_.wait();
  Control control;
  std::memcpy(static_cast<void*>(&control), host, sizeof control);
  if (control.non_finite != all_finite)
    outcome.non_finite = static_cast<std::int64_t>(control.non_finite);
  outcome.clip = control.clip;
  outcome.gradient_norm = control.gradient_norm;
  set_norms(tensors, around, totals, outcome);
  return outcome;
}

update::Seen Stepping::seen(Tensor* tensors, const Around& around) const {
  update::Seen seen;
  auto* const host = workspace_.answer_.as<unsigned char>();
  const auto* const totals = reinterpret_cast<TensorSums*>(host + placed(sizeof(Control)));
  download(stream_, host, table.control, sizeof(Control));
  if (update::clips(around))
    download(stream_, host + placed(sizeof(Control)), table.totals,
             count_ * static_cast<std::int64_t>(sizeof(TensorSums)));
  stream_.wait();
  Control control;
  std::memcpy(static_cast<void*>(&control), host, sizeof control);
  if (control.non_finite != all_finite)
    seen.non_finite = static_cast<std::int64_t>(control.non_finite);
  if (!update::clips(around)) return seen;
  seen.squares.resize(static_cast<std::size_t>(count_));
  for (std::int64_t i = 0; i < count_; ++i) {
    if (!tensors[i].gradient) continue;
    seen.squares[static_cast<std::size_t>(i)] = totals[i].of[0];
    tensors[i].norms.gradient = totals[i].of[0].norm();
  }
  return seen;
}

void Stepping::set_norms(Tensor* tensors, const Around& around, const TensorSums* totals,
                         Outcome& outcome) const {
  const bool moved = around.statistics && outcome.non_finite < 0;
  for (std::int64_t i = 0; i < count_; ++i) {
    if (!tensors[i].gradient) continue;
    update::Norms& norms = tensors[i].norms;
    if (finds_norm(around)) norms.gradient = totals[i].of[0].norm();
    if (!moved) continue;
    const TensorSums& measured = totals[count_ + i];
    if (!update::clips(around)) norms.gradient = measured.of[0].norm();
    norms.update = measured.of[1].norm();
    norms.parameter = measured.of[2].norm();
  }
  if (!moved) return;
  const double norm = update::total_norm(tensors, count_);
  if (!update::clips(around)) outcome.gradient_norm = norm;
}

}  // namespace saddlescape::cuda
