// Muon and Adafactor from C++: where a known matrix goes, the same bits for any number of threads,
// and a workspace that stands still after the first step.
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "core/blas.hpp"
#include "core/parallel.hpp"
#include "update/step.hpp"

#ifndef SADDLESCAPE_TEST_BLAS
#define SADDLESCAPE_TEST_BLAS ""
#endif

namespace {

std::atomic<long> allocations{0};

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using saddlescape::update::Element;
using saddlescape::update::Group;
using saddlescape::update::Tensor;
using saddlescape::update::Workspace;

int failures = 0;

void expect(bool ok, const char* what) {
  if (ok) return;
  std::printf("failed: %s\n", what);
  ++failures;
}

Group muon() {
  Group group{&saddlescape::update::rule("muon"), {}};
  auto& o = group.options;
  o.lr = 1, o.momentum = 0.95, o.use_nesterov = true, o.eps = 1e-7, o.ns_steps = 5;
  o.ns_a = 3.4445, o.ns_b = -4.7750, o.ns_c = 2.0315;
  return group;
}

Group adafactor() {
  Group group{&saddlescape::update::rule("adafactor"), {}};
  auto& o = group.options;
  o.lr = 0.1, o.beta2_decay = -0.8, o.eps = -1, o.parameter_floor = 1e-3, o.clip_threshold = 1;
  return group;
}

// A stack of matrices, with room for every state that a rule may have.
template <class T>
struct Problem {
  Problem(std::int64_t matrices, std::int64_t rows, std::int64_t columns) {
    const auto n = static_cast<std::size_t>(matrices * rows * columns);
    for (auto* array : {&theta, &gradient, &first, &second, &third}) array->assign(n, T(0));
    for (std::size_t i = 0; i < n; ++i) {
      theta[i] = static_cast<T>(std::sin(static_cast<double>(i)));
      gradient[i] = static_cast<T>(std::cos(7.0 * static_cast<double>(i)));
    }
    tensor.size = static_cast<std::int64_t>(n);
    tensor.rows = rows;
    tensor.columns = columns;
    tensor.parameter_type = tensor.gradient_type = tensor.state_type =
        sizeof(T) == 8 ? Element::float64 : Element::float32;
    tensor.parameters = theta.data();
    tensor.gradient = gradient.data();
    tensor.state[0] = first.data(), tensor.state[1] = second.data();
    tensor.state[2] = third.data();
  }

  void step(const Group& group, Workspace& workspace) {
    saddlescape::update::step(&group, &tensor, 1, {}, workspace);
  }

  std::vector<T> theta, gradient, first, second, third;
  Tensor tensor;
};

// A diagonal gradient moves the diagonal alone, by what five rounds make of each number.
void check_direction() {
  Problem<double> problem(1, 3, 5);
  problem.theta.assign(15, 0);
  problem.gradient.assign(15, 0);
  const double values[3] = {0.01, 0.3, std::sqrt(1 - 0.01 * 0.01 - 0.3 * 0.3)};
  for (std::size_t i = 0; i < 3; ++i) problem.gradient[6 * i] = 40 * values[i];
  Workspace workspace;
  problem.step(muon(), workspace);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 5; ++j) {
      double s = i == j ? values[i] : 0;
      for (int k = 0; k < 5; ++k) s = s * (3.4445 + s * s * (-4.7750 + s * s * 2.0315));
      expect(std::fabs(problem.theta[5 * i + j] + s) < 1e-13, "Muon's singular values");
      expect(i != j || (s > 0.68 && s < 1.21), "are near 1");
    }
}

template <class T>
void check_bits(const Group& group, std::int64_t matrices, std::int64_t rows,
                std::int64_t columns) {
  std::vector<T> reference;
  for (int threads : {1, 2, 3}) {
    saddlescape::set_threads(threads);
    Problem<T> problem(matrices, rows, columns);
    Workspace workspace;
    problem.step(group, workspace);
    const long before = allocations;
    for (int t = 0; t < 3; ++t) problem.step(group, workspace);
    expect(allocations == before, "nothing is allocated after the first step");
    if (threads == 1) reference = problem.theta;
    expect(std::memcmp(problem.theta.data(), reference.data(), reference.size() * sizeof(T)) == 0,
           "the same bits for any number of threads");
    expect(std::isfinite(problem.theta.back()), "and numbers at all");
  }
}

}  // namespace

int main() {
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
  check_direction();
  check_bits<float>(muon(), 1, 300, 41);
  check_bits<float>(muon(), 1, 310, 400);
  check_bits<double>(muon(), 1, 41, 300);
  check_bits<float>(adafactor(), 1, 300, 301);
  check_bits<float>(adafactor(), 1, 70, 3001);
  check_bits<float>(adafactor(), 500, 3, 3);
  check_bits<double>(adafactor(), 3, 2000, 40);
  if (failures == 0) std::printf("update products: all passed\n");
  return failures == 0 ? 0 : 1;
}
