// The kernels of a step that the device counts by itself.
#include "cuda/advance.hpp"
#include "cuda/launch.hpp"
#include "cuda/passes.hpp"
#include "update/all.hpp"

namespace saddlescape::cuda {
namespace {

template <class Rule>
void launch_advance(const Stream& stream, std::int64_t blocks, const Table& table) {
  launch("the step's numbers", stream, blocks, Advance<Rule>{table});
}

#define SADDLESCAPE_ROW(name, Struct) \
  {launch_advance<update::Struct<float>>, launch_advance<update::Struct<double>>},
#define SADDLESCAPE_NONE(name, Struct) {nullptr, nullptr},
#define SADDLESCAPE_NONE_TWO(name, Struct, Direction, kind) {nullptr, nullptr}, {nullptr, nullptr},
constexpr Launch advances[update::kernel_count][2] = {
    SADDLESCAPE_RULES(SADDLESCAPE_ROW) SADDLESCAPE_COMPOSED_RULES(SADDLESCAPE_NONE_TWO)
        SADDLESCAPE_FACTORED_RULES(SADDLESCAPE_NONE)};
#undef SADDLESCAPE_ROW
#undef SADDLESCAPE_NONE
#undef SADDLESCAPE_NONE_TWO

}  // namespace

Launch advance(int kernel, update::Real real) { return advances[kernel][static_cast<int>(real)]; }

void begin(const Stream& stream, const Table& table) {
  launch("the step's beginning", stream, 1, Begin{table});
}

void proceed(const Stream& stream, const Table& table) {
  launch("the step's number", stream, 1, Proceed{table});
}

}  // namespace saddlescape::cuda
