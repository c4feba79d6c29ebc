#include "eig/signs_scale.hpp"

#include <limits>

#include "eig/dense.hpp"
#include "eig/elimination.hpp"
#include "eig/ldlt.hpp"

namespace saddlescape::eig {
namespace {

double magnitude(const double* x, std::int64_t n, double* most) {
  return elimination_kernels().magnitude(x, n, most);
}
double magnitude(const float* x, std::int64_t n, double* most) {
  return elimination_kernels().magnitude_of_floats(x, n, most);
}

}  // namespace

template <class T>
Scale scale_of(std::int64_t n, const T* a) {
  Scale scale;
  scale.row_sums.resize(n);
  std::vector<double> most(n);
  parallel_for(n, 1 + 100'000 / n, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      scale.row_sums[i] = magnitude(a + i * n, n, &most[i]);
  });
  scale.most = *std::max_element(most.begin(), most.end());
  std::frexp(scale.most, &scale.exponent);
  for (std::int64_t i = 0; i < n && scale.finite; ++i) {
    double& sum = scale.row_sums[i];
    if (sum <= std::numeric_limits<double>::max()) {
      sum = std::ldexp(sum, -scale.exponent);
      continue;
    }
    // A NaN, an infinity, or a sum that is too large.
    sum = 0;
    for (std::int64_t j = 0; j < n && scale.finite; ++j) {
      const double x = static_cast<double>(a[i * n + j]);
      scale.finite = std::isfinite(x);
      sum += std::abs(std::ldexp(x, -scale.exponent));
    }
  }
  return scale;
}

template <class T>
Asymmetry load(std::int64_t n, const T* a, int exponent, double* const* rooms, int count) {
  const Power power(-exponent);
  std::vector<Asymmetry> parts((n + transposed_tile - 1) / transposed_tile);
  above_diagonal(n, [&](std::int64_t band, std::int64_t i, std::int64_t j, std::int64_t j_end) {
    Asymmetry& part = parts[band];
    double s[transposed_tile];
    for (std::int64_t k = j; k < j_end; ++k) {
      const double upper = power(static_cast<double>(a[i * n + k]));
      const double lower = power(static_cast<double>(a[k * n + i]));
      // Halves are exact, so an exactly symmetric A passes unchanged.
      s[k - j] = 0.5 * lower + 0.5 * upper;
      if (a[i * n + k] == a[k * n + i]) continue;
      part.any = true;
      part.largest = std::max(part.largest, std::abs(lower - upper));
      part.norm += 2 * (lower - upper) * (lower - upper);
    }
    for (int side = 0; side < count && j < j_end; ++side)
      std::copy(s, s + (j_end - j), Triangle{rooms[side], n, true}.row(i) + j);
  });
  Asymmetry whole;
  for (const Asymmetry& part : parts) {
    whole.any = whole.any || part.any;
    whole.largest = std::max(whole.largest, part.largest);
    whole.norm += part.norm;
  }
  whole.norm = std::sqrt(whole.norm);
  return whole;
}

template <class T>
void account(std::int64_t n, const T* a, const Asymmetry& found, Scale& scale) {
  const double size = static_cast<double>(n);
  const double allowed = 100 * size * static_cast<double>(std::numeric_limits<T>::epsilon()) *
                         std::ldexp(scale.most, -scale.exponent);
  if (found.largest > allowed) check_symmetric(n, a, "A");  // says where
  scale.asymmetry = found.norm / 2 * (1 + 1e-6);
  // |s_ij| <= |a_ij| + |a_ij - a_ji| / 2
  for (double& each : scale.row_sums) each += std::sqrt(size) * scale.asymmetry;
}

template Scale scale_of(std::int64_t, const float*);
template Scale scale_of(std::int64_t, const double*);
template Asymmetry load(std::int64_t, const float*, int, double* const*, int);
template Asymmetry load(std::int64_t, const double*, int, double* const*, int);
template void account(std::int64_t, const float*, const Asymmetry&, Scale&);
template void account(std::int64_t, const double*, const Asymmetry&, Scale&);

}  // namespace saddlescape::eig
