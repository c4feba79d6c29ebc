#include <limits>

#include "cuda/launch.hpp"
#include "cuda/net/arguments.hpp"
#include "cuda/net/launches.hpp"
#include "cuda/net/rows.hpp"
#include "cuda/word.hpp"

namespace saddlescape::cuda {
namespace {

template <class T>
struct FindOutside {
  const T* x;
  std::int64_t n;
  T low, high;
  std::uint64_t* first;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    each(block, n, [&](std::int64_t i) {
      if (!(x[i] >= low && x[i] <= high)) block.lower(*first, static_cast<std::uint64_t>(i));
    });
  }
};

template <class Class, class T>
struct OneHot {
  const Class* classes;
  T* Y;
  std::int64_t C;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    in_row(block, C,
           [&](std::int64_t i, std::int64_t c) { Y[i * C + c] = classes[i] == c ? T(1) : T(0); });
  }
};

template <class T>
struct Smooth {
  const T* y;
  T* out;
  std::int64_t n;
  T kept, shared;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    each(block, n, [&](std::int64_t i) { out[i] = y[i] * kept + shared; });
  }
};

template <class From, class To>
struct Convert {
  const From* from;
  To* to;
  std::int64_t n;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    each(block, n, [&](std::int64_t i) { to[i] = static_cast<To>(from[i]); });
  }
};

}  // namespace

template <class T>
std::int64_t first_outside(const Stream& stream, const T* x, std::int64_t n, T low, T high) {
  if (n == 0) return -1;
  Word word;
  auto* const first = word.as<std::uint64_t>();
  constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
  fill(stream, first, none, 1);
  launch("the look at an argument", stream, parts_of(n), FindOutside<T>{x, n, low, high, first});
  const auto found = word.read<std::uint64_t>(stream);
  return found == none ? -1 : static_cast<std::int64_t>(found);
}

template <class Class, class T>
void one_hot(const Stream& stream, const Class* classes, T* Y, std::int64_t N, std::int64_t C) {
  launch("the targets", stream, row_blocks(N, C), OneHot<Class, T>{classes, Y, C});
}

template <class T>
void smooth(const Stream& stream, const T* y, T* out, std::int64_t n, double smoothing,
            std::int64_t C) {
  launch("the smoothed targets", stream, parts_of(n),
         Smooth<T>{y, out, n, static_cast<T>(1 - smoothing),
                   static_cast<T>(smoothing / static_cast<double>(C))});
}

template <class From, class To>
void convert(const Stream& stream, const From* from, To* to, std::int64_t n) {
  launch("another precision", stream, parts_of(n), Convert<From, To>{from, to, n});
}

template std::int64_t first_outside(const Stream&, const std::int64_t*, std::int64_t, std::int64_t,
                                    std::int64_t);
template std::int64_t first_outside(const Stream&, const std::int32_t*, std::int64_t, std::int32_t,
                                    std::int32_t);
template void convert(const Stream&, const std::int64_t*, float*, std::int64_t);
template void convert(const Stream&, const std::int64_t*, double*, std::int64_t);
template void convert(const Stream&, const std::int32_t*, float*, std::int64_t);
template void convert(const Stream&, const std::int32_t*, double*, std::int64_t);
#define SADDLESCAPE_INSTANTIATE(T)                                                           \
  template std::int64_t first_outside(const Stream&, const T*, std::int64_t, T, T);          \
  template void one_hot(const Stream&, const std::int64_t*, T*, std::int64_t, std::int64_t); \
  template void one_hot(const Stream&, const std::int32_t*, T*, std::int64_t, std::int64_t); \
  template void smooth(const Stream&, const T*, T*, std::int64_t, double, std::int64_t);     \
  template void convert(const Stream&, const T*, float*, std::int64_t);                      \
  template void convert(const Stream&, const T*, double*, std::int64_t);
SADDLESCAPE_INSTANTIATE(float)
SADDLESCAPE_INSTANTIATE(double)
#undef SADDLESCAPE_INSTANTIATE

}  // namespace saddlescape::cuda
