#include "net/gradient.hpp"

#include <utility>

#include "net/chunks.hpp"

namespace saddlescape::net {
namespace {

constexpr std::int64_t small_bytes = 512 << 10;  // of a small network's parameters
constexpr std::int64_t runs_of_small = 16, runs_of_large = 4, chunks_of_large_run = 8;

}  // namespace

template <class T>
LossGradient<T>::LossGradient(Architecture net, std::int64_t samples, bool ordered)
    : net_(std::move(net)),
      small_(net_.parameters() * static_cast<std::int64_t>(sizeof(T)) <= small_bytes) {
  const std::int64_t count = runs(samples), rows = std::min(chunk_rows, samples);
  for (std::int64_t i = 0; i < count; ++i)
    passes_.push_back(std::make_unique<Backprop<T>>(net_, rows, ordered));
  if (count > 1) parts_ = room<T>((count - 1) * net_.parameters());
  sums_.resize(static_cast<std::size_t>(chunk_count(samples)));
  bounds_.resize(sums_.size());
}

template <class T>
std::int64_t LossGradient<T>::runs(std::int64_t samples) const {
  const std::int64_t chunks = chunk_count(samples);
  if (small_) return std::min(runs_of_small, chunks);
  return std::clamp<std::int64_t>(chunks / chunks_of_large_run, 1, runs_of_large);
}

template <class T>
double LossGradient<T>::operator()(const T* theta, const Batch<T>& batch, T* g) {
  const std::int64_t P = net_.parameters(), count = runs(batch.N);
  const auto some = [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      run(theta, batch, i, count, i == 0 || !g ? g : parts_.get() + (i - 1) * P);
  };
  if (small_ && count > 1)
    parallel_for(count, chunk_grain(net_, 1), some);
  else if (count > 1 && count % threads() == 0)
    parallel_for(count, count / threads(), some);
  else
    some(0, count);  // here, so that products may be shared
  if (g && count > 1)
    parallel_for(P, 50'000, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = 0; i + 1 < count; ++i)
        add(parts_.get() + i * P + first, g + first, last - first);
    });
  double sum = 0;
  bound_ = 0;
  for (std::size_t c = 0; c < static_cast<std::size_t>(chunk_count(batch.N)); ++c) {
    sum += sums_[c];
    bound_ += bounds_[c];
  }
  return sum / static_cast<double>(mean_terms(net_, batch.N));
}

// Run `index` of `runs`: its chunks one after the other.
template <class T>
void LossGradient<T>::run(const T* theta, const Batch<T>& batch, std::int64_t index,
                          std::int64_t runs, T* out) {
  const std::int64_t count = chunk_count(batch.N), first = count * index / runs;
  Backprop<T>& pass = *passes_[static_cast<std::size_t>(index)];
  for (std::int64_t c = first; c < count * (index + 1) / runs; ++c) {
    const auto i = static_cast<std::size_t>(c);
    sums_[i] = pass.run(theta, chunk_of(net_, batch, c), batch.N, out, c > first);
    bounds_[i] = pass.size_bound();
  }
}

template <class T>
std::int64_t LossGradient<T>::bytes() const {
  std::int64_t all = static_cast<std::int64_t>(passes_.size() - 1) * net_.parameters() *
                     static_cast<std::int64_t>(sizeof(T));
  for (const auto& pass : passes_) all += pass->bytes();
  return all;
}

template class LossGradient<float>;
template class LossGradient<double>;

}  // namespace saddlescape::net
