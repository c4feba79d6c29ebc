#include "net/products.hpp"

#include "net/chunks.hpp"

namespace saddlescape::net {
namespace {

constexpr std::int64_t vectors_at_once = 8;    // of a thread: their packed copies stay in its cache
constexpr std::int64_t chunks_in_memory = 16;  // while many vectors go over them

}  // namespace

template <class T>
Products<T>::Products(const Architecture& net, const T* theta, const Batch<T>& batch,
                      std::int64_t most_bytes)
    : net_(net),
      theta_(theta, theta + net.parameters()),
      batch_(batch),
      weights_(net_, layout_of<T>(net), theta_.data()) {
  if (bytes() <= most_bytes) passes_ = passes(0, chunks());
}

template <class T>
std::int64_t Products<T>::chunks() const {
  return chunk_count(batch_.N);
}

template <class T>
std::int64_t Products<T>::bytes() const {
  // a, slope, bend and delta of each layer, the inputs where they are copied, and the softmax.
  std::int64_t numbers = weights_.ld(0) == weights_.d(0) ? 0 : weights_.ld(0);
  for (std::int64_t l = 1; l <= net_.layers(); ++l) numbers += 4 * weights_.ld(l);
  numbers += net_.outputs() + 1;
  return numbers * chunks() * chunk_rows * static_cast<std::int64_t>(sizeof(T));
}

template <class T>
void Products<T>::run(Pass<T>& pass, std::int64_t index) const {
  const Batch<T> chunk = chunk_of(net_, batch_, index);
  pass.forward(chunk, Need::curvatures);
  pass.backward(chunk, Need::curvatures);
}

// The passes of chunks [begin, end), one for each.
template <class T>
typename Products<T>::Passes Products<T>::passes(std::int64_t begin, std::int64_t end) const {
  Passes all;
  for (std::int64_t i = begin; i < end; ++i)
    all.push_back(std::make_unique<Pass<T>>(weights_, chunk_rows, batch_.N));
  parallel_for(end - begin, chunk_grain(net_, 2), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) run(*all[i], begin + i);
  });
  return all;
}

template <class T>
void Products<T>::product(const T* V, std::int64_t k, T* HV) const {
  if (k == 0) return;
  // Vectors are shared out where there are enough of them; which way makes no difference to bits.
  if (k >= 4 && k >= 2 * threads())
    by_vectors(V, k, HV);
  else
    by_chunks(V, k, HV);
}

template <class T>
void Products<T>::by_chunks(const T* V, std::int64_t k, T* HV) const {
  const std::int64_t P = net_.parameters();
  std::vector<Weights<T>> v;
  for (std::int64_t j = 0; j < k; ++j) v.emplace_back(net_, weights_.layout(), V + j * P);
  sum_over_chunks<T, int>(chunks(), chunk_grain(net_, (kept() ? 2 : 4) * k), k * P, HV, [&] {
    auto own = kept() ? nullptr : std::make_unique<Pass<T>>(weights_, chunk_rows, batch_.N);
    auto tangent = std::make_unique<TangentPass<T>>(kept() ? *passes_[0] : *own);
    return [this, &v, k, P, own = std::move(own), tangent = std::move(tangent)](std::int64_t c,
                                                                                T* part) {
      if (!kept()) run(*own, c);
      for (std::int64_t j = 0; j < k; ++j)
        tangent->product(kept() ? *passes_[c] : *own, v[j], part + j * P);
      return 0;
    };
  });
}

template <class T>
void Products<T>::by_vectors(const T* V, std::int64_t k, T* HV) const {
  const std::int64_t P = net_.parameters(), wave = kept() ? chunks() : chunks_in_memory;
  for (std::int64_t start = 0; start < chunks(); start += wave) {
    const std::int64_t count = std::min(wave, chunks() - start);
    const Passes fresh = kept() ? Passes() : passes(start, start + count);
    const Passes& wave_passes = kept() ? passes_ : fresh;
    const std::int64_t grain = 1 + serial_work / (batch_.N * P);
    parallel_for(k, grain, [&](std::int64_t begin, std::int64_t end) {
      TangentPass<T> tangent(*wave_passes[0]);
      const Room<T> part = room<T>(P);
      std::vector<Weights<T>> v;
      for (std::int64_t first = begin; first < end; first += vectors_at_once) {
        const std::int64_t vectors = std::min(vectors_at_once, end - first);
        v.clear();
        for (std::int64_t j = 0; j < vectors; ++j)
          v.emplace_back(net_, weights_.layout(), V + (first + j) * P);
        for (std::int64_t c = 0; c < count; ++c)
          for (std::int64_t j = 0; j < vectors; ++j) {
            tangent.product(*wave_passes[c], v[j], part.get());
            add_part(part.get(), HV + (first + j) * P, P, start + c == 0);
          }
      }
    });
  }
}

template class Products<float>;
template class Products<double>;
template class Products<long double>;

}  // namespace saddlescape::net
