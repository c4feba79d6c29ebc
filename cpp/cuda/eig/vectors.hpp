// The long vectors of an iterative solver in a device's memory (eig/vectors.hpp): the basis, its
// orthogonalisation and the products stay there, inner products come to the host.
//
// Sums along a vector go by pieces that depend on its length alone, and by cuBLAS, which gives the
// same bits on each run on the same device. Everything is in the stream's order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "cuda/blas.hpp"
#include "cuda/device.hpp"
#include "cuda/eig/fetch.hpp"
#include "eig/vectors.hpp"

namespace saddlescape::cuda::eig {

class DeviceVectors : public saddlescape::eig::Vectors {
 public:
  // For vectors of n numbers. The stream, and its device, are used from one thread at a time.
  DeviceVectors(const Stream& stream, std::int64_t length)
      : Vectors(length), stream_(stream), blas_(stream), courier_(stream) {}

  const Stream& stream() const { return stream_; }

  std::shared_ptr<double> room(std::int64_t count) const override;
  void put(std::int64_t count, const std::function<void(double*)>& write,
           double* to) const override;
  void get(std::int64_t count, const double* from, double* to) const override;
  void copy(std::int64_t count, const double* from, double* to) const override;
  void scale(double factor, double* x) const override;
  void divide(double by, double* x) const override;
  void add(double factor, const double* x, double* to) const override;
  void swap(double* x, double* y) const override;
  double dot(const double* x, const double* y) const override;
  void norms(std::int64_t k, const double* x, double* lengths) const override;
  void inner_products(std::int64_t j, const double* v, std::int64_t k, const double* b,
                      double alpha, double* h) const override;
  void take_out(const double* q, std::int64_t k, double* x, double* taken) const override;
  void project_out(std::int64_t j, const double* v, std::int64_t k, double* b,
                   double* h) const override;
  void project_out_twice(std::int64_t j, const double* v, std::int64_t k, double* b,
                         double* h) const override;
  void rotate(std::int64_t l, std::int64_t j, const double* s, double* v) const override;
  void look_for_non_finite(std::int64_t k, const double* x, double* flags) const override;
  std::optional<int> largest_exponent(std::int64_t count, const double* x) const override;
  void shift_exponent(std::int64_t count, int exponent, double* x) const override;

 private:
  template <class F>
  std::vector<double> sums(std::int64_t rows, const char* what, const F& f) const;
  double* small(std::int64_t count) const;

  Stream stream_;
  Blas blas_;
  mutable Courier courier_;
  mutable Memory small_{Memory::Where::device, "inner products"};
  mutable Memory wide_{Memory::Where::device, "a rotation of the basis"};
};

// A V by rows, V (k, n), for a dense A on the device, which is symmetric.
void multiply(const DeviceVectors& on, const double* a, std::int64_t k, const double* in,
              double* out);

// The same numbers in the other type, on the device.
void narrow(const Stream& stream, std::int64_t count, const double* from, float* to);
void widen(const Stream& stream, std::int64_t count, const float* from, double* to);

// to (columns, rows) <- from (rows, columns), transposed.
template <class T>
void transpose(const Stream& stream, std::int64_t rows, std::int64_t columns, const T* from, T* to);

// The same of a square matrix, in its place.
void transpose(const Stream& stream, std::int64_t n, double* a);

}  // namespace saddlescape::cuda::eig
