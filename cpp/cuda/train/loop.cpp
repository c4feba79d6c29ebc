#include "cuda/train/loop.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "cuda/net/cut.hpp"
#include "cuda/train/average.hpp"
#include "cuda/train/measure.hpp"
#include "update/begin.hpp"

namespace saddlescape::cuda {
namespace {

constexpr auto record_bytes = static_cast<std::int64_t>(train::record_width * sizeof(double));

std::int64_t order_bytes(std::int64_t samples) {
  return samples * static_cast<std::int64_t>(sizeof(std::int64_t));
}

template <class Arrays>
void arrange(Memory& memory, const Arrays& arrays) {
  Cut measure;
  arrays(measure);
  memory.grow(measure.used);
  Cut cut{memory.as<unsigned char>()};
  arrays(cut);
}

}  // namespace

template <class T>
DeviceLoop<T>::DeviceLoop(const net::Architecture& net, T* theta, const net::Batch<T>& data,
                          std::int64_t size, const train::Penalty& penalty, const Stream& stream,
                          const NetworkOptions& options, const train::Training& training)
    : network_(net, stream, options),
      stream_(stream),
      theta_(theta),
      data_(data),
      P_(net.parameters()),
      penalty_(penalty),
      training_(training) {
  arrange(arrays_, [&](Cut& cut) {
    for (T** each : {&before_, &g_[0], &g_[1], &kept_}) *each = cut.take<T>(P_);
  });
  arrange(sums_, [&](Cut& cut) {
    cut.take<StepSums>(1);
    standing_ = cut.take<Standing>(1);
    partial_ = cut.take<double>(partial_sums(P_));
  });
  host_.grow(sizeof(Standing) + record_bytes);
  if (size < data.N) order_.grow(order_bytes(size));
  if (averages()) {
    running_.grow(running_bytes());
    running_here_.grow(running_bytes());
  }
  copy(stream_, before_, theta_, bytes());
}

template <class T>
train::Progress DeviceLoop<T>::run(const train::Burst& burst, const Optimizer& optimizer) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  if (burst.steps == 0) return {};
  begin(burst);
  update::Tensor& tensor = *optimizer.tensor;
  counts_.assign(1, count_of(tensor));
  std::int64_t asked = 0;
  while (asked < burst.steps) {
    optimizer.groups[tensor.group].options.lr = burst.rates[asked];
    optimizer.around->average_weight = burst.weights[asked];
    const Judged judged{asked, sums(), standing_,
                        records_.as<double>() + asked * train::record_width};
    step(batch(burst, asked), judged, optimizer);
    ++asked;
    const bool stopped = tensor.steps == counts_.back().steps;  // by what was read of the step
    counts_.push_back(count_of(tensor));
    if (stopped) break;
    if (std::chrono::duration<double>(Clock::now() - start).count() > burst.seconds) break;
  }
  return end(burst, asked, optimizer);
}

// Sends what the burst's steps start from.
template <class T>
void DeviceLoop<T>::begin(const train::Burst& burst) {
  const std::int64_t size = burst.order ? order_bytes(burst.samples) : 0;
  order_.grow(size);
  records_.grow(burst.steps * record_bytes);
  stream_.wait();  // for a burst that ended in an error
  host_.grow(static_cast<std::int64_t>(sizeof(Standing)) +
             std::max(size, burst.steps * record_bytes));
  auto* const host = host_.as<unsigned char>();
  const Standing standing{last_norm_, 0, 1, -1, 0, 0};
  std::memcpy(host, &standing, sizeof standing);
  upload(stream_, standing_, host, sizeof standing);
  had_last_ = has_last_;
  if (averages()) send_averages();
  if (!burst.order) return;
  std::memcpy(host + sizeof standing, burst.order, static_cast<std::size_t>(size));
  upload(stream_, order_.data(), host + sizeof standing, size);
}

template <class T>
net::Mode DeviceLoop<T>::mode(std::int64_t step) const {
  net::Mode mode;
  mode.training = true;
  mode.seed = training_.seed;
  mode.draw = training_.step + static_cast<std::uint64_t>(step);
  return mode;
}

template <class T>
void DeviceLoop<T>::send_averages() {
  std::copy_n(training_.running, units(), running_here_.as<double>());
  upload(stream_, running_.data(), running_here_.data(), running_bytes());
}

// What end() has fetched.
template <class T>
void DeviceLoop<T>::take_averages() {
  std::copy_n(running_here_.as<double>(), units(), training_.running);
}

template <class T>
net::Batch<T> DeviceLoop<T>::batch(const train::Burst& burst, std::int64_t step) const {
  net::Batch<T> batch = data_;
  if (!burst.order) return batch;
  const std::int64_t first = step * burst.size;
  batch.N = std::min(burst.size, burst.samples - first);
  batch.order = order_.as<std::int64_t>() + first;
  return batch;
}

template <class T>
void DeviceLoop<T>::step(const net::Batch<T>& batch, const Judged& judged,
                         const Optimizer& optimizer) {
  T* const g = g_[1 - now_];
  const T* const last = has_last_ ? g_[now_] : nullptr;
  network_.gradient(theta_, batch, g, &sums()->loss, mode(judged.step));
  if (averages())
    average(stream_, judged, training_.momentum, network_.moments(), units(),
            running_.as<double>());
  if (penalty_.any()) penalise_layers(g);
  squares_and_product(stream_, g, last, &standing_->last_norm, P_, partial_,
                      &sums()->gradient_square);
  judge(stream_, judged, penalty_, has_last_);
  keep(stream_, judged, theta_, last, P_, before_, kept_);
  move(g, judged, optimizer);
  now_ = 1 - now_;
  has_last_ = true;
}

// The optimizer's step, and how far it went.
template <class T>
void DeviceLoop<T>::move(T* g, const Judged& judged, const Optimizer& optimizer) {
  update::Tensor& tensor = *optimizer.tensor;
  tensor.gradient = g;
  tensor.gradient_type = tensor.parameter_type;
  // A gradient whose norm is finite is finite.
  optimizer.around->check_finite = false;
  if (optimizer.around->statistics)
    *optimizer.outcome = cuda::step(optimizer.groups, &tensor, 1, *optimizer.around,
                                    *optimizer.workspace, stream_, &standing_->stopped);
  else
    ask(optimizer.groups, &tensor, 1, *optimizer.around, *optimizer.workspace, stream_,
        &standing_->stopped);
  tensor.gradient = nullptr;
  squared_differences(stream_, theta_, before_, P_, partial_, &sums()->move);
  arrive(stream_, judged, optimizer.workspace->control());
}

template <class T>
void DeviceLoop<T>::penalise_layers(T* g) {
  const net::Architecture& net = network_.net();
  for (std::int64_t l = 1; l <= net.layers(); ++l) {
    const std::int64_t from = net.weight_offset(l);
    penalise(stream_, theta_ + from, net.bias_offset(l) - from, penalty_, g + from, partial_,
             &sums()->absolute, l > 1);
  }
}

// Reads what came of the steps that were asked for; waits.
template <class T>
train::Progress DeviceLoop<T>::end(const train::Burst& burst, std::int64_t asked,
                                   const Optimizer& optimizer) {
  auto* const host = host_.as<unsigned char>();
  download(stream_, host, standing_, sizeof(Standing));
  download(stream_, host + sizeof(Standing), records_.data(), asked * record_bytes);
  if (averages()) download(stream_, running_here_.data(), running_.data(), running_bytes());
  stream_.wait();
  if (averages()) take_averages();
  Standing standing;
  std::memcpy(&standing, host, sizeof standing);
  const train::Progress progress{standing.stopped != 0 ? standing.step + 1 : asked,
                                 standing.stopped == 0};
  training_.step += static_cast<std::uint64_t>(progress.steps);
  const bool moved = progress.finite || go_back(standing, asked, optimizer);
  const std::int64_t happened = progress.steps - (moved ? 0 : 1);
  std::memcpy(burst.records, host + sizeof(Standing),
              static_cast<std::size_t>(progress.steps * record_bytes));
  for (std::int64_t t = 0; t < happened; ++t)
    burst.records[t * train::record_width + 4] = burst.rates[t];
  optimizer.groups[optimizer.tensor->group].options.lr = burst.rates[progress.steps - 1];
  optimizer.around->average_weight = burst.weights[progress.steps - 1];
  *optimizer.calls += happened;
  last_norm_ = standing.last_norm;
  if (happened > 0 && !optimizer.around->statistics) {
    *optimizer.outcome = {};
    if (!update::clips(*optimizer.around)) return progress;
    optimizer.outcome->gradient_norm = optimizer.tensor->norms.gradient = standing.gradient_norm;
    optimizer.outcome->clip = standing.clip;
  }
  return progress;
}

// Puts back what stood before the step that was not finite; whether it moved the parameters.
template <class T>
bool DeviceLoop<T>::go_back(const Standing& standing, std::int64_t asked,
                            const Optimizer& optimizer) {
  const bool moved = standing.moved != 0;
  const std::int64_t happened = standing.step + (moved ? 1 : 0);
  copy(stream_, theta_, before_, bytes());
  count_again(counts_[static_cast<std::size_t>(happened)], *optimizer.tensor);
  has_last_ = had_last_ || happened > 0;
  if (happened < asked) std::swap(g_[now_], kept_);
  return moved;
}

template <class T>
typename DeviceLoop<T>::Count DeviceLoop<T>::count_of(const update::Tensor& tensor) {
  Count count{tensor.steps, {}, {}, tensor.trust, tensor.norms};
  std::copy_n(tensor.carried, update::max_carried, count.carried);
  std::copy_n(tensor.before, update::max_carried, count.before);
  return count;
}

template <class T>
void DeviceLoop<T>::count_again(const Count& count, update::Tensor& tensor) {
  tensor.steps = count.steps;
  std::copy_n(count.carried, update::max_carried, tensor.carried);
  std::copy_n(count.before, update::max_carried, tensor.before);
  tensor.trust = count.trust;
  tensor.norms = count.norms;
}

template <class T>
void DeviceLoop<T>::remember(const train::Memory<T>& memory) {
  copy(stream_, before_, memory.before, bytes());
  has_last_ = memory.gradient != nullptr;
  if (has_last_) copy(stream_, g_[now_], memory.gradient, bytes());
  last_norm_ = memory.norm;
}

template class DeviceLoop<float>;
template class DeviceLoop<double>;

}  // namespace saddlescape::cuda
