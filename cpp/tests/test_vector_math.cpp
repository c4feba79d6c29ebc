// exp and log in vectors, and the activations made of it, against libm in long double: errors in
// units in the last place, the ends of the range, the same bits for every instruction set.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/isa.hpp"
#include "core/vector_math.hpp"
#include "net/activation.hpp"
#include "net/activation_kernels.hpp"

namespace {

namespace net = saddlescape::net;
using saddlescape::vector_math::exponential;
using saddlescape::vector_math::log_one_more;
using Wide = long double;

int failures = 0;

void expect(bool ok, const char* what, double value) {
  if (ok) return;
  std::printf("failed: %s (%g)\n", what, value);
  ++failures;
}

// The distance of x from what it should be, in units in the last place of that.
template <class T>
double units(T x, Wide right) {
  if (x == static_cast<T>(right)) return 0;
  const T near = std::abs(static_cast<T>(right));
  const T unit = std::nextafter(near, std::numeric_limits<T>::infinity()) - near;
  return static_cast<double>(std::abs(static_cast<Wide>(x) - right) / static_cast<Wide>(unit));
}

template <class T>
void exponentials(T least) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform;
  double value = 0, less_one = 0;
  for (int i = 0; i < 300000; ++i) {
    // Over the whole range, and of all sizes near 0.
    const double f = uniform(random);
    const T x = i % 2 ? static_cast<T>(static_cast<double>(least) * f)
                      : static_cast<T>(-std::exp(40 * f - 38));
    if (x < least) continue;
    const auto e = exponential(x);
    value = std::max(value, units(e.value, std::exp(static_cast<Wide>(x))));
    less_one = std::max(less_one, units(e.less_one, std::expm1(static_cast<Wide>(x))));
  }
  expect(value <= 1.5, "e^x", value);
  expect(less_one <= 1.5, "e^x - 1", less_one);
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  expect(exponential(T(0)).value == 1 && exponential(T(0)).less_one == 0, "e^0", 0);
  expect(exponential(-infinity).value == 0 && exponential(-infinity).less_one == -1, "e^-inf", 0);
  expect(exponential(-std::numeric_limits<T>::max()).value == 0, "e^-large", 0);
  expect(std::isnan(exponential(nan).value) && std::isnan(exponential(nan).less_one), "NaN", 0);
}

// Of all sizes from far below a unit of 1 to the largest number, and at what is special.
template <class T>
void logarithms() {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform;
  const double low = std::log(static_cast<double>(std::numeric_limits<T>::min())),
               high = std::log(static_cast<double>(std::numeric_limits<T>::max()));
  double worst = 0;
  for (int i = 0; i < 300000; ++i) {
    const double f = uniform(random);
    const T x = i % 3 == 0   ? static_cast<T>(std::exp(low + f * (high - low)))
                : i % 3 == 1 ? static_cast<T>(std::exp(8 * f - 5))
                             : static_cast<T>(f);
    worst = std::max(worst, units(log_one_more(x), std::log1p(static_cast<Wide>(x))));
  }
  expect(worst <= 1.5, "log(1 + x)", worst);
  std::printf("log(1 + x): %.3f units in the last place at most\n", worst);
  const T nan = std::numeric_limits<T>::quiet_NaN();
  expect(log_one_more(T(0)) == 0, "log(1 + 0)", 0);
  expect(std::isnan(log_one_more(nan)), "log(1 + NaN)", 0);
  expect(std::isnan(log_one_more(std::copysign(nan, T(-1)))), "log(1 - NaN)", 0);
}

template <class T>
std::vector<T> arguments() {
  std::mt19937_64 random(2);
  std::normal_distribution<double> normal;
  std::vector<T> z = {T(0), -T(0), T(1e-30L), T(-1e-30L), T(30), T(-30), T(800), T(-800)};
  for (int i = 0; i < 20001; ++i)
    z.push_back(static_cast<T>(normal(random) * std::exp(2 * normal(random))));
  return z;
}

// Each value within a few units of what activation.hpp gives in long double: as many as the
// operations that its formula rounds. Far out, where phi' underflows, to its smallest number.
template <class T>
void activations(std::vector<unsigned char>& bits) {
  for (const auto& each : net::activations) {
    const net::Activate<T> loop = net::activation_kernels().table<T>().of(each.activation);
    if (!loop) continue;
    const std::vector<T> z = arguments<T>();
    std::vector<T> values(z), slopes(z.size()), curvatures(z.size()), only(z), two(z), slope(z);
    loop(values.data(), slopes.data(), curvatures.data(), static_cast<std::int64_t>(z.size()));
    loop(two.data(), slope.data(), nullptr, static_cast<std::int64_t>(z.size()));
    loop(only.data(), nullptr, nullptr, static_cast<std::int64_t>(z.size()));
    expect(only == values && two == values && slope == slopes, each.name, 0);
    double worst = 0;
    net::with_activation(each.activation, [&](auto phi) {
      for (std::size_t i = 0; i < z.size(); ++i) {
        const net::Jet<Wide> right = phi.derivatives(static_cast<Wide>(z[i]));
        const Wide least = std::numeric_limits<T>::min();
        const auto off = [&](T x, Wide exact, Wide scale) {
          const Wide distance = std::abs(static_cast<Wide>(x) - exact);
          const Wide unit = static_cast<Wide>(std::numeric_limits<T>::epsilon());
          return distance <= 4 * least ? 0.0 : static_cast<double>(distance / (unit * scale));
        };
        // Where a sum cancels (silu) its terms are the scale.
        const Wide a = std::abs(static_cast<Wide>(z[i]));
        const bool sums = each.activation == net::Activation::silu;
        worst = std::max(worst, off(values[i], right.value, std::abs(right.value)));
        worst = std::max(worst, off(slopes[i], right.slope,
                                    sums ? std::abs(right.slope) + std::min<Wide>(a, 1)
                                         : std::abs(right.slope)));
        // The sigmoid's phi'' has the difference of the function at z and -z in it.
        const bool differs = each.activation == net::Activation::sigmoid;
        worst = std::max(worst, off(curvatures[i], right.curvature,
                                    std::abs(right.curvature) + (sums ? std::min<Wide>(a, 1) : 0) +
                                        (differs ? right.slope : 0)));
      }
    });
    expect(worst <= 8, each.name, worst);
    for (const auto* x : {&values, &slopes, &curvatures}) {
      const auto* data = reinterpret_cast<const unsigned char*>(x->data());
      bits.insert(bits.end(), data, data + x->size() * sizeof(T));
    }
    T nan[1] = {std::numeric_limits<T>::quiet_NaN()};
    loop(nan, nullptr, nullptr, 1);
    expect(std::isnan(nan[0]), each.name, 0);
  }
}

}  // namespace

int main() {
  namespace isa = saddlescape::isa;
  exponentials(-744.0);
  exponentials(-103.0F);
  logarithms<double>();
  logarithms<float>();
  std::vector<unsigned char> reference;
  for (isa::Isa each : isa::available()) {
    isa::force(isa::name(each));
    std::vector<unsigned char> bits;
    activations<float>(bits);
    activations<double>(bits);
    if (reference.empty()) reference = bits;
    expect(bits == reference, "the same bits for every instruction set", 0);
  }
  if (failures == 0) std::printf("vector math: all good\n");
  return failures == 0 ? 0 : 1;
}
