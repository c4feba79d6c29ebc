#include "bind/parts.hpp"

namespace saddlescape::bind {

void eig(pybind11::module_) {}

}  // namespace saddlescape::bind
