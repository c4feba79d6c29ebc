// Batches for tests of the network on the device, here and there.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "cuda/device.hpp"
#include "net/mlp.hpp"

namespace saddlescape::cuda_net {

namespace c = saddlescape::cuda;
namespace n = saddlescape::net;

inline const c::Stream stream;

// Numbers in (-1, 1) from a linear congruence: the same on every machine.
template <class T>
std::vector<T> numbers(std::int64_t count, std::uint64_t seed) {
  std::vector<T> all(static_cast<std::size_t>(count));
  for (T& x : all) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    x = static_cast<T>(static_cast<double>(seed >> 11) / 4503599627370496.0 - 1);
  }
  return all;
}

// A vector with a mirror on the device.
template <class T>
class Mirrored {
 public:
  explicit Mirrored(const std::vector<T>& numbers)
      : count_(static_cast<std::int64_t>(numbers.size())) {
    memory_.grow(std::max<std::int64_t>(1, bytes()));
    c::upload(stream, memory_.data(), numbers.data(), bytes());
    stream.wait();
  }
  T* data() const { return memory_.as<T>(); }
  std::vector<T> back() const {
    std::vector<T> numbers(static_cast<std::size_t>(count_));
    c::download(stream, numbers.data(), memory_.data(), bytes());
    stream.wait();
    return numbers;
  }

 private:
  std::int64_t bytes() const { return count_ * static_cast<std::int64_t>(sizeof(T)); }
  std::int64_t count_;
  c::Memory memory_{c::Memory::Where::device, "a test"};
};

template <class T>
double deviation(const std::vector<T>& a, const std::vector<T>& b) {
  double most = 0, large = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double apart = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    most = apart <= most ? most : apart;  // a NaN stays
    large = std::max(large, std::abs(static_cast<double>(b[i])));
  }
  return large > 0 ? most / large : most;
}

// Sums of some hundred numbers in another order: some units in the last place of the largest.
template <class T>
constexpr double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-12;

// A batch here and there.
template <class T>
struct Samples {
  std::vector<T> theta, X, Y, weight;
  std::vector<std::int64_t> order;
  Mirrored<T> d_theta, d_X, d_Y, d_weight;
  Mirrored<std::int64_t> d_order;
  std::int64_t N;

  Samples(const n::Architecture& net, std::int64_t N_in, bool weighted, bool ordered)
      : theta(numbers<T>(net.parameters(), 1)),
        X(numbers<T>((N_in + 3) * net.inputs(), 5)),
        Y(numbers<T>((N_in + 3) * net.outputs(), 6)),
        weight(numbers<T>(weighted ? N_in + 3 : 0, 7)),
        order(static_cast<std::size_t>(ordered ? N_in : 0)),
        d_theta(theta),
        d_X(X),
        d_Y(Y = halves(Y)),
        d_weight(weight = halves(weight)),
        d_order(order = shuffled(order)),
        N(N_in) {}

  n::Batch<T> here() const {
    return {X.data(), Y.data(), N, weight.empty() ? nullptr : weight.data(),
            order.empty() ? nullptr : order.data()};
  }
  n::Batch<T> there() const {
    return {d_X.data(), d_Y.data(), N, weight.empty() ? nullptr : d_weight.data(),
            order.empty() ? nullptr : d_order.data()};
  }

 private:
  static std::vector<T> halves(std::vector<T> x) {  // into [0, 1)
    for (T& each : x) each = (each + 1) / 2;
    return x;
  }
  // With repeats, and rows behind the first N.
  static std::vector<std::int64_t> shuffled(std::vector<std::int64_t> order) {
    const auto count = static_cast<std::int64_t>(order.size());
    for (std::int64_t i = 0; i < count; ++i) order[i] = (5 * i + 2) % (count + 3);
    return order;
  }
};

}  // namespace saddlescape::cuda_net
