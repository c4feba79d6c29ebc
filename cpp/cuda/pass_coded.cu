// The passes of every rule, on the path of states in 8 bits.
#include "cuda/pass.hpp"

namespace saddlescape::cuda {

Launch coded_pass(int kernel, update::Real real) {
  return passes<Path::coded>[kernel][static_cast<int>(real)];
}

}  // namespace saddlescape::cuda
