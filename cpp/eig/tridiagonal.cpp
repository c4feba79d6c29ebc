#include "eig/tridiagonal.hpp"

namespace saddlescape::eig {

void tridiagonalize(std::int64_t n, double* s, double* d, double* e) {
  Band band(n);
  dense_to_band(n, s, band, nullptr);
  tridiagonal_of_band(band, d, e, nullptr);
}

}  // namespace saddlescape::eig
