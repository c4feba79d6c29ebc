// Bounded numbers without bias, where a product alone would show one: at bounds near 2^64.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "core/random.hpp"
#include "core/streams.hpp"

namespace {

using saddlescape::Random;
namespace streams = saddlescape::streams;

int failures = 0;

void expect(bool ok, const char* what) {
  if (ok) return;
  std::printf("failed: %s\n", what);
  ++failures;
}

// With n = 3 2^62 the top half of x n has every third number from two x, the others from one: half
// of the numbers would be divisible by 3.
void no_number_is_favoured() {
  const std::uint64_t n = std::uint64_t{3} << 62;
  Random random(5);
  constexpr int draws = 200000;
  int divisible = 0;
  bool below = true;
  for (int i = 0; i < draws; ++i) {
    const std::uint64_t x = random.below(n);
    below = below && x < n;
    divisible += x % 3 == 0;
  }
  const double deviation = std::sqrt(draws * (1.0 / 3) * (2.0 / 3));
  expect(below, "below n");
  expect(std::abs(divisible - draws / 3.0) < 4 * deviation, "a third is divisible by 3");
}

void bounds() {
  Random random(1);
  bool zero = true, small = true;
  std::vector<int> seen(7);
  for (int i = 0; i < 7000; ++i) {
    zero = zero && random.below(1) == 0;
    const std::uint64_t x = random.below(7);
    small = small && x < 7;
    if (x < 7) ++seen[x];
  }
  expect(zero, "0 is the only number below 1");
  expect(small, "below 7");
  for (int count : seen) expect(std::abs(count - 1000) < 4 * std::sqrt(857.0), "each of 7");
}

void parts_of_a_stream() {
  const Random stream = streams::stream(3, streams::Purpose::weights, 2);
  std::vector<double> all(9001);
  streams::normals(stream, all.data(), 9001);
  for (std::int64_t first : {0, 1, 4095, 4096, 8999}) {
    std::vector<double> some(2);
    Random here = stream;
    here.part_of_normals(some.data(), first, 2, 9001);
    const auto at = static_cast<std::size_t>(first);
    expect(some[0] == all[at] && some[1] == all[at + 1], "a part is that of the whole");
  }
}

}  // namespace

int main() {
  no_number_is_favoured();
  bounds();
  parts_of_a_stream();
  std::printf("%d failures\n", failures);
  return failures != 0;
}
