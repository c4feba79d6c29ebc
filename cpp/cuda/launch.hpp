// Runs a kernel: a block for each index below `blocks`.
#pragma once

#include <cstdint>

#include "cuda/block.hpp"
#include "cuda/device.hpp"

namespace saddlescape::cuda {
namespace {

constexpr std::int64_t most_blocks = 2147483647;  // of a launch

#if defined(__CUDACC__)

template <class Kernel>
__global__ void __launch_bounds__(block_threads) run(const Kernel kernel) {
  kernel(Block());
}

template <class Kernel>
void launch(const char* name, const Stream& stream, std::int64_t blocks, const Kernel& kernel) {
  if (blocks == 0) return;
  if (blocks <= most_blocks)
    run<<<static_cast<unsigned>(blocks), block_threads, 0,
          static_cast<cudaStream_t>(stream.handle())>>>(kernel);
  check_launch(name, blocks);
}

#else

template <class Kernel>
void run(std::int64_t blocks, const Kernel& kernel) {
  for (std::int64_t block = 0; block < blocks; ++block)
    if (hosted::has_threads())
      hosted::each_thread(block_threads, [&](int own) { kernel(Block(block, own)); });
    else
      kernel(Block(block));
}

template <class Kernel>
void launch(const char* name, const Stream& stream, std::int64_t blocks, const Kernel& kernel) {
  if (hosted::is_late())
    hosted::ask(stream.handle(), [=] { run(blocks, kernel); });
  else
    run(blocks, kernel);
  check_launch(name, blocks);
}

#endif

}  // namespace
}  // namespace saddlescape::cuda
