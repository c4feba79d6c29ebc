// Density, trace and diagonal as a C++ user sees them, and the sketch from inside: its small
// matrices must stay those of the definition while it grows and where its rank runs out.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "eig/hutchinson.hpp"
#include "eig/quadrature.hpp"
#include "eig/sketch.hpp"
#include "eig_samples.hpp"

namespace eig = saddlescape::eig;

namespace {

std::vector<double> low_rank(std::size_t n, std::size_t rank) {
  std::vector<double> d(n);
  for (std::size_t i = 0; i < rank; ++i) d[i * (n / rank)] = 1 + static_cast<double>(i);
  return d;
}

// The whole spectrum where the steps reach, else weights of each probe that sum to 1.
void quadrature_of_whole_and_sampled_spectra() {
  for (std::size_t n : {1u, 2u, 7u, 64u, 65u}) {
    std::vector<double> d(n);
    std::iota(d.begin(), d.end(), -3.0);
    const eig::Quadrature q = eig::quadrature(diagonal(d), static_cast<std::int64_t>(n), 3, 1);
    expect(q.known.size() == n && q.sizes.empty(), "whole spectrum");
    for (std::size_t i = 0; i < std::min(n, q.known.size()); ++i)
      expect(std::abs(q.known[i] - d[i]) < 1e-11, "eigenvalue", q.known[i] - d[i]);
  }
  for (std::int64_t probes : {1, 2, 5}) {
    std::vector<double> d(2000);
    for (std::size_t i = 0; i < d.size(); ++i) d[i] = std::sin(static_cast<double>(i));
    d[7] = 30;
    const eig::Quadrature q = eig::quadrature(diagonal(d), 40, probes, 3);
    expect(q.products == 40 * probes, "products", static_cast<double>(q.products));
    expect(probes == 1 ? q.known.empty() : std::abs(q.known.back() - 30) < 1e-12, "outlier");
    std::size_t at = 0;
    for (std::int64_t size : q.sizes) {
      const double sum =
          std::accumulate(q.weights.begin() + static_cast<std::ptrdiff_t>(at),
                          q.weights.begin() + static_cast<std::ptrdiff_t>(at) + size, 0.0);
      expect(std::abs(sum - 1) < 1e-13, "weights", sum - 1);
      at += static_cast<std::size_t>(size);
    }
    expect(at == q.nodes.size(), "sizes");
  }
}

// W' R = Omega Q' Q A Omega' is symmetric with diagonal omega_i' A omega_i once Q spans all of A's
// range, and tr H = tr A.
void small_matrices_of_a_grown_sketch() {
  for (std::size_t rank : {1u, 5u, 15u, 16u, 17u, 20u}) {
    const std::vector<double> d = low_rank(500, rank);
    const eig::Operator op = diagonal(d);
    eig::Sketch sketch(op, 3, false, 11);
    for (std::int64_t count : {1, 4, 16, 20}) sketch.grow(count);
    const std::int64_t k = sketch.vectors(), q = sketch.rank();
    expect(k == 41 && q == static_cast<std::int64_t>(rank), "rank", static_cast<double>(q));
    expect(sketch.products() == k + q, "products of a sketch");
    double trace = 0;
    for (std::int64_t i = 0; i < q; ++i)
      trace += sketch.h()[static_cast<std::size_t>(i * q + i)] * sketch.unit();
    const double exact = std::accumulate(d.begin(), d.end(), 0.0);
    expect(std::abs(trace - exact) < 1e-11 * exact, "trace of H", trace - exact);
    for (std::int64_t i = 0; i < k; ++i) {
      double sum = 0;
      for (std::int64_t l = 0; l < q; ++l)
        sum += sketch.w()[static_cast<std::size_t>(l * k + i)] *
               sketch.r()[static_cast<std::size_t>(l * k + i)];
      const double form = sketch.quadratic()[static_cast<std::size_t>(i)];
      expect(std::abs(sum - form) < 1e-10 * exact, "omega' A omega", sum - form);
    }
  }
}

void exact_diagonals() {
  const std::vector<double> d = low_rank(77, 11);
  for (std::int64_t block : {1, 10, 77, 100}) {
    const eig::ExactDiagonal exact = eig::exact_diagonal(diagonal(d), block);
    expect(exact.values == d && exact.products == 78, "exact diagonal");
  }
  const eig::Operator op = diagonal(d);
  eig::Hutchinson samples(op, 4, true, 5);
  samples.sample(10);
  expect(samples.products() == 10 && samples.mean() == d, "signs of a diagonal matrix");
  expect(std::abs(samples.trace_deviations()) < 1e-20, "no variance");
  eig::Hutchinson trace(op, 4, false, 5);
  trace.sample(10);
  expect(trace.mean().empty() && trace.trace_mean() == samples.trace_mean(), "the trace alone");
}

// Sizes whose product has no 64 bits are refused, before anything is multiplied.
void sizes_beyond_memory() {
  const eig::Operator op{std::int64_t(1) << 60,
                         [](std::int64_t, const double*, double*) { std::abort(); }};
  const auto refused = [](auto&& call) {
    try {
      call();
    } catch (const std::length_error& e) {
      return std::strstr(e.what(), "op: ") == e.what();
    }
    return false;
  };
  expect(refused([&] { eig::Sketch(op, 1, false, 0).grow(30); }), "sketch");
  expect(refused([&] { eig::Hutchinson(op, 16, false, 0).sample(16); }), "signs");
  expect(refused([&] { eig::exact_diagonal(op, 16); }), "exact diagonal");
  expect(refused([&] { eig::quadrature(op, 30, 1, 0); }), "quadrature");
}

}  // namespace

int main() {
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
  quadrature_of_whole_and_sampled_spectra();
  small_matrices_of_a_grown_sketch();
  exact_diagonals();
  sizes_beyond_memory();
  return summary("estimate");
}
