#include "cuda/eig/dense.hpp"

#include <utility>

#include "cuda/eig/factors.hpp"
#include "cuda/eig/fetch.hpp"
#include "cuda/eig/matrix.hpp"
#include "cuda/solver.hpp"
#include "eig/signs_decide.hpp"

namespace saddlescape::cuda::eig {
namespace {

// What a factorization is off by, in parts of the largest row sum of |S|, where S is definite, or
// nearly so. Of a dense random matrix it is up to 100 times that, by the growth that partial
// pivoting lets through: then a second shift is taken.
double usual(std::int64_t n) {
  const double size = static_cast<double>(n);
  return (200 + 2 * size) * 0x1p-53;
}

// Where S + shift I is factored, on one side after the other.
template <class T>
class Room {
 public:
  Room(const Stream& stream, std::int64_t n, const T* a)
      : scale(scale_of(stream, n, a)), stream_(stream), n_(n), a_(a) {
    if (scale.most == 0) return;
    l_.grow(n * n * bytes_of<double>);
    pivots_.grow(n * bytes_of<std::int32_t>);
    symmetric_part(stream, n, a, 0.0, scale, l_.as<double>());
    scale.row_sums = row_sums(stream, n, l_.as<double>());
  }

  void eliminate_both(double shift, saddlescape::eig::Signs (&signs)[2]) {
    for (int side = 0; side < 2; ++side) signs[side] = eliminate(side ? shift : -shift);
  }

  Scale scale;
  double rounding = 0;  // S is what is factored

 private:
  saddlescape::eig::Signs eliminate(double shift) {
    double* const l = l_.as<double>();
    symmetric_part(stream_, n_, a_, shift, scale, l);
    solver::ldlt(stream_, n_, l, pivots_.as<std::int32_t>());
    const Blocks blocks = put_in_order(stream_, n_, l, pivots_.as<std::int32_t>());
    if (!blocks.found) throw Error("cusolverDnDsytrf: its pivots are no exchanges of rows");
    return signs_of(stream_, n_, a_, scale.exponent, shift, l, blocks, scale.row_sums);
  }

  const Stream& stream_;
  std::int64_t n_;
  const T* a_;
  Memory l_{Memory::Where::device, "the factors of A"};
  Memory pivots_{Memory::Where::device, "the pivots of A"};
};

}  // namespace

template <class T>
void check_symmetric(const Stream& stream, std::int64_t n, const T* a, const std::string& name) {
  Scale scale = scale_of(stream, n, a, name);
  symmetric_part(stream, n, a, 0.0, scale, nullptr, name);
}

template <class T>
void eigenvalues(const Stream& stream, std::int64_t n, const T* a, double* w) {
  if (n == 0) return;
  Scale scale = scale_of(stream, n, a);
  Memory s(Memory::Where::device, "A scaled");
  s.grow(n * n * bytes_of<double>);
  symmetric_part(stream, n, a, 0.0, scale, s.as<double>());
  solver::eigh(stream, n, s.as<double>(), w, false);
  unscale(stream, n, scale.exponent, w);
}

template <class T>
void eigenpairs(const Stream& stream, std::int64_t n, const T* a, double* w, double* rows) {
  if (n == 0) return;
  Scale scale = scale_of(stream, n, a);
  symmetric_part(stream, n, a, 0.0, scale, rows);
  solver::eigh(stream, n, rows, w, true);
  unscale(stream, n, scale.exponent, w);
}

template <class T>
saddlescape::eig::CertifiedSigns certified_signs(const Stream& stream, std::int64_t n, const T* a,
                                                 double tolerance) {
  if (n == 0) return {0, 0, tolerance, 0, true};
  Room<T> room(stream, n, a);
  return saddlescape::eig::decide(n, room, tolerance, usual(n));
}

#define SADDLESCAPE_DENSE(T)                                                                       \
  template void check_symmetric(const Stream&, std::int64_t, const T*, const std::string&);        \
  template void eigenvalues(const Stream&, std::int64_t, const T*, double*);                       \
  template void eigenpairs(const Stream&, std::int64_t, const T*, double*, double*);               \
  template saddlescape::eig::CertifiedSigns certified_signs(const Stream&, std::int64_t, const T*, \
                                                            double);
SADDLESCAPE_DENSE(float)
SADDLESCAPE_DENSE(double)
#undef SADDLESCAPE_DENSE

}  // namespace saddlescape::cuda::eig
