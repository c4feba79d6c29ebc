#include "net/gradient.hpp"

#include <limits>
#include <utility>

#include "net/chunks.hpp"

namespace saddlescape::net {
namespace {

constexpr std::int64_t small_bytes = 512 << 10;  // of a small network's parameters
constexpr std::int64_t rows_of_large = 64;       // of a chunk
constexpr std::int64_t runs_of_small = 16, runs_of_large = 4, samples_of_large_run = 1024;

}  // namespace

template <class T>
LossGradient<T>::LossGradient(Architecture net, std::int64_t samples, bool ordered)
    : net_(std::move(net)),
      small_(net_.parameters() * static_cast<std::int64_t>(sizeof(T)) <= small_bytes),
      rows_(small_ ? chunk_rows : rows_of_large) {
  const std::int64_t count = runs(samples);
  const std::int64_t passes = small_ ? count : std::min(runs_of_large, chunks(samples));
  for (std::int64_t i = 0; i < passes; ++i)
    passes_.push_back(std::make_unique<Backprop<T>>(net_, std::min(rows_, samples), ordered));
  parts_numbers_ = (count - 1) * net_.parameters();
  if (count > 1) parts_ = room<T>(parts_numbers_);
  sums_.resize(static_cast<std::size_t>(chunks(samples)));
  bounds_.resize(sums_.size());
}

template <class T>
std::int64_t LossGradient<T>::runs(std::int64_t samples) const {
  if (small_) return std::min(runs_of_small, chunks(samples));
  return std::clamp<std::int64_t>(samples / samples_of_large_run, 1, runs_of_large);
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
  for (std::size_t c = 0; c < static_cast<std::size_t>(chunks(batch.N)); ++c) {
    sum += sums_[c];
    bound_ += bounds_[c];
  }
  if (!g) bound_ = std::numeric_limits<double>::infinity();  // of none
  return sum / static_cast<double>(mean_terms(net_, batch.N));
}

// Run `index` of `runs`: as many chunks at a time as there are threads, or one after the other.
template <class T>
void LossGradient<T>::run(const T* theta, const Batch<T>& batch, std::int64_t index,
                          std::int64_t runs, T* out) {
  const std::int64_t count = chunks(batch.N), first = count * index / runs;
  const std::int64_t end = count * (index + 1) / runs;
  const std::unique_ptr<Backprop<T>>* const passes = passes_.data() + (in_parallel() ? index : 0);
  // Fewer chunks than threads: one after the other, and threads share its products.
  const std::int64_t team = small_ || in_parallel() ? 1 : threads();
  const std::int64_t most = team <= static_cast<std::int64_t>(passes_.size()) ? team : 1;
  for (std::int64_t start = first, together = 1; start < end; start += together) {
    together = end - start < most ? 1 : most;
    const auto some = [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t k = from; k < to; ++k) {
        const auto c = static_cast<std::size_t>(start + k);
        sums_[c] =
            passes[k]->run(theta, chunk_of(net_, batch, start + k, rows_), batch.N, out != nullptr);
        bounds_[c] = passes[k]->size_bound();
      }
    };
    if (together == 1)
      some(0, 1);  // here, so that products may be shared
    else
      parallel_for(together, 1, some);
    if (out) Backprop<T>::gradient(passes, together, out, start > first);
  }
}

template <class T>
std::int64_t LossGradient<T>::bytes() const {
  std::int64_t all = parts_numbers_ * static_cast<std::int64_t>(sizeof(T)) +
                     static_cast<std::int64_t>((sums_.size() + bounds_.size()) * sizeof(double));
  for (const auto& pass : passes_) all += pass->bytes();
  return all;
}

template class LossGradient<float>;
template class LossGradient<double>;

}  // namespace saddlescape::net
