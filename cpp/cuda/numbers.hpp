// Four numbers of an array in one thread's hands: in one access where they lie so, whatever they
// are stored as.
#pragma once

#include <cstdint>

#include "core/half.hpp"
#include "core/host_device.hpp"
#include "update/storage.hpp"

namespace saddlescape::cuda {
namespace {

using update::Element;

constexpr int four = 4;

template <class T>
SADDLESCAPE_HOST_DEVICE inline bool is_finite(T x) {
  return x - x == T(0);
}

template <class T>
struct Four {
  T at[four];
};

// As many bytes as one access moves, at most 16.
template <class T>
struct alignas(four * sizeof(T) < 16 ? four * sizeof(T) : 16) Packet {
  T at[four];
};

// An object that lies at `from`, which is aligned for it. The device would copy it byte by byte.
template <class T>
SADDLESCAPE_HOST_DEVICE inline T object_at(const void* from) {
#if defined(__CUDA_ARCH__)
  return *static_cast<const T*>(from);
#else
  T object;
  __builtin_memcpy(static_cast<void*>(&object), from, sizeof object);
  return object;
#endif
}

template <class T>
SADDLESCAPE_HOST_DEVICE inline bool one_access(const T* x, int n) {
  return n == four && reinterpret_cast<std::uintptr_t>(x) % alignof(Packet<T>) == 0;
}

// x[0] ... x[n - 1], n <= 4, and zeros.
template <class T>
SADDLESCAPE_HOST_DEVICE inline Four<T> take(const T* x, int n) {
  Four<T> taken;
  if (one_access(x, n)) {
    const Packet<T> packet = object_at<Packet<T>>(x);
    for (int j = 0; j < four; ++j) taken.at[j] = packet.at[j];
  } else {
    for (int j = 0; j < four; ++j) taken.at[j] = j < n ? x[j] : T{};
  }
  return taken;
}

template <class T>
SADDLESCAPE_HOST_DEVICE inline void put(const Four<T>& numbers, T* x, int n) {
#if defined(__CUDA_ARCH__)
  if (one_access(x, n)) {
    Packet<T> packet;
    for (int j = 0; j < four; ++j) packet.at[j] = numbers.at[j];
    *reinterpret_cast<Packet<T>*>(x) = packet;
    return;
  }
#endif
  for (int j = 0; j < four; ++j)
    if (j < n) x[j] = numbers.at[j];
}

template <class Narrow>
SADDLESCAPE_HOST_DEVICE inline Four<float> take_narrow(const void* array, std::int64_t from,
                                                       int n) {
  const Four<Narrow> narrow = take(static_cast<const Narrow*>(array) + from, n);
  Four<float> numbers;
  for (int j = 0; j < four; ++j) numbers.at[j] = half::widen(narrow.at[j]);
  return numbers;
}

// The same of an array of any element but block8. float64 is never narrow.
template <class T>
SADDLESCAPE_HOST_DEVICE inline Four<T> take_from(Element type, const void* array, std::int64_t from,
                                                 int n) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (type == Element::bfloat16) return take_narrow<half::Bfloat16>(array, from, n);
    if (type == Element::float16) return take_narrow<half::Float16>(array, from, n);
  }
  return take(static_cast<const T*>(array) + from, n);
}

// How a number that is kept in fewer bits is rounded.
struct Rounding {
  bool dithered;
  std::int64_t step;
  int slot;
};

template <class Narrow>
SADDLESCAPE_HOST_DEVICE inline void put_narrow(Four<float>& numbers, void* array, std::int64_t from,
                                               int n, const Rounding& rounding) {
  Four<Narrow> narrow;
  for (int j = 0; j < four; ++j) {
    if (rounding.dithered)
      half::narrow_dithered(
          numbers.at[j], half::dither_base(from + j, rounding.step, rounding.slot), narrow.at[j]);
    else
      half::narrow(numbers.at[j], narrow.at[j]);
    numbers.at[j] = half::widen(narrow.at[j]);
  }
  put(narrow, static_cast<Narrow*>(array) + from, n);
}

// Leaves in `numbers` what the array then holds.
template <class T>
SADDLESCAPE_HOST_DEVICE inline void put_into(Element type, Four<T>& numbers, void* array,
                                             std::int64_t from, int n, const Rounding& rounding) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (type == Element::bfloat16)
      return put_narrow<half::Bfloat16>(numbers, array, from, n, rounding);
    if (type == Element::float16)
      return put_narrow<half::Float16>(numbers, array, from, n, rounding);
  }
  put(numbers, static_cast<T*>(array) + from, n);
}

}  // namespace
}  // namespace saddlescape::cuda
