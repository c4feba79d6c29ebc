// The network on the device, on device arrays alone: Python brings NumPy's there.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "bind/architecture.hpp"
#include "bind/cuda/net_arguments.hpp"
#include "bind/cuda/parts.hpp"
#include "bind/net_setting.hpp"
#include "cuda/net/assembly.hpp"
#include "cuda/net/launches.hpp"
#include "cuda/net/network.hpp"
#include "cuda/word.hpp"

namespace saddlescape::bind {
namespace {

using net::Architecture;

// theta, X and what else a call takes, on one device, and the stream that it runs in: that of the
// library that X comes from.
struct Call {
  TakenOnDevice X;
  cuda::Stream stream;
  cuda::OnDevice there;
  TakenOnDevice theta;
  std::optional<TakenOnDevice> Y, weight;

  Call(const Architecture& net, py::handle theta_in, py::handle X_in, py::handle Y_in = {},
       py::handle weight_in = {},
       std::initializer_list<Dtype> allowed = {Dtype::float32, Dtype::float64})
      : X(taken_on_device(X_in, "X", allowed, {any, net.inputs()})),
        stream(X.has_stream ? X.stream : cuda::Stream()),
        there(X.array.device),
        theta(taken_on_device(theta_in, "theta", {X.array.dtype}, {net.parameters()}, false,
                              stream)) {
    join(theta, "theta");
    if (Y_in) {
      Y = taken_on_device(Y_in, "y", {X.array.dtype}, {samples(), net.outputs()}, false, stream);
      join(*Y, "y");
    }
    if (weight_in && !weight_in.is_none()) {
      weight = taken_on_device(weight_in, "weight", {X.array.dtype}, {samples()}, false, stream);
      join(*weight, "weight");
    }
    if (Y_in && samples() == 0)
      throw py::value_error("X: shape " + shape_text(X.array.shape) +
                            ", expected at least one sample");
    check_numbers(X, stream, "X", -infinity, infinity, "finite numbers");
  }

  // The call's stream comes after what the array's own has been asked for.
  void join(const TakenOnDevice& array, const std::string& name) const {
    if (array.array.device != X.array.device)
      throw py::value_error(name + ": on device cuda:" + std::to_string(array.array.device) +
                            ", expected cuda:" + std::to_string(X.array.device) + " as X is");
    if (array.has_stream) stream.follow(array.stream);
  }

  void settled() const {
    for (const TakenOnDevice* each : {&X, &theta, Y ? &*Y : nullptr, weight ? &*weight : nullptr})
      if (each) settle(*each, stream);
  }

  std::int64_t samples() const { return X.array.shape[0]; }

  template <class T>
  net::Batch<T> batch() const {
    return {X.array.as<T>(), Y ? Y->array.as<T>() : nullptr, samples(),
            weight ? weight->array.as<T>() : nullptr};
  }

  DeviceArray made(const Shape& shape, const char* what) const {
    DeviceArray array(shape, X.array.dtype, what);
    array.written_in(stream);
    return array;
  }
};

// Keeps what a call leaves for the next one in the same stream.
class DeviceNetwork {
 public:
  DeviceNetwork(Architecture net, bool tf32) : net_(std::move(net)) {
    if (tf32) options_.precision = cuda::Precision::tf32;
    cuda::need_device("device='cuda'");
  }

  DeviceArray predict(py::handle theta, py::handle X, const Setting& setting) {
    const Call call(net_, theta, X);
    const net::Mode mode = setting.of(net_, call.samples());
    DeviceArray out = call.made({call.samples(), net_.outputs()}, "the outputs");
    run(call, [&](auto& network, auto zero) {
      using T = decltype(zero);
      network.predict(call.theta.array.as<T>(), call.X.array.as<T>(), call.samples(), out.as<T>(),
                      mode);
    });
    return out;
  }

  double loss(py::handle theta, py::handle X, py::handle Y, const Setting& setting,
              py::handle weight) {
    const Call call(net_, theta, X, Y, weight);
    const net::Mode mode = setting.of(net_, call.samples());
    return valued(call, [&](auto& network, auto zero, double* value) {
      using T = decltype(zero);
      network.loss(call.theta.array.as<T>(), call.batch<T>(), value, mode);
    });
  }

  py::tuple gradient(py::handle theta, py::handle X, py::handle Y, const Setting& setting,
                     py::handle weight) {
    const Call call(net_, theta, X, Y, weight);
    const auto [value, g] = loss_and_gradient(call, setting.of(net_, call.samples()));
    return py::make_tuple(value, g);
  }

  // (loss, g, moments): as the core's, the moments a NumPy array.
  py::tuple gradient_and_moments(py::handle theta, py::handle X, py::handle Y,
                                 const Setting& setting, py::handle weight) {
    const Call call(net_, theta, X, Y, weight);
    net::Mode mode = setting.of(net_, call.samples());
    if (!net_.coupled(mode))
      throw py::value_error("mode: no batch normalisation in training, expected one");
    py::array_t<double> moments({std::int64_t(2), net_.hidden_units()});
    mode.seen_mean = moments.mutable_data();
    mode.seen_variance = mode.seen_mean + net_.hidden_units();
    const auto [value, g] = loss_and_gradient(call, mode);
    return py::make_tuple(value, g, moments);
  }

  // V (P,) or (P, k).
  DeviceArray hvp(py::handle theta, py::handle X, py::handle Y, py::handle V_in,
                  const Setting& setting, py::handle weight) {
    const Call call(net_, theta, X, Y, weight);
    const net::Mode mode = setting.of(net_, call.samples());
    const std::int64_t P = net_.parameters();
    const TakenOnDevice V =
        taken_on_device(V_in, "V", {call.X.array.dtype}, {}, false, call.stream);
    const Shape& shape = V.array.shape;
    if ((shape.size() != 1 && shape.size() != 2) || shape[0] != P)
      throw py::value_error("V: shape " + shape_text(shape) + ", expected (" + std::to_string(P) +
                            ",) or (" + std::to_string(P) + ", any)");
    call.join(V, "V");
    check_numbers(V, call.stream, "V", -infinity, infinity, "finite numbers");
    const std::int64_t k = shape.size() == 2 ? shape[1] : 1;
    DeviceArray rows = call.made({k, P}, "the vectors"), out = call.made({k, P}, "the products");
    DeviceArray columns = call.made(shape, "the products");
    run(call, [&](auto& network, auto zero) {
      using T = decltype(zero);
      cuda::transpose(call.stream, V.array.as<T>(), rows.as<T>(), P, k);
      network.products(call.theta.array.as<T>(), call.batch<T>(), rows.as<T>(), k, out.as<T>(),
                       mode);
      cuda::transpose(call.stream, out.as<T>(), columns.as<T>(), k, P);
      settle(V, call.stream);
    });
    return columns;
  }

  DeviceArray hessian(py::handle theta, py::handle X, py::handle Y, const std::string& part,
                      std::int64_t first, std::int64_t last, const Setting& setting,
                      py::handle weight) {
    const Call call(net_, theta, X, Y, weight, {Dtype::float64});
    const net::Mode mode = setting.of(net_, call.samples());
    if (first < 1 || last > net_.layers() || first > last)
      throw py::value_error("layers: " + std::to_string(first) + " to " + std::to_string(last) +
                            ", expected a range within 1 to " + std::to_string(net_.layers()));
    const net::Part which = part_named(part);
    const std::int64_t size = net_.weight_offset(last + 1) - net_.weight_offset(first);
    DeviceArray H = hessian_room(call, size);
    const ReleaseGil release;
    const std::lock_guard<std::mutex> lock(mutex_);
    go_to(call);
    if (!dense_) dense_ = std::make_unique<cuda::DenseHessian>(net_, stream_);
    dense_->compute(call.theta.array.as<double>(), call.batch<double>(), which, first, last,
                    H.as<double>(), mode);
    call.settled();
    return H;
  }

 private:
  static DeviceArray hessian_room(const Call& call, std::int64_t size) {
    try {
      return call.made({size, size}, "the Hessian");
    } catch (const cuda::OutOfMemory& error) {
      throw cuda::OutOfMemory(error.what() + cuda::hessian_that_fits());
    }
  }

  // What is kept belongs to a stream.
  void go_to(const Call& call) {
    if (call.stream.handle() == stream_.handle() && call.X.array.device == device_) return;
    network32_.reset();
    network64_.reset();
    dense_.reset();
    stream_ = call.stream;
    device_ = call.X.array.device;
  }

  template <class T>
  cuda::Network<T>& network(std::unique_ptr<cuda::Network<T>>& kept) {
    if (!kept) kept = std::make_unique<cuda::Network<T>>(net_, stream_, options_);
    return *kept;
  }

  template <class Work>
  void run(const Call& call, const Work& work) {
    const ReleaseGil release;
    const std::lock_guard<std::mutex> lock(mutex_);
    go_to(call);
    if (call.X.array.dtype == Dtype::float32)
      work(network(network32_), float{});
    else
      work(network(network64_), double{});
    call.settled();
  }

  std::pair<double, DeviceArray> loss_and_gradient(const Call& call, const net::Mode& mode) {
    DeviceArray g = call.made({net_.parameters()}, "the gradient");
    const double value = valued(call, [&](auto& network, auto zero, double* mean) {
      using T = decltype(zero);
      network.gradient(call.theta.array.as<T>(), call.batch<T>(), g.as<T>(), mean, mode);
    });
    return {value, g};
  }

  // The number that work(network, zero, value) leaves in *value on the device.
  template <class Work>
  double valued(const Call& call, const Work& work) {
    cuda::Word mean;
    double value = 0;
    run(call, [&](auto& network, auto zero) {
      work(network, zero, mean.as<double>());
      value = mean.read<double>(call.stream);
    });
    return value;
  }

  Architecture net_;
  cuda::NetworkOptions options_;
  std::mutex mutex_;  // one call at a time: they share memory
  cuda::Stream stream_;
  int device_ = -1;
  std::unique_ptr<cuda::Network<float>> network32_;
  std::unique_ptr<cuda::Network<double>> network64_;
  std::unique_ptr<cuda::DenseHessian> dense_;
};

}  // namespace

void cuda_net(py::module_ module) {
  py::class_<DeviceNetwork>(module, "Network")
      .def(py::init([](std::vector<std::int64_t> sizes, const std::string& activation,
                       const std::string& loss, bool bias, const std::string& normalisation,
                       bool residual, double dropout, double huber_delta, bool normalise_after,
                       bool tf32) {
             return std::make_unique<DeviceNetwork>(
                 architecture(std::move(sizes), activation, loss, bias, normalisation, residual,
                              dropout, huber_delta, normalise_after),
                 tf32);
           }),
           py::arg("sizes"), py::arg("activation"), py::arg("loss"), py::arg("bias"),
           py::arg("normalisation"), py::arg("residual"), py::arg("dropout"),
           py::arg("huber_delta"), py::arg("normalise_after"), py::arg("tf32") = false)
      .def("predict", &DeviceNetwork::predict, py::arg("theta"), py::arg("X"), py::arg("mode"))
      .def("loss", &DeviceNetwork::loss, py::arg("theta"), py::arg("X"), py::arg("Y"),
           py::arg("mode"), py::arg("weight") = py::none())
      .def("gradient", &DeviceNetwork::gradient, py::arg("theta"), py::arg("X"), py::arg("Y"),
           py::arg("mode"), py::arg("weight") = py::none())
      .def("gradient_and_moments", &DeviceNetwork::gradient_and_moments, py::arg("theta"),
           py::arg("X"), py::arg("Y"), py::arg("mode"), py::arg("weight") = py::none())
      .def("hvp", &DeviceNetwork::hvp, py::arg("theta"), py::arg("X"), py::arg("Y"), py::arg("V"),
           py::arg("mode"), py::arg("weight") = py::none())
      .def("hessian", &DeviceNetwork::hessian, py::arg("theta"), py::arg("X"), py::arg("Y"),
           py::arg("part"), py::arg("first"), py::arg("last"), py::arg("mode"),
           py::arg("weight") = py::none());
  cuda_net_arguments(std::move(module));
}

}  // namespace saddlescape::bind
