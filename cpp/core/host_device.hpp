// Marks a function for nvcc, which then compiles it for the device as well.
//
// A formula has one home: the headers that the CPU's loops include are those that a kernel
// includes. To every other compiler the mark is nothing.
#pragma once

#if defined(__CUDACC__)
#define SADDLESCAPE_HOST_DEVICE __host__ __device__
#else
#define SADDLESCAPE_HOST_DEVICE
#endif
