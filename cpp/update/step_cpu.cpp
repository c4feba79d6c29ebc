// The loops around any rule. Compiled once for each instruction set, with SADDLESCAPE_KERNELS
// naming the table, which is the only symbol that leaves this object.
//
// The tail of a loop runs through the same `update` as its body, and there is no contraction and
// no reassociation, so an element's bits depend on its values alone: not on its position, the
// length, the alignment or the instruction set.
#include "update/blocks.hpp"
#include "update/loops.hpp"

namespace saddlescape::update {
namespace {

template <class Rule, class T>
void run(const void* folded, std::int64_t n, void* parameters, const void* gradient,
         void* const* state) {
  Rule h;
  __builtin_memcpy(&h, folded, sizeof h);
  T* const p = static_cast<T*>(parameters);
  const T* const g = static_cast<const T*>(gradient);
  with_states<Rule::states, T>(state, [&](auto*... s) {
    std::int64_t done = 0;
    if (n >= worth_asking)
      for (; done + block <= n; done += block) {
        ask_ahead(p, done, sizeof(T));
        ask_ahead(g, done, sizeof(T));
        (ask_ahead(s, done, sizeof(T)), ...);
        update_block<Rule, T>(h, block, p + done, g + done, s + done...);
      }
    update_block<Rule, T>(h, n - done, p + done, g + done, s + done...);
  });
}

template <class Form, bool averages, class Rule, class T, class... State>
SADDLESCAPE_BLOCK_LOOP void around_in(const Rule& h, const Scale<T>& scaled, T weight,
                                      std::int64_t n, T* __restrict p, const T* __restrict g,
                                      T* __restrict a, State* __restrict... s) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    Form::update(h, p[i], scaled(g[i]), s[i]...);
    if constexpr (averages) a[i] += weight * (p[i] - a[i]);
  }
}

template <class Rule, class T, bool averages, class... State>
SADDLESCAPE_BLOCK_LOOP void around_block(const Rule& h, const Scale<T>& scaled, T weight,
                                         std::int64_t n, T* __restrict p, const T* __restrict g,
                                         T* __restrict a, State* __restrict... s) {
  if constexpr (!has_forms<Rule>)
    around_in<Rule, averages>(h, scaled, weight, n, p, g, a, s...);
  else if (h.form())
    around_in<InForm<Rule, true>, averages>(h, scaled, weight, n, p, g, a, s...);
  else
    around_in<InForm<Rule, false>, averages>(h, scaled, weight, n, p, g, a, s...);
}

// The same with a scaled gradient, and an average of the parameters.
template <class Rule, class T, bool averages>
void run_around(const void* folded, std::int64_t n, void* parameters, const void* gradient,
                void* const* state, const Surround& around) {
  Rule h;
  __builtin_memcpy(&h, folded, sizeof h);
  T* const p = static_cast<T*>(parameters);
  const T* const g = static_cast<const T*>(gradient);
  T* const a = averages ? static_cast<T*>(around.average) : p;
  const Scale<T> scaled(around.scaling);
  const T weight = static_cast<T>(around.weight);
  with_states<Rule::states, T>(state, [&](auto*... s) {
    std::int64_t done = 0;
    if (n >= worth_asking)
      for (; done + block <= n; done += block) {
        ask_ahead(p, done, sizeof(T));
        ask_ahead(g, done, sizeof(T));
        if constexpr (averages) ask_ahead(a, done, sizeof(T));
        (ask_ahead(s, done, sizeof(T)), ...);
        around_block<Rule, T, averages>(h, scaled, weight, block, p + done, g + done, a + done,
                                        s + done...);
      }
    around_block<Rule, T, averages>(h, scaled, weight, n - done, p + done, g + done, a + done,
                                    s + done...);
  });
}

template <class Rule, class T>
void around(const void* folded, std::int64_t n, void* p, const void* g, void* const* state,
            const Surround& surround) {
  surround.average ? run_around<Rule, T, true>(folded, n, p, g, state, surround)
                   : run_around<Rule, T, false>(folded, n, p, g, state, surround);
}

// A block of a rule's first pass; its last state, the direction, goes no further than its sum.
template <class Rule, class T, class... State>
SADDLESCAPE_BLOCK_LOOP void measure_block(const Rule& h, const Scale<T>& scaled, std::int64_t n,
                                          T* __restrict p, const T* __restrict g, Lanes (&lanes)[2],
                                          State* __restrict... s) {
  ask_ahead(p, 0, sizeof(T));
  ask_ahead(g, 0, sizeof(T));
  if constexpr (Rule::sets_states) (ask_ahead(s, 0, sizeof(T)), ...);
  alignas(64) T u[block];
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) Rule::update(h, p[i], scaled(g[i]), s[i]..., u[i]);
  lanes[0].add_squares(p, n);
  lanes[1].add_squares(u, n);
}

template <class Rule, class T>
void run_measure(const void* folded, std::int64_t n, void* parameters, const void* gradient,
                 void* const* state, const Scaling& scaling, double* sums) {
  Rule h;
  __builtin_memcpy(&h, folded, sizeof h);
  T* const p = static_cast<T*>(parameters);
  const T* const g = static_cast<const T*>(gradient);
  const Scale<T> scaled(scaling);
  with_states<Rule::states - 1, T>(state, [&](auto*... s) {
    for (std::int64_t tile = 0; tile < n; tile += tile_size, sums += 3) {
      const std::int64_t end = n - tile < tile_size ? n : tile + tile_size;
      Lanes lanes[2];
      std::int64_t i = tile;
      for (; i + block <= end; i += block)
        measure_block(h, scaled, block, p + i, g + i, lanes, s + i...);
      if (i < end) measure_block(h, scaled, end - i, p + i, g + i, lanes, s + i...);
      sums[0] = lanes[0].total();
      sums[1] = lanes[1].total();
    }
  });
}

template <class T>
void measure_gradient(const void* gradient, std::int64_t n, const Scaling& scaling, double* sums) {
  const T* g = static_cast<const T*>(gradient);
  const Scale<T> scaled(scaling);
  for (std::int64_t tile = 0; tile < n; tile += tile_size, sums += 3) {
    const std::int64_t end = n - tile < tile_size ? n : tile + tile_size;
    Lanes lanes;
    for (std::int64_t from = tile; from < end; from += block) {
      ask_ahead(g, from, sizeof(T));
      const T* __restrict x = g + from;
      const auto square = [=](std::int64_t i) {
        const double value = static_cast<double>(scaled(x[i]));
        return value * value;
      };
      end - from < block ? lanes.add(end - from, square) : lanes.add(block, square);
    }
    sums[0] = lanes.total();
  }
}

template <class Rule, class T, Kind kind>
constexpr Measure measure_of() {
  if constexpr (kind == Kind::normed)
    return run_measure<Rule, T>;
  else
    return nullptr;
}

}  // namespace
}  // namespace saddlescape::update

namespace u = saddlescape::update;

#define SADDLESCAPE_ROW(name, Struct) \
  {u::run<u::Struct<float>, float>, u::run<u::Struct<double>, double>},
#define SADDLESCAPE_ROWS(name, Struct, Direction, kind) \
  SADDLESCAPE_ROW(name, Struct) SADDLESCAPE_ROW(name, Direction)

#define SADDLESCAPE_AROUND(name, Struct) \
  {u::around<u::Struct<float>, float>, u::around<u::Struct<double>, double>},
#define SADDLESCAPE_AROUND_ONE(name, Struct, Direction, kind) \
  SADDLESCAPE_AROUND(name, Struct){nullptr, nullptr},

#define SADDLESCAPE_NONE(name, Struct) {nullptr, nullptr},
#define SADDLESCAPE_MEASURE(name, Struct, Direction, kind)         \
  {nullptr, nullptr},                                              \
      {u::measure_of<u::Direction<float>, float, u::Kind::kind>(), \
       u::measure_of<u::Direction<double>, double, u::Kind::kind>()},

extern "C" const u::Kernels SADDLESCAPE_TABLE(_step) = {
    {SADDLESCAPE_KERNEL_LIST(SADDLESCAPE_ROW, SADDLESCAPE_ROWS)},
    {SADDLESCAPE_KERNEL_LIST(SADDLESCAPE_AROUND, SADDLESCAPE_AROUND_ONE)},
    {SADDLESCAPE_KERNEL_LIST(SADDLESCAPE_NONE, SADDLESCAPE_MEASURE)},
    {u::measure_gradient<float>, u::measure_gradient<double>}};
