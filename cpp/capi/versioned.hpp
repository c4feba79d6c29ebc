// Structs that grow at their end from version to version; their first field is the size that the
// caller was compiled with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>

namespace saddlescape::capi {

// Throws std::invalid_argument if a struct of `size` bytes is smaller than the first version.
// `name`: of the size, `type` and `init` of the struct and of what fills it.
inline void check_size(const char* name, std::size_t size, std::size_t first, const char* type,
                       const char* init) {
  if (size >= first) return;
  throw std::invalid_argument(std::string(name) + ": " + std::to_string(size) +
                              ", expected sizeof(" + type + "), at least " + std::to_string(first) +
                              "; call " + init);
}

// The caller's bytes over the defaults; what lies beyond our struct must be zero.
template <class Struct>
Struct adopted(const char* name, const Struct& defaults, const Struct& given) {
  Struct own = defaults;
  const char* bytes = reinterpret_cast<const char*>(&given);
  for (std::size_t i = sizeof own; i < given.size; ++i)
    if (bytes[i] != 0)
      throw std::invalid_argument(std::string(name) + ": byte " + std::to_string(i) +
                                  " is set, which is newer than this library's " +
                                  std::to_string(sizeof own) + " bytes of " + name +
                                  "; leave it 0");
  std::memcpy(&own, bytes, std::min(given.size, sizeof own));
  own.size = sizeof own;
  return own;
}

// Fills a caller's struct of `size` bytes.
template <class Struct>
void fill(Struct* out, std::size_t size, Struct defaults) {
  defaults.size = size;
  std::memset(out, 0, size);
  std::memcpy(out, &defaults, std::min(size, sizeof defaults));
}

}  // namespace saddlescape::capi
