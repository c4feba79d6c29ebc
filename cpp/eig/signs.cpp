#include "eig/signs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/memory.hpp"
#include "core/parallel.hpp"
#include "eig/signs_scale.hpp"

namespace saddlescape::eig {
namespace {

using Vector = std::vector<double>;

constexpr double u = 0x1p-53;  // unit roundoff
// The bound of a dense random matrix is some 10 n^(1/3) n u times its largest row sum.
double usual(double n) { return 18 * std::cbrt(n) * n * u; }
constexpr int most_tries = 4;
// One elimination on all threads leaves them idle while a panel is searched for pivots, so two
// beside each other are faster on two threads, and slower on many.
constexpr int many_threads = 4;

// The elimination of S + shift I, of which all but the diagonal is there.
template <class Diagonal>
Signs eliminate(const Triangle& m, const Scale& scale, double shift, const Diagonal& diagonal,
                const Factors* factors = nullptr) {
  Vector magnitudes = scale.row_sums;
  for (std::int64_t i = 0; i < m.n; ++i) {
    m.row(i)[i] = diagonal(i) + shift;
    magnitudes[i] += std::abs(shift);
  }
  return signs_by_elimination(m, magnitudes.data(), factors);
}

// Rooms for one or two eliminations beside A.
template <class T>
class Beside {
 public:
  Beside(std::int64_t n, const T* a)
      : scale(scale_of(n, a)), n_(n), a_(a), count_(threads() < many_threads ? 2 : 1) {
    if (!scale.finite || scale.most == 0) return;
    for (int side = 0; side < count_; ++side) rooms_[side] = numbers(Triangle::packed_size(n));
    account(n, a, reload(), scale);
  }

  void eliminate_both(double shift, Signs (&signs)[2]) {
    const Power power(-scale.exponent);
    const auto one = [&](int side) {
      signs[side] =
          eliminate({rooms_[side % count_].get(), n_, true}, scale, side ? shift : -shift,
                    [&](std::int64_t i) { return power(static_cast<double>(a_[i * n_ + i])); });
    };
    if (!loaded_) reload();
    if (count_ == 2) {
      parallel_for(2, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t side = begin; side < end; ++side) one(static_cast<int>(side));
      });
    } else {
      one(0);
      reload();
      one(1);
    }
    loaded_ = false;
  }

  Scale scale;
  double rounding = 0;  // of S, beyond that of an asymmetric A

 private:
  Asymmetry reload() {
    double* const rooms[2] = {rooms_[0].get(), rooms_[1].get()};
    loaded_ = true;
    return load(n_, a_, scale.exponent, rooms, count_);
  }

  std::int64_t n_;
  const T* a_;
  int count_;
  Numbers rooms_[2];
  bool loaded_ = false;
};

// The upper triangle of A for both eliminations; the lower one keeps S, not scaled.
class InPlace {
 public:
  InPlace(std::int64_t n, double* a) : scale(scale_of(n, a)), n_(n), a_(a), diagonal_(n) {
    if (!scale.finite || scale.most == 0) return;
    const Asymmetry found = load(n, a, scale.exponent, nullptr, 0);
    account(n, a, found, scale);
    for (std::int64_t i = 0; i < n; ++i) diagonal_[i] = a[i * n + i];
    if (!found.any) return;
    above_diagonal(n_, [&](std::int64_t, std::int64_t i, std::int64_t j, std::int64_t j_end) {
      for (std::int64_t k = j; k < j_end; ++k)
        a_[k * n_ + i] = 0.5 * a_[k * n_ + i] + 0.5 * a_[i * n_ + k];
    });
    // Means are rounded to the smallest number here, before they are scaled.
    rounding = static_cast<double>(n) * std::ldexp(1.0, -1074 - scale.exponent);
  }

  void eliminate_both(double shift, Signs (&signs)[2]) {
    const Restored restored{this};  // also where an elimination runs out of memory
    const Power power(-scale.exponent);
    for (int side = 0; side < 2; ++side) {
      upper_from_lower(power);
      signs[side] = eliminate({a_, n_, false}, scale, side ? shift : -shift,
                              [&](std::int64_t i) { return power(diagonal_[i]); });
    }
  }

  Scale scale;
  double rounding = 0;

 private:
  struct Restored {
    InPlace* room;
    ~Restored() {
      room->upper_from_lower(Power(0));
      for (std::int64_t i = 0; i < room->n_; ++i) room->a_[i * room->n_ + i] = room->diagonal_[i];
    }
  };

  void upper_from_lower(const Power& power) {
    above_diagonal(n_, [&](std::int64_t, std::int64_t i, std::int64_t j, std::int64_t j_end) {
      for (std::int64_t k = j; k < j_end; ++k) a_[i * n_ + k] = power(a_[k * n_ + i]);
    });
  }

  std::int64_t n_;
  double* a_;
  Vector diagonal_;
};

template <class Room>
CertifiedSigns decide(std::int64_t n, Room& room, double tolerance) {
  const Scale& scale = room.scale;
  CertifiedSigns found;
  found.finite = scale.finite;
  if (!scale.finite) return found;
  if (scale.most == 0) return {0, 0, tolerance, 0, true};
  // What S is off by before an elimination sees it: the asymmetry of A, elements that underflow
  // when scaled, the rounding of means.
  const double row_sum = scale.largest_row_sum(), size = static_cast<double>(n);
  double before = size * 0x1p-511 + room.rounding;
  if (scale.asymmetry > 0) before += scale.asymmetry + 2 * u * std::sqrt(size) * row_sum;
  const double t = std::ldexp(tolerance, -scale.exponent) * (1 + 2 * u);

  double shift = t + before + usual(size) * row_sum;
  for (int tries = 0; tries < most_tries && shift < 4; ++tries) {
    Signs signs[2];
    room.eliminate_both(shift, signs);
    // With each shift's own rounding.
    const double error =
        (std::max(signs[0].bound, signs[1].bound) + before + u * (1 + shift)) * (1 + 8 * u);
    if (shift - error >= t) {
      const double band = (shift + error) * (1 + 4 * u);
      return {signs[0].positive,
              signs[1].negative,
              std::ldexp(band, scale.exponent) + std::numeric_limits<double>::denorm_min(),
              std::ldexp(error, scale.exponent) + std::numeric_limits<double>::denorm_min(),
              true,
              true};
    }
    shift = t + 2 * error;
  }
  return found;
}

}  // namespace

template <class T>
CertifiedSigns certified_signs(std::int64_t n, const T* a, double tolerance) {
  if (n == 0) return {0, 0, tolerance, 0, true};
  Beside<T> room(n, a);
  return decide(n, room, tolerance);
}

CertifiedSigns certified_signs_in_place(std::int64_t n, double* a, double tolerance) {
  if (n == 0) return {0, 0, tolerance, 0, true};
  InPlace room(n, a);
  return decide(n, room, tolerance);
}

template <class T>
void shifted_factors(std::int64_t n, const T* a, int exponent, double shift,
                     const Factors& factors) {
  if (n == 0) return;
  Scale scale = scale_of(n, a);
  scale.exponent = exponent;
  const Numbers room = numbers(Triangle::packed_size(n));
  double* const rooms[1] = {room.get()};
  account(n, a, load(n, a, exponent, rooms, 1), scale);
  const Power power(-exponent);
  eliminate(
      {room.get(), n, true}, scale, shift,
      [&](std::int64_t i) { return power(static_cast<double>(a[i * n + i])); }, &factors);
}

template CertifiedSigns certified_signs(std::int64_t, const float*, double);
template CertifiedSigns certified_signs(std::int64_t, const double*, double);
template void shifted_factors(std::int64_t, const float*, int, double, const Factors&);
template void shifted_factors(std::int64_t, const double*, int, double, const Factors&);

}  // namespace saddlescape::eig
