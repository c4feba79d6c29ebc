// The long vectors of a solver: rows of `n` numbers one behind the other, wherever they lie, and
// all that is done with them. What is small (inner products, coefficients) is in the host's memory.
//
// HostVectors are the CPU's, whole or pieces of vectors that are spread over processes; those of a
// device are cuda/eig/vectors.hpp. A solver is written once, on this.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "eig/operator.hpp"

namespace saddlescape::eig {

class Vectors {
 public:
  explicit Vectors(std::int64_t here) : n(here) {}
  virtual ~Vectors() = default;
  Vectors(const Vectors&) = delete;
  Vectors& operator=(const Vectors&) = delete;

  const std::int64_t n;  // numbers of a vector that are here

  // `count` numbers that hold anything.
  virtual std::shared_ptr<double> room(std::int64_t count) const = 0;
  // Numbers that `write` writes to the host's memory, and numbers that go there.
  virtual void put(std::int64_t count, const std::function<void(double*)>& write,
                   double* to) const = 0;
  virtual void get(std::int64_t count, const double* from, double* to) const = 0;
  virtual void copy(std::int64_t count, const double* from, double* to) const = 0;

  virtual void scale(double factor, double* x) const = 0;
  virtual void divide(double by, double* x) const = 0;
  virtual void add(double factor, const double* x, double* to) const = 0;
  virtual void swap(double* x, double* y) const = 0;

  virtual double dot(const double* x, const double* y) const = 0;
  // As the functions of these names in eig/orthogonal.hpp.
  virtual void norms(std::int64_t k, const double* x, double* lengths) const = 0;
  virtual void inner_products(std::int64_t j, const double* v, std::int64_t k, const double* b,
                              double alpha, double* h) const = 0;
  virtual void take_out(const double* q, std::int64_t k, double* x, double* taken) const = 0;
  virtual void project_out(std::int64_t j, const double* v, std::int64_t k, double* b,
                           double* h) const = 0;
  virtual void project_out_twice(std::int64_t j, const double* v, std::int64_t k, double* b,
                                 double* h) const = 0;
  virtual void rotate(std::int64_t l, std::int64_t j, const double* s, double* v) const = 0;

  // flags[i] <- 1 where row i of x is not finite, else 0: what is here of it.
  virtual void look_for_non_finite(std::int64_t k, const double* x, double* flags) const = 0;
  // floor(log2 max |x_i|) over all processes; nothing if all are zero.
  virtual std::optional<int> largest_exponent(std::int64_t count, const double* x) const = 0;
  // x <- 2^exponent x
  virtual void shift_exponent(std::int64_t count, int exponent, double* x) const = 0;
};

class HostVectors : public Vectors {
 public:
  explicit HostVectors(std::int64_t here, Sum sum = {}) : Vectors(here), sum_(std::move(sum)) {}

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
  Sum sum_;
};

// Those of the operator, or the host's.
std::shared_ptr<const Vectors> vectors_of(const Operator& op);

double norm(const Vectors& on, const double* x);

// Row r of `v` was a unit vector and becomes one that is orthogonal to rows 0..r-1, which are
// orthonormal. False if nothing certain is left of it.
bool orthonormalise_row(const Vectors& on, double* v, std::int64_t r);

// Rank-revealing: rows r..r+k-1 of `v` become orthonormal, the largest first. They come orthogonal
// to rows 0..r-1 up to a rounding of `scale_of_rows`, the norm that they had before anything was
// taken out of them; one that is left with less than 100 eps of it is given up, and nothing is
// divided by its norm. Returns the rank q. `c` (k x k): row i of the result took part in input row
// j with the coefficient c[i k + j], zero for i >= q.
std::int64_t orthonormalise_rows(const Vectors& on, double* v, std::int64_t r, std::int64_t k,
                                 double scale_of_rows, double* c);

// Rows 0..l-1 of `v`, orthonormal up to a small E = V V^T - I, become so up to E^2: one Newton step
// V <- (I - E/2) V towards the polar factor, which prefers no row to another.
void polish_rows(const Vectors& on, std::int64_t l, double* v);

}  // namespace saddlescape::eig
