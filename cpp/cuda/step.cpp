#include "cuda/step.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "update/begin.hpp"
#include "update/row.hpp"
#include "update/rules.hpp"

namespace saddlescape::cuda {

using update::Around;
using update::Group;
using update::Outcome;
using update::Tensor;

namespace {

template <class T>
std::int64_t bytes_of(const std::vector<T>& list) {
  return static_cast<std::int64_t>(list.size() * sizeof(T));
}

// The folds of a step: one for all tensors that share it.
class FoldList {
 public:
  std::int64_t number(const Group& group, const Tensor& tensor) {
    if (&group == group_ && tensor.steps == steps_ && tensor.parameter_type == type_ &&
        std::equal(tensor.carried, tensor.carried + update::max_carried, carried_))
      return count() - 1;
    Fold& fold = folds_.emplace_back();
    std::memcpy(fold.bytes, memo_.of(group.rule->kernel, group, tensor), sizeof fold.bytes);
    fold.steps = tensor.steps;
    group_ = &group;
    steps_ = tensor.steps;
    type_ = tensor.parameter_type;
    std::copy_n(tensor.carried, update::max_carried, carried_);
    return count() - 1;
  }
  std::int64_t count() const { return static_cast<std::int64_t>(folds_.size()); }
  const std::vector<Fold>& folds() const { return folds_; }

 private:
  update::Folds memo_;
  std::vector<Fold> folds_;
  const Group* group_ = nullptr;
  std::int64_t steps_ = 0;
  Element type_ = Element::float32;
  double carried_[update::max_carried] = {};
};

Control control_of(const Around& around) {
  Control control;
  std::memset(static_cast<void*>(&control), 0, sizeof control);
  control.unscale = around.unscale;
  control.limit = around.clip_value;
  control.clip_norm = around.clip_norm;
  control.average_weight = around.average_weight;
  control.clip = 1;
  control.non_finite = all_finite;
  control.clips = update::clips(around);
  control.statistics = around.statistics;
  control.nearest_states = around.nearest_states;
  control.dithered_parameters = around.dithered_parameters;
  return control;
}

bool measures(const Around& around) { return update::clips(around) || around.statistics; }

// A place for an array of what the device reads in sixteen bytes.
std::int64_t placed(std::int64_t bytes) { return update::ceiling(bytes, 16) * 16; }

std::int64_t letter_bytes(std::int64_t count) {
  const auto each = static_cast<std::int64_t>(sizeof(Fold) + sizeof(Now));
  return placed(sizeof(Control)) + (count + 1) * each;
}

}  // namespace

void Workspace::prepare(const Group* groups, const Tensor* tensors, std::int64_t count,
                        const Around& around, const Stream& stream) {
  Plan made = plan(groups, tensors, count, around);
  const std::int64_t letter = letter_bytes(count);
  letter_.grow(letter);
  for (Letter& each : letters_) {
    if (each.memory.bytes() < letter) each.sent.wait();
    each.memory.grow(letter);
  }
  if (measures(around)) {
    sums_.grow(made.tiles * static_cast<std::int64_t>(tile_sums * sizeof(double)));
    totals_.grow(2 * count * static_cast<std::int64_t>(sizeof(TensorSums)));
  }
  answer_.grow(placed(sizeof(Control)) + 2 * count * static_cast<std::int64_t>(sizeof(TensorSums)));
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

// One step: what is sent, launched and read back.
class Stepping {
 public:
  Stepping(Workspace& workspace, const Stream& stream, std::int64_t count)
      : workspace_(workspace), stream_(stream), count_(count) {}

  void send(const Group* groups, const Tensor* tensors, const Around& around) {
    Workspace::Letter& letter = workspace_.letters_[workspace_.next_];
    workspace_.next_ = 1 - workspace_.next_;
    letter.sent.wait();
    FoldList folds;
    std::vector<Now> now;
    for (std::int64_t i = 0; i < count_; ++i)
      now.push_back({tensors[i].gradient,
                     tensors[i].gradient ? folds.number(groups[tensors[i].group], tensors[i]) : 0});
    const std::int64_t fold_bytes = bytes_of(folds.folds());
    const std::int64_t folds_at = placed(sizeof(Control));
    const std::int64_t now_at = folds_at + std::max<std::int64_t>(fold_bytes, sizeof(Fold));
    auto* const host = letter.memory.as<unsigned char>();
    const Control control = control_of(around);
    std::memcpy(host, &control, sizeof control);
    if (fold_bytes)
      std::memcpy(host + folds_at, folds.folds().data(), static_cast<std::size_t>(fold_bytes));
    if (count_) std::memcpy(host + now_at, now.data(), static_cast<std::size_t>(bytes_of(now)));
    auto* const device = workspace_.letter_.as<unsigned char>();
    upload(stream_, device, host, now_at + bytes_of(now));
    letter.sent.record(stream_);
    table_ = {workspace_.rows_.as<Row>(),
              reinterpret_cast<const Now*>(device + now_at),
              reinterpret_cast<const Fold*>(device + folds_at),
              nullptr,
              reinterpret_cast<Control*>(device),
              workspace_.sums_.as<double>(),
              workspace_.totals_.as<TensorSums>(),
              count_};
  }

  void launch(const Around& around) {
    if (update::clips(around)) {
      for (const LookLaunch& look : workspace_.plan_.looks)
        gradient_squares(look.real)(stream_, look.count, table(look.from));
      add_tiles(stream_, table_);
      find_clip(stream_, table_);
    }
    if (around.check_finite)
      for (const LookLaunch& look : workspace_.plan_.looks)
        find_non_finite(look.real)(stream_, look.count, table(look.from));
    for (const PassLaunch& pass : workspace_.plan_.passes)
      pass.launch(stream_, pass.count, table(pass.from));
    if (around.statistics) {
      // Beside what the norm to clip by came from: that is of the gradients before they shrank.
      Table measured = table_;
      measured.totals += count_;
      add_tiles(stream_, measured);
    }
  }

  // What the step found out; waits for it.
  Outcome read(Tensor* tensors, const Around& around) {
    Outcome outcome;
    if (!around.check_finite && !measures(around)) return outcome;
    auto* const host = workspace_.answer_.as<unsigned char>();
    auto* const totals = reinterpret_cast<TensorSums*>(host + placed(sizeof(Control)));
    download(stream_, host, table_.control, sizeof(Control));
    if (measures(around))
      download(stream_, totals, table_.totals,
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

 private:
  void set_norms(Tensor* tensors, const Around& around, const TensorSums* totals,
                 Outcome& outcome) const {
    const bool moved = around.statistics && outcome.non_finite < 0;
    for (std::int64_t i = 0; i < count_; ++i) {
      if (!tensors[i].gradient) continue;
      update::Norms& norms = tensors[i].norms;
      if (update::clips(around)) norms.gradient = totals[i].of[0].norm();
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

  Table table(std::int64_t from) const {
    Table chunked = table_;
    chunked.chunks = workspace_.chunks_.as<Chunk>() + from;
    return chunked;
  }

  Workspace& workspace_;
  const Stream& stream_;
  std::int64_t count_;
  Table table_{};
};

Outcome step(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
             Workspace& workspace, const Stream& stream) {
  workspace.prepare(groups, tensors, count, around, stream);
  update::begin_steps(groups, tensors, count);
  Stepping stepping(workspace, stream, count);
  stepping.send(groups, tensors, around);
  stepping.launch(around);
  const Outcome outcome = stepping.read(tensors, around);
  if (outcome.non_finite >= 0) update::take_back(tensors, count);
  return outcome;
}

}  // namespace saddlescape::cuda
