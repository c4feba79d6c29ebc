// The kernels of a step that the device counts by itself, so that a graph can hold it: the rates,
// the number of the step and the folds are found where they lie.
//
// A fold is the CPU's, whose powers come from core/power.hpp too, but for beta^t: that is rounded
// correctly here, the host's pow now and then is not.
#pragma once

#include <cstdint>
#include <type_traits>

#include "cuda/block.hpp"
#include "cuda/numbers.hpp"
#include "cuda/table.hpp"

namespace saddlescape::cuda {
namespace {

// What stands round this step; one block.
struct Begin {
  Table table;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    block.all([&](int thread) {
      if (thread != 0) return;
      const Live& live = *table.live;
      Control& control = *table.control;
      control = live.control;
      if (live.scale) control.unscale = 1.0 / static_cast<double>(*live.scale);
      // No tensor's number: nobody knows which.
      if (live.found && *live.found != 0)
        control.non_finite = static_cast<std::uint64_t>(table.count);
    });
  }
};

// The next step, unless it must not happen; one block.
struct Proceed {
  Table table;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    block.all([&](int thread) {
      if (thread != 0 || table.control->non_finite != all_finite) return;
      Live& live = *table.live;
      table.control->average_weight = live.averaging.weight(++live.calls);
    });
  }
};

template <class Rule, class = void>
constexpr bool carries = false;
template <class Rule>
constexpr bool carries<Rule, std::void_t<decltype(Rule::carry)>> = true;

// A fold for each block.
template <class Rule>
struct Advance {
  Table table;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    block.all([&](int thread) {
      if (thread != 0 || table.control->non_finite != all_finite) return;
      Progress& progress = table.progress[table.first + block.index()];
      Fold& fold = table.folds[table.first + block.index()];
      const LiveGroup& group = table.live_groups[progress.group];
      update::Options options = group.options;
      if (group.lr) options.lr = static_cast<double>(*group.lr);
      fold.steps = ++progress.steps;
      if constexpr (carries<Rule>) Rule::carry(options, fold.steps, progress.carried);
      for (int k = 0; k < update::max_carried; ++k) options.carried[k] = progress.carried[k];
      const auto rule = Rule::fold(options, fold.steps);  // Rule, or one that Rule extends
      static_assert(sizeof rule == sizeof(Rule) && sizeof rule <= sizeof fold.bytes);
      __builtin_memcpy(fold.bytes, &rule, sizeof rule);
    });
  }
};

}  // namespace
}  // namespace saddlescape::cuda
