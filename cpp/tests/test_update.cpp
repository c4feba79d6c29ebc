// Steps Adam through the C++ face over several tensors and compares with a scalar loop in double,
// then checks that cuts, threads and instruction sets leave every bit alone.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "update/step.hpp"

namespace {

using saddlescape::update::Element;
using saddlescape::update::Group;
using saddlescape::update::Options;
using saddlescape::update::Tensor;
using saddlescape::update::Workspace;

int failures = 0;

void expect(bool ok, const char* what) {
  if (ok) return;
  std::printf("failed: %s\n", what);
  ++failures;
}

constexpr int steps = 20;
constexpr std::int64_t n = 100003;

template <class T>
constexpr Element element = sizeof(T) == 8 ? Element::float64 : Element::float32;

template <class T>
T start(std::int64_t i) {
  return static_cast<T>(std::sin(0.1 * static_cast<double>(i)));
}

template <class T>
T gradient(std::int64_t i, int t) {
  return static_cast<T>(std::cos(0.3 * static_cast<double>(i) + t) *
                        std::exp(0.001 * static_cast<double>(i % 1000)));
}

Options adam_options() {
  Options options;
  options.lr = 0.01;
  options.beta1 = 0.9;
  options.beta2 = 0.999;
  options.eps = 1e-8;
  options.weight_decay = 0.01;
  return options;
}

// `cuts` are where the n numbers are cut into tensors.
template <class T>
std::vector<T> run(const std::vector<std::int64_t>& cuts) {
  std::vector<T> p(n), g(n), m(n), v(n);
  for (std::int64_t i = 0; i < n; ++i) p[i] = start<T>(i);
  std::vector<Tensor> tensors;
  for (std::size_t k = 0; k + 1 < cuts.size(); ++k) {
    Tensor tensor;
    tensor.size = cuts[k + 1] - cuts[k];
    tensor.parameter_type = tensor.gradient_type = tensor.state_type = element<T>;
    tensor.parameters = p.data() + cuts[k];
    tensor.gradient = g.data() + cuts[k];
    tensor.state[0] = m.data() + cuts[k];
    tensor.state[1] = v.data() + cuts[k];
    tensors.push_back(tensor);
  }
  const Group adam{&saddlescape::update::rule("adam"), adam_options()};
  Workspace workspace;
  for (int t = 1; t <= steps; ++t) {
    for (std::int64_t i = 0; i < n; ++i) g[i] = gradient<T>(i, t);
    saddlescape::update::step(&adam, tensors.data(), static_cast<std::int64_t>(tensors.size()), {},
                              workspace);
  }
  expect(tensors[0].steps == steps, "steps are counted");
  return p;
}

// Kingma & Ba 2015, algorithm 1, one number at a time.
template <class T>
double largest_error(const std::vector<T>& result) {
  const Options o = adam_options();
  double largest = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    double p = static_cast<double>(start<T>(i)), m = 0, v = 0;
    double travelled = std::fabs(p);
    for (int t = 1; t <= steps; ++t) {
      const double g = static_cast<double>(gradient<T>(i, t)) + o.weight_decay * p;
      m = o.beta1 * m + (1 - o.beta1) * g;
      v = o.beta2 * v + (1 - o.beta2) * g * g;
      const double m_hat = m / (1 - std::pow(o.beta1, t));
      const double v_hat = v / (1 - std::pow(o.beta2, t));
      const double move = o.lr * m_hat / (std::sqrt(v_hat) + o.eps);
      p -= move;
      travelled += std::fabs(move);
    }
    largest = std::fmax(largest, std::fabs(static_cast<double>(result[i]) - p) / travelled);
  }
  return largest;
}

template <class T>
void check(double tolerance) {
  const std::vector<std::int64_t> whole = {0, n};
  std::vector<std::int64_t> pieces = {0, 0, 1};  // an empty tensor, one number, then sevens
  while (pieces.back() + 7 < n) pieces.push_back(pieces.back() + 7);
  pieces.push_back(n);

  saddlescape::set_threads(1);
  const std::vector<T> reference = run<T>(whole);
  // 20 roundings of half an ulp each, relative to the distance travelled.
  expect(largest_error(reference) < tolerance, "Adam agrees with a scalar loop in double");

  for (saddlescape::isa::Isa isa : saddlescape::isa::available()) {
    saddlescape::isa::force(saddlescape::isa::name(isa));
    for (int threads : {1, 2, 3}) {
      saddlescape::set_threads(threads);
      for (const auto& cuts : {whole, pieces})
        expect(std::memcmp(run<T>(cuts).data(), reference.data(), n * sizeof(T)) == 0,
               "the same bits for every instruction set, thread count and cut");
    }
  }
}

void check_non_finite() {
  std::vector<float> a(200000, 1.0F), b(3, 1.0F);
  Tensor tensors[2];
  tensors[0].size = 200000;
  tensors[0].gradient = a.data();
  tensors[1].size = 3;
  tensors[1].gradient = b.data();
  const auto first = [&] { return saddlescape::update::first_non_finite(tensors, 2); };
  expect(first() == -1, "finite gradients pass");
  b[2] = INFINITY;
  expect(first() == 1, "an infinite number in the last place of the last tensor is found");
  a[199999] = NAN;
  expect(first() == 0, "the first tensor with a NaN is named");
  tensors[0].gradient = nullptr;
  expect(first() == 1, "a tensor without a gradient is left out");
}

}  // namespace

int main() {
  check<float>(1e-6);
  check<double>(1e-14);
  check_non_finite();
  if (failures == 0) std::printf("update: all passed\n");
  return failures == 0 ? 0 : 1;
}
