#include "core/streams.hpp"

#include <algorithm>

#include "core/parallel.hpp"

namespace saddlescape::streams {
namespace {

constexpr std::int64_t piece = 4096;  // normals that are worth a thread's while; even
constexpr std::int64_t ahead = 256;   // exchanges that are drawn before the first of them is made

}  // namespace

void normals(const Random& stream, double* out, std::int64_t count) {
  const std::int64_t pieces = (count + piece - 1) / piece;
  parallel_for(pieces, 1, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = begin * piece, last = std::min(count, end * piece);
    Random here = stream;
    here.part_of_normals(out + first, first, last - first, count);
  });
}

// Fisher and Yates, as Durstenfeld (1964) wrote it: for i = n - 1 ... 1 exchange p_i with p_j, j
// uniform among 0 ... i. The partners are drawn some steps ahead, so that their memory is on its
// way when they are needed; the draws are the same.
void permutation(Random stream, std::int64_t* out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = i;
  std::int64_t partners[ahead];
  for (std::int64_t top = count - 1; top > 0; top -= ahead) {
    const std::int64_t steps = std::min(ahead, top);
    for (std::int64_t s = 0; s < steps; ++s) {
      partners[s] =
          static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(top - s) + 1));
      __builtin_prefetch(out + partners[s], 1);
    }
    for (std::int64_t s = 0; s < steps; ++s) std::swap(out[top - s], out[partners[s]]);
  }
}

}  // namespace saddlescape::streams
