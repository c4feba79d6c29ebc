#include "eig/lanczos_options.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace saddlescape::eig {
namespace {

std::string text(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%g", value);
  return buffer;
}

[[noreturn]] void refuse(const std::string& name, const std::string& came,
                         const std::string& allowed) {
  throw std::invalid_argument(name + ": " + came + ", expected " + allowed);
}

}  // namespace

LanczosOptions checked(const Operator& op, const LanczosOptions& o) {
  if (op.n < 1) refuse("op", "order " + std::to_string(op.n), "at least 1");
  if (o.low < 0) refuse("low", std::to_string(o.low), "at least 0");
  if (o.high < 0) refuse("high", std::to_string(o.high), "at least 0");
  if (o.low == 0 && o.high == 0) refuse("low, high", "both 0", "at least one pair");
  if (!(o.tol > 0) || !std::isfinite(o.tol)) refuse("tol", text(o.tol), "a positive number");
  if (!(o.missing > 0 && o.missing <= 1))
    refuse("missing", text(o.missing), "a probability above 0 and up to 1");
  if (o.block < 1) refuse("block", std::to_string(o.block), "at least 1");
  if (o.max_products < 0) refuse("max_products", std::to_string(o.max_products), "at least 1");
  LanczosOptions used = o;
  used.block = std::min(o.block, op.n);
  used.low = std::min(o.low, op.n);
  used.high = std::min(o.high, op.n - used.low);
  const std::int64_t pairs = used.low + used.high;
  const std::int64_t smallest = std::min(op.n, pairs + 2 * used.block);
  if (o.basis != 0 && o.basis < smallest)
    refuse("basis", std::to_string(o.basis), "at least " + std::to_string(smallest));
  if (o.basis == 0) used.basis = basis_size(op.n, pairs, used.block);
  used.basis = std::min(op.n, used.basis);
  const std::int64_t steps = (pairs + used.block - 1) / used.block;
  const std::int64_t least = std::min(op.n, steps * used.block) + pairs;
  if (o.max_products == 0) {
    used.max_products = 100 * std::max<std::int64_t>(40, used.basis);
  } else if (o.max_products < least) {
    refuse("max_products", std::to_string(o.max_products),
           "at least " + std::to_string(least) + " for " + std::to_string(pairs) +
               " pairs in blocks of " + std::to_string(used.block) + " and their residuals");
  }
  return used;
}

std::vector<double> steering(const Operator& op, const LanczosOptions& o) {
  std::vector<double> numbers = {o.tol, o.missing};
  for (const std::int64_t each :
       {op.n, o.low, o.high, o.max_products, o.block, o.basis, o.start ? o.starts : 0})
    numbers.push_back(static_cast<double>(each));
  // Two halves: a double holds 53 bits.
  numbers.push_back(static_cast<double>(o.seed >> 32));
  numbers.push_back(static_cast<double>(o.seed & 0xFFFFFFFFu));
  return numbers;
}

std::int64_t smallest_basis(std::int64_t pairs, std::int64_t block) {
  return std::max({std::int64_t{40}, 2 * pairs + 20, pairs + 8 * block});
}

std::int64_t basis_size(std::int64_t n, std::int64_t pairs, std::int64_t block) {
  constexpr std::int64_t room = (64 << 20) / 8, most = 160;
  return std::max(smallest_basis(pairs, block), std::min(most, room / n));
}

}  // namespace saddlescape::eig
