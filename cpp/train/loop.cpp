#include "train/loop.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "core/reduce.hpp"
#include "core/stagger.hpp"
#include "update/watch.hpp"

namespace saddlescape::train {
namespace {

// Tiles of the watched step that a thread needs to be worth its start.
constexpr std::int64_t watched_grain = 4;

// Places in a page that are left to what the optimizer keeps: states, their scales, master weights,
// an average.
constexpr std::int64_t lanes_of_states = 2 * update::max_states + 2;

constexpr std::int64_t copy_grain = 65'536;

template <class T>
void copy(const T* from, T* to, std::int64_t n) {
  parallel_for(n, copy_grain, [&](std::int64_t begin, std::int64_t end) {
    std::copy(from + begin, from + end, to + begin);
  });
}

// Numbers that an array of parameters has more room for.
template <class T>
std::int64_t spare(std::int64_t n) {
  constexpr auto width = static_cast<std::int64_t>(sizeof(T));
  return n * width < 16 * stagger_page ? 0 : stagger_page / width;
}

// Room for n numbers, where it matters at the place of a page that is `lane` steps behind that of
// theta.
template <class T>
T* beside(net::Room<T>& room, const T* theta, std::int64_t n, std::int64_t lane) {
  constexpr auto width = static_cast<std::int64_t>(sizeof(T));
  room = net::room<T>(n + spare<T>(n));
  if (spare<T>(n) == 0) return room.get();
  return room.get() + stagger(room.get(), theta, lane) / width;
}

// Elements of a gradient that is no larger are finite, and so is their norm in float64.
template <class T>
constexpr double sure_size = sizeof(T) == sizeof(float) ? 1e36 : 1e140;

}  // namespace

template <class T>
Loop<T>::Loop(const net::Architecture& net, T* theta, const net::Batch<T>& data, std::int64_t size,
              const Penalty& penalty, const Training& training)
    : gradient_(net, std::min(size, data.N), size < data.N, training),
      theta_(theta),
      data_(data),
      P_(net.parameters()),
      penalty_(penalty),
      before_(beside(rooms_[0], theta, P_, lanes_of_states + 1)),
      g_{beside(rooms_[1], theta, P_, lanes_of_states + 2),
         beside(rooms_[2], theta, P_, lanes_of_states + 3)},
      partial_(static_cast<std::size_t>(update::watch_sums * measure_tiles(P_))) {
  copy(theta, before_, P_);
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
  T* const g = g_[1 - now_];
  double loss = gradient_(theta_, batch, g);
  if (penalty_.any()) loss += penalise(gradient_.net(), theta_, penalty_, g);
  std::fill_n(record, record_width, std::numeric_limits<double>::quiet_NaN());
  record[0] = loss;
  stepping.tensor->gradient = g;
  stepping.tensor->gradient_type = stepping.tensor->parameter_type;
  Measured measured;
  if (std::isfinite(loss) && can_watch(stepping) && known_finite(g)) {
    measured = move_watched(g, stepping, record[3]);
  } else {
    measured = measure(g, last(), last_norm_, P_, partial_);
    if (std::isfinite(loss) && std::isfinite(measured.norm)) record[3] = move(stepping);
  }
  stepping.tensor->gradient = nullptr;
  record[1] = measured.norm;
  if (!std::isfinite(loss) || !std::isfinite(measured.norm)) {
    restore();
    return false;
  }
  record[2] = measured.cosine;
  record[4] = stepping.groups[stepping.tensor->group].options.lr;
  now_ = 1 - now_;
  has_last_ = true;
  last_norm_ = measured.norm;
  // Asked here too: after the last step no further loss would show it.
  if (std::isfinite(record[3]) || reduce::all_finite(theta_, P_)) return true;
  restore();
  return false;
}

// True if the gradient and its norm are finite.
template <class T>
bool Loop<T>::known_finite(const T* g) {
  if (!penalty_.any() && gradient_.size_bound() < sure_size<T>) return true;
  return std::isfinite(measure<T>(g, nullptr, 0, P_, partial_).norm);
}

template <class T>
bool Loop<T>::can_watch(const Stepping& stepping) const {
  const update::Tensor& tensor = *stepping.tensor;
  return update::can_watch(stepping.groups[tensor.group], tensor, *stepping.around);
}

// The optimizer's step; how far it went.
template <class T>
double Loop<T>::move(const Stepping& stepping) {
  // A gradient whose norm is finite is finite.
  stepping.around->check_finite = false;
  copy<T>(theta_, before_, P_);
  *stepping.outcome =
      update::step(stepping.groups, stepping.tensor, 1, *stepping.around, *stepping.workspace);
  ++*stepping.calls;
  return distance<T>(theta_, before_, P_, partial_);
}

// The same, and what the gradient is like, in one pass.
template <class T>
Measured Loop<T>::move_watched(const T* g, const Stepping& stepping, double& length) {
  update::Tensor& tensor = *stepping.tensor;
  const update::Group& group = stepping.groups[tensor.group];
  const update::Watched watched{before_, last()};
  ++tensor.steps;
  const std::int64_t tiles = measure_tiles(P_);
  parallel_for(tiles, watched_grain, [&](std::int64_t first, std::int64_t end) {
    update::Folds folds;
    update::watch(group, tensor, first * measure_tile, std::min(P_, end * measure_tile), watched,
                  folds, partial_.data() + first * update::watch_sums);
  });
  ++*stepping.calls;
  *stepping.outcome = {};
  double sums[update::watch_sums];
  add_in_groups(partial_, tiles, update::watch_sums, sums);
  length = distance_of<T>(sums[2], theta_, before_, P_, partial_);
  return measured<T>(sums[0], sums[1], g, last(), last_norm_, P_, partial_);
}

template <class T>
void Loop<T>::restore() {
  copy<T>(before_, theta_, P_);
}

template <class T>
Memory<T> Loop<T>::memory() const {
  return {before_, last(), last_norm_};
}

template <class T>
void Loop<T>::remember(const Memory<T>& memory) {
  copy(memory.before, before_, P_);
  has_last_ = memory.gradient != nullptr;
  if (has_last_) copy(memory.gradient, g_[now_], P_);
  last_norm_ = memory.norm;
}

template <class T>
std::int64_t Loop<T>::bytes() const {
  return 3 * (P_ + spare<T>(P_)) * static_cast<std::int64_t>(sizeof(T)) + gradient_.bytes() +
         static_cast<std::int64_t>(partial_.size() * sizeof(double));
}

template class Loop<float>;
template class Loop<double>;

}  // namespace saddlescape::train
