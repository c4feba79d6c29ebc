// Hessian products at one point, many times over.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "net/tangent.hpp"

namespace saddlescape::net {

// Takes a copy of theta; the batch must live on, and stay as it is, for as long as products are
// taken. What the forward and backward passes leave is kept if it fits into `most_bytes`, which
// saves a third of a product's arithmetic and all of its exponentials; else every product goes
// through them again. The bits are the same.
template <class T>
class Products {
 public:
  Products(const Architecture& net, const T* theta, const Batch<T>& batch, std::int64_t most_bytes);
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;

  // V and HV are k vectors (k, P), each contiguous.
  void product(const T* V, std::int64_t k, T* HV) const;

  const Architecture& net() const { return net_; }
  bool kept() const { return !passes_.empty(); }

 private:
  using Passes = std::vector<std::unique_ptr<Pass<T>>>;

  std::int64_t chunks() const;
  std::int64_t bytes() const;  // that the passes of all samples leave
  void run(Pass<T>& pass, std::int64_t index) const;
  Passes passes(std::int64_t begin, std::int64_t end) const;
  void by_chunks(const T* V, std::int64_t k, T* HV) const;
  void by_vectors(const T* V, std::int64_t k, T* HV) const;

  Architecture net_;
  std::vector<T> theta_;
  Batch<T> batch_;
  Weights<T> weights_;
  Passes passes_;  // of all chunks, or empty
};

}  // namespace saddlescape::net
