#include "capi/settings.hpp"

#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>

#include "capi/versioned.hpp"

namespace saddlescape::capi {
namespace {

using update::Element;

// A later version ends later; the first one ended here.
constexpr std::size_t first_size =
    offsetof(saddlescape_settings, stochastic_rounding) + sizeof(std::int32_t);
static_assert(first_size == sizeof(saddlescape_settings), "padding would be read as a setting");

constexpr const char* real_names[] = {"SADDLESCAPE_FLOAT32", "SADDLESCAPE_FLOAT64",
                                      "SADDLESCAPE_BFLOAT16", "SADDLESCAPE_FLOAT16"};
constexpr Element elements[] = {Element::float32, Element::float64, Element::bfloat16,
                                Element::float16};

[[noreturn]] void refuse(const std::string& name, const std::string& value,
                         const std::string& expected) {
  throw std::invalid_argument(name + ": " + value + ", expected " + expected);
}

void check_limit(const char* name, double value) {
  if (std::isfinite(value) && value >= 0) return;
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  refuse(std::string("settings.") + name, text, "a finite number > 0, or 0 for none");
}

void check_flag(const char* name, std::int32_t value) {
  if (value != 0 && value != 1)
    refuse(std::string("settings.") + name, std::to_string(value), "0 or 1");
}

void check_average(const saddlescape_settings& s) {
  if (s.average < SADDLESCAPE_AVERAGE_NONE || s.average > SADDLESCAPE_AVERAGE_SWA)
    refuse("settings.average", std::to_string(s.average),
           "SADDLESCAPE_AVERAGE_NONE, SADDLESCAPE_AVERAGE_EMA or SADDLESCAPE_AVERAGE_SWA");
  if (!(s.average_decay >= 0 && s.average_decay < 1))
    refuse("settings.average_decay", std::to_string(s.average_decay), "a number >= 0 and < 1");
  if (s.average_start < 0)
    refuse("settings.average_start", std::to_string(s.average_start), "at least 0");
  if (s.average_every < 1)
    refuse("settings.average_every", std::to_string(s.average_every), "at least 1");
}

// Types that do not go together.
void check_types(const update::Rule& rule, const saddlescape_settings& s) {
  const Element parameters = checked_real("settings.parameters", s.parameters);
  const Element gradients = checked_real("settings.gradients", s.gradients);
  const std::string with = std::string(" with ") + real_names[s.parameters - 1] + " parameters";
  const bool wide = parameters == Element::float64;
  if (wide != (gradients == Element::float64))
    refuse("settings.gradients", real_names[s.gradients - 1] + with,
           wide ? "SADDLESCAPE_FLOAT64" : "any but SADDLESCAPE_FLOAT64");
  if (s.master_weights && (wide || parameters == Element::float32))
    refuse("settings.master_weights", "1" + with,
           "0: only SADDLESCAPE_BFLOAT16 and SADDLESCAPE_FLOAT16 parameters need them");
  if (s.states < SADDLESCAPE_STATES_COMPUTED || s.states > SADDLESCAPE_STATES_8BIT)
    refuse("settings.states", std::to_string(s.states),
           "SADDLESCAPE_STATES_COMPUTED, SADDLESCAPE_STATES_BFLOAT16 or SADDLESCAPE_STATES_8BIT");
  if (s.states == SADDLESCAPE_STATES_COMPUTED) return;
  if (wide)
    refuse("settings.states", std::to_string(s.states) + with, "SADDLESCAPE_STATES_COMPUTED");
  for (std::size_t i = 0; i < rule.natures.size(); ++i)
    if (update::is_exact(rule.natures[i]))
      refuse("settings.states", std::to_string(s.states) + " with rule '" + rule.name + "'",
             "SADDLESCAPE_STATES_COMPUTED: its '" + rule.state_names[i] + "' needs full precision");
}

double limit_of(double setting) {
  return setting > 0 ? setting : std::numeric_limits<double>::infinity();
}

}  // namespace

saddlescape_settings default_settings() {
  saddlescape_settings s{};
  s.size = sizeof s;
  s.average_decay = 0.999;
  s.average_every = 1;
  s.parameters = s.gradients = SADDLESCAPE_FLOAT32;
  return s;
}

void check_settings_size(const char* name, std::size_t size) {
  check_size(name, size, first_size, "saddlescape_settings", "saddlescape_settings_init");
}

saddlescape_settings checked(const update::Rule& rule, const saddlescape_settings& settings) {
  check_settings_size("settings.size", settings.size);
  const saddlescape_settings s = adopted("settings", default_settings(), settings);
  check_limit("clip_norm", s.clip_norm);
  check_limit("clip_value", s.clip_value);
  check_flag("master_weights", s.master_weights);
  check_flag("stochastic_rounding", s.stochastic_rounding);
  check_average(s);
  check_types(rule, s);
  return s;
}

Element checked_real(const char* argument, int real) {
  if (real >= SADDLESCAPE_FLOAT32 && real <= SADDLESCAPE_FLOAT16) return elements[real - 1];
  refuse(argument, std::to_string(real),
         "SADDLESCAPE_FLOAT32, SADDLESCAPE_FLOAT64, SADDLESCAPE_BFLOAT16 or SADDLESCAPE_FLOAT16");
}

Layout layout_of(const saddlescape_settings& s) {
  Layout layout;
  layout.parameters = elements[s.parameters - 1];
  layout.gradients = elements[s.gradients - 1];
  layout.states = update::element_of(layout.real());
  if (s.states == SADDLESCAPE_STATES_BFLOAT16) layout.states = Element::bfloat16;
  if (s.states == SADDLESCAPE_STATES_8BIT) layout.states = Element::block8;
  layout.master_weights = s.master_weights != 0;
  return layout;
}

update::Averaging averaging_of(const saddlescape_settings& s) {
  using Kind = update::Averaging::Kind;
  constexpr Kind kinds[] = {Kind::none, Kind::exponential, Kind::mean};
  return {kinds[s.average], s.average_decay, s.average_start, s.average_every};
}

void apply(const saddlescape_settings& s, update::Around& around) {
  around.clip_norm = limit_of(s.clip_norm);
  around.clip_value = limit_of(s.clip_value);
  around.dithered_parameters = s.stochastic_rounding != 0;
}

}  // namespace saddlescape::capi
