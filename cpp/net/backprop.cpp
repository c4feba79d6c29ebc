#include "net/backprop.hpp"

#include <cmath>
#include <limits>

#include "core/isa.hpp"
#include "net/gather.hpp"

namespace saddlescape::net {

const BackpropKernels& backprop_kernels() { SADDLESCAPE_ACTIVE(_backprop) }

template <class T>
Backprop<T>::Backprop(const Architecture& net, std::int64_t rows, bool ordered)
    : net_(net), ordered_(ordered), loss_(net, rows, net.outputs(), rows) {
  const auto layers = static_cast<std::size_t>(net.layers() + 1);
  for (auto* all : {&a_, &panels_, &slope_, &turned_}) all->resize(layers);
  rows_.resize(layers);
  constexpr std::int64_t small = 16'384;
  if (net.parameters() > small) most_ = std::make_unique<std::atomic<double>[]>(2 * layers);
  lay_out(rows);
  memory_ = room<T>(size_);
  lay_out(rows);
  // So many that threads have about as many numbers each.
  for (std::int64_t l = 1; l <= net.layers(); ++l) {
    const std::int64_t height =
        std::clamp<std::int64_t>(unit_numbers / d(l - 1) / 8 * 8, 8, most_rows);
    for (std::int64_t first = 0; first < d(l); first += height)
      units_.push_back({l, first, std::min(d(l), first + height)});
  }
}

// Where everything stands in memory_, and how much there is of it.
template <class T>
void Backprop<T>::lay_out(std::int64_t rows) {
  const std::int64_t L = net_.layers(), across = row_of(rows);
  size_ = 0;
  const auto place = [&](T*& at, std::int64_t numbers) {
    at = memory_ ? memory_.get() + size_ : nullptr;
    size_ += rounded(numbers);
  };
  place(wide_, ordered_ || d(0) % lanes<T> != 0 ? rows * rounded(d(0)) : 0);
  place(chosen_, ordered_ ? rows * d(L) : 0);
  place(shares_, ordered_ ? rows : 0);
  for (std::int64_t l = 0; l <= L; ++l) {
    place(a_[l], d(l) * across);
    place(panels_[l], l == 0 || across <= panel ? 0 : d(l) * across);
    place(slope_[l], l == 0 || l == L ? 0 : d(l) * across);
    place(turned_[l], l == 0 || l == L ? 0 : rows * rounded(d(l)));
  }
  place(outputs_, rows * d(L));
  place(errors_, rows * d(L));
}

template <class T>
double Backprop<T>::run(const T* theta, const Batch<T>& chunk, std::int64_t total, bool back) {
  const Batch<T> own = take(chunk);
  if (most_)
    for (std::int64_t l = 0; l < 2 * (net_.layers() + 1); ++l) most_[l] = 0;
  forward(theta);
  const double sum = loss(own, total);
  if (back) backward(theta);
  return sum;
}

template <class T>
void Backprop<T>::gradient(const std::unique_ptr<Backprop>* chunks, std::int64_t count, T* g,
                           bool add) {
  const std::vector<Unit>& units = chunks[0]->units_;
  std::int64_t height = 1;
  for (const Unit& unit : units)
    height = std::max(height, (unit.last - unit.first) * chunks[0]->d(unit.l - 1));
  parallel_for(static_cast<std::int64_t>(units.size()), chunks[0]->grain(count * height),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t u = first; u < last; ++u)
                   for (std::int64_t c = 0; c < count; ++c)
                     chunks[c]->gradient(units[u], g, add || c > 0);
               });
}

// |dL/dW_l[p, q]| <= n max |D_l| max |A_{l-1}|, and a bias's <= n max |D_l|. Of 0 times infinity,
// where a unit that overflowed switches the next ones off, nothing is known.
template <class T>
double Backprop<T>::size_bound() const {
  if (!most_) return std::numeric_limits<double>::infinity();
  double bound = 0;
  for (std::int64_t l = 1; l <= net_.layers(); ++l) {
    const double a = most_[l - 1], d = most_[net_.layers() + 1 + l];
    const double most = static_cast<double>(n_) * d * std::max(1.0, a);
    if (std::isnan(most)) return std::numeric_limits<double>::infinity();
    bound = std::max(bound, most);
  }
  return bound;
}

template <class T>
void Backprop<T>::note(const T* x, std::int64_t n, std::int64_t which) const {
  if (!most_) return;
  std::atomic<double>& most = most_[which];
  double value = static_cast<double>(table().size(x, n));
  if (!(value <= std::numeric_limits<double>::max()))
    value = std::numeric_limits<double>::infinity();
  double known = most.load(std::memory_order_relaxed);
  while (known < value && !most.compare_exchange_weak(known, value, std::memory_order_relaxed)) {
  }
}

// The chunk as it stands, or its samples one behind the other.
template <class T>
Batch<T> Backprop<T>::take(const Batch<T>& chunk) {
  n_ = chunk.N;
  for (std::int64_t l = 1; l < net_.layers(); ++l) rows_[l] = turned_[l];
  Batch<T> own = chunk;
  own.order = nullptr;
  if (one()) {
    const std::int64_t row = chunk.order ? *chunk.order : 0;
    own.X += row * d(0);
    own.Y += row * net_.outputs();
    if (own.weight) own.weight += row;
  } else if (chunk.order || d(0) % lanes<T> != 0) {
    own = gathered(net_, chunk, rounded(d(0)), wide_, chosen_, shares_);
  }
  rows_[0] = own.X;
  return own;
}

template <class T>
void Backprop<T>::forward(const T* theta) {
  if (one())
    note(rows_[0], d(0), 0);
  else
    parallel_for(d(0), grain(8),
                 [&](std::int64_t first, std::int64_t last) { turn_input(first, last); });
  for (std::int64_t l = 1; l <= net_.layers(); ++l)
    parallel_for(d(l), grain(d(l - 1)),
                 [&](std::int64_t first, std::int64_t last) { forward(theta, l, first, last); });
}

// Rows [first, last) of X^T in panels.
template <class T>
void Backprop<T>::turn_input(std::int64_t first, std::int64_t last) {
  const std::int64_t width = panel_width(), length = row_length(0);
  for (std::int64_t i = 0; i < ld(); i += width) {
    T* const out = a_[0] + i * d(0) + first * width;
    const std::int64_t count = std::clamp<std::int64_t>(n_ - i, 0, width);
    table().turn(rows_[0] + i * length + first, length, count, last - first, out, width);
    for (std::int64_t q = 0; q < last - first && count < width; ++q)
      std::fill(out + q * width + count, out + (q + 1) * width, T(0));
    note(out, (last - first) * width, 0);
  }
}

// Rows [first, last) of S_l, A_l and phi'(S_l).
template <class T>
void Backprop<T>::forward(const T* theta, std::int64_t l, std::int64_t first, std::int64_t last) {
  const std::int64_t k = d(l - 1), width = ld();
  const T* const W = theta + net_.weight_offset(l) + first * k;
  T* const s = a_[l] + first * width;
  // S_l = W_l A_{l-1}
  if (one())
    table().dots(W, last - first, k, rows_[l - 1], s);
  else
    product({W, k, 1}, l == 1 ? a_[0] : panels(l - 1), s, last - first, k);
  // S_l += b_l
  if (net_.bias) table().add_bias(theta + net_.bias_offset(l) + first, last - first, width, s);
  if (l == net_.layers()) return;
  activate(l, first, last);
  note(s, (last - first) * width, l);
  cut(l, first, last);
  if (one())
    std::copy_n(s, last - first, turned_[l] + first);
  else
    table().turn(s, width, last - first, n_, turned_[l] + first, rounded(d(l)));
}

template <class T>
void Backprop<T>::product(Strided<T> A, const T* B, T* out, std::int64_t m, std::int64_t k) const {
  const std::int64_t width = panel_width();
  constexpr std::int64_t tall = 8;
  for (std::int64_t first = 0; first < m; first += tall)
    for (std::int64_t i = 0; i < ld(); i += width)
      dense().multiply({A.data + first * A.row, A.row, A.column}, B + i * k, width, nullptr,
                       out + first * ld() + i, ld(), std::min(tall, m - first), width, k);
}

// Rows [first, last) of A_l, or of D_l, in panels.
template <class T>
void Backprop<T>::cut(std::int64_t l, std::int64_t first, std::int64_t last) {
  if (one_panel()) return;
  for (std::int64_t i = 0; i < ld(); i += panel)
    table().copy(a_[l] + first * ld() + i, ld(), last - first, panel,
                 panels_[l] + i * d(l) + first * panel, panel);
}

template <class T>
void Backprop<T>::activate(std::int64_t l, std::int64_t first, std::int64_t last) {
  T *value = a_[l] + first * ld(), *slope = slope_[l] + first * ld();
  const std::int64_t count = (last - first) * ld();
  if (const Activate<T> loop = activation_kernels().template table<T>().of(net_.activation))
    return loop(value, slope, nullptr, count);
  with_activation(net_.activation, [&](auto phi) {
    for (std::int64_t i = 0; i < count; ++i) {
      const Jet<T> jet = phi.derivatives(value[i]);
      value[i] = jet.value;
      slope[i] = jet.slope;
    }
  });
}

// The sum of the losses, and D_L.
template <class T>
double Backprop<T>::loss(const Batch<T>& chunk, std::int64_t total) {
  const std::int64_t L = net_.layers(), C = d(L);
  T* const errors = a_[L];
  loss_.mean_over(total);
  double sum = 0;
  if (loss_.by_blocks() && !one()) {
    sum = loss_.value_and_gradient(errors, ld(), chunk, errors);
  } else {
    const T* f = errors;
    if (!one()) {
      table().turn(errors, ld(), C, n_, outputs_, C);
      f = outputs_;
    }
    sum = loss_.value(f, chunk);
    loss_.gradient(f, chunk, errors_, false);
    if (one())
      std::copy_n(errors_, C, errors);
    else
      table().turn(errors_, C, n_, C, errors, ld());
  }
  for (std::int64_t c = 0; c < C; ++c)
    std::fill(errors + c * ld() + n_, errors + (c + 1) * ld(), T(0));
  note(errors, C * ld(), L + 1 + L);
  cut(L, 0, C);
  return sum;
}

template <class T>
void Backprop<T>::backward(const T* theta) {
  for (std::int64_t l = net_.layers() - 1; l >= 1; --l)
    parallel_for(d(l), grain(d(l + 1)),
                 [&](std::int64_t first, std::int64_t last) { backward(theta, l, first, last); });
}

// Rows [first, last) of D_l.
template <class T>
void Backprop<T>::backward(const T* theta, std::int64_t l, std::int64_t first, std::int64_t last) {
  const std::int64_t k = d(l + 1), width = ld();
  const T* const W = theta + net_.weight_offset(l + 1) + first;
  T* const delta = a_[l] + first * width;
  // W_{l+1}^T D_{l+1}
  if (one())
    table().combine(W, d(l), k, last - first, a_[l + 1], delta);
  else
    product({W, 1, d(l)}, panels(l + 1), delta, last - first, k);
  // D_l = that * phi'(S_l)
  table().times(slope_[l] + first * width, delta, (last - first) * width);
  note(delta, (last - first) * width, net_.layers() + 1 + l);
  if (l > 1) cut(l, first, last);
}

template <class T>
void Backprop<T>::gradient(const Unit& unit, T* g, bool add) const {
  weights(unit, g + net_.weight_offset(unit.l) + unit.first * d(unit.l - 1), add);
  if (!net_.bias) return;
  // dL/db_l = sum of D_l over the samples
  const T* const D = a_[unit.l] + unit.first * ld();
  T* const out = g + net_.bias_offset(unit.l) + unit.first;
  if (!one()) return table().row_sums(D, ld(), unit.last - unit.first, out, add);
  for (std::int64_t p = 0; p < unit.last - unit.first; ++p) out[p] = (add ? out[p] : 0) + D[p];
}

// dL/dW_l = D_l A_{l-1}^T, the unit's rows.
template <class T>
void Backprop<T>::weights(const Unit& unit, T* out, bool add) const {
  const std::int64_t width = d(unit.l - 1), m = unit.last - unit.first;
  const T *const D = a_[unit.l] + unit.first * ld(), *const a = rows_[unit.l - 1];
  if (one()) return table().outer(D, m, a, width, out, add);
  const std::int64_t length = row_length(unit.l - 1), body = width / lanes<T> * lanes<T>;
  const Strided<T> left{D, ld(), 1};
  if (body > 0) dense().multiply(left, a, length, add ? out : nullptr, out, width, m, body, n_);
  if (body == width) return;
  // The last columns do not fill a vector.
  alignas(64) T edge[most_rows * lanes<T>];
  if (add)
    for (std::int64_t p = 0; p < m; ++p)
      std::copy_n(out + p * width + body, width - body, edge + p * lanes<T>);
  dense().multiply(left, a + body, length, add ? edge : nullptr, edge, lanes<T>, m, lanes<T>, n_);
  for (std::int64_t p = 0; p < m; ++p)
    std::copy_n(edge + p * lanes<T>, width - body, out + p * width + body);
}

template class Backprop<float>;
template class Backprop<double>;

}  // namespace saddlescape::net
