// The pass of factored rules before the one that moves the parameters.
#include "cuda/pass.hpp"

namespace saddlescape::cuda {
namespace {

template <class T, Path path>
constexpr Launch direction =
    launch_pass<PassOf<update::AdafactorDirection<T>, false, false, Along::factors>, T, path>;

}  // namespace

Launch factored_direction(Path path, update::Real real) {
  const bool wide = real == update::Real::float64;
  switch (path) {
    case Path::native:
      return wide ? direction<double, Path::native> : direction<float, Path::native>;
    case Path::any:
      return wide ? direction<double, Path::any> : direction<float, Path::any>;
    default:
      return nullptr;
  }
}

}  // namespace saddlescape::cuda
