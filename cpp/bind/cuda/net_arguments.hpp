// What the bindings of the device's network share: its arguments, looked through on the device.
#pragma once

#include <limits>
#include <string>

#include "bind/cuda/device_array.hpp"
#include "bind/gil.hpp"
#include "cuda/net/arguments.hpp"

namespace saddlescape::bind {

template <class Visit>
auto with_dtype(Dtype dtype, Visit&& visit) {
  return dtype == Dtype::float32 ? visit(float{}) : visit(double{});
}

// Refuses the first number that is not in [low, high].
template <class T>
void check_range(const TakenOnDevice& given, const cuda::Stream& stream, const std::string& name,
                 T low, T high, const std::string& expected) {
  std::int64_t found;
  T number{};
  {
    const ReleaseGil release;
    found = cuda::first_outside(stream, given.array.as<T>(), given.array.size, low, high);
    if (found < 0) return;
    cuda::download(stream, &number, given.array.as<T>() + found, sizeof number);
    stream.wait();
  }
  const std::int64_t across = given.array.shape.size() == 2 ? given.array.shape[1] : 1;
  const Shape at =
      given.array.shape.size() == 2 ? Shape{found / across, found % across} : Shape{found};
  throw py::value_error(name + ": " + py::cast<std::string>(py::repr(py::cast(number))) + " at " +
                        shape_text(at) + ", expected " + expected);
}

inline void check_numbers(const TakenOnDevice& given, const cuda::Stream& stream,
                          const std::string& name, double low, double high,
                          const std::string& expected) {
  with_dtype(given.array.dtype, [&](auto zero) {
    using T = decltype(zero);
    constexpr T most = std::numeric_limits<T>::max();
    const auto bounded = [](double x) {
      return x < -static_cast<double>(most)  ? -most
             : x > static_cast<double>(most) ? most
                                             : static_cast<T>(x);
    };
    check_range(given, stream, name, bounded(low), bounded(high), expected);
  });
}

inline constexpr double infinity = std::numeric_limits<double>::infinity();

// After the work that reads an array was asked of `stream`: the array's own library goes on after
// it, or where it names no stream the host waits, for the memory may be given away at once. So it
// does for a thread's own stream: who comes next may come from another thread.
inline void settle(const TakenOnDevice& given, const cuda::Stream& stream) {
  if (given.has_stream) given.stream.follow(stream);
  if (!given.has_stream || stream.is_of_thread()) stream.wait();
}

// Registers what brings arguments there; bind_net.cpp the rest.
void cuda_net_arguments(py::module_ module);

}  // namespace saddlescape::bind
