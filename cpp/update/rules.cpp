#include "update/rules.hpp"

#include <algorithm>
#include <stdexcept>
#include <type_traits>

#include "core/isa.hpp"
#include "update/adafactor_step.hpp"
#include "update/factored.hpp"
#include "update/kernels.hpp"
#include "update/step.hpp"

namespace saddlescape::update {
namespace {

template <class R>
Folded fold_as(const Options& options, std::int64_t t) {
  Folded folded;
  const auto rule = R::fold(options, t);  // R, or the rule that R extends
  static_assert(sizeof rule == sizeof(R), "a rule that extends another adds no hyper-parameters");
  static_assert(sizeof rule <= sizeof folded.bytes, "a rule's struct outgrew Folded");
  __builtin_memcpy(folded.bytes, &rule, sizeof rule);
  return folded;
}

using Fold = Folded (*)(const Options&, std::int64_t);
using Trust = double (*)(const Options&, double, double);
using Carry = void (*)(const Options&, std::int64_t, double (&)[max_carried]);

// R::trust, or null where the rule has none.
template <class R, class = void>
constexpr Trust trust_of = nullptr;
template <class R>
constexpr Trust trust_of<R, std::void_t<decltype(R::trust)>> = R::trust;

// R::carry, or null where the rule has none.
template <class R, class = void>
constexpr Carry carry_of = nullptr;
template <class R>
constexpr Carry carry_of<R, std::void_t<decltype(R::carry)>> = R::carry;

// R::takes_diagonal, or false where the rule says nothing of it.
template <class R, class = void>
constexpr bool takes_diagonal = false;
template <class R>
constexpr bool takes_diagonal<R, std::void_t<decltype(R::takes_diagonal)>> = R::takes_diagonal;

#define SADDLESCAPE_ROW(name, Struct) {fold_as<Struct<float>>, fold_as<Struct<double>>},
#define SADDLESCAPE_ROWS(name, Struct, Direction, kind) \
  {fold_as<Struct<float>>, fold_as<Struct<double>>},    \
      {fold_as<Direction<float>>, fold_as<Direction<double>>},
constexpr Fold folds[kernel_count][2] = {
    SADDLESCAPE_KERNEL_LIST(SADDLESCAPE_ROW, SADDLESCAPE_ROWS)};
#undef SADDLESCAPE_ROW
#undef SADDLESCAPE_ROWS

#define SADDLESCAPE_ROW(name, Struct) nullptr,
#define SADDLESCAPE_ROWS(name, Struct, Direction, kind) nullptr, trust_of<Direction<double>>,
constexpr Trust trusts[kernel_count] = {SADDLESCAPE_KERNEL_LIST(SADDLESCAPE_ROW, SADDLESCAPE_ROWS)};
#undef SADDLESCAPE_ROW
#undef SADDLESCAPE_ROWS

#define SADDLESCAPE_ROW(name, Struct) carry_of<Struct<double>>,
#define SADDLESCAPE_ROWS(name, Struct, Direction, kind) nullptr, nullptr,
constexpr Carry carries[kernel_count] = {
    SADDLESCAPE_KERNEL_LIST(SADDLESCAPE_ROW, SADDLESCAPE_ROWS)};
#undef SADDLESCAPE_ROW
#undef SADDLESCAPE_ROWS

template <class R>
Rule describe(const char* name, Kind kind, int kernel, int direction) {
  Rule rule{name, kind, kernel, direction, {}, {}, carries[kernel] != nullptr};
  rule.takes_diagonal = takes_diagonal<R>;
  for (int s = 0; s < max_states && R::state_names[s]; ++s) {
    rule.state_names.emplace_back(R::state_names[s]);
    rule.natures.push_back(R::natures[s]);
  }
  return rule;
}

}  // namespace

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = [] {
    std::vector<Rule> list;
    int kernel = 0;
#define SADDLESCAPE_ROW(name, Struct) \
  list.push_back(describe<Struct<float>>(#name, Kind::elementwise, kernel++, -1));
#define SADDLESCAPE_ROWS(name, Struct, Direction, kind)                           \
  list.push_back(describe<Struct<float>>(#name, Kind::kind, kernel, kernel + 1)); \
  list.back().set_first = Direction<float>::sets_states;                          \
  kernel += 2;
#define SADDLESCAPE_FACTORED(name, Struct) \
  list.push_back(describe<Struct<float>>(#name, Kind::factored, kernel++, -1));
    SADDLESCAPE_RULES(SADDLESCAPE_ROW)
    SADDLESCAPE_COMPOSED_RULES(SADDLESCAPE_ROWS)
    SADDLESCAPE_FACTORED_RULES(SADDLESCAPE_FACTORED)
#undef SADDLESCAPE_ROW
#undef SADDLESCAPE_ROWS
#undef SADDLESCAPE_FACTORED
    std::sort(list.begin(), list.end(),
              [](const Rule& a, const Rule& b) { return std::string(a.name) < b.name; });
    return list;
  }();
  return all;
}

const Rule& rule(const std::string& name) {
  std::string allowed;
  for (const Rule& each : rules()) {
    if (name == each.name) return each;
    allowed += (allowed.empty() ? "" : ", ") + std::string(each.name);
  }
  throw std::invalid_argument("rule: '" + name + "', expected one of " + allowed);
}

Folded fold(int kernel, Real real, const Options& options, std::int64_t t) {
  return folds[kernel][static_cast<int>(real)](options, t);
}

std::vector<std::int64_t> state_shape(const Rule& rule, int state,
                                      const std::vector<std::int64_t>& shape) {
  return rule.kind == Kind::factored ? adafactor::state_shape(state, shape) : shape;
}

void carry(int kernel, const Options& options, std::int64_t t, double (&carried)[max_carried]) {
  if (carries[kernel]) carries[kernel](options, t, carried);
}

double trust(const Group& group, const Tensor& tensor, double parameter_norm,
             double direction_norm) {
  if (group.rule->kind == Kind::factored)
    return adafactor::length(group.options, tensor, parameter_norm, direction_norm);
  return trusts[group.rule->direction](group.options, parameter_norm, direction_norm);
}

const Kernels& kernels() { SADDLESCAPE_ACTIVE(_step) }
const TileKernels& tile_kernels() { SADDLESCAPE_ACTIVE(_tile) }
const CodedKernels& coded_kernels() { SADDLESCAPE_ACTIVE(_coded) }
const FactoredKernels& factored_kernels() { SADDLESCAPE_ACTIVE(_factored) }

}  // namespace saddlescape::update
