// The passes over parameters, on the path of one type.
#include "cuda/pass.hpp"
#include "update/all.hpp"

namespace saddlescape::cuda {
namespace {

#define SADDLESCAPE_ROW(name, Struct) SADDLESCAPE_PASS_ROW(Path::native, Struct)
#define SADDLESCAPE_ROWS(name, Struct, Direction, kind) \
  SADDLESCAPE_PASS_ROWS(Path::native, Struct, Direction, kind)
#define SADDLESCAPE_NONE(name, Struct) {nullptr, nullptr},
constexpr Launch native_passes[update::kernel_count][2] = {
    SADDLESCAPE_RULES(SADDLESCAPE_ROW) SADDLESCAPE_COMPOSED_RULES(SADDLESCAPE_ROWS)
        SADDLESCAPE_FACTORED_RULES(SADDLESCAPE_NONE)};
#undef SADDLESCAPE_ROW
#undef SADDLESCAPE_ROWS
#undef SADDLESCAPE_NONE

}  // namespace

Launch native_pass(int kernel, update::Real real) {
  return native_passes[kernel][static_cast<int>(real)];
}

}  // namespace saddlescape::cuda
