// Functions that stand in for NVIDIA's libraries where the CPU stands in for a device: the names
// and arguments are theirs, so that the code in front of them is the device's.
#pragma once

namespace saddlescape::cuda::hosted {

// The function of that name, or null.
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
