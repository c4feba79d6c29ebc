// A network as Python describes it, for the core and for the device.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/assembly.hpp"
#include "net/mlp.hpp"

namespace saddlescape::bind {

// Throws ValueError that names the argument.
net::Architecture architecture(std::vector<std::int64_t> sizes, const std::string& activation,
                               const std::string& loss, bool bias, const std::string& normalisation,
                               bool residual, double dropout, double huber_delta,
                               bool normalise_after);

net::Part part_named(const std::string& name);

}  // namespace saddlescape::bind
