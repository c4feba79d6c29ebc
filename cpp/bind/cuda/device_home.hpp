// A CUDA device as the place where an optimizer's arrays live.
#pragma once

#include <memory>

#include "bind/home.hpp"

namespace saddlescape::bind {

std::unique_ptr<Home> device_home();

}  // namespace saddlescape::bind
