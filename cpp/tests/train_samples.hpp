// What the tests of training steps share: a count of failures, and numbers.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

inline int failures = 0;

inline void expect(bool ok, const std::string& what) {
  if (ok) return;
  ++failures;
  std::printf("FAILED %s\n", what.c_str());
}

// Prints how it went; for main to return.
inline int summary(const char* name) {
  std::printf("%s: %d failures\n", name, failures);
  return failures ? 1 : 0;
}

// Numbers in (-1, 1) from a linear congruence: the same on every machine.
template <class T>
std::vector<T> numbers(std::int64_t n, std::uint64_t seed) {
  std::vector<T> all(static_cast<std::size_t>(n));
  for (T& x : all) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    x = static_cast<T>(static_cast<double>(seed >> 11) / 4503599627370496.0 - 1);
  }
  return all;
}
