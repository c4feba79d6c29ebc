// Hessian products at one point, many times over.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "net/tangent.hpp"

namespace saddlescape::net {

// Takes a copy of theta; the batch's X must live on, and stay as it is, for as long as products
// are taken. What the forward and backward passes leave is kept if it fits into `most_bytes`, which
// saves more than half of a product's work; else every product goes through them again. The bits
// are the same.
//
// Not for more than one thread at a time.
template <class T>
class Products {
 public:
  Products(const Architecture& net, const T* theta, const Batch<T>& batch, std::int64_t most_bytes);
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;

  // V and HV are k vectors (k, P), each contiguous.
  void product(const T* V, std::int64_t k, T* HV);

  const Architecture& net() const { return net_; }
  // Bytes that the passes of all samples leave.
  std::int64_t bytes() const;
  bool kept() const { return keep_; }

 private:
  std::int64_t chunks() const;
  Batch<T> chunk(std::int64_t index) const;
  void run(Pass<T>& pass, std::int64_t index) const;
  void make_passes(std::int64_t begin, std::int64_t end);
  void by_chunks(const T* V, std::int64_t k, T* HV);
  void by_vectors(const T* V, std::int64_t k, T* HV);

  Architecture net_;
  std::vector<T> theta_;
  Batch<T> batch_;
  Weights<T> weights_;
  bool keep_;
  std::vector<std::unique_ptr<Pass<T>>> passes_;  // of all chunks, or of those in work
};

}  // namespace saddlescape::net
