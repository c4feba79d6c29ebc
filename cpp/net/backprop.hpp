// A chunk of samples forward and backward, with memory that is kept from one chunk to the next.
//
//   S_l = W_l A_{l-1} + b_l,  A_l = phi(S_l)        (d_l, n): a row for each unit, samples last
//   D_l = (W_{l+1}^T D_{l+1}) * phi'(S_l)
//   dL/dW_l = D_l A_{l-1}^T,  dL/db_l = sum of D_l over the samples
//
// Samples last, W_l is an operand whose elements are taken one by one: it is read where it stands
// in theta, and only the samples are turned over, once as X^T and once for each hidden layer. A row
// has n numbers rounded up to whole vectors; what stands behind the n-th is 0 in X^T and in D_l, so
// that it goes nowhere. As the right side of a product, rows are cut into panels of two vectors: a
// tile of the product reads its panel from one end to the other, and eight rows of W_l stay in the
// first-level cache while the panels pass. One sample needs no turning and no rounding up: there
// the products are those of vectors.
//
// Products are shared out by rows of their result, each element one sum in order: the same bits for
// any number of threads, and on one thread where a chunk is one of several.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "core/parallel.hpp"
#include "net/activation_kernels.hpp"
#include "net/backprop_kernels.hpp"
#include "net/chunks.hpp"
#include "net/dense.hpp"
#include "net/loss_rows.hpp"
#include "net/room.hpp"

namespace saddlescape::net {

template <class T>
class Backprop {
 public:
  // Room for chunks of up to `rows` samples, with `ordered` for those that have an order. The
  // network must live on.
  Backprop(const Architecture& net, std::int64_t rows, bool ordered);

  // The sum of the losses. With `back` it keeps what the chunk's part of the gradient of the mean
  // over `total` samples is made of.
  double run(const T* theta, const Batch<T>& chunk, std::int64_t total, bool back);

  // g (P,) becomes, or with `add` gains, the parts of chunks that were run, one after the other.
  static void gradient(const std::unique_ptr<Backprop>* chunks, std::int64_t count, T* g, bool add);

  // No number of the chunk's part of the gradient was larger; infinite if one may not be finite,
  // and of a small gradient, which is looked through in less time than it takes to find a bound.
  double size_bound() const;

  // Of what it keeps.
  std::int64_t bytes() const {
    return size_ * static_cast<std::int64_t>(sizeof(T)) + loss_.bytes();
  }

 private:
  // Rows of a layer's gradient that are computed together.
  struct Unit {
    std::int64_t l, first, last;
  };

  static constexpr std::int64_t most_rows = 64;         // of a unit
  static constexpr std::int64_t unit_numbers = 12'544;  // of its gradient, about
  static constexpr std::int64_t panel = 2 * lanes<T>;

  void lay_out(std::int64_t rows);
  Batch<T> take(const Batch<T>& chunk);
  void forward(const T* theta);
  void forward(const T* theta, std::int64_t l, std::int64_t first, std::int64_t last);
  void activate(std::int64_t l, std::int64_t first, std::int64_t last);
  double loss(const Batch<T>& chunk, std::int64_t total);
  void backward(const T* theta);
  void backward(const T* theta, std::int64_t l, std::int64_t first, std::int64_t last);
  void gradient(const Unit& unit, T* g, bool add) const;
  void weights(const Unit& unit, T* out, bool add) const;
  // out (m, ld) = A B for A (m, k) and B (k, ld) in panels.
  void product(Strided<T> A, const T* B, T* out, std::int64_t m, std::int64_t k) const;
  void cut(std::int64_t l, std::int64_t first, std::int64_t last);
  void turn_input(std::int64_t first, std::int64_t last);

  std::int64_t d(std::int64_t l) const { return net_.sizes[static_cast<std::size_t>(l)]; }
  bool one() const { return n_ == 1; }
  std::int64_t ld() const { return one() ? 1 : row_of(n_); }
  // Length of a row of n samples: a vector, or whole panels.
  static std::int64_t row_of(std::int64_t n) {
    return n <= lanes<T> ? lanes<T> : (n + panel - 1) / panel * panel;
  }
  std::int64_t panel_width() const { return std::min(ld(), panel); }
  bool one_panel() const { return ld() <= panel; }
  static std::int64_t rounded(std::int64_t n) { return (n + lanes<T> - 1) / lanes<T> * lanes<T>; }
  // Rows of a product that a thread needs to be worth its start.
  std::int64_t grain(std::int64_t terms) const {
    constexpr std::int64_t serial_numbers = 30'000;  // it is their memory that takes time
    return 1 + (one() ? serial_numbers : serial_work) / std::max<std::int64_t>(1, terms * ld());
  }
  // Of A_{l}, or of D_l once it is there.
  const T* panels(std::int64_t l) const { return one_panel() ? a_[l] : panels_[l]; }
  std::int64_t row_length(std::int64_t l) const {
    return l == 0 && rows_[0] != wide_ ? d(l) : rounded(d(l));
  }

  // Keeps in most_[which] what numbers add up to, in size, if it is more than what others did.
  void note(const T* x, std::int64_t n, std::int64_t which) const;

  static const DenseTable<T>& dense() { return dense_kernels().template table<T>(); }
  static const BackpropTable<T>& table() { return backprop_kernels().template table<T>(); }

  const Architecture& net_;
  bool ordered_;
  LossRows<T> loss_;
  std::int64_t n_ = 0, size_ = 0;
  Room<T> memory_;
  // By layer: S_l, which becomes A_l and then D_l; the same in panels; phi'(S_l); A_l^T.
  std::vector<T*> a_, panels_, slope_, turned_;
  std::vector<const T*> rows_;  // X, or wide_; then turned_
  // The chunk's samples in rows of whole vectors; its targets and weights where they were gathered.
  T *wide_ = nullptr, *chosen_ = nullptr, *shares_ = nullptr;
  T *outputs_ = nullptr, *errors_ = nullptr;
  std::vector<Unit> units_;
  // Of A_l, then of D_l: no number is larger than this. Null: nobody keeps it.
  std::unique_ptr<std::atomic<double>[]> most_;
};

}  // namespace saddlescape::net
