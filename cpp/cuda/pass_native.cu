// The passes of every rule, on the path of one type.
#include "cuda/pass.hpp"

namespace saddlescape::cuda {

Launch native_pass(int kernel, update::Real real) {
  return passes<Path::native>[kernel][static_cast<int>(real)];
}

}  // namespace saddlescape::cuda
