// The random numbers of training: which stream serves which purpose, and what is drawn from it.
//
// Everything is a function of the seed and of numbers that name what is drawn (the layer, the
// epoch, the step), so that any part of a run can be replayed without what came before it:
//
//   weights   layer l, from 1       element i of the layer's normals
//   shuffle   epoch e, from 0       the order of the epoch's samples
//   dropout   step t, then layer l  element i d_l + j: the mask of the batch's row i and unit j
//   split     set k                 which samples are held out
//
// A seed's plain stream, Random(seed), is a bijection of a counter of 64 bits. What it gives for
// counters below 2^61 is the eigen-solvers' own; from there on the three top bits say the purpose
// and the 61 others the index, and what it gives is the key of a stream. So no two streams of a
// seed have the same key, for any purposes and indices below 2^61, nor is a key ever a number that
// an eigen-solver drew. Keys lie as if thrown: that n numbers of one stream reappear within n of
// another has a chance of 2 n / 2^64.
#pragma once

#include <cstdint>

#include "core/random.hpp"

namespace saddlescape::streams {

enum class Purpose : std::uint64_t { weights = 1, shuffle = 2, dropout = 3, split = 4 };

inline constexpr struct {
  const char* name;
  Purpose purpose;
} purposes[] = {
    {"dropout", Purpose::dropout},
    {"shuffle", Purpose::shuffle},
    {"split", Purpose::split},
    {"weights", Purpose::weights},
};

constexpr std::uint64_t index_bits = 61;

inline Random stream(std::uint64_t seed, Purpose purpose, std::uint64_t index) {
  const std::uint64_t low = index & ((std::uint64_t{1} << index_bits) - 1);
  return Random(Random(seed).at(static_cast<std::uint64_t>(purpose) << index_bits | low));
}

// A stream's own streams, from 0: distinct keys again.
inline Random part(const Random& of, std::uint64_t index) { return Random(of.at(index + 1)); }

// Standard normals, on all threads; the same bits for any number of them.
void normals(const Random& stream, double* out, std::int64_t count);

// 0 ... count - 1 in an order of which all count! are equally likely, but for the 2^64 keys.
void permutation(Random stream, std::int64_t* out, std::int64_t count);

// k <= m orthonormal vectors of m numbers each, (k, m): Q^T of the QR decomposition of an (m, k)
// matrix of normals with a positive diagonal of R, hence distributed by Haar's measure: Mezzadri
// (2007), "How to generate random matrices from the classical compact groups", Notices AMS 54(5).
void orthonormal(const Random& stream, double* out, std::int64_t k, std::int64_t m);

}  // namespace saddlescape::streams
