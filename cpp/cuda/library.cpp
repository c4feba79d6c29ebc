#include "cuda/library.hpp"

#include <dlfcn.h>

#include <vector>

#include "cuda/device.hpp"

namespace saddlescape::cuda {
namespace {

// The folder that this code was loaded from.
std::string own_folder() {
  Dl_info here;
  static const char anchor = 0;
  if (!dladdr(&anchor, &here)) return {};
  const std::string path = here.dli_fname;
  return path.substr(0, path.rfind('/') + 1);
}

// Where a library may lie: where the loader looks, which finds one that the process has loaded
// before; in NVIDIA's wheels, those of CUDA 13 and of 12, beside this package; in the toolkit.
std::vector<std::string> places(const std::string& name, const std::string& file) {
  const std::string wheels = own_folder() + "../nvidia/";
  return {file, wheels + "cu13/lib/" + file, wheels + name + "/lib/" + file,
          "/usr/local/cuda/lib64/" + file};
}

std::string file_of(void* function) {
  Dl_info there;
  return dladdr(function, &there) ? there.dli_fname : "";
}

}  // namespace

Library::Library(const char* name, int version) : name_(name) {
  const std::string file = "lib" + name_ + ".so." + std::to_string(version);
  std::string said;
  for (const std::string& place : places(name_, file)) {
    handle_ = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_) break;
    // What a place that has the file says is worth more than that another has none.
    const std::string text = dlerror();
    if (said.empty() || text.find("No such file") == std::string::npos) said = text;
  }
  if (!handle_)
    throw Error(name_ + ": " + file + " can't be loaded (" + said + "); pip install nvidia-" +
                name_ + ", or let the loader find the CUDA toolkit's libraries");
  path_ = file_of(symbol((name_ + "GetProperty").c_str()));
}

// Its file is named by CUDA's version; cuSOLVER's counts one behind.
const Library& Library::cublas() {
  static const Library library("cublas", toolkit_major());
  return library;
}

const Library& Library::cusolver() {
  static const Library library("cusolver", toolkit_major() - 1);
  return library;
}

void* Library::symbol(const char* name) const {
  void* const found = dlsym(handle_, name);
  if (!found) throw Error(name_ + ": " + path_ + " has no function " + name);
  return found;
}

std::string Library::version() const {
  // cublasStatus_t cublasGetProperty(libraryPropertyType, int*), cuSOLVER's alike; 0 is success.
  auto* const property = function<int(int, int*)>((name_ + "GetProperty").c_str());
  std::string text;
  for (const int part : {0, 1, 2}) {  // major, minor, patch
    int number = 0;
    if (const int status = property(part, &number); status != 0)
      throw Error(name_ + "GetProperty: status " + std::to_string(status));
    text += (part ? "." : "") + std::to_string(number);
  }
  return text;
}

}  // namespace saddlescape::cuda
