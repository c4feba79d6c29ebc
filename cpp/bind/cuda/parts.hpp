// What module.cpp registers: a function for each bind_<part>.cpp.
#pragma once

#include <pybind11/pybind11.h>

namespace saddlescape::bind {

void cuda_array(pybind11::module_ module);    // DeviceArray
void cuda_stepper(pybind11::module_ module);  // Stepper and Batch
void cuda_eig(pybind11::module_ module);      // eigen-solvers
void cuda_net(pybind11::module_ module);      // the multilayer perceptron
void cuda_train(pybind11::module_ module);    // training steps in bursts
void cuda_hosted(pybind11::module_ module);   // the stand-in, where it is one
void cuda_device(pybind11::module_ module);   // what this machine has

}  // namespace saddlescape::bind
