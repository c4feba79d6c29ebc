// Networks whose hidden layers normalise, drop units out or are skipped: the functions of mlp.hpp
// for them, and their Hessians. mlp.cpp sends plain networks another way.
//
// Where batch normalisation in training couples the samples, all chunks of a batch are kept at
// once, some eight numbers for each sample and hidden unit; else memory does not grow with N.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "net/assembly.hpp"
#include "net/weights.hpp"

namespace saddlescape::net {

template <class T>
void layered_predict(const Architecture& net, const T* theta, const T* X, std::int64_t N, T* out,
                     const Mode& mode);
template <class T>
double layered_loss(const Architecture& net, const T* theta, const Batch<T>& batch,
                    const Mode& mode);
template <class T>
double layered_gradient(const Architecture& net, const T* theta, const Batch<T>& batch, T* g,
                        const Mode& mode);

template <class T>
class Group;

// Products with the Hessian or a part of it at one point. Takes copies of theta and of the mode's
// averages; the batch must live on. What the passes leave is kept if it fits into `most_bytes`.
template <class T>
class LayeredProducts {
 public:
  LayeredProducts(const Architecture& net, const T* theta, const Batch<T>& batch, const Mode& mode,
                  Part part, std::int64_t most_bytes);
  ~LayeredProducts();
  LayeredProducts(const LayeredProducts&) = delete;
  LayeredProducts& operator=(const LayeredProducts&) = delete;

  // V and HV are k vectors (k, P), each contiguous. A vector's product has the same bits alone and
  // among others.
  void product(const T* V, std::int64_t k, T* HV) const;

  bool kept() const { return !groups_.empty(); }

 private:
  using Groups = std::vector<std::unique_ptr<Group<T>>>;

  std::int64_t chunks_of_group() const;
  std::int64_t group_count() const;
  std::int64_t bytes() const;
  std::unique_ptr<Group<T>> made() const;
  void run(Group<T>& group, std::int64_t index) const;
  Groups groups(std::int64_t begin, std::int64_t end) const;
  void by_groups(const T* V, std::int64_t k, T* HV) const;
  void by_vectors(const T* V, std::int64_t k, T* HV) const;

  Architecture net_;
  std::vector<T> theta_;
  std::vector<double> mean_, variance_;
  Mode mode_;
  Part part_;
  Batch<T> batch_;
  Weights<T> weights_;
  Groups groups_;  // all, or none
};

// H (k, k) for the k parameters of the layers first ... last, symmetric, and the diagonal (P,):
// from products with the unit vectors.
void layered_hessian(const Architecture& net, const double* theta, const Batch<double>& batch,
                     const Mode& mode, Part part, std::int64_t first, std::int64_t last, double* H);
void layered_diagonal(const Architecture& net, const double* theta, const Batch<double>& batch,
                      const Mode& mode, Part part, double* diagonal);

}  // namespace saddlescape::net
