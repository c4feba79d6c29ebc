// cuda/library.hpp answered by functions of this program, in the place of those of a file.
#include "cuda/library.hpp"

#include "cuda/device.hpp"
#include "cuda/hosted/libraries.hpp"

namespace saddlescape::cuda {

Library::Library(const char* name, int) : name_(name), path_("the CPU") {}

const Library& Library::cublas() {
  static const Library library("cublas", 0);
  return library;
}

const Library& Library::cusolver() {
  static const Library library("cusolver", 0);
  return library;
}

void* Library::symbol(const char* name) const {
  void* const found =
      name_ == "cublas" ? hosted::cublas_function(name) : hosted::cusolver_function(name);
  if (!found) throw Error(name_ + ": " + path_ + " has no function " + name);
  return found;
}

std::string Library::version() const { return "0"; }

}  // namespace saddlescape::cuda
