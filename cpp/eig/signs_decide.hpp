// The shift that two eliminations prove the signs with: guessed, looked at, and taken again.
//
// A Room is where they happen: `scale` is what is known of S (eig/signs_scale.hpp), `rounding` what
// S is off by besides, and eliminate_both(shift, signs) factors S - shift I and S + shift I.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "eig/ldlt.hpp"
#include "eig/signs.hpp"
#include "eig/signs_scale.hpp"

namespace saddlescape::eig {

// `usual`: the bound of an elimination in parts of the largest row sum of |S|, as it mostly is.
template <class Room>
CertifiedSigns decide(std::int64_t n, Room& room, double tolerance, double usual) {
  constexpr double u = 0x1p-53;  // unit roundoff
  constexpr int most_tries = 4;
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

  double shift = t + before + usual * row_sum;
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

}  // namespace saddlescape::eig
