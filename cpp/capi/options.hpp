// Hyper-parameters that cross the C border: each rule's defaults, the range of each option, and the
// core's own struct made from them.
#pragma once

#include <cstddef>
#include <string>

#include "capi/saddlescape.h"
#include "update/options.hpp"

namespace saddlescape::capi {

// The defaults of `rule`, one of update::rules(): those of its class in Python.
saddlescape_options defaults(const std::string& rule);

// Throws std::invalid_argument if a struct of `size` bytes is none of ours: smaller than the first
// version.
void check_options_size(const char* name, std::size_t size);

// The caller's options, of whatever version, as this version's. Throws std::invalid_argument that
// names an option which is out of range, which the rule does not read, or which is newer than this
// library.
saddlescape_options checked(const std::string& rule, const saddlescape_options& options);

// Throws std::invalid_argument unless lr is finite and at least 0.
void check_lr(double lr);

update::Options core_options(const saddlescape_options& options);

}  // namespace saddlescape::capi
