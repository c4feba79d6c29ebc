#include "cuda/captured.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "cuda/fold_list.hpp"
#include "cuda/stepping.hpp"

namespace saddlescape::cuda {

using update::Around;
using update::Group;
using update::Outcome;
using update::Tensor;

Captured::Captured(const std::vector<Group>& groups, const Tensor* tensors, std::int64_t count,
                   const Around& around, const Inputs& inputs, const Stream& stream)
    : around_(around), count_(count) {
  if (!inputs.lr.empty() && inputs.lr.size() != groups.size())
    throw std::invalid_argument("inputs.lr: " + std::to_string(inputs.lr.size()) +
                                " pointers, expected one for each of " +
                                std::to_string(groups.size()) + " groups");
  workspace_.prepare(groups.data(), tensors, count, around, stream);
  if (workspace_.is_normed() || workspace_.has_matrices())
    throw std::invalid_argument(
        "rule: one that looks at norms or multiplies matrices can't be captured in a graph, "
        "expected elementwise ones");
  number(groups, tensors);
  send(groups, tensors, inputs, stream);
  load(stream);
}

// The folds as `Stepping::write` numbers them, and what the device needs to make them anew.
void Captured::number(const std::vector<Group>& groups, const Tensor* tensors) {
  FoldList folds;
  for (std::int64_t i = 0; i < count_; ++i) {
    const Tensor& tensor = tensors[i];
    if (!tensor.gradient) {
      fold_.push_back(-1);
      continue;
    }
    const Group& group = groups[static_cast<std::size_t>(tensor.group)];
    fold_.push_back(folds.number(group.rule->kernel, group, tensor));
    if (folds.count() == static_cast<std::int64_t>(start_.size())) continue;
    Progress progress{tensor.steps, {}, tensor.group};
    std::copy_n(tensor.carried, update::max_carried, progress.carried);
    const Launch kind = advance(group.rule->kernel, update::real_of(tensor.parameter_type));
    if (advances_.empty() || advances_.back().launch != kind)
      advances_.push_back({kind, fold_.back(), 0});
    ++advances_.back().count;
    start_.push_back(progress);
  }
}

void Captured::send(const std::vector<Group>& groups, const Tensor* tensors, const Inputs& inputs,
                    const Stream& stream) {
  std::vector<LiveGroup> options;
  for (std::size_t k = 0; k < groups.size(); ++k)
    options.push_back({groups[k].options, inputs.lr.empty() ? nullptr : inputs.lr[k]});
  const Live live{control_of(around_), inputs.averaging, 0, inputs.scale, inputs.found};
  const auto groups_at = static_cast<std::int64_t>(sizeof(Live));
  const std::int64_t progress_at = groups_at + bytes_of(options);
  const std::int64_t letter_at = progress_at + bytes_of(start_);
  live_.grow(letter_at);
  host_.grow(letter_at + Stepping::letter_bytes(count_));
  auto* const host = host_.as<unsigned char>();
  std::memcpy(host, &live, sizeof live);
  if (!options.empty())
    std::memcpy(host + groups_at, options.data(), static_cast<std::size_t>(bytes_of(options)));
  if (!start_.empty())
    std::memcpy(host + progress_at, start_.data(), static_cast<std::size_t>(bytes_of(start_)));
  auto* const device = live_.as<unsigned char>();
  upload(stream, device, host, letter_at);
  Stepping stepping(workspace_, stream, count_);
  const std::int64_t bytes =
      stepping.write(host + letter_at, groups.data(), tensors, control_of(around_));
  upload(stream, stepping.table.control, host + letter_at, bytes);
  stream.wait();  // host_ is used again
  table_ = stepping.table;
  table_.live = reinterpret_cast<Live*>(device);
  table_.live_groups = reinterpret_cast<const LiveGroup*>(device + groups_at);
  table_.progress = reinterpret_cast<Progress*>(device + progress_at);
}

// Launches everything once where it changes nothing, as if a gradient had not been finite. A kernel
// is loaded when it is first launched, which a stream that is being captured need not allow; and
// one that the device can't run is found out here.
void Captured::load(const Stream& stream) {
  begin(stream, table_);
  Control control = control_of(around_);
  control.non_finite = 0;
  set(control, stream);
  set_zero(stream, workspace_.sums_.data(), workspace_.sums_.bytes());
  go_on(stream);
  control.non_finite = all_finite;
  set(control, stream);
}

void Captured::set(const Control& control, const Stream& stream) {
  std::memcpy(host_.data(), &control, sizeof control);
  upload(stream, table_.control, host_.data(), sizeof control);
  stream.wait();  // host_ is used again
}

void Captured::launch(const Stream& stream) {
  begin(stream, table_);
  go_on(stream);
}

void Captured::go_on(const Stream& stream) {
  Stepping stepping(workspace_, stream, count_);
  stepping.table = table_;
  stepping.look(around_);
  proceed(stream, table_);
  for (const AdvanceLaunch& each : advances_) {
    Table from = table_;
    from.first = each.from;
    each.launch(stream, each.count, from);
  }
  stepping.move(around_);
}

Outcome Captured::read(Tensor* tensors, const Stream& stream) {
  auto* const host = host_.as<unsigned char>();
  download(stream, host, table_.live, sizeof(Live));
  download(stream, host + sizeof(Live), table_.progress, bytes_of(start_));
  stream.wait();
  Live live;
  std::memcpy(static_cast<void*>(&live), host, sizeof live);
  calls_ = live.calls;
  const auto* progress = reinterpret_cast<const Progress*>(host + sizeof(Live));
  for (std::int64_t i = 0; i < count_; ++i) {
    if (fold_[static_cast<std::size_t>(i)] < 0) continue;
    const Progress& own = progress[fold_[static_cast<std::size_t>(i)]];
    tensors[i].steps = own.steps;
    std::copy_n(own.carried, update::max_carried, tensors[i].carried);
  }
  Stepping stepping(workspace_, stream, count_);
  stepping.table = table_;
  return stepping.read(tensors, around_);
}

}  // namespace saddlescape::cuda
