// What `train` calls for a network on the device: saddlescape._core.train's loop, in its memory.
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "bind/bursts.hpp"
#include "bind/cuda/captured_step.hpp"
#include "bind/cuda/net_arguments.hpp"
#include "bind/cuda/parts.hpp"
#include "bind/turn.hpp"
#include "cuda/train/loop.hpp"

namespace saddlescape::bind {
namespace {

// A loop in the stream that its optimizer had when it was made, and what keeps its memory.
class DeviceTrainingLoop {
 public:
  DeviceTrainingLoop(const py::object& network, const py::object& stepper, const py::object& theta,
                     const py::object& X, const py::object& Y, std::int64_t size, double l1,
                     double l2, const py::object& weight, bool tf32, std::uint64_t seed,
                     std::uint64_t step, const py::object& running)
      : held_{network, stepper}, stepper_(py::cast<DeviceStepper&>(stepper)) {
    const auto& net = py::cast<const net::Architecture&>(network);
    if (stepper_.params().ptr() != theta.ptr())
      throw py::value_error("stepper: made for other parameters, expected one made for theta");
    const Turn turn(stepper_.busy());
    stream_ = stepper_.stream();
    device_ = stepper_.device();
    const cuda::OnDevice there(device_);
    const std::initializer_list<Dtype> reals{Dtype::float32, Dtype::float64};
    theta_ = lent(theta, "theta", reals, {net.parameters()});
    const Array inputs = lent(X, "X", {theta_.dtype}, {any, net.inputs()}, -infinity);
    const std::int64_t samples = inputs.shape[0];
    if (samples == 0)
      throw py::value_error("X: shape " + shape_text(inputs.shape) +
                            ", expected at least one sample");
    const Array targets = lent(Y, "y", {theta_.dtype}, {samples, net.outputs()}, -infinity);
    Array own;
    if (!weight.is_none()) own = lent(weight, "weight", {theta_.dtype}, {samples}, 0);
    const train::Penalty penalty = penalty_of(l1, l2);
    cuda::NetworkOptions options;
    if (tf32) options.precision = cuda::Precision::tf32;
    net::Mode mode;
    mode.training = true;
    // the statistics of one sample are no statistics
    size = bursts_.cut(samples, size, net.coupled(mode) ? 2 : 1);
    train::Training training{seed, step};
    if (net.coupled(mode)) {
      running_ = running;
      averages_ = checked_averages({std::int64_t(2), net.hidden_units()});
      training.running = averages_.as<double>();
    }
    with_dtype(theta_.dtype, [&](auto zero) {
      using T = decltype(zero);
      const net::Batch<T> data{inputs.as<T>(), targets.as<T>(), samples, own.as<T>()};
      loop_ = std::make_unique<cuda::DeviceLoop<T>>(net, theta_.as<T>(), data, size, penalty,
                                                    stream_, options, training);
    });
  }

  bool run(const py::object& order, const py::object& rates, const py::object& weights,
           double seconds) {
    const Turn turn(stepper_.busy());
    if (averages_.data && checked_averages(averages_.shape).data != averages_.data)
      throw py::value_error(
          "running: moved to other memory since the steps began, expected it at rest");
    const train::Burst burst = bursts_.next(order, rates, weights, seconds);
    const cuda::OnDevice there(device_);
    const cuda::Optimizer optimizer = stepper_.begin_steps(stream_);
    train::Progress progress;
    try {
      const ReleaseGil release;
      progress = std::visit([&](auto& loop) { return loop->run(burst, optimizer); }, loop_);
    } catch (...) {
      stepper_.end_steps(stream_);
      throw;
    }
    stepper_.end_steps(stream_);
    return bursts_.done(progress);
  }

  // Copies on the host of what the next step looks back at: theta before the last one, its gradient
  // or None, and that gradient's norm.
  py::tuple memory() {
    const Turn turn(stepper_.busy());
    const cuda::OnDevice there(device_);
    return std::visit(
        [&](const auto& loop) {
          const auto kept = loop->memory();
          using T = std::remove_const_t<std::remove_pointer_t<decltype(kept.before)>>;
          const auto copied = [&](const T* from) -> py::object {
            if (!from) return py::none();
            Array array = theta_;
            array.data = const_cast<T*>(from);
            return to_host(array, stream_);
          };
          return py::make_tuple(copied(kept.before), copied(kept.gradient), kept.norm);
        },
        loop_);
  }

  // `before` and `gradient` are the host's.
  void remember(const py::object& before, const py::object& gradient, double norm) {
    const Turn turn(stepper_.busy());
    const cuda::OnDevice there(device_);
    std::vector<DeviceArray> sent;
    const auto send = [&](const py::object& source, const char* name) -> const void* {
      if (source.is_none()) return nullptr;
      checked_array(source, name, {theta_.dtype}, theta_.shape);
      sent.push_back(to_device(source, name, stream_, {theta_.dtype}));
      return sent.back().data();
    };
    if (before.is_none()) checked_array(before, "before", {theta_.dtype});  // says so
    const void* const old = send(before, "before");
    const void* const last = send(gradient, "gradient");
    std::visit(
        [&](auto& loop) {
          using T = std::remove_const_t<std::remove_pointer_t<decltype(loop->memory().before)>>;
          loop->remember({static_cast<const T*>(old), static_cast<const T*>(last), norm});
        },
        loop_);
    stream_.wait();  // for what was sent
  }

  py::object records() const { return bursts_.records(); }
  std::int64_t steps() const { return bursts_.steps(); }

 private:
  // Those of batch normalisation, the host's.
  Array checked_averages(const Shape& shape) const {
    const Array found = checked_writable(running_, "running", {Dtype::float64}, shape);
    check_finite(found, "running");
    return found;
  }

  // An array of the device's, kept, with no number below `low` where that is given.
  Array lent(const py::object& source, const char* name, std::initializer_list<Dtype> allowed,
             const Shape& shape, double low = std::numeric_limits<double>::quiet_NaN()) {
    const TakenOnDevice found = taken_on_device(source, name, allowed, shape, false, stream_);
    if (found.array.device != device_)
      throw py::value_error(std::string(name) +
                            ": on device cuda:" + std::to_string(found.array.device) +
                            ", expected cuda:" + std::to_string(device_) + " as theta is");
    if (found.has_stream) stream_.follow(found.stream);
    if (low <= 0)
      check_numbers(found, stream_, name, low, infinity,
                    low < 0 ? "finite numbers" : "finite numbers >= 0");
    held_.push_back(source);
    held_.push_back(found.owner);
    return found.array;
  }

  std::vector<py::object> held_;
  DeviceStepper& stepper_;
  Array theta_;
  py::object running_ = py::none();
  Array averages_;
  int device_ = 0;
  cuda::Stream stream_;
  Bursts bursts_;
  std::variant<std::unique_ptr<cuda::DeviceLoop<float>>, std::unique_ptr<cuda::DeviceLoop<double>>>
      loop_;
};

}  // namespace

void cuda_train(py::module_ module) {
  py::class_<DeviceTrainingLoop>(std::move(module), "Loop")
      .def(py::init<const py::object&, const py::object&, const py::object&, const py::object&,
                    const py::object&, std::int64_t, double, double, const py::object&, bool,
                    std::uint64_t, std::uint64_t, const py::object&>(),
           py::arg("network"), py::arg("stepper"), py::arg("theta"), py::arg("X"), py::arg("Y"),
           py::arg("size"), py::arg("l1") = 0.0, py::arg("l2") = 0.0,
           py::arg("weight") = py::none(), py::arg("tf32") = false, py::arg("seed") = 0,
           py::arg("step") = 0, py::arg("running") = py::none())
      .def("run", &DeviceTrainingLoop::run, py::arg("order"), py::arg("rates"), py::arg("weights"),
           py::arg("seconds") = 0.05)
      .def_property_readonly("memory", &DeviceTrainingLoop::memory)
      .def("remember", &DeviceTrainingLoop::remember, py::arg("before"), py::arg("gradient"),
           py::arg("norm"))
      .def_property_readonly("records", &DeviceTrainingLoop::records)
      .def_property_readonly("steps", &DeviceTrainingLoop::steps);
}

}  // namespace saddlescape::bind
