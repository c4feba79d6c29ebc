// The loops over 8-bit states: codes to numbers and back, and every elementwise rule between the
// two. Compiled once for each instruction set, with SADDLESCAPE_KERNELS naming the table, like
// step_cpu.cpp.
#include "update/coded.hpp"
#include "update/loops.hpp"

namespace saddlescape::update {
namespace {

static_assert(block == codes::block);

template <class Kind>
SADDLESCAPE_BLOCK_LOOP void expand_block(const void* source, float scale, std::int64_t n,
                                         float* __restrict out) {
  const auto* __restrict from = static_cast<const typename Kind::Code*>(source);
  const float unit = scale * (1 / Kind::steps);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) out[i] = Kind::expand(from[i], unit);
}

// The largest magnitude; NaN if there is one.
SADDLESCAPE_BLOCK_LOOP float largest_of(const float* __restrict x, std::int64_t n) {
  std::uint32_t largest = 0;
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 0; i < n; ++i) {
    // The bits of numbers >= 0 are in their order; those of NaNs stand above all.
    const std::uint32_t bits = half::bits_of(x[i]) & 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  return half::float_of(largest);
}

template <class Kind>
SADDLESCAPE_BLOCK_LOOP void encode_block(const float* __restrict x, std::int64_t n, float inverse,
                                         std::uint32_t dither, void* target) {
  auto* __restrict to = static_cast<typename Kind::Code*>(target);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i)
    to[i] = static_cast<typename Kind::Code>(
        Kind::encode(x[i], inverse, dither + codes::dithers.of[i]));
}

template <class Kind>
void expand(const void* source, const float* scales, std::int64_t n, float* out) {
  const auto* from = static_cast<const typename Kind::Code*>(source);
  for (; n >= block; n -= block, from += block, out += block)
    expand_block<Kind>(from, *scales++, block, out);
  if (n > 0) expand_block<Kind>(from, *scales, n, out);
}

constexpr std::int64_t blocks = tile_size / block;

// A tile of one state on its way through a rule.
template <class Kind>
struct CodedTile {
  alignas(64) float numbers[tile_size];
  alignas(64) float largest[blocks];
  alignas(64) float inverse[blocks];

  SADDLESCAPE_BLOCK_LOOP void expand(std::int64_t b, std::int64_t n, const Coded& state) {
    ask_ahead(state.codes, b * block, 1);
    expand_block<Kind>(static_cast<const char*>(state.codes) + b * block, state.scales[b], n,
                       numbers + b * block);
  }
  SADDLESCAPE_BLOCK_LOOP void measure(std::int64_t b, std::int64_t n) {
    largest[b] = largest_of(numbers + b * block, n);
  }
  // Of all blocks at once: one vector of divisions.
  void set_scales(std::int64_t count, float* scales) {
    for (std::int64_t b = count; b < blocks; ++b) largest[b] = 0;
#pragma omp simd
    for (std::int64_t b = 0; b < blocks; ++b) {
      const float scale = codes::scale_of(largest[b]);
      largest[b] = scale;
      inverse[b] = scale > 0 ? Kind::steps / scale : 0;
    }
    __builtin_memcpy(scales, largest, static_cast<std::size_t>(count) * sizeof(float));
  }
  SADDLESCAPE_BLOCK_LOOP void encode(std::int64_t b, std::int64_t n, const Coded& state) const {
    auto* to = static_cast<typename Kind::Code*>(state.codes) + b * block;
    const auto before = static_cast<std::uint32_t>(b * block) * half::weyl_index;
    encode_block<Kind>(numbers + b * block, n, inverse[b], state.dither + before, to);
  }
};

template <class Kind>
void quantise_tile(const float* x, std::int64_t n, const Coded& state) {
  CodedTile<Kind> tile;
  __builtin_memcpy(tile.numbers, x, static_cast<std::size_t>(n) * sizeof(float));
  const std::int64_t whole = n / block, rest = n % block;
  for (std::int64_t b = 0; b < whole; ++b) tile.measure(b, block);
  if (rest) tile.measure(whole, rest);
  tile.set_scales(whole + (rest ? 1 : 0), state.scales);
  for (std::int64_t b = 0; b < whole; ++b) tile.encode(b, block, state);
  if (rest) tile.encode(whole, rest, state);
}

template <class Kind>
void quantise(const float* x, std::int64_t n, Coded state) {
  for (; n > 0; n -= tile_size, x += tile_size) {
    quantise_tile<Kind>(x, n < tile_size ? n : tile_size, state);
    state.codes = static_cast<typename Kind::Code*>(state.codes) + tile_size;
    state.scales += blocks;
    state.dither += static_cast<std::uint32_t>(tile_size) * half::weyl_index;
  }
}

// Numbers of a block, the rule, and the largest of what it has left.
template <class Rule, class... Kinds>
SADDLESCAPE_BLOCK_LOOP void move(const Rule& h, std::int64_t b, std::int64_t n, float* __restrict p,
                                 const float* __restrict g, const Coded* state,
                                 CodedTile<Kinds>&... tile) {
  const std::int64_t from = b * block;
  ask_ahead(p, from, sizeof(float));
  ask_ahead(g, from, sizeof(float));
  const Coded* next = state;
  (tile.expand(b, n, *next++), ...);
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i)
    Rule::update(h, p[from + i], g[from + i], tile.numbers[from + i]...);
  (tile.measure(b, n), ...);
}

// Gives each of the rule's states a tile, one after the other, then moves n <= tile_size elements.
// The numbers stay in the first-level cache until all scales are known.
template <class Rule, int have = 0, class... Kinds>
void run(const void* folded, std::int64_t n, float* p, const float* g, const Coded* state,
         CodedTile<Kinds>&... tile) {
  if constexpr (have < Rule::states) {
    CodedTile<typename KindOf<Rule::natures[have]>::Kind> another;
    run<Rule, have + 1>(folded, n, p, g, state, tile..., another);
  } else {
    Rule h;
    __builtin_memcpy(&h, folded, sizeof h);
    const std::int64_t whole = n / block, rest = n % block;
    for (std::int64_t b = 0; b < whole; ++b) move(h, b, block, p, g, state, tile...);
    if (rest) move(h, whole, rest, p, g, state, tile...);
    const Coded* next = state;
    (tile.set_scales(whole + (rest ? 1 : 0), (next++)->scales), ...);
    for (std::int64_t b = 0; b < whole; ++b) {
      next = state;
      (tile.encode(b, block, *next++), ...);
    }
    if (rest) {
      next = state;
      (tile.encode(whole, rest, *next++), ...);
    }
  }
}

template <class Rule>
constexpr bool takes_codes() {
  if (Rule::states == 0) return false;
  for (int s = 0; s < Rule::states; ++s)
    if (is_exact(Rule::natures[s])) return false;
  return true;
}

// The rule's loop, or null where it has no states or exact ones.
template <class Rule>
constexpr CodedUpdate coded() {
  if constexpr (takes_codes<Rule>())
    return run<Rule>;
  else
    return nullptr;
}

}  // namespace
}  // namespace saddlescape::update

#define SADDLESCAPE_ROW(name, Struct) u::coded<u::Struct<float>>(),
// Their passes leave a state alone or set it; tiles know which.
#define SADDLESCAPE_ROWS(name, Struct, Direction, kind) nullptr, nullptr,

namespace u = saddlescape::update;
namespace c = saddlescape::codes;

extern "C" const u::CodedKernels SADDLESCAPE_TABLE(_coded) = {
    {u::expand<c::NearestSigned8>, u::expand<c::DitheredSigned8>, u::expand<c::Unsigned8>},
    {u::quantise<c::NearestSigned8>, u::quantise<c::DitheredSigned8>, u::quantise<c::Unsigned8>},
    {SADDLESCAPE_KERNEL_LIST(SADDLESCAPE_ROW, SADDLESCAPE_ROWS)}};
