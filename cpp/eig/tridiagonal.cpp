#include "eig/tridiagonal.hpp"

#include "eig/reduction_error.hpp"

namespace saddlescape::eig {

void tridiagonalize(std::int64_t n, double* s, double* d, double* e) {
  Band band(n);
  dense_to_band(n, s, band, nullptr, nullptr);
  tridiagonal_of_band(band, d, e, nullptr);
}

double certified_tridiagonalize(std::int64_t n, double* s, double* d, double* e) {
  ReductionError error(n, s);
  Band band(n);
  dense_to_band(n, s, band, nullptr, &error);
  tridiagonal_of_band(band, d, e, nullptr);
  return error.total(n);
}

}  // namespace saddlescape::eig
