#include "train/batch_gradient.hpp"

#include <algorithm>
#include <cmath>

#include "core/parallel.hpp"

namespace saddlescape::train {
namespace {

constexpr std::int64_t gather_numbers = 65'536;  // that a thread needs to be worth its start

}  // namespace

template <class T>
BatchGradient<T>::BatchGradient(const net::Architecture& net, std::int64_t samples, bool ordered,
                                const Training& training)
    : net_(net), training_(training) {
  if (net_.plain()) {
    plain_ = std::make_unique<net::LossGradient<T>>(net_, samples, ordered);
    return;
  }
  net::Mode mode;
  mode.training = true;
  if (net_.coupled(mode)) seen_.resize(static_cast<std::size_t>(2 * net_.hidden_units()));
  if (!ordered) return;
  rows_ = samples;
  X_ = net::room<T>(samples * net_.inputs());
  Y_ = net::room<T>(samples * net_.outputs());
  weight_ = net::room<T>(samples);
}

template <class T>
double BatchGradient<T>::operator()(const T* theta, const net::Batch<T>& batch, T* g) {
  if (plain_) return (*plain_)(theta, batch, g);
  net::Mode mode;
  mode.training = true;
  mode.seed = training_.seed;
  mode.draw = training_.step;
  if (!seen_.empty()) {
    mode.mean = training_.running;
    mode.variance = mode.mean + net_.hidden_units();
    mode.seen_mean = seen_.data();
    mode.seen_variance = mode.seen_mean + net_.hidden_units();
  }
  const double loss = net::gradient(net_, theta, gathered(batch), g, mode);
  ++training_.step;
  if (std::isfinite(loss)) average();  // the parameters of a diverged one are taken back
  return loss;
}

// A diverged batch leaves the averages as they are.
template <class T>
void BatchGradient<T>::average() {
  if (!std::all_of(seen_.begin(), seen_.end(), [](double x) { return std::isfinite(x); })) return;
  const double p = training_.momentum;
  for (std::size_t i = 0; i < seen_.size(); ++i)
    training_.running[i] = p * training_.running[i] + (1 - p) * seen_[i];
}

template <class T>
net::Batch<T> BatchGradient<T>::gathered(const net::Batch<T>& batch) {
  if (!batch.order) return batch;
  const std::int64_t d = net_.inputs(), C = net_.outputs();
  parallel_for(batch.N, 1 + gather_numbers / (d + C), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t row = batch.order[i];
      std::copy_n(batch.X + row * d, d, X_.get() + i * d);
      std::copy_n(batch.Y + row * C, C, Y_.get() + i * C);
      if (batch.weight) weight_.get()[i] = batch.weight[row];
    }
  });
  return {X_.get(), Y_.get(), batch.N, batch.weight ? weight_.get() : nullptr};
}

template <class T>
std::int64_t BatchGradient<T>::bytes() const {
  if (plain_) return plain_->bytes();
  return rows_ * (net_.inputs() + net_.outputs() + 1) * static_cast<std::int64_t>(sizeof(T)) +
         static_cast<std::int64_t>(seen_.size() * sizeof(double));
}

template class BatchGradient<float>;
template class BatchGradient<double>;

}  // namespace saddlescape::train
