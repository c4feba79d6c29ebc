// The one loop around any rule. Compiled once for each instruction set, with SADDLESCAPE_KERNELS
// naming the table, which is the only symbol that leaves this object.
//
// The tail of a loop runs through the same `update` as its body, and there is no contraction and
// no reassociation, so an element's bits depend on its values alone: not on its position, the
// length, the alignment or the instruction set.
#include "update/kernels.hpp"

namespace saddlescape::update {
namespace {

// Takes the rule's states from `state` one after the other, then loops over all arrays at once.
template <class Rule, class T, class... State>
void run(const void* folded, std::int64_t n, void* parameters, const void* gradient,
         void* const* state, State* __restrict... s) {
  if constexpr (sizeof...(s) < Rule::states) {
    run<Rule, T>(folded, n, parameters, gradient, state, s...,
                 static_cast<T*>(state[sizeof...(s)]));
  } else {
    Rule h;
    __builtin_memcpy(&h, folded, sizeof h);
    T* __restrict p = static_cast<T*>(parameters);
    const T* __restrict g = static_cast<const T*>(gradient);
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) Rule::update(h, p[i], g[i], s[i]...);
  }
}

}  // namespace
}  // namespace saddlescape::update

#define SADDLESCAPE_ROW(name, Struct)                                   \
  {saddlescape::update::run<saddlescape::update::Struct<float>, float>, \
   saddlescape::update::run<saddlescape::update::Struct<double>, double>},
#define SADDLESCAPE_ROWS(name, Struct, Direction, kind) \
  SADDLESCAPE_ROW(name, Struct) SADDLESCAPE_ROW(name, Direction)

extern "C" const saddlescape::update::Kernels SADDLESCAPE_KERNELS = {
    {SADDLESCAPE_KERNEL_LIST(SADDLESCAPE_ROW, SADDLESCAPE_ROWS)}};
