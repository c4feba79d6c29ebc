#include "bind/parts.hpp"

namespace saddlescape::bind {

void optim(pybind11::module_) {}

}  // namespace saddlescape::bind
