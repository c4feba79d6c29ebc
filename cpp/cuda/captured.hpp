// A step over a list of tensors that the device counts by itself: nothing is sent, nothing is read,
// nobody waits, so that a CUDA graph can hold it and be launched again.
//
//   Captured step(groups, tensors, count, around, inputs, stream);   // sends all that stays
//   step.launch(stream);                                             // captured, or as it is
//   step.read(tensors, stream);                                      // what came of it, now and
//   then
//
// The tensors' memory, their gradients' and the inputs' must stay where they are. A step with a
// gradient that is not finite leaves everything as it is, the count of steps too.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/step.hpp"

namespace saddlescape::cuda {

// Numbers on the device that change between launches.
struct Inputs {
  std::vector<const float*> lr;  // of each group; null or empty: the group's own
  const float* scale = nullptr;  // what the loss was multiplied by; null: around.unscale
  const float* found = nullptr;  // not 0 where gradients overflowed; null: they didn't
  update::Averaging averaging;   // in the place of around.average_weight
};

class Captured {
 public:
  // `groups`: so many. Throws as `step` does, and waits.
  Captured(const std::vector<update::Group>& groups, const update::Tensor* tensors,
           std::int64_t count, const update::Around& around, const Inputs& inputs,
           const Stream& stream);

  void launch(const Stream& stream);

  // Brings the tensors' counts of steps and norms to where the device is; what the last step found
  // out. Waits.
  update::Outcome read(update::Tensor* tensors, const Stream& stream);

  // Steps that were taken: those with a gradient that was not finite are none.
  std::int64_t calls() const { return calls_; }

 private:
  // Folds of one kind: folds[from] ... folds[from + count - 1].
  struct AdvanceLaunch {
    Launch launch;
    std::int64_t from, count;
  };

  void number(const std::vector<update::Group>& groups, const update::Tensor* tensors);
  void send(const std::vector<update::Group>& groups, const update::Tensor* tensors,
            const Inputs& inputs, const Stream& stream);
  void load(const Stream& stream);
  void set(const Control& control, const Stream& stream);
  void go_on(const Stream& stream);  // behind `begin`

  Workspace workspace_;
  update::Around around_;
  std::int64_t count_, calls_ = 0;
  std::vector<Progress> start_;     // of each fold
  std::vector<std::int64_t> fold_;  // of each tensor
  std::vector<AdvanceLaunch> advances_;
  Table table_{};
  Memory live_{Memory::Where::device, "the step's numbers"};
  Memory host_{Memory::Where::host, "the step's numbers"};
};

}  // namespace saddlescape::cuda
