// The pass that moves the parameters: one launch over all tensors that share a rule, what it
// computes in and a path.
#pragma once

#include <cstdint>
#include <utility>

#include "cuda/block.hpp"
#include "cuda/launch.hpp"
#include "cuda/mover.hpp"
#include "cuda/passes.hpp"
#include "update/all.hpp"

namespace saddlescape::cuda {
namespace {

template <class Rule, class T, Path path>
struct Pass {
  Table table;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    // Copies: what a kernel has stored since could have changed the originals, as far as nvcc
    // knows.
    const Control control = *table.control;
    if (control.non_finite != all_finite) return;
    const Chunk chunk = table.chunks[block.index()];
    const Row row = table.rows[chunk.tensor];
    const Now now = table.now[chunk.tensor];
    const Fold& fold = table.folds[moves<Rule> ? now.fold : now.first];
    const std::int64_t step = fold.steps;
    const Rule rule = object_at<Rule>(fold.bytes);
    for (std::int64_t k = 0; k < chunk.tiles; ++k) {
      const std::int64_t begin = (chunk.tile + k) * tile_size, left = row.size - begin;
      const Place place{table, row, now, control, fold, begin, left < tile_size ? left : tile_size,
                        step};
      visit(block, place, rule, table.sums + tile_sums * (row.sums + chunk.tile + k));
    }
  }

 private:
  using Moved = Mover<Rule, T, path>;

  SADDLESCAPE_KERNEL static void visit(const Block& block, const Place& place, const Rule& rule,
                                       double* sums) {
    const Moved mover(place, rule);
    if constexpr (path == Path::native && moves<Rule>) {
      block.all([&](int thread) {
        typename Moved::Mine mine;
        mover.take(thread, mine);
        mover.move(thread, mine);
      });
    } else {
      Own<typename Moved::Mine> mine;
      block.all([&](int thread) {
        mover.take(thread, mine.of(thread));
        mover.move(thread, mine.of(thread));
      });
      if (!place.now.gradient) return;
      if constexpr (path == Path::coded && keeps<Rule>)
        encode(block, mover, mine, std::make_integer_sequence<int, Rule::states>());
      if constexpr (!moves<Rule>)
        measure_direction(block, place, mine, sums);
      else if (place.control.statistics)
        measure(block, place, mine, sums);
    }
  }

  template <int... s>
  SADDLESCAPE_KERNEL static void encode(const Block& block, const Moved& mover,
                                        Own<typename Moved::Mine>& mine,
                                        std::integer_sequence<int, s...>) {
    (encode_one<s>(block, mover, mine), ...);
  }
  template <int s>
  SADDLESCAPE_KERNEL static void encode_one(const Block& block, const Moved& mover,
                                            Own<typename Moved::Mine>& mine) {
    Own<std::uint32_t> most;
    block.all([&](int thread) { most.of(thread) = mover.largest(thread, mine.of(thread), s); });
    block.largest_of_sixteen(most);
    block.all(
        [&](int thread) { mover.template encode<s>(thread, mine.of(thread), most.of(thread)); });
  }

  // Of the parameters and of the direction.
  SADDLESCAPE_KERNEL static void measure_direction(const Block& block, const Place& place,
                                                   Own<typename Moved::Mine>& mine, double* sums) {
    SADDLESCAPE_SHARED TileSum sum;
    sum.add<T>(
        block, place.n,
        [&](int thread, int j) { return static_cast<double>(mine.of(thread).p.at[j]); }, sums);
    sum.add<T>(
        block, place.n,
        [&](int thread, int j) { return static_cast<double>(mine.of(thread).old.at[j]); },
        sums + 1);
  }

  // Of the gradient as the rule saw it, of what was added to the parameters, of the parameters.
  SADDLESCAPE_KERNEL static void measure(const Block& block, const Place& place,
                                         Own<typename Moved::Mine>& mine, double* sums) {
    SADDLESCAPE_SHARED TileSum sum;
    sum.add<T>(
        block, place.n,
        [&](int thread, int j) { return static_cast<double>(mine.of(thread).g.at[j]); }, sums);
    sum.add<T>(
        block, place.n,
        [&](int thread, int j) {
          const typename Moved::Mine& my = mine.of(thread);
          return static_cast<double>(my.p.at[j]) - static_cast<double>(my.old.at[j]);
        },
        sums + 1);
    sum.add<T>(
        block, place.n,
        [&](int thread, int j) { return static_cast<double>(mine.of(thread).p.at[j]); }, sums + 2);
  }
};

// True where a rule's states, of which there are some, have codes of 8 bits.
template <class Rule, int... s>
constexpr bool takes_codes(std::integer_sequence<int, s...>) {
  return sizeof...(s) > 0 && (!update::is_exact(Rule::natures[s]) && ...);
}

template <class Rule, class T, Path path>
void launch_pass(const Stream& stream, std::int64_t blocks, const Table& table) {
  launch("the pass over parameters", stream, blocks, Pass<Rule, T, path>{table});
}

// The rule's launch, or null where it has no states or exact ones and the path is that of codes.
template <class Rule, class T, Path path>
constexpr Launch pass_of() {
  constexpr bool codes = sizeof(T) == sizeof(float) &&
                         takes_codes<Rule>(std::make_integer_sequence<int, Rule::states>());
  if constexpr (path != Path::coded || codes)
    return launch_pass<Rule, T, path>;
  else
    return nullptr;
}

// The same of a composed rule's two passes.
template <template <class> class Rule, template <class> class Direction, class T, Path path,
          update::Kind kind>
constexpr Launch pass_of(bool first) {
  constexpr bool sets = Direction<T>::sets_states, matrix = kind == update::Kind::matrix;
  constexpr Along along = matrix ? Along::written : Along::gradient;
  return first ? pass_of<PassOf<Direction<T>, false, sets, Along::gradient, matrix>, T, path>()
               : pass_of<PassOf<Rule<T>, true, !sets, along>, T, path>();
}

// And of a factored rule's, that moves the parameters.
template <template <class> class Rule, class T, Path path>
constexpr Launch factored_pass_of() {
  return pass_of<PassOf<Rule<T>, true, false, Along::factors>, T, path>();
}

// A path's launches. [SADDLESCAPE_KERNEL_LIST][Real]
#define SADDLESCAPE_ROW(name, Struct) \
  {pass_of<update::Struct<float>, float, path>(), pass_of<update::Struct<double>, double, path>()},
#define SADDLESCAPE_PAIR(Struct, Direction, kind, first)                               \
  {pass_of<update::Struct, update::Direction, float, path, update::Kind::kind>(first), \
   pass_of<update::Struct, update::Direction, double, path, update::Kind::kind>(first)},
#define SADDLESCAPE_ROWS(name, Struct, Direction, kind) \
  SADDLESCAPE_PAIR(Struct, Direction, kind, false) SADDLESCAPE_PAIR(Struct, Direction, kind, true)
#define SADDLESCAPE_FACTORED(name, Struct)          \
  {factored_pass_of<update::Struct, float, path>(), \
   factored_pass_of<update::Struct, double, path>()},
template <Path path>
constexpr Launch passes[update::kernel_count][2] = {
    SADDLESCAPE_RULES(SADDLESCAPE_ROW) SADDLESCAPE_COMPOSED_RULES(SADDLESCAPE_ROWS)
        SADDLESCAPE_FACTORED_RULES(SADDLESCAPE_FACTORED)};
#undef SADDLESCAPE_ROW
#undef SADDLESCAPE_PAIR
#undef SADDLESCAPE_ROWS
#undef SADDLESCAPE_FACTORED

}  // namespace
}  // namespace saddlescape::cuda
