# The optional CUDA backend: a library that knows no Python, and the extension module saddlescape._cuda. The
# default build includes nothing of it but the module's type stub. nvcc comes from the toolkit, 12 or 13; the module carries its own copy
# of the CUDA runtime, so that it can be imported, and say why it is of no use, where there is no driver.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  # Machine code for A100 and H100, and what the driver compiles for later chips.
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
endif()
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "SADDLESCAPE_CUDA: nvcc ${CMAKE_CUDA_COMPILER_VERSION}, expected 12 or later")
endif()
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)

# The CPU's bits: no contraction to FMA, IEEE division and root, denormals kept. The rules' headers have
# internal linkage and not every source needs all of them: that is no warning (177).
add_library(saddlescape_cuda_flags INTERFACE)
set(host_flags -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -ffp-contract=off -fno-math-errno
  -fno-trapping-math -fopenmp-simd)
if(SADDLESCAPE_WARNINGS_AS_ERRORS)
  list(APPEND host_flags -Werror)
  target_compile_options(saddlescape_cuda_flags INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
endif()
list(JOIN host_flags "," host_flags)
target_compile_options(saddlescape_cuda_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false -prec-div=true -prec-sqrt=true -ftz=false --expt-relaxed-constexpr
  --diag-suppress=177 -Xcompiler=${host_flags}>
  $<$<COMPILE_LANGUAGE:CXX>:$<TARGET_PROPERTY:saddlescape_flags,INTERFACE_COMPILE_OPTIONS>>)
target_include_directories(saddlescape_cuda_flags INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/cpp)

file(GLOB cuda_sources CONFIGURE_DEPENDS cpp/cuda/*.cu cpp/cuda/*.cpp cpp/cuda/eig/*.cu
  cpp/cuda/eig/*.cpp cpp/cuda/net/*.cu cpp/cuda/net/*.cpp cpp/cuda/train/*.cu cpp/cuda/train/*.cpp)
add_library(saddlescape_cuda STATIC ${cuda_sources})
target_link_libraries(saddlescape_cuda PRIVATE saddlescape_cuda_flags PUBLIC saddlescape_core)
