// What the network on the device refuses, memory that is not there, the same bits again.
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cuda/hosted/device.hpp"
#include "cuda/net/assembly.hpp"
#include "cuda/net/network.hpp"
#include "tests/cuda_net_samples.hpp"
#include "tests/cuda_pair.hpp"

namespace {

namespace c = saddlescape::cuda;
namespace n = saddlescape::net;
using namespace saddlescape::cuda_net;

saddlescape::cuda_lists::Tally tally{"cuda net faults"};

template <class Call>
std::string refused(const Call& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

void check_refused() {
  const n::Architecture net{{2, 3, 1}};
  n::Architecture batch = net;
  batch.normalisation = n::Normalisation::batch;
  const Samples<float> some(batch, 3, false, false);
  c::Network<float> averaged(batch, stream);
  const Mirrored<float> outputs(some.theta);
  tally.expect(refused([&] {
                 averaged.predict(some.d_theta.data(), some.d_X.data(), 3, outputs.data());
               }).find("mode: no averages") == 0,
               "test time without averages");
  const Samples<double> none(net, 0, false, false);
  c::Network<double> network(net, stream);
  const Mirrored<double> out(none.theta);
  tally.expect(!refused([&] {
                  network.gradient(none.d_theta.data(), none.there(), out.data(), out.data());
                }).empty(),
               "a mean over no samples");
  network.predict(none.d_theta.data(), none.d_X.data(), 0, out.data());
  tally.expect(out.back() == none.theta, "the outputs of no samples are none");
}

// Where memory ends nothing has been written, and what would fit is said.
void check_memory(n::Normalisation normalisation) {
  c::TestDevice& device = c::test_device();
  n::Architecture net{{3, 8, 2}, n::Activation::tanh, n::Loss::mse};
  net.normalisation = normalisation;
  n::Mode mode;
  mode.training = true;
  const Samples<double> of(net, 50, false, false);
  const std::int64_t P = net.parameters();
  const Mirrored<double> out(std::vector<double>(static_cast<std::size_t>(P * P), 7.0)), value({7});
  const std::vector<double> before = out.back();
  for (int what = 0; what < 5; ++what) {
    c::Network<double> network(net, stream);
    c::DenseHessian dense(net, stream);
    const double* const theta = of.d_theta.data();
    const auto call = [&] {
      if (what == 0) network.predict(theta, of.d_X.data(), of.N, out.data(), mode);
      if (what == 1) network.loss(theta, of.there(), value.data(), mode);
      if (what == 2) network.gradient(theta, of.there(), out.data(), value.data(), mode);
      if (what == 3) network.products(theta, of.there(), theta, 1, out.data(), mode);
      if (what == 4) dense.compute(theta, of.there(), n::Part::all, 1, 2, out.data(), mode);
    };
    device.limit = device.used + 1000;
    std::string said;
    try {
      call();
    } catch (const c::OutOfMemory& error) {
      said = error.what();
    }
    device.limit = std::numeric_limits<std::int64_t>::max();
    tally.expect(said.find("50 samples at a time") != std::string::npos &&
                     said.find("would fit") != std::string::npos,
                 "out of memory says what would fit");
    tally.expect(out.back() == before && value.back()[0] == 7, "and changes nothing");
    call();
    tally.expect(what == 1 ? value.back()[0] != 7 : out.back() != before, "then it goes on");
    c::upload(stream, out.data(), before.data(), 8 * P * P);
    const double seven = 7;
    c::upload(stream, value.data(), &seven, 8);
    stream.wait();
  }
}

// Nor where the last thing that can't be had is the host's, for the batch's moments.
void check_memory_of_moments() {
  c::TestDevice& device = c::test_device();
  n::Architecture net{{3, 8, 2}, n::Activation::tanh, n::Loss::mse};
  net.normalisation = n::Normalisation::batch;
  const std::vector<double> sevens(16, 7.0);
  std::vector<double> seen = sevens;
  n::Mode mode;
  mode.training = true;
  mode.seen_mean = seen.data(), mode.seen_variance = seen.data() + 8;
  const Samples<double> of(net, 5, false, false);
  const Mirrored<double> out(of.theta), value({7});
  constexpr std::int64_t less_than_moments = 64;
  std::int64_t refused = 0;
  for (bool done = false; !done; ++refused) {
    c::Network<double> network(net, stream);
    device.limit = device.used + refused * less_than_moments;
    try {
      network.gradient(of.d_theta.data(), of.there(), out.data(), value.data(), mode);
      done = true;
    } catch (const c::OutOfMemory&) {
      tally.expect(out.back() == of.theta && value.back()[0] == 7 && seen == sevens,
                   "a pass with moments has all memory, or changes nothing");
    }
    device.limit = std::numeric_limits<std::int64_t>::max();
  }
  tally.expect(refused > 4 && seen != sevens, "until it has it");
}

// The same bits again, and NaN that is not hidden.
void check_bits() {
  const n::Architecture net{{3, 8, 2}, n::Activation::relu, n::Loss::cross_entropy};
  Samples<float> of(net, 50, false, false);
  c::Network<float> network(net, stream, {c::Precision::full, 3000});
  const Mirrored<float> one(of.theta), two(of.theta);
  const Mirrored<double> value({0});
  network.gradient(of.d_theta.data(), of.there(), one.data(), value.data());
  network.gradient(of.d_theta.data(), of.there(), two.data(), value.data());
  tally.expect(one.back() == two.back(), "the same bits again");
  std::vector<float> spoilt = of.theta;
  spoilt[0] = std::numeric_limits<float>::quiet_NaN();
  const Mirrored<float> theta(spoilt);
  network.gradient(theta.data(), of.there(), one.data(), value.data());
  tally.expect(std::isnan(value.back()[0]) && std::isnan(one.back()[0]), "NaN stays NaN");
}

}  // namespace

int main() {
#ifdef SADDLESCAPE_TEST_BLAS
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
#endif
  check_refused();
  check_bits();
  for (const auto& each : n::normalisations) check_memory(each.normalisation);
  check_memory_of_moments();
  return tally.end();
}
