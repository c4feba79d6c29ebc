// The passes over parameters, on the path of any types, and what is measured.
#include "cuda/pass.hpp"
#include "update/all.hpp"

namespace saddlescape::cuda {
namespace {

#define SADDLESCAPE_ROW(name, Struct) SADDLESCAPE_PASS_ROW(Path::any, Struct)
#define SADDLESCAPE_ROWS(name, Struct, Direction, kind) \
  SADDLESCAPE_PASS_ROWS(Path::any, Struct, Direction, kind)
#define SADDLESCAPE_NONE(name, Struct) {nullptr, nullptr},
constexpr Launch any_passes[update::kernel_count][2] = {
    SADDLESCAPE_RULES(SADDLESCAPE_ROW) SADDLESCAPE_COMPOSED_RULES(SADDLESCAPE_ROWS)
        SADDLESCAPE_FACTORED_RULES(SADDLESCAPE_NONE)};
#undef SADDLESCAPE_ROW
#undef SADDLESCAPE_ROWS
#undef SADDLESCAPE_NONE

}  // namespace

Launch any_pass(int kernel, update::Real real) {
  return any_passes[kernel][static_cast<int>(real)];
}

}  // namespace saddlescape::cuda
