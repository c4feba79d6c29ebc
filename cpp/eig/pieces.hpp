// What processes that hold pieces of the same vectors must do together.
//
// All of it costs nothing where there is one process, whose `sum` is empty.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "eig/operator.hpp"

namespace saddlescape::eig {

inline void over_all(const Sum& sum, std::int64_t count, double* numbers) {
  if (sum && count > 0) sum(count, numbers);
}

// Calls part(numbers) in each process and adds the numbers up. If it throws in one, all throw: that
// one its own exception, the others std::runtime_error.
template <class Part>
void together(const Sum& sum, const char* what, std::vector<double>& numbers, const Part& part) {
  if (!sum) return part(numbers);
  std::exception_ptr error;
  try {
    part(numbers);
  } catch (...) {
    error = std::current_exception();
  }
  numbers.push_back(error ? 1.0 : 0.0);
  try {
    over_all(sum, static_cast<std::int64_t>(numbers.size()), numbers.data());
  } catch (...) {
    if (!error) throw;  // else its own exception says more than that the others are elsewhere
  }
  if (error) std::rethrow_exception(error);
  const bool failed = numbers.back() != 0;
  numbers.pop_back();
  if (failed)
    throw std::runtime_error(std::string(what) +
                             ": failed in another process: its own error says why");
}

// Throws std::invalid_argument in all processes if the pieces of `op` are not one vector, or if
// these numbers, those that steer a run, are not the same in all.
void check_alike(const Operator& op, const std::vector<double>& numbers);

// floor(log2 max |x_i|) over all processes; nothing if all are zero.
std::optional<int> largest_exponent(const Sum& sum, std::int64_t count, const double* x);

}  // namespace saddlescape::eig
