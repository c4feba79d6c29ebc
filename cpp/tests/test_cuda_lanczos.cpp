// Lanczos, density and trace with vectors in the device's memory: the same claims as on the CPU,
// checked against spectra that are known; and memory that is not there.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/random.hpp"
#include "cuda/device.hpp"
#include "cuda/eig/vectors.hpp"
#include "cuda/hosted/device.hpp"
#include "eig/hutchinson.hpp"
#include "eig/lanczos.hpp"
#include "eig/quadrature.hpp"
#include "eig/sketch.hpp"
#include "tests/eig_samples.hpp"

namespace c = saddlescape::cuda;
namespace ce = saddlescape::cuda::eig;
namespace eig = saddlescape::eig;

namespace {

using Vector = std::vector<double>;

const c::Stream stream;

// The products run where the vectors are: the device's memory is the host's here.
eig::Operator on_device(const Vector& d) {
  eig::Operator op = diagonal(d);
  op.vectors = std::make_shared<ce::DeviceVectors>(stream, op.n);
  return op;
}

// Every function of the vectors as the CPU has it, at the edges of blocks and pieces.
void as_on_the_cpu(std::int64_t n) {
  const std::int64_t j = 5;
  const ce::DeviceVectors device(stream, n);
  const eig::HostVectors host(n);
  const double size = static_cast<double>(n);
  for (const std::int64_t k : {1, 3}) {
    Vector v(static_cast<std::size_t>(j * n)), b(static_cast<std::size_t>(k * n));
    saddlescape::Random random(static_cast<std::uint64_t>(n + k));
    random.normals(v.data(), j * n);
    random.normals(b.data(), k * n);
    for (std::int64_t i = 0; i < j; ++i)
      host.scale(0.3 / eig::norm(host, v.data() + i * n), &v[i * n]);
    Vector results[2];
    for (int side = 0; side < 2; ++side) {
      const eig::Vectors& on = side ? static_cast<const eig::Vectors&>(device) : host;
      Vector x = b, w = v, h(static_cast<std::size_t>(j * k)),
             small(static_cast<std::size_t>(k), 1.0);
      Vector& all = results[side];
      const auto keep = [&](const Vector& numbers) {
        all.insert(all.end(), numbers.begin(), numbers.end());
      };
      on.project_out(j, w.data(), k, x.data(), h.data());
      keep(h);
      on.project_out_twice(j, w.data(), k, x.data(), h.data());
      keep(h);
      on.take_out(w.data(), k, x.data(), small.data());
      keep(small);
      on.norms(k, x.data(), small.data());
      keep(small);
      on.inner_products(j, w.data(), k, x.data(), -0.5, h.data());
      keep(h);
      on.swap(w.data(), w.data() + n);
      on.add(0.25, w.data() + n, w.data());
      on.shift_exponent(n, -3, w.data());
      const Vector s = {1, -2, 0.5, 0, 3, -1, 2, 1, 0.25, 1};
      on.rotate(2, j, s.data(), w.data());
      w.push_back(on.dot(x.data(), w.data()));
      w.push_back(*on.largest_exponent(j * n, v.data()));
      keep(w);
      keep(x);
    }
    double worst = 0;
    for (std::size_t i = 0; i < results[0].size(); ++i)
      worst = std::max(worst, std::abs(results[0][i] - results[1][i]));
    expect(worst < 1e-14 * (10 + size), "vectors as on the CPU", worst);
  }
  Vector strange(static_cast<std::size_t>(3 * n), 0.0), flags(3, -1.0);
  expect(!device.largest_exponent(3 * n, strange.data()), "zeros have no exponent");
  strange[static_cast<std::size_t>(2 * n - 1)] = std::numeric_limits<double>::quiet_NaN();
  strange[static_cast<std::size_t>(2 * n)] = -std::numeric_limits<double>::infinity();
  device.look_for_non_finite(3, strange.data(), flags.data());
  expect(flags == Vector{0, 1, 1}, "what is not finite is seen", size);
}

// Planted spectra: dense at an end, clusters, copies, graded, zero.
Vector planted(int which, std::int64_t n) {
  Vector d = n > 1 ? squares(n) : Vector{1.5};
  const double size = static_cast<double>(n);
  for (std::int64_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(i);
    if (which == 1) d[i] = i < 3 ? -2 : x / size;                      // three copies
    if (which == 2) d[i] = i < 4 ? -1 - 1e-5 * x : i % 2 ? 1.0 : 0.5;  // a cluster, two values
    if (which == 3) d[i] = (i % 2 ? -1 : 1) * std::pow(10, -12 * x / size);  // graded
    if (which == 4) d[i] = 0;
    if (which == 5) d[i] = 1e200 * (x - 5);
  }
  return d;
}

void pairs(int which, std::int64_t n, std::int64_t block) {
  Vector d = planted(which, n);
  const eig::Operator op = on_device(d);
  eig::LanczosOptions options;
  options.low = std::min<std::int64_t>(3, n);
  options.high = std::min<std::int64_t>(2, n - options.low);
  options.block = block;
  const std::int64_t k = options.low + options.high;
  Vector vectors(static_cast<std::size_t>(k * n));
  options.eigenvectors = vectors.data();
  const eig::LanczosResult r = eig::lanczos(op, options);
  expect(r.outcome == eig::Outcome::converged && r.missing <= 1e-4, "it converges", which);
  expect(r.eigenvectors.empty(), "the eigenvectors are on the device");
  const eig::LanczosResult again = eig::lanczos(op, options);
  expect(again.eigenvalues == r.eigenvalues && again.residuals == r.residuals, "the same bits");
  Vector sorted = d;
  std::sort(sorted.begin(), sorted.end());
  double norm = 0;
  for (double x : d) norm = std::max(norm, std::abs(x));
  for (std::int64_t i = 0; i < k; ++i) {
    const double exact = i < options.low ? sorted[i] : sorted[n - k + i];
    expect(std::abs(r.eigenvalues[i] - exact) <= r.bounds[i] + 1e-12 * norm, "within its bound",
           r.eigenvalues[i] - exact);
    double squares_sum = 0, length = 0;
    for (std::int64_t c = 0; c < n; ++c) {
      const double x = vectors[i * n + c],
                   left = (d[c] - r.eigenvalues[i]) / (norm > 0 ? norm : 1) * x;
      squares_sum += left * left;
      length += x * x;
    }
    expect(std::sqrt(squares_sum) * norm <= r.residuals[i] * 1.0001 + 1e-14 * norm, "the residual");
    expect(std::abs(length - 1) < 1e-12, "a unit vector", length);
  }
}

void near_a_start() {
  const Vector d = planted(0, 300);
  const eig::Operator op = on_device(d);
  eig::LanczosOptions options;
  Vector first(2 * 300), more(2 * 300);
  options.eigenvectors = first.data();
  const eig::LanczosResult cold = eig::lanczos(op, options);
  options.start = first.data();
  options.starts = 2;
  options.eigenvectors = more.data();
  const eig::LanczosResult warm = eig::lanczos(op, options);
  expect(warm.products < cold.products, "a start saves products",
         static_cast<double>(warm.products));
}

void densities() {
  const Vector d = planted(2, 400);
  const eig::Quadrature there = eig::quadrature(on_device(d), 30, 3, 1);
  const eig::Quadrature here = eig::quadrature(diagonal(d), 30, 3, 1);
  double worst = 0;
  expect(there.known.size() == here.known.size() && there.sizes == here.sizes, "as on the CPU");
  for (std::size_t i = 0; i < std::min(there.known.size(), here.known.size()); ++i)
    worst = std::max(worst, std::abs(there.known[i] - here.known[i]));
  expect(worst < 1e-9, "the outliers are the CPU's", worst);
  const eig::Quadrature whole = eig::quadrature(on_device(squares(40)), 40, 2, 1);
  expect(whole.known.size() == 40, "the whole spectrum of a small one");
}

void traces() {
  Vector d = squares(150);
  d[0] = 40;
  double exact = 0;
  for (double x : d) exact += x;
  const eig::Operator device = on_device(d), host = diagonal(d);  // they have to live on
  eig::Sketch there(device, 4, false, 3), here(host, 4, false, 3);
  for (eig::Sketch* each : {&there, &here})
    for (const std::int64_t count : {20, 13}) each->grow(count);
  double worst = 0;
  for (std::size_t i = 0; i < here.h().size(); ++i)
    worst = std::max({worst, std::abs(std::abs(there.h()[i]) - std::abs(here.h()[i])),
                      std::abs(std::abs(there.r()[i]) - std::abs(here.r()[i]))});
  expect(worst < 1e-10, "a sketch as on the CPU", worst);
  eig::Hutchinson signs(device, 3, false, 1);
  signs.sample(10);
  expect(std::abs(signs.trace_mean() - exact) < 1e-10, "of a diagonal matrix signs give the trace",
         signs.trace_mean() - exact);
  const eig::ExactDiagonal diagonal_of = eig::exact_diagonal(on_device(d), 7);
  expect(diagonal_of.values == d && diagonal_of.products == 151, "the diagonal exactly");
}

template <class Call>
void refused(const char* what, const Call& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    expect(std::string(error.what()).find(what) != std::string::npos, error.what());
    return;
  }
  expect(false, what);
}

void refusals() {
  const Vector d = squares(100);
  eig::Operator op = on_device(d);
  const auto own = op.apply;
  int calls = 0;
  op.apply = [&](std::int64_t k, const double* in, double* out) {
    own(k, in, out);
    if (++calls == 7) out[50] = std::numeric_limits<double>::quiet_NaN();
  };
  refused("op: product 7 holds NaN", [&] { eig::lanczos(op, {}); });
  op.apply = [&](std::int64_t k, const double* in, double* out) {
    own(k, in, out);
    out[0] += in[99];
  };
  refused("not symmetric", [&] { eig::lanczos(op, {}); });
  refused("not symmetric", [&] { eig::quadrature(op, 20, 1, 0); });
}

void out_of_memory() {
  const Vector d = squares(60);
  c::TestDevice& device = c::test_device();
  const std::int64_t before = device.used;
  int refusals_seen = 0;
  for (std::int64_t room = 0;; room += 2000) {
    device.limit = before + room;
    try {
      eig::lanczos(on_device(d), {});
      break;
    } catch (const c::OutOfMemory&) {
      ++refusals_seen;
    }
  }
  device.limit = std::numeric_limits<std::int64_t>::max();
  expect(refusals_seen > 5, "memory ends in many places", refusals_seen);
}

}  // namespace

int main() {
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
  for (const std::int64_t n : {1, 2, 255, 256, 257, 4095, 4097, 9001}) as_on_the_cpu(n);
  for (int which = 0; which < 6; ++which)
    for (const std::int64_t n : {1, 2, 40, 301})
      for (const std::int64_t block : {1, 3})
        if (block <= n) pairs(which, n, block);
  near_a_start();
  densities();
  traces();
  refusals();
  out_of_memory();
  return summary("lanczos on the device");
}
