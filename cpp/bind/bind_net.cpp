#include "bind/parts.hpp"

namespace saddlescape::bind {

void net(pybind11::module_) {}

}  // namespace saddlescape::bind
