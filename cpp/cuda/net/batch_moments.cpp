#include "cuda/net/batch_moments.hpp"

#include <algorithm>
#include <stdexcept>

namespace saddlescape::cuda {
namespace {

std::int64_t bytes_of(const net::Architecture& net) {
  return 2 * net.hidden_units() * static_cast<std::int64_t>(sizeof(double));
}

}  // namespace

LayerMode BatchMoments::take(const Stream& stream, const net::Architecture& net,
                             const net::Mode& mode) {
  if (net.normalisation != net::Normalisation::batch || net.layers() == 1) return {mode, nullptr};
  there_.grow(bytes_of(net));
  if (!net.coupled(mode) || mode.seen_mean) here_.grow(bytes_of(net));
  if (net.coupled(mode)) return {mode, there()};
  if (!mode.mean || !mode.variance)
    throw std::invalid_argument("mode: no averages, expected those of batch normalisation");
  sent_.wait();  // for what was sent before
  double* const here = here_.as<double>();
  std::copy_n(mode.mean, net.hidden_units(), here);
  std::copy_n(mode.variance, net.hidden_units(), here + net.hidden_units());
  upload(stream, there(), here, bytes_of(net));
  sent_.record(stream);
  return {mode, there()};
}

void BatchMoments::report(const Stream& stream, const net::Architecture& net,
                          const net::Mode& mode) {
  if (!net.coupled(mode) || !mode.seen_mean) return;
  double* const here = here_.as<double>();
  download(stream, here, there(), bytes_of(net));
  stream.wait();
  std::copy_n(here, net.hidden_units(), mode.seen_mean);
  std::copy_n(here + net.hidden_units(), net.hidden_units(), mode.seen_variance);
}

}  // namespace saddlescape::cuda
