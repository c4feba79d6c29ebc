// Where the library of BLAS lies that came with us.
#pragma once

#include <dlfcn.h>

#include <string>

namespace saddlescape::bind {

// The bundled library lies in the folder _core beside the extension that asks.
inline std::string bundled_blas() {
  Dl_info here;
  static const char anchor = 0;
  if (!dladdr(&anchor, &here)) return {};
  const std::string path = here.dli_fname;
  return path.substr(0, path.rfind('/') + 1) + "_core/libscipy_openblas.so";
}

}  // namespace saddlescape::bind
