// Powers that are the same on every machine, beside those of long double.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <limits>

#include "core/power.hpp"

namespace {

namespace power = saddlescape::power;

int cases = 0, failed = 0;

void expect(bool ok, const char* what) {
  ++cases;
  if (ok) return;
  std::printf("failed: %s\n", what);
  ++failed;
}

// In units in the last place of the double beside it.
double error(double x, long double exact) {
  const auto nearest = static_cast<double>(exact);
  const double unit = std::nextafter(std::fabs(nearest), std::numeric_limits<double>::infinity()) -
                      std::fabs(nearest);
  return static_cast<double>(std::fabs(static_cast<long double>(x) - exact) /
                             static_cast<long double>(unit));
}

// Numbers between 0 and 1 that have no pattern.
double fraction(int i, int salt) {
  const double x = 12345.6789 * std::sin(0.7 + 1.1 * i + 3.3 * salt);
  return x - std::floor(x);
}

struct Worst {
  double whole = 0, real = 0, log = 0, exp = 0, root = 0;
  int floats = 0;
};

void take(int i, Worst& worst) {
  const auto larger = [](double& most, double x) { most = x > most ? x : most; };
  const double y = 3 * (fraction(i, 1) - 0.3), k = fraction(i, 2);
  // Far from 1, and near it, where a logarithm is small.
  for (const double x :
       {std::exp(60 * (fraction(i, 3) - 0.5)), 1 + 1e-6 * (fraction(i, 4) - 0.5)}) {
    const auto exact = static_cast<long double>(x);
    larger(worst.real, error(power::real_power(x, y), powl(exact, static_cast<long double>(y))));
    larger(worst.log, error(power::logarithm(x), logl(exact)));
  }
  const double z = 1380 * (fraction(i, 5) - 0.5);
  larger(worst.exp, error(power::exponential(z), expl(static_cast<long double>(z))));
  const double wide = std::exp(z);
  larger(worst.root, error(power::root_power(wide, k),
                           powl(static_cast<long double>(wide), static_cast<long double>(k))));
  const auto narrow = static_cast<float>(std::exp(80 * (fraction(i, 6) - 0.6)));
  const auto exact = static_cast<float>(
      powl(static_cast<long double>(narrow), static_cast<long double>(static_cast<float>(k))));
  const double root =
      power::root_power(static_cast<double>(narrow), static_cast<double>(static_cast<float>(k)));
  worst.floats += static_cast<float>(root) == exact ? 0 : 1;
}

void check_errors() {
  Worst worst;
  for (int i = 0; i < 50000; ++i) take(i, worst);
  std::printf("powers: errors of %.4f, log %.4f, exp %.4f, roots %.4f, %d float32 roots\n",
              worst.real, worst.log, worst.exp, worst.root, worst.floats);
  expect(worst.real < 0.501, "x^y is rounded as if it had been exact");
  expect(worst.log < 0.501, "so is log x");
  expect(worst.exp < 0.501, "so is e^x");
  expect(worst.root < 2, "x^k of elements is within two units");
  expect(worst.floats == 0, "and in float32 as if it had been exact");
}

// x^n beside the host's pow, which has an error of up to 0.52 units in the last place.
void check_powers() {
  std::int64_t all = 0, other = 0, wrong = 0;
  for (const double x : {0.9, 0.99, 0.999, 0.9999, static_cast<double>(0.95F), 1.0, 0.0})
    for (std::int64_t n = 0; n < 40000; n += 1 + n / 300) {
      const double ours = power::whole_power(x, n);
      const double host = std::pow(x, static_cast<double>(n));
      const auto exact =
          static_cast<double>(powl(static_cast<long double>(x), static_cast<long double>(n)));
      ++all;
      if (ours != host) ++other;
      if (ours != exact &&
          std::fabs(ours - exact) > std::fabs(std::nextafter(exact, 1) - exact) + 5e-324)
        ++wrong;
    }
  std::printf("powers: %lld of %lld are not the host's\n", static_cast<long long>(other),
              static_cast<long long>(all));
  expect(wrong == 0, "powers are at most a unit beside those of long double");
  expect(50 * other <= all, "and mostly the host's");
}

void check_ends() {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double x : {0.0, 5e-324, 1e-310, 1.0, 1e308, infinity, nan})
    for (const double k : {0.0, 0.3, 0.5, 1.0}) {
      const double ours = power::root_power(x, k), host = std::pow(x, k);
      expect(ours == host || std::fabs(ours - host) < 1e-15 * host ||
                 (std::isnan(ours) && std::isnan(host)),
             "x^k at the ends of the range");
    }
  for (const double x : {0.0, 1.0, 7.0, 1e200, infinity})
    for (const double y : {0.0, 0.5, 1.0, 2.0, 40.0, -0.5, -3.0}) {
      const double host = std::pow(x, y);
      expect(power::real_power(x, y) == host, "x^y at the ends of the range");
    }
  expect(power::logarithm(0) == -infinity && power::logarithm(infinity) == infinity &&
             std::isnan(power::logarithm(-1)),
         "log at the ends of the range");
  expect(power::exponential(-800) == 0 && power::exponential(800) == infinity &&
             power::exponential(-infinity) == 0 && std::isnan(power::exponential(nan)),
         "e^x at the ends of the range");
}

}  // namespace

int main() {
  check_errors();
  check_powers();
  check_ends();
  std::printf("power: %d cases, %d failed\n", cases, failed);
  return failed == 0 ? 0 : 1;
}
