// A watched step beside the plain one and the passes that it replaces: the same bits for every
// elementwise rule, at sizes that cross the edges of rows, groups of rows and tiles, for every
// instruction set, however the tensor is cut into ranges.
#include <cstring>
#include <string>
#include <vector>

#include "core/isa.hpp"
#include "train/measure.hpp"
#include "train_samples.hpp"
#include "update/watch.hpp"

namespace {

using namespace saddlescape;

// Parameters, their gradient and states, with a guard behind each.
template <class T>
struct Sides {
  std::vector<T> p, g;
  std::vector<std::vector<T>> states;
  update::Tensor tensor;

  Sides(std::int64_t n, std::size_t count, int offset)
      : p(numbers<T>(n + offset + 1, 1)), g(numbers<T>(n + offset, 2)) {
    tensor.size = n;
    tensor.parameter_type = tensor.gradient_type = tensor.state_type =
        sizeof(T) == 8 ? update::Element::float64 : update::Element::float32;
    states.assign(count, std::vector<T>(static_cast<std::size_t>(n + offset + 1), T(0)));
    tensor.parameters = p.data() + offset;
    tensor.gradient = g.data() + offset;
    for (std::size_t s = 0; s < count; ++s) tensor.state[s] = states[s].data() + offset;
  }
};

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
void compare(const update::Rule& rule, std::int64_t n, int offset, std::int64_t cut) {
  const std::string what = std::string(rule.name) + ", n = " + std::to_string(n) + ", " +
                           isa::name(isa::active()) + (sizeof(T) == 8 ? ", float64" : ", float32");
  update::Group group{&rule, {}};
  group.options.lr = 0.01;
  group.options.weight_decay = 0.01;
  update::Around around;
  update::Workspace workspace;
  Sides<T> plain(n, rule.state_names.size(), offset), watched = plain;
  watched.tensor.parameters = watched.p.data() + offset;
  watched.tensor.gradient = watched.g.data() + offset;
  for (std::size_t s = 0; s < plain.states.size(); ++s)
    watched.tensor.state[s] = watched.states[s].data() + offset;
  const auto last = numbers<T>(n, 3);
  const double last_norm = 0.7;
  const auto tiles = static_cast<std::size_t>(train::measure_tiles(n));
  for (int t = 0; t < 3; ++t) {
    const std::vector<T> old(plain.p.begin() + offset, plain.p.begin() + offset + n);
    train::Partial partial;
    const T* const g = plain.g.data() + offset;
    const auto expected = train::measure(g, last.data(), last_norm, n, partial);
    update::step(&group, &plain.tensor, 1, around, workspace);
    const double length = train::distance(plain.p.data() + offset, old.data(), n, partial);

    expect(update::can_watch(group, watched.tensor, around), what + ": can be watched");
    ++watched.tensor.steps;
    std::vector<T> before(static_cast<std::size_t>(n + 1), T(7));
    std::vector<double> sums(3 * tiles);
    for (std::int64_t from = 0; from < n; from += cut) {
      update::Folds folds;
      update::watch(group, watched.tensor, from, std::min(n, from + cut),
                    {before.data(), last.data()}, folds,
                    sums.data() + from / update::watch_tile * update::watch_sums);
    }
    double total[3] = {};
    for (std::size_t i = 0; i < sums.size(); ++i) total[i % 3] += sums[i];
    const auto found = train::measured(total[0], total[1], g, last.data(), last_norm, n, partial);
    expect(same(plain.p, watched.p), what + ": parameters");
    for (std::size_t s = 0; s < plain.states.size(); ++s)
      expect(same(plain.states[s], watched.states[s]), what + ": state " + rule.state_names[s]);
    expect(before.back() == T(7), what + ": nothing is written behind");
    before.pop_back();
    expect(same(before, old), what + ": the parameters before");
    expect(found.norm == expected.norm && found.cosine == expected.cosine, what + ": gradient");
    expect(
        train::distance_of(total[2], watched.p.data() + offset, old.data(), n, partial) == length,
        what + ": length");
  }
}

template <class T>
void every_rule() {
  for (const update::Rule& rule : update::rules()) {
    if (rule.kind != update::Kind::elementwise || rule.carries || rule.takes_diagonal) continue;
    for (const std::int64_t n : {1, 15, 16, 17, 127, 128, 129, 144, 4095, 4096, 4097, 8300})
      compare<T>(rule, n, n % 3 == 0 ? 1 : 0, update::watch_tile);
    compare<T>(rule, 8300, 0, 2 * update::watch_tile);
  }
}

// What is not a rule alone is left to `step`.
void what_cannot_be_watched() {
  const update::Group adam{&update::rule("adam"), {}}, lamb{&update::rule("lamb"), {}};
  Sides<float> sides(5, 2, 0);
  update::Around around;
  expect(!update::can_watch(lamb, sides.tensor, around), "lamb is watched");
  around.clip_norm = 1;
  expect(!update::can_watch(adam, sides.tensor, around), "clipping is watched");
  around = {};
  around.average_weight = 0.5;
  expect(!update::can_watch(adam, sides.tensor, around), "an average is watched");
  around = {};
  sides.tensor.state_type = update::Element::bfloat16;
  expect(!update::can_watch(adam, sides.tensor, around), "narrow states are watched");
}

}  // namespace

int main() {
  for (const isa::Isa each : isa::available()) {
    isa::force(isa::name(each));
    every_rule<float>();
    every_rule<double>();
  }
  what_cannot_be_watched();
  return summary("watch");
}
