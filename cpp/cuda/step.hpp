// A step of any rule over a whole list of tensors in device memory: update/step.hpp's on the
// device.
//
// The bits are those of the CPU, but for Muon's products, which cuBLAS adds up in an order of its
// own: the same on each run, and beside the CPU's as far as the number of terms lets them be.
//
//   Workspace workspace;                     // kept from step to step
//   cuda::step(&group, tensors, count, around, workspace, Stream(stream));
//
// Pointers are the device's; everything happens in the stream's order. The host waits only where it
// has to know something: whether gradients were finite, a norm, how far a tensor of a normed or
// factored rule goes. What a step can be refused for, it is refused for before anything changes.
#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "cuda/plan.hpp"
#include "cuda/table.hpp"
#include "update/step.hpp"

namespace saddlescape::cuda {

// Memory that a step needs and the next one needs again.
class Workspace {
 public:
  // Throws OutOfMemory, and std::invalid_argument as `plan` does, before anything else happens.
  void prepare(const update::Group* groups, const update::Tensor* tensors, std::int64_t count,
               const update::Around& around, const Stream& stream);

  // Whether the list that was prepared has rules that look at norms.
  bool is_normed() const { return !plan_.directions.empty(); }

  // Or such whose matrices have products.
  bool has_matrices() const { return !plan_.matrices.empty(); }

  // On the device: what the last step that was asked for finds out.
  const Control* control() const { return letter_.as<Control>(); }

 private:
  friend class Stepping;
  friend class Captured;

  // What goes to the device in each step, in one copy: control, folds, rows of now. Two of them:
  // the host writes the next one while the last is still being read.
  struct Letter {
    Letter() = default;
    ~Letter();
    Letter(const Letter&) = delete;
    Letter& operator=(const Letter&) = delete;

    Memory memory{Memory::Where::host, "the step's arguments"};
    Event sent;
  };

  Plan plan_;
  bool planned_ = false;
  Memory rows_{Memory::Where::device, "the table of tensors"};
  Memory chunks_{Memory::Where::device, "the table of chunks"};
  Memory letter_{Memory::Where::device, "the step's arguments"};
  Memory order_{Memory::Where::device, "the table of tensors"};
  Memory groups_{Memory::Where::device, "the sums of groups of tiles"};
  Memory sums_{Memory::Where::device, "the sums of tiles"};
  Memory totals_{Memory::Where::device, "the sums of tensors"};
  Memory factorings_{Memory::Where::device, "the table of matrices"};
  Memory factor_sums_{Memory::Where::device, "the sums over rows and columns"};
  Memory means_{Memory::Where::device, "the means over rows"};
  Memory matrices_{Memory::Where::device, "the directions of matrices and their products"};
  Memory tables_{Memory::Where::host, "the table of tensors"};
  Memory answer_{Memory::Where::host, "the step's answer"};
  Letter letters_[2];
  int next_ = 0;
};

// As update::step, and the same tensors' fields are set. `stopped`: null, or a number of the
// device's; where it is not 0 by then, the step ends as with a gradient that is not finite.
update::Outcome step(const update::Group* groups, update::Tensor* tensors, std::int64_t count,
                     const update::Around& around, Workspace& workspace, const Stream& stream,
                     const std::int32_t* stopped = nullptr);

// The same, but what came of it stays in workspace.control(): the tensors count a step whether it
// happens or not, and the host waits for nothing but what normed and factored rules have to know.
void ask(const update::Group* groups, update::Tensor* tensors, std::int64_t count,
         const update::Around& around, Workspace& workspace, const Stream& stream,
         const std::int32_t* stopped = nullptr);

// As update::look. Waits.
update::Seen look(const update::Group* groups, update::Tensor* tensors, std::int64_t count,
                  const update::Around& around, Workspace& workspace, const Stream& stream);

}  // namespace saddlescape::cuda
