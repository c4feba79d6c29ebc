// An optimizer of device arrays, and a step of it that a CUDA graph can hold: cuda/captured.hpp's,
// for Python.
#pragma once

#include <memory>
#include <vector>

#include "bind/batch.hpp"
#include "bind/cuda/device_home.hpp"
#include "bind/stepper.hpp"
#include "cuda/captured.hpp"
#include "cuda/train/loop.hpp"

namespace saddlescape::bind {

class DeviceStepper : public Stepper {
 public:
  DeviceStepper(const std::vector<std::string>& rules, const py::object& params,
                const std::vector<double>& fills, const std::vector<int>& group,
                const std::vector<std::string>& labels, const Layout& layout)
      : Stepper(rules, params, fills, group, labels, layout, device_home()) {}

  // For steps that a loop takes by itself in `stream`, between these two, while `busy` is held: of
  // a single array, as it was.
  cuda::Optimizer begin_steps(const cuda::Stream& stream);
  void end_steps(const cuda::Stream& stream);

  int device() const { return home().number(); }
  const cuda::Stream& stream() const { return home().stream(); }  // of the last step

 private:
  friend class CapturedStep;
  const DeviceHome& home() const { return static_cast<const DeviceHome&>(*home_); }
};

class CapturedStep {
 public:
  // `lr`: for each group a float32 on the device, or None: what it is now. `grad_scale`,
  // `found_inf`: the same, or None. `averaging`: update::Averaging, or None.
  CapturedStep(DeviceStepper& owner, const py::object& grads, const py::list& lr,
               const py::object& grad_scale, const py::object& found_inf,
               const py::object& averaging, bool check_finite, const py::object& stream);

  // Kernels alone: nothing is sent, nobody waits.
  void launch(const py::object& stream);

  // Brings the optimizer's counts to where the device is. Waits.
  void read(const py::object& stream);

 private:
  void check_unchanged() const;

  DeviceStepper& owner_;
  std::vector<py::object> held_;  // what keeps gradients and inputs where they are
  std::vector<update::Tensor> tensors_;
  std::int64_t calls_, changes_;  // the optimizer's, by then
  cuda::Stream stream_;
  std::unique_ptr<cuda::Captured> captured_;
};

class DeviceBatch : public Batch {
 public:
  DeviceBatch() : Batch(device_home()) {}

 private:
  friend class CapturedBatch;
  const DeviceHome& home() const { return static_cast<const DeviceHome&>(*home_); }
};

// The same of parameters whose states live in dictionaries.
class CapturedBatch {
 public:
  CapturedBatch(DeviceBatch& batch, const py::list& parts, const py::list& lr,
                const py::object& grad_scale, const py::object& found_inf, bool check_finite,
                const py::object& stream);

  void launch(const py::object& stream);

  // For each gradient: its part, its place there, the steps of its parameter and what the rule
  // carries for it. Waits.
  py::list read(const py::object& stream);

 private:
  std::vector<py::object> held_;
  std::vector<update::Tensor> tensors_;
  std::vector<std::pair<std::size_t, std::size_t>> places_;
  int device_ = 0;
  cuda::Stream stream_;
  std::unique_ptr<cuda::Captured> captured_;
};

}  // namespace saddlescape::bind
