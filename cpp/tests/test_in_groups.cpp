// The order in which sums over tiles are added up: the same everywhere, and as it is written down.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "core/in_groups.hpp"
#include "core/parallel.hpp"
#include "train/measure.hpp"
#include "update/step.hpp"

namespace {

using namespace saddlescape;

int cases = 0, failed = 0;

void expect(bool ok, const std::string& what) {
  ++cases;
  if (ok) return;
  std::printf("failed: %s\n", what.c_str());
  ++failed;
}

std::vector<double> numbers(std::int64_t n) {
  std::vector<double> all(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i)
    all[static_cast<std::size_t>(i)] = std::sin(0.37 * static_cast<double>(i)) / 3;
  return all;
}

// Each 1024 in order, then what came of them; written out.
double by_hand(const std::vector<double>& terms) {
  std::vector<double> groups;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    if (i % 1024 == 0) groups.push_back(0);
    groups.back() += terms[i];
  }
  double sum = 0;
  for (const double each : groups) sum += each;
  return sum;
}

void check_order() {
  for (const std::int64_t n : {0, 1, 1023, 1024, 1025, 2047, 2048, 2049, 10000}) {
    const std::vector<double> terms = numbers(n);
    sums::InGroups<sums::Plain> sum;
    for (const double each : terms) sum.add(each);
    expect(sum.total().value == by_hand(terms), "the order of " + std::to_string(n) + " terms");
    double total = 7;
    train::add_in_groups(terms, n, 1, &total);
    expect(total == by_hand(terms), "the same of a training step's tiles");
    expect(sums::groups_of(n) == std::max<std::int64_t>(1, (n + 1023) / 1024), "groups");
  }
}

// Sums of a tile in sixteen lanes, as update/ takes them.
std::vector<double> tile_sums(const std::vector<double>& x) {
  std::vector<double> sums;
  for (std::size_t from = 0; from < x.size(); from += 1024) {
    double lane[16] = {}, sum = 0;
    for (std::size_t i = from; i < std::min(x.size(), from + 1024); ++i)
      lane[(i - from) % 16] += x[i] * x[i];
    for (const double each : lane) sum += each;
    sums.push_back(sum);
  }
  return sums;
}

// Norms of tensors whose tiles are as many as a group, and one more or less.
void check_norms() {
  for (const std::int64_t tiles : {1023, 1024, 1025, 2049})
    for (const std::int64_t more : {0, 17}) {
      const std::int64_t n = tiles * 1024 + more;
      const std::vector<double> g = numbers(n);
      std::vector<double> p(g.size());
      const double norm = std::sqrt(by_hand(tile_sums(g)));
      update::Group group{&update::rule("sgd"), {}};
      update::Tensor tensor;
      tensor.size = n;
      tensor.parameters = p.data();
      tensor.gradient = g.data();
      tensor.parameter_type = tensor.gradient_type = tensor.state_type = update::Element::float64;
      update::Around measured, clipped;
      measured.statistics = true;
      clipped.clip_norm = 1;
      update::Workspace workspace;
      for (const int threads : {1, 2}) {
        set_threads(threads);
        update::step(&group, &tensor, 1, measured, workspace);
        expect(tensor.norms.gradient == norm, "the norm of " + std::to_string(n));
        expect(update::step(&group, &tensor, 1, clipped, workspace).gradient_norm == norm,
               "the norm to clip " + std::to_string(n) + " by");
      }
    }
}

}  // namespace

int main() {
  check_order();
  check_norms();
  std::printf("in groups: %d cases, %d failed\n", cases, failed);
  return failed == 0 ? 0 : 1;
}
