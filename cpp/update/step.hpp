// The public face of the update rules: a step of any rule over a whole list of tensors, in place.
//
//   using namespace saddlescape::update;
//   Tensor tensor;                        // n numbers, their gradient, the rule's states (zeros)
//   Options options;
//   options.lr = 1e-3;
//   step(rule("sgd"), options, Real::float32, &tensor, 1);
//
// The same bits for every instruction set, number of threads, alignment, length and cut into
// tensors. Nothing is allocated, nothing is checked: the caller vouches for pointers and sizes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "update/options.hpp"

namespace saddlescape::update {

enum class Real { float32, float64 };

// A rule by name: "adam". `state_names` says what it keeps for each parameter.
struct Rule {
  const char* name;
  int index;
  std::vector<std::string> state_names;
};

// All of them, in alphabetical order.
const std::vector<Rule>& rules();

// Throws std::invalid_argument that names the rules there are.
const Rule& rule(const std::string& name);

// `size` numbers to be updated. No two of these arrays may share memory.
struct Tensor {
  std::int64_t size = 0;
  std::int64_t steps = 0;  // taken so far; `step` adds one
  void* parameters = nullptr;
  const void* gradient = nullptr;  // null: this step leaves the tensor out
  void* state[max_states] = {};    // one for each of the rule's state_names
};

// One step, in one parallel region over all tensors.
void step(const Rule& rule, const Options& options, Real real, Tensor* tensors, std::int64_t count);

// The first tensor whose gradient holds an infinite number or a NaN, or -1.
std::int64_t first_non_finite(Real real, const Tensor* tensors, std::int64_t count);

}  // namespace saddlescape::update
