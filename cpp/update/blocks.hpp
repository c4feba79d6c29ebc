// A rule over the elements of a block. Compiled once for each instruction set: internal linkage,
// nothing of std::.
#pragma once

#include <cstdint>

#include "update/loops.hpp"

namespace saddlescape::update {
namespace {

template <class Form, class Rule, class T, class... State>
SADDLESCAPE_BLOCK_LOOP void update_in(const Rule& h, std::int64_t n, T* __restrict p,
                                      const T* __restrict g, State* __restrict... s) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) Form::update(h, p[i], g[i], s[i]...);
}

template <class Rule, class T, class... State>
SADDLESCAPE_BLOCK_LOOP void update_block(const Rule& h, std::int64_t n, T* __restrict p,
                                         const T* __restrict g, State* __restrict... s) {
  if constexpr (!has_forms<Rule>)
    update_in<Rule>(h, n, p, g, s...);
  else if (h.form())
    update_in<InForm<Rule, true>>(h, n, p, g, s...);
  else
    update_in<InForm<Rule, false>>(h, n, p, g, s...);
}

// Calls body with the first `count` arrays of `state`.
template <int count, class T, class Body, class... State>
SADDLESCAPE_BLOCK_LOOP void with_states(void* const* state, const Body& body, State*... s) {
  if constexpr (sizeof...(s) < count)
    with_states<count, T>(state, body, s..., static_cast<T*>(state[sizeof...(s)]));
  else
    body(s...);
}

}  // namespace
}  // namespace saddlescape::update
