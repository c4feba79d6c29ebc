// Settings that cross the C border: types, and what happens round the rule.
#pragma once

#include <cstddef>
#include <string>

#include "capi/saddlescape.h"
#include "update/averaging.hpp"
#include "update/step.hpp"

namespace saddlescape::capi {

// How an optimizer keeps its numbers.
struct Layout {
  update::Element parameters = update::Element::float32;  // the caller's
  update::Element gradients = update::Element::float32;
  update::Element states = update::Element::float32;
  bool master_weights = false;

  update::Real real() const { return update::real_of(parameters); }
};

saddlescape_settings default_settings();

// Throws std::invalid_argument if a struct of `size` bytes is none of ours.
void check_settings_size(const char* name, std::size_t size);

// The caller's settings, of whatever version, as this version's. Throws std::invalid_argument that
// names a setting which is out of range, does not fit another one or the rule, or is newer than
// this library.
saddlescape_settings checked(const update::Rule& rule, const saddlescape_settings& settings);

// Throws std::invalid_argument that names `argument` unless it is one of saddlescape_real.
update::Element checked_real(const char* argument, int real);

Layout layout_of(const saddlescape_settings& settings);
update::Averaging averaging_of(const saddlescape_settings& settings);
void apply(const saddlescape_settings& settings, update::Around& around);

}  // namespace saddlescape::capi
