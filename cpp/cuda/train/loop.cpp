#include "cuda/train/loop.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "cuda/net/arguments.hpp"
#include "cuda/net/cut.hpp"
#include "cuda/train/measure.hpp"

namespace saddlescape::cuda {
namespace {

// What a step leaves on the device for the host to read.
enum Number { loss, gradient_square, gradient_product, absolute, weight_square, move, numbers };

}  // namespace

template <class T>
DeviceLoop<T>::DeviceLoop(const net::Architecture& net, T* theta, const net::Batch<T>& data,
                          std::int64_t size, const train::Penalty& penalty, const Stream& stream,
                          const NetworkOptions& options)
    : network_(net, stream, options),
      stream_(stream),
      theta_(theta),
      data_(data),
      P_(net.parameters()),
      penalty_(penalty) {
  const auto arrange = [&](Cut& cut) {
    for (T** each : {&before_, &g_[0], &g_[1]}) *each = cut.take<T>(P_);
  };
  Cut measure;
  arrange(measure);
  arrays_.grow(measure.used);
  Cut cut{arrays_.as<unsigned char>()};
  arrange(cut);
  sums_.grow((numbers + partial_sums(P_)) * static_cast<std::int64_t>(sizeof(double)));
  numbers_ = sums_.as<double>();
  partial_ = numbers_ + numbers;
  host_.grow(numbers * static_cast<std::int64_t>(sizeof(double)));
  if (size < data.N) order_.grow(size * static_cast<std::int64_t>(sizeof(std::int64_t)));
  copy(stream_, before_, theta_, bytes());
}

template <class T>
train::Progress DeviceLoop<T>::run(const train::Burst& burst, const Optimizer& optimizer) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  if (burst.order) {
    const std::int64_t size = burst.samples * static_cast<std::int64_t>(sizeof(std::int64_t));
    order_.grow(size);
    upload(stream_, order_.data(), burst.order, size);
    stream_.wait();  // the order is the caller's memory, which may not outlive a copy
  }
  train::Progress progress;
  while (progress.steps < burst.steps) {
    const std::int64_t t = progress.steps, first = t * burst.size;
    optimizer.groups[optimizer.tensor->group].options.lr = burst.rates[t];
    optimizer.around->average_weight = burst.weights[t];
    net::Batch<T> batch = data_;
    if (burst.order) {
      batch.N = std::min(burst.size, burst.samples - first);
      batch.order = order_.as<std::int64_t>() + first;
    }
    progress.finite = step(batch, optimizer, burst.records + t * train::record_width);
    ++progress.steps;
    if (!progress.finite) break;
    if (std::chrono::duration<double>(Clock::now() - start).count() > burst.seconds) break;
  }
  return progress;
}

// Waits for numbers that the device has come to.
template <class T>
const double* DeviceLoop<T>::read(std::int64_t first, std::int64_t count) {
  auto* const here = host_.as<double>();
  download(stream_, here + first, numbers_ + first,
           count * static_cast<std::int64_t>(sizeof(double)));
  stream_.wait();
  return here;
}

// One step and its record; false, with the last good parameters restored, if it is not finite.
template <class T>
bool DeviceLoop<T>::step(const net::Batch<T>& batch, const Optimizer& optimizer, double* record) {
  T* const g = g_[1 - now_];
  const T* const last = has_last_ ? g_[now_] : nullptr;
  network_.gradient(theta_, batch, g, numbers_ + Number::loss);
  if (penalty_.any()) penalise_layers(g);
  squares_and_product(stream_, g, last, P_, partial_, numbers_ + gradient_square);
  const double* const told = read(0, Number::move);
  double value = told[Number::loss];
  if (penalty_.any()) value += penalty_.l1 * told[absolute] + penalty_.l2 / 2 * told[weight_square];
  const double norm = std::sqrt(told[gradient_square]), product = told[gradient_product];
  std::fill_n(record, train::record_width, std::numeric_limits<double>::quiet_NaN());
  record[0] = value;
  record[1] = norm;
  if (!std::isfinite(value) || !std::isfinite(norm)) {
    copy(stream_, theta_, before_, bytes());
    return false;
  }
  if (last && last_norm_ != 0 && norm != 0)
    record[2] = std::clamp(product / last_norm_ / norm, -1.0, 1.0);
  record[3] = move(g, optimizer);
  record[4] = optimizer.groups[optimizer.tensor->group].options.lr;
  now_ = 1 - now_;
  has_last_ = true;
  last_norm_ = norm;
  // Asked here too: after the last step no further loss would show it.
  constexpr T most = std::numeric_limits<T>::max();
  if (std::isfinite(record[3]) || first_outside(stream_, theta_, P_, -most, most) < 0) return true;
  copy(stream_, theta_, before_, bytes());
  return false;
}

// The optimizer's step; how far it went.
template <class T>
double DeviceLoop<T>::move(T* g, const Optimizer& optimizer) {
  copy(stream_, before_, theta_, bytes());
  update::Tensor& tensor = *optimizer.tensor;
  tensor.gradient = g;
  tensor.gradient_type = tensor.parameter_type;
  // A gradient whose norm is finite is finite.
  optimizer.around->check_finite = false;
  *optimizer.outcome =
      cuda::step(optimizer.groups, &tensor, 1, *optimizer.around, *optimizer.workspace, stream_);
  tensor.gradient = nullptr;
  ++*optimizer.calls;
  squared_differences(stream_, theta_, before_, P_, partial_, numbers_ + Number::move);
  return std::sqrt(read(Number::move, 1)[Number::move]);
}

template <class T>
void DeviceLoop<T>::penalise_layers(T* g) {
  const net::Architecture& net = network_.net();
  for (std::int64_t l = 1; l <= net.layers(); ++l) {
    const std::int64_t from = net.weight_offset(l);
    penalise(stream_, theta_ + from, net.bias_offset(l) - from, penalty_, g + from, partial_,
             numbers_ + absolute, l > 1);
  }
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
