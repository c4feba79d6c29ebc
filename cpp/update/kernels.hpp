// The table that step_cpu.cpp exports once for each instruction set, and step.cpp chooses from.
#pragma once

#include <cstdint>

#include "update/all.hpp"

namespace saddlescape::update {

// Runs one rule over n elements. `folded` points to the bytes of the rule's struct, `state` to as
// many arrays as it has states.
using Update = void (*)(const void* folded, std::int64_t n, void* p, const void* g,
                        void* const* state);

// True if none of n elements is infinite or NaN.
using AllFinite = bool (*)(const void* x, std::int64_t n);

struct Kernels {
  Update update[rule_count][2];  // [index in SADDLESCAPE_RULES][Real]
  AllFinite all_finite[2];       // [Real]
};

}  // namespace saddlescape::update

extern "C" {
#if defined(__x86_64__)
extern const saddlescape::update::Kernels kernels_x86_64_v2;
extern const saddlescape::update::Kernels kernels_x86_64_v3;
extern const saddlescape::update::Kernels kernels_x86_64_v4;
#else
extern const saddlescape::update::Kernels kernels_generic;
#endif
}
