#include "net/layered.hpp"

#include <algorithm>

#include "net/group.hpp"

namespace saddlescape::net {
namespace {

constexpr std::int64_t groups_in_memory = 16;  // while many vectors go over them
constexpr std::int64_t columns_at_once = 64;   // of a dense Hessian

// Sums over the batch of work(pass, chunk's first row, part), which writes a part (width,).
template <class T, class Work>
Sum<T> over_chunks(const Architecture& net, const T* theta, const Batch<T>& batch, const Mode& mode,
                   std::int64_t width, T* out, Need need, const Work& work) {
  const Weights<T> weights(net, layout_of<T>(net), theta);
  const std::int64_t chunks = chunk_count(batch.N), grain = chunk_grain(net, 1);
  const auto pass = [&](Group<T>& group, std::int64_t first) {
    group.forward(first, need);
    if (need != Need::values) group.backward();
  };
  if (net.coupled(mode)) {
    Group<T> all(weights, mode, batch, chunks);
    pass(all, 0);
    return sum_over_chunks<T, Sum<T>>(chunks, grain, width, out, [&] {
      return [&](std::int64_t c, T* part) {
        return work(all[static_cast<std::size_t>(c)], chunk_start(batch.N, c), part);
      };
    });
  }
  return sum_over_chunks<T, Sum<T>>(chunks, grain, width, out, [&] {
    return [&, group = std::make_unique<Group<T>>(weights, mode, batch, 1)](std::int64_t c,
                                                                            T* part) mutable {
      pass(*group, c);
      return work((*group)[0], chunk_start(batch.N, c), part);
    };
  });
}

template <class T>
double mean_loss(const Architecture& net, Sum<T> sum, std::int64_t N) {
  return static_cast<double>(sum / static_cast<Sum<T>>(mean_terms(net, N)));
}

}  // namespace

template <class T>
void layered_predict(const Architecture& net, const T* theta, const T* X, std::int64_t N, T* out,
                     const Mode& mode) {
  over_chunks(net, theta, Batch<T>{X, nullptr, N, nullptr}, mode, 0, static_cast<T*>(nullptr),
              Need::values, [&](LayeredPass<T>& pass, std::int64_t row, T*) {
                const std::int64_t L = net.layers(), C = net.outputs();
                for (std::int64_t i = 0; i < pass.n(); ++i)
                  std::copy_n(pass.outputs() + i * pass.ld(L), C, out + (row + i) * C);
                return Sum<T>(0);
              });
}

template <class T>
double layered_loss(const Architecture& net, const T* theta, const Batch<T>& batch,
                    const Mode& mode) {
  const Sum<T> sum =
      over_chunks(net, theta, batch, mode, 0, static_cast<T*>(nullptr), Need::values,
                  [](LayeredPass<T>& pass, std::int64_t, T*) { return pass.loss_sum(); });
  return mean_loss<T>(net, sum, batch.N);
}

template <class T>
double layered_gradient(const Architecture& net, const T* theta, const Batch<T>& batch, T* g,
                        const Mode& mode) {
  const Sum<T> sum = over_chunks(net, theta, batch, mode, net.parameters(), g, Need::slopes,
                                 [](LayeredPass<T>& pass, std::int64_t, T* part) {
                                   pass.gradient(part);
                                   return pass.loss_sum();
                                 });
  return mean_loss<T>(net, sum, batch.N);
}

template <class T>
LayeredProducts<T>::LayeredProducts(const Architecture& net, const T* theta, const Batch<T>& batch,
                                    const Mode& mode, Part part, std::int64_t most_bytes)
    : net_(net),
      theta_(theta, theta + net.parameters()),
      mode_(mode),
      part_(part),
      batch_(batch),
      weights_(net_, layout_of<T>(net), theta_.data()) {
  mode_.seen_mean = mode_.seen_variance = nullptr;
  if (mode.mean) {
    mean_.assign(mode.mean, mode.mean + net.hidden_units());
    variance_.assign(mode.variance, mode.variance + net.hidden_units());
    mode_.mean = mean_.data(), mode_.variance = variance_.data();
  }
  if (bytes() <= most_bytes) groups_ = groups(0, group_count());
}

template <class T>
LayeredProducts<T>::~LayeredProducts() = default;

template <class T>
std::int64_t LayeredProducts<T>::chunks_of_group() const {
  return net_.coupled(mode_) ? chunk_count(batch_.N) : 1;
}

template <class T>
std::int64_t LayeredProducts<T>::group_count() const {
  return net_.coupled(mode_) ? 1 : chunk_count(batch_.N);
}

template <class T>
std::int64_t LayeredProducts<T>::bytes() const {
  // a, slope, bend, xhat, du, ds and inner of each layer, the inputs, and the softmax.
  const std::int64_t rooms = net_.normalise_after ? 7 : 6;
  std::int64_t numbers = weights_.ld(0) + net_.outputs() + 1;
  for (std::int64_t l = 1; l <= net_.layers(); ++l) numbers += rooms * weights_.ld(l);
  return numbers * chunk_count(batch_.N) * chunk_rows * static_cast<std::int64_t>(sizeof(T));
}

template <class T>
std::unique_ptr<Group<T>> LayeredProducts<T>::made() const {
  return std::make_unique<Group<T>>(weights_, mode_, batch_, chunks_of_group());
}

template <class T>
void LayeredProducts<T>::run(Group<T>& group, std::int64_t index) const {
  group.forward(index, Need::curvatures);
  group.backward();
}

// The groups [begin, end), forward and backward.
template <class T>
typename LayeredProducts<T>::Groups LayeredProducts<T>::groups(std::int64_t begin,
                                                               std::int64_t end) const {
  Groups all;
  for (std::int64_t i = begin; i < end; ++i) all.push_back(made());
  if (all.size() == 1) {
    run(*all[0], begin);  // whose chunks are shared out
    return all;
  }
  parallel_for(end - begin, chunk_grain(net_, 2), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) run(*all[i], begin + i);
  });
  return all;
}

template <class T>
void LayeredProducts<T>::product(const T* V, std::int64_t k, T* HV) const {
  if (k == 0) return;
  // Which way makes no difference to bits.
  if (k >= 4 && k >= 2 * threads())
    by_vectors(V, k, HV);
  else
    by_groups(V, k, HV);
}

template <class T>
void LayeredProducts<T>::by_groups(const T* V, std::int64_t k, T* HV) const {
  const std::int64_t P = net_.parameters(), grain = chunk_grain(net_, 4 * k);
  std::vector<Weights<T>> v;
  for (std::int64_t j = 0; j < k; ++j) v.emplace_back(net_, weights_.layout(), V + j * P);
  if (!net_.coupled(mode_)) {
    sum_over_chunks<T, int>(group_count(), grain, k * P, HV, [&] {
      auto own = made();
      auto tangent = std::make_unique<TangentGroup<T>>(*own, part_);
      return [this, &v, k, P, own = std::move(own), tangent = std::move(tangent)](std::int64_t c,
                                                                                  T* part) {
        if (!kept()) run(*own, c);
        const Group<T>& group = kept() ? *groups_[c] : *own;
        for (std::int64_t j = 0; j < k; ++j) {
          tangent->run(group, v[j]);
          (*tangent)[0].write(group[0], part + j * P);
        }
        return 0;
      };
    });
    return;
  }
  const Groups fresh = kept() ? Groups() : groups(0, 1);
  const Group<T>& group = kept() ? *groups_[0] : *fresh[0];
  TangentGroup<T> tangent(group, part_);
  for (std::int64_t j = 0; j < k; ++j) {
    tangent.run(group, v[j]);
    sum_over_chunks<T, int>(chunks_of_group(), grain, P, HV + j * P, [&] {
      return [&](std::int64_t c, T* part) {
        tangent[c].write(group[c], part);
        return 0;
      };
    });
  }
}

template <class T>
void LayeredProducts<T>::by_vectors(const T* V, std::int64_t k, T* HV) const {
  const std::int64_t P = net_.parameters(), wave = kept() ? group_count() : groups_in_memory;
  for (std::int64_t start = 0; start < group_count(); start += wave) {
    const std::int64_t count = std::min(wave, group_count() - start);
    const Groups fresh = kept() ? Groups() : groups(start, start + count);
    const Groups& present = kept() ? groups_ : fresh;
    parallel_for(k, 1, [&](std::int64_t begin, std::int64_t end) {
      TangentGroup<T> tangent(*present[0], part_);
      Weights<T> v(net_, weights_.layout());
      const Room<T> part = room<T>(P);
      for (std::int64_t j = begin; j < end; ++j) {
        v.take(V + j * P);
        for (std::int64_t i = 0; i < count; ++i) {
          const Group<T>& group = *present[i];
          tangent.run(group, v);
          for (std::size_t c = 0; c < group.size(); ++c) {
            tangent[c].write(group[c], part.get());
            add_part(part.get(), HV + j * P, P, start + i == 0 && c == 0);
          }
        }
      }
    });
  }
}

namespace {

// visit(p, H e_p) for the parameters begin ... end - 1.
template <class Visit>
void each_column(const Architecture& net, const double* theta, const Batch<double>& batch,
                 const Mode& mode, Part part, std::int64_t begin, std::int64_t end,
                 const Visit& visit) {
  constexpr std::int64_t most_bytes = std::int64_t(1) << 29;
  const LayeredProducts<double> products(net, theta, batch, mode, part, most_bytes);
  const std::int64_t P = net.parameters();
  std::vector<double> units, columns(static_cast<std::size_t>(columns_at_once * P));
  for (std::int64_t first = begin; first < end; first += columns_at_once) {
    const std::int64_t k = std::min(columns_at_once, end - first);
    units.assign(static_cast<std::size_t>(k * P), 0.0);
    for (std::int64_t j = 0; j < k; ++j) units[j * P + first + j] = 1.0;
    products.product(units.data(), k, columns.data());
    for (std::int64_t j = 0; j < k; ++j) visit(first + j, columns.data() + j * P);
  }
}

}  // namespace

void layered_hessian(const Architecture& net, const double* theta, const Batch<double>& batch,
                     const Mode& mode, Part part, std::int64_t first, std::int64_t last,
                     double* H) {
  const std::int64_t begin = net.weight_offset(first), end = net.weight_offset(last + 1);
  const std::int64_t width = end - begin;
  each_column(net, theta, batch, mode, part, begin, end, [&](std::int64_t p, const double* column) {
    std::copy_n(column + begin, width, H + (p - begin) * width);
  });
  for (std::int64_t r = 0; r < width; ++r)
    for (std::int64_t c = 0; c < r; ++c)
      H[r * width + c] = H[c * width + r] = 0.5 * H[r * width + c] + 0.5 * H[c * width + r];
}

void layered_diagonal(const Architecture& net, const double* theta, const Batch<double>& batch,
                      const Mode& mode, Part part, double* diagonal) {
  each_column(net, theta, batch, mode, part, 0, net.parameters(),
              [&](std::int64_t p, const double* column) { diagonal[p] = column[p]; });
}

#define SADDLESCAPE_INSTANTIATE(T)                                                           \
  template void layered_predict(const Architecture&, const T*, const T*, std::int64_t, T*,   \
                                const Mode&);                                                \
  template double layered_loss(const Architecture&, const T*, const Batch<T>&, const Mode&); \
  template double layered_gradient(const Architecture&, const T*, const Batch<T>&, T*,       \
                                   const Mode&);                                             \
  template class LayeredProducts<T>;
SADDLESCAPE_INSTANTIATE(float)
SADDLESCAPE_INSTANTIATE(double)
SADDLESCAPE_INSTANTIATE(long double)
#undef SADDLESCAPE_INSTANTIATE

}  // namespace saddlescape::net
