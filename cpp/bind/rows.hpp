// Rows of a table as tensors of their own: what steps over a few rows share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>

#include "update/step.hpp"

namespace saddlescape::bind {

// Rules where a row that is left out stays as it is, or may: see optim.Rows.
inline bool takes_rows(const update::Rule& rule) {
  constexpr const char* names[] = {"adagrad", "adam", "sgd"};
  return std::any_of(std::begin(names), std::end(names),
                     [&](const char* name) { return name == std::string(rule.name); });
}

// Row number `row`, of `length` numbers, with its parameters and states; it has no gradient yet.
inline update::Tensor row_of(const update::Tensor& whole, std::int64_t row, std::int64_t length) {
  const auto offset = [&](void* array, update::Element type) -> void* {
    return array ? static_cast<char*>(array) + row * length * update::width(type) : nullptr;
  };
  update::Tensor tensor = whole;
  tensor.size = length;
  tensor.parameters = offset(whole.parameters, whole.parameter_type);
  tensor.copy = offset(whole.copy, whole.copy_type);
  for (int s = 0; s < update::max_states; ++s) {
    tensor.state[s] = offset(whole.state[s], whole.state_type);
    if (whole.scales[s]) tensor.scales[s] = whole.scales[s] + row * length / update::block8_size;
  }
  return tensor;
}

}  // namespace saddlescape::bind
