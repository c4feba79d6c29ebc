// What module.cpp registers: a function for each bind_<part>.cpp.
#pragma once

#include <pybind11/pybind11.h>

namespace saddlescape::bind {

void cuda_device(pybind11::module_ module);  // what this machine has

}  // namespace saddlescape::bind
