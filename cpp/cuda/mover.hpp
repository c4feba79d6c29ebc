// Four elements in one thread's hands, from memory through the rule and back: what
// update/passes.cpp does with a tile, in the same order, with the rule that the CPU compiles. The
// bits are the same.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "cuda/along.hpp"
#include "cuda/numbers.hpp"
#include "cuda/sums.hpp"
#include "cuda/table.hpp"
#include "update/coded.hpp"
#include "update/loops.hpp"

namespace saddlescape::cuda {

namespace {

using update::block8_size;

// How a rule's state is coded. Asked for outside of device functions: there nvcc reads no constant
// through a reference, as one rule takes another's natures.
template <class Rule, int s>
struct StateCode {
  using Kind = typename update::KindOf<Rule::natures[s]>::Kind;
};

// A rule that is composed of two passes, in one of them. The first does not move the parameters: it
// finds the direction, whose norm and theirs the second one needs.
template <class Rule, bool moves_parameters, bool keeps_states, Along moved_along = Along::gradient,
          bool writes_direction = false>
struct PassOf : Rule {
  static constexpr int states = moves_parameters ? Rule::states : Rule::states - 1;
  static constexpr bool moves = moves_parameters, keeps = keeps_states, writes = writes_direction;
  static constexpr Along along = moved_along;
};

// What a pass does, and what one does that is a rule by itself.
template <class Rule, class = void>
struct Doing {
  static constexpr bool moves = true, keeps = true, writes = false;
  static constexpr Along along = Along::gradient;
};
template <class Rule>
struct Doing<Rule, std::void_t<decltype(Rule::along)>> {
  static constexpr bool moves = Rule::moves, keeps = Rule::keeps, writes = Rule::writes;
  static constexpr Along along = Rule::along;
};
template <class Rule>
constexpr bool moves = Doing<Rule>::moves;
template <class Rule>
constexpr bool keeps = Doing<Rule>::keeps;

// Four elements on their way through the rule. `old`: the parameters before the step; where it does
// not move them, the direction.
template <class T, int states>
struct Elements {
  Four<T> p, g, old;
  Four<T> state[states > 0 ? states : 1];
};

template <class Rule, class T, Path path>
class Mover {
 public:
  using Four = cuda::Four<T>;
  using Mine = Elements<T, Rule::states>;

  SADDLESCAPE_HOST_DEVICE Mover(const Place& place, const Rule& rule)
      : place_(place),
        rule_(rule),
        scale_(update::Scaling{place.control.unscale, place.control.limit, place.control.clip}) {}

  SADDLESCAPE_HOST_DEVICE void take(int thread, Mine& mine) const {
    const std::int64_t from = place_.from(thread);
    const int n = place_.count(thread);
    mine.p = numbers(place_.row.parameter_type, place_.row.parameters, from, n);
    mine.old = mine.p;
    if (!place_.now.gradient) return;
    mine.g = numbers(place_.row.gradient_type, place_.now.gradient, from, n);
    for (int j = 0; j < four; ++j) mine.g.at[j] = scale_(mine.g.at[j]);
    if constexpr (path == Path::coded)
      expand(thread, mine, States());
    else
      for (int s = 0; s < Rule::states; ++s)
        mine.state[s] = numbers(place_.row.state_type, place_.row.state[s], from, n);
  }

  SADDLESCAPE_HOST_DEVICE void move(int thread, Mine& mine) const {
    if (place_.now.gradient) {
      const Four along = along_of<Doing<Rule>::along, moves<Rule>>(place_, thread, mine.g);
      for (int j = 0; j < four; ++j) step(mine, along, j, States());
      keep(thread, mine);
      if constexpr (Doing<Rule>::writes) write_direction(thread, mine);
    }
    if (moves<Rule> && place_.averages()) average(thread, mine);
  }

  // The bits of the largest magnitude of a state among the thread's four: those of numbers >= 0
  // are in their order, and a NaN's stand above all.
  SADDLESCAPE_HOST_DEVICE std::uint32_t largest(int thread, const Mine& mine, int s) const {
    std::uint32_t most = 0;
    for (int j = 0; j < four; ++j) {
      const std::uint32_t bits = half::bits_of(mine.state[s].at[j]) & 0x7fffffff;
      most = j < place_.count(thread) && bits > most ? bits : most;
    }
    return most;
  }

  // Writes state s as codes, given the largest magnitude of their block.
  template <int s>
  SADDLESCAPE_HOST_DEVICE void encode(int thread, const Mine& mine, std::uint32_t most) const {
    using Kind = typename StateCode<Rule, s>::Kind;
    using Code = typename Kind::Code;
    const int n = place_.count(thread);
    const std::int64_t from = place_.from(thread);
    const float scale = codes::scale_of(half::float_of(most));
    const float inverse = scale > 0 ? Kind::steps / scale : 0;
    cuda::Four<Code> code;
    for (int j = 0; j < four; ++j)
      code.at[j] = static_cast<Code>(
          Kind::encode(mine.state[s].at[j], inverse, half::dither_base(from + j, place_.step, s)));
    put(code, static_cast<Code*>(place_.row.state[s]) + from, n);
    if (from % block8_size == 0 && n > 0) place_.row.scales[s][from / block8_size] = scale;
  }

 private:
  using States = std::make_integer_sequence<int, Rule::states>;

  // The native path asks for no type: there all arrays are of one.
  SADDLESCAPE_HOST_DEVICE static Four numbers(Element type, const void* array, std::int64_t from,
                                              int n) {
    if constexpr (path == Path::native)
      return cuda::take(static_cast<const T*>(array) + from, n);
    else
      return take_from<T>(type, array, from, n);
  }

  template <int... s>
  SADDLESCAPE_HOST_DEVICE void expand(int thread, Mine& mine,
                                      std::integer_sequence<int, s...>) const {
    (expand_one<s>(thread, mine), ...);
  }
  template <int s>
  SADDLESCAPE_HOST_DEVICE void expand_one(int thread, Mine& mine) const {
    using Kind = typename StateCode<Rule, s>::Kind;
    using Code = typename Kind::Code;
    const int n = place_.count(thread);
    const std::int64_t from = place_.from(thread);
    const float scale = n > 0 ? place_.row.scales[s][from / block8_size] : 0;
    const float unit = scale * (1 / Kind::steps);
    const cuda::Four<Code> code =
        cuda::take(static_cast<const Code*>(place_.row.state[s]) + from, n);
    for (int j = 0; j < four; ++j) mine.state[s].at[j] = Kind::expand(code.at[j], unit);
  }

  template <int... s>
  SADDLESCAPE_HOST_DEVICE void step(Mine& mine, const Four& along, int j,
                                    std::integer_sequence<int, s...>) const {
    if constexpr (moves<Rule>)
      Rule::update(rule_, mine.p.at[j], along.at[j], mine.state[s].at[j]...);
    else
      Rule::update(rule_, mine.p.at[j], along.at[j], mine.state[s].at[j]..., mine.old.at[j]);
  }

  SADDLESCAPE_HOST_DEVICE void write_direction(int thread, const Mine& mine) const {
    T* const all = static_cast<T*>(place_.table.directions);
    put(mine.old, all + place_.row.direction + place_.from(thread), place_.count(thread));
  }

  SADDLESCAPE_HOST_DEVICE void keep(int thread, Mine& mine) const {
    const std::int64_t from = place_.from(thread);
    const int n = place_.count(thread);
    if constexpr (moves<Rule>) keep_parameters(from, n, mine);
    if constexpr (keeps<Rule> && path != Path::coded)
      for (int s = 0; s < Rule::states; ++s) keep_state(s, from, n, mine);
  }

  // With their copy; leaves in p what was kept of it.
  SADDLESCAPE_HOST_DEVICE void keep_parameters(std::int64_t from, int n, Mine& mine) const {
    const Row& row = place_.row;
    if constexpr (path == Path::native) {
      put(mine.p, static_cast<T*>(row.parameters) + from, n);
    } else {
      const Rounding rounding{place_.control.dithered_parameters, place_.step, max_states};
      if (row.copy) {
        Four copied = mine.p;
        put_into(row.copy_type, copied, row.copy, from, n, rounding);
      }
      put_into(row.parameter_type, mine.p, row.parameters, from, n, rounding);
    }
  }

  SADDLESCAPE_HOST_DEVICE void keep_state(int s, std::int64_t from, int n, Mine& mine) const {
    const Row& row = place_.row;
    if constexpr (path == Path::native)
      put(mine.state[s], static_cast<T*>(row.state[s]) + from, n);
    else
      put_into(row.state_type, mine.state[s], row.state[s], from, n,
               Rounding{!place_.control.nearest_states, place_.step, s});
  }

  // a <- a + weight (p - a), and p itself where weight is 1, whatever was there.
  SADDLESCAPE_HOST_DEVICE void average(int thread, const Mine& mine) const {
    const int n = place_.count(thread);
    T* const array = static_cast<T*>(place_.row.average) + place_.from(thread);
    if (place_.control.average_weight == 1) {
      put(mine.p, array, n);
      return;
    }
    const T weight = static_cast<T>(place_.control.average_weight);
    Four a = cuda::take(array, n);
    for (int j = 0; j < four; ++j) a.at[j] += weight * (mine.p.at[j] - a.at[j]);
    put(a, array, n);
  }

  const Place& place_;
  const Rule& rule_;
  update::Scale<T> scale_;
};

}  // namespace
}  // namespace saddlescape::cuda
