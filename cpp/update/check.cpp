#include "update/check.hpp"

#include "update/gradient.hpp"
#include "update/kernels.hpp"
#include "update/passes.hpp"
#include "update/row.hpp"

namespace saddlescape::update {

Check::Check(const Tensor* tensors, std::int64_t count, double unscale)
    : tensors_(tensors), count_(count), first_(count) {
  unscaled_.unscale = unscale;
  for (std::int64_t i = 0; i < count; ++i)
    if (tensors[i].gradient) lines_ += ceiling(tensors[i].size, line(tensors[i]));
  // Small ones in one go: to claim a chunk costs more than to look at it.
  chunks_ =
      static_cast<int>(std::min<std::int64_t>(most, ceiling(lines_ * line_bytes, grain_bytes / 4)));
}

bool Check::pass(double at) {
  if (looked_.load(std::memory_order_acquire) == chunks_)
    return first_.load(std::memory_order_relaxed) == count_;
  const int start = static_cast<int>(at * chunks_);
  for (int k = 0; k < chunks_; ++k) {
    const int chunk = (start + k) % chunks_;
    if (claimed_[chunk].load(std::memory_order_relaxed) ||
        claimed_[chunk].exchange(true, std::memory_order_relaxed))
      continue;
    look(chunk);
    looked_.fetch_add(1, std::memory_order_acq_rel);
  }
  while (looked_.load(std::memory_order_acquire) < chunks_) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  return first_.load(std::memory_order_relaxed) == count_;
}

std::int64_t Check::first() const {
  const std::int64_t found = first_.load(std::memory_order_relaxed);
  return found < count_ ? found : -1;
}

bool Check::finite(const Tensor& tensor, std::int64_t from, std::int64_t to) const {
  const TileKernels& table = tile_kernels();
  const Element type = tensor.gradient_type;
  // No product with a factor up to 1 overflows: the gradient is looked at as it lies in memory.
  if (unscaled_.unscale <= 1)
    return table.all_finite[static_cast<int>(type)](at(tensor.gradient, from * width(type)),
                                                    to - from);
  const auto real = static_cast<int>(element_of(real_of(tensor.parameter_type)));
  alignas(64) unsigned char scratch[tile_size * 8];
  for (; from < to; from += tile_size) {
    const std::int64_t n = std::min(tile_size, to - from);
    if (!table.all_finite[real](gradient_tile(tensor, from, n, unscaled_, 1, scratch), n))
      return false;
  }
  return true;
}

void Check::look(int chunk) {
  for_each_range_within(
      tensors_, count_, lines_ * chunk / chunks_, lines_ * (chunk + 1) / chunks_, has_gradient,
      line, [&](std::int64_t i, std::int64_t, std::int64_t from, std::int64_t to) {
        if (finite(tensors_[i], from, to)) return;
        std::int64_t known = first_.load(std::memory_order_relaxed);
        while (i < known && !first_.compare_exchange_weak(known, i, std::memory_order_relaxed)) {
        }
      });
}

}  // namespace saddlescape::update
