#include "bind/cuda/captured_step.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "bind/cuda/device_array.hpp"
#include "bind/gil.hpp"
#include "bind/turn.hpp"

namespace saddlescape::bind {
namespace {

// A number that a launch reads; null where there is none.
const float* input(const py::object& source, const std::string& name, const DeviceHome& home,
                   std::vector<py::object>& held) {
  if (source.is_none()) return nullptr;
  const TakenOnDevice found =
      taken_on_device(source, name, {Dtype::float32}, {}, false, home.stream());
  if (found.array.size != 1 || found.array.device != home.number())
    throw py::value_error(name + ": shape " + shape_text(found.array.shape) +
                          " on device cuda:" + std::to_string(found.array.device) +
                          ", expected one number on cuda:" + std::to_string(home.number()));
  held.push_back(found.owner);
  return found.array.as<float>();
}

cuda::Inputs inputs_of(const py::list& lr, const py::object& grad_scale,
                       const py::object& found_inf, const DeviceHome& home,
                       std::vector<py::object>& held) {
  cuda::Inputs inputs;
  for (std::size_t k = 0; k < lr.size(); ++k)
    inputs.lr.push_back(input(lr[k], "lr[" + std::to_string(k) + "]", home, held));
  inputs.scale = input(grad_scale, "grad_scale", home, held);
  inputs.found = input(found_inf, "found_inf", home, held);
  return inputs;
}

}  // namespace

cuda::Optimizer DeviceStepper::begin_steps(const cuda::Stream& stream) {
  home_->begin(py::none());
  check_parameter(0);
  stream.follow(home().stream());
  auto& workspace = static_cast<DeviceHome&>(*home_).device_workspace();
  return {groups_.data(), tensors_.data(), &around, &workspace, &outcome_, &calls_};
}

void DeviceStepper::end_steps(const cuda::Stream& stream) {
  ++changes_;
  home().stream().follow(stream);
  home_->end();
}

CapturedStep::CapturedStep(DeviceStepper& owner, const py::object& grads, const py::list& lr,
                           const py::object& grad_scale, const py::object& found_inf,
                           const py::object& averaging, bool check_finite, const py::object& stream)
    : owner_(owner) {
  const Turn turn(owner.busy());
  const Stepper::Held held(owner);
  owner.begin(grads, stream);
  stream_ = owner.home().stream();
  cuda::Inputs inputs = inputs_of(lr, grad_scale, found_inf, owner.home(), held_);
  calls_ = owner.calls_;
  changes_ = owner.changes_;
  if (!averaging.is_none()) {
    inputs.averaging = py::cast<update::Averaging>(averaging);
    inputs.averaging.start -= calls_;  // the device counts from here
  }
  held_.insert(held_.end(), owner.held_.begin(), owner.held_.end());
  tensors_ = owner.tensors_;
  update::Around around = owner.around;
  around.check_finite = check_finite;
  const cuda::OnDevice there(owner.home().number());
  captured_ = std::make_unique<cuda::Captured>(owner.groups_, tensors_.data(), owner.count(),
                                               around, inputs, stream_);
  owner.home_->end();
}

void CapturedStep::check_unchanged() const {
  if (owner_.changes_ != changes_)
    throw std::runtime_error(
        "the optimizer has stepped or loaded a state on its own since this step was captured; "
        "capture it anew");
}

void CapturedStep::launch(const py::object& stream) {
  check_unchanged();
  const cuda::OnDevice there(owner_.home().number());
  captured_->launch(stream_of(stream, stream_));
}

void CapturedStep::read(const py::object& stream) {
  const Turn turn(owner_.busy());
  check_unchanged();
  const cuda::OnDevice there(owner_.home().number());
  const cuda::Stream reader = stream_of(stream, stream_);
  {
    const ReleaseGil release;
    owner_.outcome_ = captured_->read(tensors_.data(), reader);
  }
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    owner_.tensors_[i].steps = tensors_[i].steps;
    std::copy_n(tensors_[i].carried, update::max_carried, owner_.tensors_[i].carried);
    owner_.tensors_[i].norms = tensors_[i].norms;
  }
  owner_.calls_ = calls_ + captured_->calls();
}

CapturedBatch::CapturedBatch(DeviceBatch& batch, const py::list& parts, const py::list& lr,
                             const py::object& grad_scale, const py::object& found_inf,
                             bool check_finite, const py::object& stream) {
  const Turn turn(batch.busy_);
  const Batch::Clear clear(batch);
  batch.take(parts, 1.0, stream);
  stream_ = batch.home().stream();
  device_ = batch.home().number();
  const cuda::Inputs inputs = inputs_of(lr, grad_scale, found_inf, batch.home(), held_);
  held_.insert(held_.end(), batch.held_.begin(), batch.held_.end());
  tensors_ = batch.tensors_;
  for (const Batch::Place& place : batch.places_) places_.emplace_back(place.part, place.i);
  update::Around around = batch.around_;
  around.check_finite = check_finite;
  const cuda::OnDevice there(device_);
  captured_ = std::make_unique<cuda::Captured>(batch.groups_, tensors_.data(),
                                               static_cast<std::int64_t>(tensors_.size()), around,
                                               inputs, stream_);
  batch.home_->end();
}

void CapturedBatch::launch(const py::object& stream) {
  const cuda::OnDevice there(device_);
  captured_->launch(stream_of(stream, stream_));
}

py::list CapturedBatch::read(const py::object& stream) {
  const cuda::OnDevice there(device_);
  const cuda::Stream reader = stream_of(stream, stream_);
  {
    const ReleaseGil release;
    captured_->read(tensors_.data(), reader);
  }
  py::list rows;
  for (std::size_t n = 0; n < tensors_.size(); ++n)
    rows.append(py::make_tuple(places_[n].first, places_[n].second, tensors_[n].steps,
                               py::make_tuple(tensors_[n].carried[0], tensors_[n].carried[1])));
  return rows;
}

}  // namespace saddlescape::bind
