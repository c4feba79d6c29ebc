#include "update/step.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "update/kernels.hpp"

namespace saddlescape::update {
namespace {

// A thread that gets less than this costs more to wake than it saves: from cache, two threads break
// even with one at 250 KiB in all (Zen 5, GCC's OpenMP, both cores idle; later when they are busy).
constexpr std::int64_t grain_bytes = 128 * 1024;
// Ranges are cut at multiples of this, so that a large tensor's cuts fall on its vectors.
constexpr std::int64_t line_bytes = 64;

// A rule's struct for one step, as the bytes that its kernel takes.
struct Folded {
  alignas(8) unsigned char bytes[128];
};

template <class R>
Folded fold(const Options& options, std::int64_t t) {
  Folded folded;
  const auto rule = R::fold(options, t);  // R, or the rule that R extends
  static_assert(sizeof rule == sizeof(R), "a rule that extends another adds no hyper-parameters");
  static_assert(sizeof rule <= sizeof folded.bytes, "a rule's struct outgrew Folded");
  __builtin_memcpy(folded.bytes, &rule, sizeof rule);
  return folded;
}

using Fold = Folded (*)(const Options&, std::int64_t);

#define SADDLESCAPE_ROW(name, Struct) {fold<Struct<float>>, fold<Struct<double>>},
constexpr Fold folds[rule_count][2] = {SADDLESCAPE_RULES(SADDLESCAPE_ROW)};
#undef SADDLESCAPE_ROW

const Kernels& kernels() {
#if defined(__x86_64__)
  switch (isa::active()) {
    case isa::Isa::x86_64_v4:
      return kernels_x86_64_v4;
    case isa::Isa::x86_64_v3:
      return kernels_x86_64_v3;
    default:
      return kernels_x86_64_v2;
  }
#else
  return kernels_generic;
#endif
}

std::int64_t size_of(Real real) { return real == Real::float32 ? 4 : 8; }

// Lays all tensors that have a gradient end to end, cuts the row into a range for each thread, and
// calls visit(i, begin, end) for each tensor's part of a range; each range has its own copy of
// visit. `arrays` says how many of a tensor's arrays the visit reads: the work is measured in
// bytes.
template <class Visit>
void for_each_part(Real real, std::int64_t arrays, const Tensor* tensors, std::int64_t count,
                   const Visit& visit) {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < count; ++i)
    if (tensors[i].gradient) total += tensors[i].size;
  const std::int64_t unit = line_bytes / size_of(real);
  const std::int64_t grain = std::max<std::int64_t>(1, grain_bytes / (line_bytes * arrays));
  parallel_for((total + unit - 1) / unit, grain, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t begin = first * unit;
    const std::int64_t end = std::min(last * unit, total);
    Visit mine = visit;
    std::int64_t start = 0;  // where tensor i starts in the row
    for (std::int64_t i = 0; i < count && start < end; ++i) {
      if (!tensors[i].gradient) continue;
      const std::int64_t from = std::max<std::int64_t>(begin - start, 0);
      const std::int64_t to = std::min(end - start, tensors[i].size);
      if (from < to) mine(i, from, to);
      start += tensors[i].size;
    }
  });
}

void* at(void* array, std::int64_t bytes) {
  return array ? static_cast<char*>(array) + bytes : nullptr;
}
const void* at(const void* array, std::int64_t bytes) {
  return static_cast<const char*>(array) + bytes;
}

template <class R>
Rule describe(const char* name, int index) {
  Rule rule{name, index, {}};
  for (int s = 0; s < R::states; ++s) rule.state_names.emplace_back(R::state_names[s]);
  return rule;
}

}  // namespace

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = [] {
    std::vector<Rule> list;
#define SADDLESCAPE_ROW(name, Struct) \
  list.push_back(describe<Struct<float>>(#name, static_cast<int>(list.size())));
    SADDLESCAPE_RULES(SADDLESCAPE_ROW)
#undef SADDLESCAPE_ROW
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

void step(const Rule& rule, const Options& options, Real real, Tensor* tensors,
          std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    if (tensors[i].gradient) ++tensors[i].steps;
  const int r = static_cast<int>(real);
  const Update update = kernels().update[rule.index][r];
  const Fold fold = folds[rule.index][r];
  const std::int64_t arrays = 2 + static_cast<std::int64_t>(rule.state_names.size());
  Folded folded{};
  std::int64_t folded_for = 0;  // the step that `folded` stands for: tensors mostly share it
  for_each_part(real, arrays, tensors, count,
                [=](std::int64_t i, std::int64_t from, std::int64_t to) mutable {
                  const Tensor& tensor = tensors[i];
                  if (tensor.steps != folded_for) {
                    folded = fold(options, tensor.steps);
                    folded_for = tensor.steps;
                  }
                  const std::int64_t bytes = from * size_of(real);
                  void* state[max_states];
                  for (int s = 0; s < max_states; ++s) state[s] = at(tensor.state[s], bytes);
                  update(folded.bytes, to - from, at(tensor.parameters, bytes),
                         at(tensor.gradient, bytes), state);
                });
}

std::int64_t first_non_finite(Real real, const Tensor* tensors, std::int64_t count) {
  const AllFinite all_finite = kernels().all_finite[static_cast<int>(real)];
  std::atomic<std::int64_t> first{count};
  for_each_part(real, 1, tensors, count, [&](std::int64_t i, std::int64_t from, std::int64_t to) {
    if (all_finite(at(tensors[i].gradient, from * size_of(real)), to - from)) return;
    std::int64_t known = first.load(std::memory_order_relaxed);
    while (i < known && !first.compare_exchange_weak(known, i, std::memory_order_relaxed)) {
    }
  });
  const std::int64_t found = first.load(std::memory_order_relaxed);
  return found < count ? found : -1;
}

}  // namespace saddlescape::update
