#include "train/loop.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "core/reduce.hpp"
#include "train/measure_kernels.hpp"

namespace saddlescape::train {
namespace {

// Parameters that are kept, moved and measured at a time: Adam's arrays stay in the second-level
// cache.
constexpr std::int64_t step_tile = 4 * measure_tile;

constexpr std::int64_t copy_grain = 65'536;

template <class T>
void copy(const T* from, T* to, std::int64_t n) {
  parallel_for(n, copy_grain, [&](std::int64_t begin, std::int64_t end) {
    std::copy(from + begin, from + end, to + begin);
  });
}

bool limited(double limit) { return limit < std::numeric_limits<double>::infinity(); }

// True if the update of an element looks at nothing but that element.
bool by_elements(const Stepping& stepping) {
  const update::Tensor& tensor = *stepping.tensor;
  const update::Rule& rule = *stepping.groups[tensor.group].rule;
  const update::Around& around = *stepping.around;
  const update::Element own = tensor.parameter_type;
  return rule.kind == update::Kind::elementwise && !rule.carries && !tensor.copy &&
         (tensor.state_type == own || rule.state_names.empty()) && around.unscale == 1 &&
         !limited(around.clip_value) && !limited(around.clip_norm) && !around.statistics &&
         around.average_weight == 0;
}

// Elements from `from` on as a tensor of their own.
template <class T>
update::Tensor part_of(const update::Tensor& tensor, std::int64_t from, std::int64_t n) {
  update::Tensor part = tensor;
  part.size = n;
  part.parameters = static_cast<T*>(tensor.parameters) + from;
  part.gradient = static_cast<const T*>(tensor.gradient) + from;
  for (void*& state : part.state)
    if (state) state = static_cast<T*>(state) + from;
  return part;
}

}  // namespace

template <class T>
Loop<T>::Loop(const net::Architecture& net, T* theta, const net::Batch<T>& data, std::int64_t size,
              const Penalty& penalty, const Training& training)
    : gradient_(net, std::min(size, data.N), size < data.N, training),
      theta_(theta),
      data_(data),
      P_(net.parameters()),
      penalty_(penalty),
      before_(net::room<T>(P_)),
      g_{net::room<T>(P_), net::room<T>(P_)},
      partial_(static_cast<std::size_t>(2 * measure_tiles(P_))) {
  copy(theta, before_.get(), P_);
}

template <class T>
Progress Loop<T>::run(const Burst& burst, const Stepping& stepping) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  Progress progress;
  while (progress.steps < burst.steps) {
    const std::int64_t t = progress.steps, first = t * burst.size;
    stepping.groups[stepping.tensor->group].options.lr = burst.rates[t];
    stepping.around->average_weight = burst.weights[t];
    double* const record = burst.records + t * record_width;
    progress.finite = step(
        burst.order ? net::Batch<T>{data_.X, data_.Y, std::min(burst.size, burst.samples - first),
                                    data_.weight, burst.order + first}
                    : data_,
        stepping, record);
    ++progress.steps;
    if (!progress.finite) break;
    if (std::chrono::duration<double>(Clock::now() - start).count() > burst.seconds) break;
  }
  return progress;
}

// One step and its record; false, with the last good parameters restored, if it is not finite.
template <class T>
bool Loop<T>::step(const net::Batch<T>& batch, const Stepping& stepping, double* record) {
  T* const g = g_[1 - now_].get();
  double loss = gradient_(theta_, batch, g);
  if (penalty_.any()) loss += penalise(gradient_.net(), theta_, penalty_, g);
  const Measured measured =
      measure(g, has_last_ ? g_[now_].get() : nullptr, last_norm_, P_, partial_);
  std::fill_n(record, record_width, std::numeric_limits<double>::quiet_NaN());
  record[0] = loss;
  record[1] = measured.norm;
  if (!std::isfinite(loss) || !std::isfinite(measured.norm)) {
    restore();
    return false;
  }
  record[2] = measured.cosine;
  record[3] = move(g, stepping);
  record[4] = stepping.groups[stepping.tensor->group].options.lr;
  now_ = 1 - now_;
  has_last_ = true;
  last_norm_ = measured.norm;
  // Asked here too: after the last step no further loss would show it.
  if (std::isfinite(record[3]) || reduce::all_finite(theta_, P_)) return true;
  restore();
  return false;
}

// The optimizer's step; how far it went.
template <class T>
double Loop<T>::move(const T* g, const Stepping& stepping) {
  update::Tensor& tensor = *stepping.tensor;
  tensor.gradient = g;
  tensor.gradient_type = tensor.parameter_type;
  // A gradient whose norm is finite is finite.
  stepping.around->check_finite = false;
  double length;
  if (by_elements(stepping)) {
    length = move_in_tiles(stepping);
    *stepping.outcome = {};
  } else {
    copy<T>(theta_, before_.get(), P_);
    *stepping.outcome =
        update::step(stepping.groups, &tensor, 1, *stepping.around, *stepping.workspace);
    length = distance<T>(theta_, before_.get(), P_, partial_);
  }
  tensor.gradient = nullptr;
  ++*stepping.calls;
  return length;
}

// Tile by tile: kept, moved and measured while it is in the cache.
template <class T>
double Loop<T>::move_in_tiles(const Stepping& stepping) {
  const auto& table = measure_kernels().template table<T>();
  const std::int64_t tiles = (P_ + step_tile - 1) / step_tile;
  parallel_for(tiles, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t t = first; t < last; ++t) {
      const std::int64_t from = t * step_tile, to = std::min(P_, from + step_tile);
      std::copy(theta_ + from, theta_ + to, before_.get() + from);
      update::Tensor part = part_of<T>(*stepping.tensor, from, to - from);
      update::step(stepping.groups, &part, 1, *stepping.around, *stepping.workspace);
      for (std::int64_t i = from; i < to; i += measure_tile)
        partial_[static_cast<std::size_t>(i / measure_tile)] = table.squared_differences(
            theta_ + i, before_.get() + i, std::min(measure_tile, P_ - i));
    }
  });
  ++stepping.tensor->steps;
  double square = 0;
  for (std::int64_t t = 0; t < measure_tiles(P_); ++t)
    square += partial_[static_cast<std::size_t>(t)];
  return std::sqrt(square);
}

template <class T>
void Loop<T>::restore() {
  copy<T>(before_.get(), theta_, P_);
}

template <class T>
Memory<T> Loop<T>::memory() const {
  return {before_.get(), has_last_ ? g_[now_].get() : nullptr, last_norm_};
}

template <class T>
void Loop<T>::remember(const Memory<T>& memory) {
  copy(memory.before, before_.get(), P_);
  has_last_ = memory.gradient != nullptr;
  if (has_last_) copy(memory.gradient, g_[now_].get(), P_);
  last_norm_ = memory.norm;
}

template <class T>
std::int64_t Loop<T>::bytes() const {
  return 3 * P_ * static_cast<std::int64_t>(sizeof(T)) + gradient_.bytes() +
         static_cast<std::int64_t>(partial_.size() * sizeof(double));
}

template class Loop<float>;
template class Loop<double>;

}  // namespace saddlescape::train
