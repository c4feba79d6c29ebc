#pragma once

#include <pybind11/pybind11.h>

namespace saddlescape::bind {

void core(pybind11::module_ module);      // instruction sets, threads, BLAS
void optim(pybind11::module_ module);     // in-place update steps
void eig(pybind11::module_ module);       // eigen-solvers
void estimate(pybind11::module_ module);  // density, trace and diagonal: the rest of eig
void net(pybind11::module_ module);       // the multilayer perceptron
void random(pybind11::module_ module);    // what training draws
void train(pybind11::module_ module);     // training steps

}  // namespace saddlescape::bind
