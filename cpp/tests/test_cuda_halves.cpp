// Numbers of two bytes as float32 and back, by the kernels' source on the CPU: every one there is,
// round a thread's four and a block, bit for bit; what lies behind them is left alone.
#include <cstring>
#include <string>
#include <vector>

#include "core/half.hpp"
#include "cuda/halves.hpp"
#include "tests/cuda_pair.hpp"

namespace {

namespace c = saddlescape::cuda;
namespace half = saddlescape::half;
using saddlescape::update::Element;

saddlescape::cuda_lists::Tally tally{"cuda halves"};

template <class T>
bool same(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

template <class Half>
void check(Element type, const std::string& name) {
  constexpr std::int64_t all = 1 << 16;
  std::vector<Half> narrow(all + 1);
  for (std::size_t i = 0; i <= all; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    std::memcpy(&narrow[i], &bits, sizeof bits);
  }
  for (const std::int64_t n : {0, 1, 3, 4, 5, 1023, 1024, 1025, 1 << 16})
    for (const std::size_t from : {0, 1}) {
      const float behind = 7;
      std::vector<float> wide(static_cast<std::size_t>(n) + 1, behind);
      c::widen(c::Stream(), type, narrow.data() + from, n, wide.data());
      bool right = same(wide.back(), behind);
      for (std::size_t i = 0; i + 1 < wide.size(); ++i) {
        right = right && same(wide[i], half::widen(narrow[i + from]));
        wide[i] *= 1.001F;  // what has to be rounded
      }
      std::vector<Half> back(wide.size() + from, narrow[9]);
      c::narrow(c::Stream(), type, wide.data(), n, back.data() + from);
      right = right && same(back.back(), narrow[9]);
      for (std::size_t i = 0; i + 1 < wide.size(); ++i) {
        Half expected;
        half::narrow(wide[i], expected);
        right = right && same(back[i + from], expected);
      }
      tally.expect(right, name + ", " + std::to_string(n) + " from " + std::to_string(from));
    }
}

}  // namespace

int main() {
  check<half::Bfloat16>(Element::bfloat16, "bfloat16");
  check<half::Float16>(Element::float16, "float16");
  return tally.end();
}
