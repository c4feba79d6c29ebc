#include "eig/pieces.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace saddlescape::eig {
namespace {

// 32 bits of numbers (FNV-1a): sums of them over processes are exact in a double.
double digest(const std::vector<double>& numbers) {
  std::uint32_t hash = 2166136261u;
  for (const double number : numbers) {
    unsigned char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    for (const unsigned char byte : bytes) hash = (hash ^ byte) * 16777619u;
  }
  return hash;
}

// 0 + 1 + ... + (n - 1) modulo 2^32
std::uint32_t sum_below(std::int64_t n) {
  const auto x = static_cast<std::uint64_t>(n);
  return static_cast<std::uint32_t>(x % 2 ? (x - 1) / 2 * x : x / 2 * (x - 1));
}

}  // namespace

void check_alike(const Operator& op, const std::vector<double>& numbers) {
  if (!op.sum) return;
  const double own = digest(numbers);
  const bool inside = op.piece >= 0 && op.first >= 0 && op.first <= op.n - op.piece;
  const std::uint32_t places = inside ? sum_below(op.first + op.piece) - sum_below(op.first) : 0;
  double sums[5] = {1, own, inside ? 0.0 : 1.0, static_cast<double>(op.piece),
                    static_cast<double>(places)};
  op.sum(5, sums);
  // The mean is everybody's number only if all have the same: then nobody raises a hand.
  double hands[2] = {own * sums[0] != sums[1] ? 1.0 : 0.0, 0.0};
  // Pieces that have n places in all, and these sum to what 0 to n - 1 do.
  const double places_mod = std::fmod(sums[4], 4294967296.0);
  if (sums[2] != 0 || sums[3] != static_cast<double>(op.n) || places_mod != sum_below(op.n))
    hands[1] = 1;
  op.sum(2, hands);
  if (hands[0] != 0)
    throw std::invalid_argument(
        "op, options: not the same in all processes, expected the same order, options, seed and "
        "number of start vectors in each");
  if (hands[1] != 0)
    throw std::invalid_argument(
        "op: pieces of " + std::to_string(static_cast<std::int64_t>(sums[3])) +
        " numbers in all, expected pieces that together are one vector of " + std::to_string(op.n) +
        ", each number in one process");
}

std::optional<int> largest_exponent(const Sum& sum, std::int64_t count, const double* x) {
  double largest = 0;
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(x[i]));
  if (!sum) return largest == 0 ? std::nullopt : std::optional<int>(std::ilogb(largest));
  // A sum is all there is: each process marks its exponent, and the highest that is marked counts.
  constexpr int lowest = -1074, exponents = 1024 - lowest;
  std::vector<double> marks(exponents);
  if (largest != 0) marks[static_cast<std::size_t>(std::ilogb(largest) - lowest)] = 1;
  sum(exponents, marks.data());
  for (int i = exponents - 1; i >= 0; --i)
    if (marks[static_cast<std::size_t>(i)] != 0) return i + lowest;
  return std::nullopt;
}

}  // namespace saddlescape::eig
