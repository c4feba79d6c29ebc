#include "train/batch_gradient.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "net/gather.hpp"

namespace saddlescape::train {

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
  const net::Batch<T> own =
      batch.order ? net::gathered(net_, batch, net_.inputs(), X_.get(), Y_.get(), weight_.get())
                  : batch;
  const double loss = net::gradient(net_, theta, own, g, mode);
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
double BatchGradient<T>::size_bound() const {
  return plain_ ? plain_->size_bound() : std::numeric_limits<double>::infinity();
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
