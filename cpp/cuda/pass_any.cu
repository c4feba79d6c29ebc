// The passes of every rule, on the path of any types.
#include "cuda/pass.hpp"

namespace saddlescape::cuda {

Launch any_pass(int kernel, update::Real real) {
  return passes<Path::any>[kernel][static_cast<int>(real)];
}

}  // namespace saddlescape::cuda
