// Functions that stand in for NVIDIA's libraries where the CPU stands in for a device: the names
// and arguments are theirs, so that the code in front of them is the device's.
#pragma once

#include <cstddef>
#include <cstring>

namespace saddlescape::cuda::hosted {

// What makes a library's handle, and what ends it.
template <class Handle>
int create(void** handle) {
  *handle = new Handle;
  return 0;
}
template <class Handle>
int destroy(void* handle) {
  delete static_cast<Handle*>(handle);
  return 0;
}

template <class Function>
void* address(Function* function) noexcept {
  return reinterpret_cast<void*>(function);
}

struct Named {
  const char* name;
  void* function;
};

// The function of that name, or null.
template <std::size_t count>
void* find(const Named (&table)[count], const char* name) {
  for (const Named& each : table)
    if (std::strcmp(each.name, name) == 0) return each.function;
  return nullptr;
}
void* cublas_function(const char* name);

void* cusolver_function(const char* name);

// What the next calls of cuBLAS's products return, if it is not 0.
int& cublas_fault();

// What cuSOLVER's return, and what they leave as their info, if it is not 0.
struct CusolverFault {
  int status = 0, info = 0;
};
CusolverFault& cusolver_fault();

}  // namespace saddlescape::cuda::hosted
