#include "eig/signs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/memory.hpp"
#include "core/parallel.hpp"
#include "eig/signs_decide.hpp"
#include "eig/signs_scale.hpp"

namespace saddlescape::eig {
namespace {

using Vector = std::vector<double>;

// The bound of a dense random matrix is some 10 n^(1/3) n u times its largest row sum.
double usual(std::int64_t n) {
  const double size = static_cast<double>(n);
  return 18 * std::cbrt(size) * size * 0x1p-53;
}
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

}  // namespace

template <class T>
CertifiedSigns certified_signs(std::int64_t n, const T* a, double tolerance) {
  if (n == 0) return {0, 0, tolerance, 0, true};
  Beside<T> room(n, a);
  return decide(n, room, tolerance, usual(n));
}

CertifiedSigns certified_signs_in_place(std::int64_t n, double* a, double tolerance) {
  if (n == 0) return {0, 0, tolerance, 0, true};
  InPlace room(n, a);
  return decide(n, room, tolerance, usual(n));
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
