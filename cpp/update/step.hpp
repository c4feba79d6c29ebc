// The public face of the update rules: a step of any rule over a whole list of tensors, in place.
//
//   using namespace saddlescape::update;
//   Tensor tensor;                        // n numbers, their gradient, the rule's states (zeros)
//   Group group{&rule("sgd"), {}};
//   group.options.lr = 1e-3;
//   Workspace workspace;                  // kept from step to step
//   step(&group, &tensor, 1, {}, workspace);
//
// The same bits for every instruction set, number of threads, alignment, length and cut into
// tensors (8-bit states: cuts at whole blocks; dithered states: the element's index counts; rules
// that look at norms or shapes: whole tensors; matrix rules: BLAS chooses its instruction set by
// the CPU alone). Nothing is allocated once the workspace has grown, and nothing is checked but
// finiteness: the caller vouches for pointers and sizes.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "update/options.hpp"
#include "update/squares.hpp"
#include "update/storage.hpp"

namespace saddlescape::update {

// A rule by name: "adam". `state_names` says what it keeps for each parameter.
struct Rule {
  const char* name;
  Kind kind;
  int kernel;     // of the pass that moves the parameters, in SADDLESCAPE_KERNEL_LIST
  int direction;  // of the pass before it, or -1
  std::vector<std::string> state_names;
  std::vector<Nature> natures;  // of its states
  bool carries = false;         // max_carried numbers for each tensor
  bool takes_diagonal = false;  // of the Hessian, in its last state, where options.refresh says so
  bool set_first = false;       // the direction's pass sets the states, not the one that moves
};

// All of them, in alphabetical order.
const std::vector<Rule>& rules();

// Throws std::invalid_argument that names the rules there are.
const Rule& rule(const std::string& name);

// The shape of one of a rule's states where the parameters have this shape.
std::vector<std::int64_t> state_shape(const Rule& rule, int state,
                                      const std::vector<std::int64_t>& shape);

// Tensors that share a rule and its hyper-parameters.
struct Group {
  const Rule* rule = nullptr;
  Options options;
};

// Euclidean norms over a tensor.
struct Norms {
  double gradient = 0;   // unscaled and clipped by value, not by norm
  double update = 0;     // of what was added to the parameters
  double parameter = 0;  // after the step
};

// `size` numbers to be updated. No two of these arrays may share memory.
struct Tensor {
  std::int64_t size = 0;
  std::int64_t steps = 0;  // taken so far; `step` adds one
  int group = 0;           // in the list of groups
  void* parameters = nullptr;
  const void* gradient = nullptr;  // null: this step leaves the tensor out
  void* state[max_states] = {};    // one for each of the rule's state_names
  float* scales[max_states] = {};  // of 8-bit states, one for each block of block8_size
  void* copy = nullptr;            // the parameters again, in copy_type
  void* average = nullptr;         // of the parameters over the steps, in what is computed in
  Element parameter_type = Element::float32;
  Element gradient_type = Element::float32;  // float64 with float64 parameters, else any but that
  Element state_type = Element::float32;     // as the parameters or narrower
  Element copy_type = Element::bfloat16;
  // Of the matrix, or of each in a stack of them. 0: a vector; elementwise rules do not look.
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  double carried[max_carried] = {};   // numbers that the rule keeps for the whole tensor
  double before[max_carried] = {};    // the same before this step
  const double* row_means = nullptr;  // factored rules: set by each step, in the workspace
  double trust = 1;                   // normed rules: set by each step
  Norms norms;                        // set by each step that is asked for statistics
};

// What happens to all tensors round their rules, in the same pass.
struct Around {
  double unscale = 1;  // gradients are multiplied by it first
  double clip_value = std::numeric_limits<double>::infinity();  // then clamped to +- this
  double clip_norm = std::numeric_limits<double>::infinity();   // then shrunk to this norm of all
  double average_weight = 0;  // average <- average + weight (parameters - average); 0: no change
  bool statistics = false;
  bool norm_is_known = false;        // the norm to clip by is that of more gradients than these:
  double norm_of_all = 0;            // this one
  bool check_finite = true;          // a step with a NaN or infinite gradient changes nothing
  bool nearest_states = false;       // narrow states round to nearest, as PyTorch's do
  bool dithered_parameters = false;  // narrow parameters and copies are dithered, else to nearest
};

struct Outcome {
  std::int64_t non_finite = -1;  // the first tensor whose gradient is not finite: nothing was done
  double gradient_norm = 0;      // of all gradients, where clip_norm or statistics asked for it
  double clip = 1;               // what clip_norm multiplied them by
};

// What a step would find out before it changed anything.
struct Seen {
  std::int64_t non_finite = -1;  // as Outcome's
  std::vector<Squares> squares;  // of each tensor's gradient, where clip_norm asks for its norm
};

// Memory that a step needs and the next one needs again.
struct Workspace {
  std::vector<double> partial;        // sums over tiles
  std::vector<unsigned char> matrix;  // a direction and what its products need
  void* direction = nullptr;          // in there
  std::vector<double> columns;        // sums over columns
  std::vector<double> means;          // over rows
};

// One step: one parallel region over all tensors, one more for a norm to clip by and one for a
// normed rule. Matrix rules take two for each matrix and those of its products; they and factored
// ones one more to look at the gradients.
Outcome step(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
             Workspace& workspace);

// The look that `step` takes first: for gradients that step in several places, all of them or none.
// Of what it is given it changes norms.gradient alone.
Seen look(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
          Workspace& workspace);

// Numbers of a narrow type, exactly, as float32.
void widen(Element type, const void* source, std::int64_t n, float* out);

// The first tensor whose gradient holds an infinite number or a NaN, or -1.
std::int64_t first_non_finite(const Tensor* tensors, std::int64_t count);

}  // namespace saddlescape::update
