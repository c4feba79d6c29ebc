#include "capi/options.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "capi/versioned.hpp"

namespace saddlescape::capi {
namespace {

enum class Range { finite, non_negative, fraction, at_least_4 };

struct Number {
  const char* name;
  double saddlescape_options::* ours;
  double update::Options::* core;
  Range range;
};

struct Flag {
  const char* name;
  std::int32_t saddlescape_options::* ours;
  bool update::Options::* core;
};

#define SADDLESCAPE_MEMBERS(name) #name, &saddlescape_options::name, &update::Options::name
const Number numbers[] = {
    {SADDLESCAPE_MEMBERS(lr), Range::non_negative},
    {SADDLESCAPE_MEMBERS(lr_decay), Range::non_negative},
    {SADDLESCAPE_MEMBERS(momentum), Range::non_negative},
    {SADDLESCAPE_MEMBERS(dampening), Range::finite},
    {SADDLESCAPE_MEMBERS(alpha), Range::finite},  // narrower for some rules: see check_pairs
    {SADDLESCAPE_MEMBERS(rho), Range::fraction},
    {SADDLESCAPE_MEMBERS(beta1), Range::fraction},
    {SADDLESCAPE_MEMBERS(beta2), Range::fraction},
    {SADDLESCAPE_MEMBERS(beta3), Range::fraction},
    {SADDLESCAPE_MEMBERS(momentum_decay), Range::non_negative},
    {SADDLESCAPE_MEMBERS(threshold), Range::at_least_4},  // r_t is a root of rho_t - 4
    {SADDLESCAPE_MEMBERS(eta_minus), Range::finite},
    {SADDLESCAPE_MEMBERS(eta_plus), Range::finite},
    {SADDLESCAPE_MEMBERS(step_min), Range::non_negative},
    {SADDLESCAPE_MEMBERS(step_max), Range::non_negative},
    {SADDLESCAPE_MEMBERS(lambd), Range::non_negative},
    {SADDLESCAPE_MEMBERS(t0), Range::finite},
    {SADDLESCAPE_MEMBERS(warmup), Range::non_negative},
    {SADDLESCAPE_MEMBERS(weight_lr_power), Range::non_negative},
    {SADDLESCAPE_MEMBERS(weight_step_power), Range::non_negative},
    {SADDLESCAPE_MEMBERS(trust_coefficient), Range::non_negative},
    {SADDLESCAPE_MEMBERS(eps), Range::non_negative},
    {SADDLESCAPE_MEMBERS(eps_root), Range::non_negative},
    {SADDLESCAPE_MEMBERS(eps_hat), Range::non_negative},
    {SADDLESCAPE_MEMBERS(weight_decay), Range::non_negative},
    {"initial_accumulator_value", &saddlescape_options::initial_accumulator_value, nullptr,
     Range::non_negative},
};

const Flag flags[] = {
    {SADDLESCAPE_MEMBERS(decoupled)},
    {SADDLESCAPE_MEMBERS(maximize)},
    {SADDLESCAPE_MEMBERS(lr_inside)},
    {SADDLESCAPE_MEMBERS(mean)},
    {SADDLESCAPE_MEMBERS(first_gradient)},
    {SADDLESCAPE_MEMBERS(max_corrected)},
    {SADDLESCAPE_MEMBERS(uncorrected)},
    {"allow_non_finite", &saddlescape_options::allow_non_finite, nullptr},
};
#undef SADDLESCAPE_MEMBERS

// A later version ends later; the first one ended here.
constexpr std::size_t first_size =
    offsetof(saddlescape_options, allow_non_finite) + sizeof(std::int32_t);
static_assert(first_size == sizeof(saddlescape_options), "padding would be read as an option");

// What a rule reads, and what it takes where nobody says otherwise.
struct Default {
  const char* option;
  double value;
};
struct Defaults {
  const char* rule;
  std::vector<Default> options;
};

using List = std::vector<Default>;

List operator+(List a, const List& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Every rule but Rprop, which looks at signs only, has a penalty.
List common(double lr, double weight_decay = 0) {
  return {{"lr", lr}, {"weight_decay", weight_decay}, {"maximize", 0}, {"allow_non_finite", 0}};
}

List betas(double beta1, double beta2) { return {{"beta1", beta1}, {"beta2", beta2}}; }

List epsilons(double eps, double eps_hat = 0) {
  return {{"eps", eps}, {"eps_root", 0}, {"eps_hat", eps_hat}};
}

const std::vector<Defaults>& table() {
  static const std::vector<Defaults> all = [] {
    const List adam = betas(0.9, 0.999) + epsilons(1e-8);
    const List maximum = {{"max_corrected", 0}, {"uncorrected", 0}};
    const List heavy_ball = {{"momentum", 0.9}, {"lr_inside", 0}};
    const List rmsprop = common(1e-2) + List{{"alpha", 0.99}, {"eps", 1e-8}, {"eps_root", 0}};
    return std::vector<Defaults>{
        {"adadelta", common(1.0) + List{{"rho", 0.9}, {"eps", 1e-6}}},
        {"adagrad", common(1e-2) + List{{"lr_decay", 0},
                                        {"eps", 1e-10},
                                        {"eps_root", 0},
                                        {"mean", 0},
                                        {"initial_accumulator_value", 0}}},
        {"adam", common(1e-3) + adam},
        {"adamax", common(2e-3) + betas(0.9, 0.999) + List{{"eps", 1e-8}, {"eps_hat", 0}}},
        {"adamw", common(1e-3, 1e-2) + adam},
        {"adan", common(1e-3) + betas(0.98, 0.92) + epsilons(1e-8) +
                     List{{"beta3", 0.99}, {"decoupled", 0}}},
        {"ademamix", common(1e-3) + adam + List{{"beta3", 0.9999}, {"alpha", 5.0}, {"warmup", 0}}},
        {"amsgrad", common(1e-3) + adam + maximum},
        {"amsgradw", common(1e-3, 1e-2) + adam + maximum},
        {"asgd", common(1e-2) + List{{"lambd", 1e-4}, {"alpha", 0.75}, {"t0", 1e6}}},
        {"lamb", common(1e-3) + betas(0.9, 0.999) + epsilons(1e-6)},
        {"lars", common(1.0) + List{{"momentum", 0.9}, {"trust_coefficient", 1e-3}, {"eps", 0}}},
        {"lion", common(1e-4) + betas(0.9, 0.99)},
        {"momentum", common(1e-3) + heavy_ball + List{{"dampening", 0}}},
        {"nadam", common(2e-3) + adam + List{{"momentum_decay", 4e-3}, {"decoupled", 0}}},
        {"nesterov", common(1e-3) + heavy_ball},
        {"radam", common(1e-3) + betas(0.9, 0.999) + epsilons(0, 1e-8) +
                      List{{"threshold", 5.0}, {"decoupled", 0}}},
        {"rmsprop", rmsprop + List{{"first_gradient", 0}}},
        // No first_gradient: a variance that starts at one gradient is 0.
        {"rmsprop_centered", rmsprop},
        {"rmsprop_centered_momentum", rmsprop + heavy_ball},
        {"rmsprop_momentum", rmsprop + heavy_ball + List{{"first_gradient", 0}}},
        {"rprop",
         {{"lr", 1e-2},
          {"eta_minus", 0.5},
          {"eta_plus", 1.2},
          {"step_min", 1e-6},
          {"step_max", 50},
          {"maximize", 0},
          {"allow_non_finite", 0}}},
        {"schedule_free_adamw",
         common(2.5e-3) + adam +
             List{{"warmup", 0}, {"weight_lr_power", 2}, {"weight_step_power", 0}}},
        {"sgd", common(1e-3)},
    };
  }();
  return all;
}

const Defaults& find(const std::string& rule) {
  for (const Defaults& each : table())
    if (rule == each.rule) return each;
  throw std::logic_error("rule: '" + rule + "' has no defaults in the C interface");
}

bool reads(const Defaults& rule, const char* option) {
  return std::any_of(rule.options.begin(), rule.options.end(),
                     [&](const Default& each) { return std::strcmp(each.option, option) == 0; });
}

[[noreturn]] void refuse(const char* option, double value, const std::string& expected) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  throw std::invalid_argument("options." + std::string(option) + ": " + text + ", expected " +
                              expected);
}

void check(const char* option, double value, Range range) {
  const bool finite = std::isfinite(value);
  switch (range) {
    case Range::finite:
      if (!finite) refuse(option, value, "a finite number");
      return;
    case Range::non_negative:
      if (!finite || value < 0) refuse(option, value, "a finite number >= 0");
      return;
    case Range::fraction:
      if (!(value >= 0 && value < 1)) refuse(option, value, "a number >= 0 and < 1");
      return;
    case Range::at_least_4:
      if (!finite || value < 4) refuse(option, value, "a finite number >= 4");
      return;
  }
}

// Ranges that depend on the rule or on another option.
void check_pairs(const std::string& rule, const saddlescape_options& o) {
  if (rule.rfind("rmsprop", 0) == 0) check("alpha", o.alpha, Range::fraction);
  if (rule == "ademamix") check("alpha", o.alpha, Range::non_negative);
  if (rule == "momentum" && o.lr_inside && o.dampening != 0)
    refuse("dampening", o.dampening, "0 with lr_inside");
  if (rule == "schedule_free_adamw" && o.beta1 == 0)
    refuse("beta1", o.beta1, "> 0: x is read from y and z");
  if (rule == "rprop") {
    if (!(o.eta_minus > 0 && o.eta_minus < 1)) refuse("eta_minus", o.eta_minus, "> 0 and < 1");
    if (!(o.eta_plus > 1)) refuse("eta_plus", o.eta_plus, "> 1");
    if (o.step_min > o.step_max) refuse("step_min", o.step_min, "at most step_max");
  }
}

}  // namespace

void check_options_size(const char* name, std::size_t size) {
  check_size(name, size, first_size, "saddlescape_options", "saddlescape_options_init");
}

saddlescape_options defaults(const std::string& rule) {
  saddlescape_options options{};
  options.size = sizeof options;
  for (const Default& each : find(rule).options) {
    for (const Number& number : numbers)
      if (std::strcmp(number.name, each.option) == 0) options.*number.ours = each.value;
    for (const Flag& flag : flags)
      if (std::strcmp(flag.name, each.option) == 0) options.*flag.ours = each.value != 0;
  }
  return options;
}

saddlescape_options checked(const std::string& rule, const saddlescape_options& options) {
  check_options_size("options.size", options.size);
  const saddlescape_options o = adopted("options", defaults(rule), options);
  const Defaults& known = find(rule);
  for (const Number& number : numbers) {
    const double value = o.*number.ours;
    if (reads(known, number.name))
      check(number.name, value, number.range);
    else if (!(value == 0))
      refuse(number.name, value, "0: rule '" + rule + "' does not read it");
  }
  for (const Flag& flag : flags) {
    const std::int32_t value = o.*flag.ours;
    if (value != 0 && value != 1) refuse(flag.name, value, "0 or 1");
    if (value && !reads(known, flag.name))
      refuse(flag.name, value, "0: rule '" + rule + "' does not read it");
  }
  check_pairs(rule, o);
  return o;
}

void check_lr(double lr) {
  if (std::isfinite(lr) && lr >= 0) return;
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", lr);
  throw std::invalid_argument(std::string("lr: ") + text + ", expected a finite number >= 0");
}

update::Options core_options(const saddlescape_options& options) {
  update::Options core;
  for (const Number& number : numbers)
    if (number.core) core.*number.core = options.*number.ours;
  for (const Flag& flag : flags)
    if (flag.core) core.*flag.core = options.*flag.ours != 0;
  return core;
}

}  // namespace saddlescape::capi
