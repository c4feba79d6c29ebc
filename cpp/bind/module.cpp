// The extension module: it only registers. What each part binds stands in bind_<part>.cpp.
#include <pybind11/pybind11.h>

#include "bind/parts.hpp"

PYBIND11_MODULE(_core, module) {
  module.attr("__version__") = SADDLESCAPE_VERSION;
  saddlescape::bind::core(module);
  saddlescape::bind::optim(module.def_submodule("optim"));
  const pybind11::module_ eig = module.def_submodule("eig");
  saddlescape::bind::eig(eig);
  saddlescape::bind::estimate(eig);
  saddlescape::bind::net(module.def_submodule("net"));
  saddlescape::bind::random(module.def_submodule("random"));
  saddlescape::bind::train(module.def_submodule("train"));
}
