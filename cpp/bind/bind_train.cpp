// What `train` calls: steps in bursts, and the sums that a loop in Python records by.
#include <pybind11/stl.h>

#include <memory>
#include <type_traits>
#include <variant>

#include "bind/array.hpp"
#include "bind/bursts.hpp"
#include "bind/gil.hpp"
#include "bind/net_arguments.hpp"
#include "bind/stepper.hpp"
#include "bind/turn.hpp"
#include "train/loop.hpp"

namespace py = pybind11;

namespace saddlescape::bind {
namespace {

// An array whose memory a loop was given. NumPy lets its owner resize it behind our back, with
// refcheck=False, or freeze it; a loop comes back to it burst after burst.
struct Lent {
  const char* name;
  py::object source;
  Array array;
  bool written;

  // As it was lent, or refused.
  void check() const {
    const auto look = written ? &checked_writable : &checked_array;
    if (look(source, name, {array.dtype}, array.shape).data != array.data)
      throw py::value_error(std::string(name) +
                            ": moved to other memory since the steps began, expected it at rest");
  }
};

// A loop, and what keeps its memory.
class TrainingLoop {
 public:
  TrainingLoop(const py::object& network, const py::object& stepper, const py::object& theta,
               const py::object& X, const py::object& Y, std::int64_t size, double l1, double l2,
               const py::object& weight, std::uint64_t seed, std::uint64_t step,
               const py::object& running)
      : held_(py::make_tuple(network, stepper)), stepper_(py::cast<Stepper&>(stepper)) {
    const auto& net = py::cast<const net::Architecture&>(network);
    const Arguments in(net, theta, X, Y, weight);
    const Array own = checked_writable(theta, "theta", {in.theta.dtype}, {net.parameters()});
    if (stepper_.params().ptr() != theta.ptr())
      throw py::value_error("stepper: made for other parameters, expected one made for theta");
    lent_ = {{"theta", theta, own, true}, {"X", X, in.X, false}, {"y", Y, in.Y, false}};
    if (!weight.is_none()) lent_.push_back({"weight", weight, in.weight, false});
    const train::Penalty penalty = penalty_of(l1, l2);
    train::Training training{seed, step};
    net::Mode mode;
    mode.training = true;
    // the statistics of one sample are no statistics
    size = bursts_.cut(in.samples(), size, net.coupled(mode) ? 2 : 1);
    if (net.coupled(mode)) {
      const Array averages = checked_writable(running, "running", {Dtype::float64},
                                              {std::int64_t(2), net.hidden_units()});
      check_finite(averages, "running");
      training.running = averages.as<double>();
      lent_.push_back({"running", running, averages, true});
    }
    with_dtype(own.dtype, [&](auto zero) {
      using T = decltype(zero);
      loop_ = std::make_unique<train::Loop<T>>(net, own.as<T>(), in.batch<T>(), size, penalty,
                                               training);
    });
  }

  bool run(const py::object& order, const py::object& rates, const py::object& weights,
           double seconds) {
    const Turn turn(stepper_.busy());
    for (const Lent& lent : lent_) lent.check();
    const train::Burst burst = bursts_.next(order, rates, weights, seconds);
    const train::Stepping stepping = stepper_.stepping();
    train::Progress progress;
    {
      const ReleaseGil release;
      progress = std::visit([&](auto& loop) { return loop->run(burst, stepping); }, loop_);
    }
    return bursts_.done(progress);
  }

  // Copies of what the next step looks back at: theta before the last one, its gradient or None,
  // and that gradient's norm.
  py::tuple memory() {
    const Turn turn(stepper_.busy());
    for (const Lent& lent : lent_) lent.check();  // who asks will keep it beside theta
    return std::visit(
        [](const auto& loop) {
          const auto kept = loop->memory();
          using T = std::remove_const_t<std::remove_pointer_t<decltype(kept.before)>>;
          const auto copied = [&](const T* from) -> py::object {
            if (!from) return py::none();
            return py::array_t<T>(static_cast<py::ssize_t>(loop->parameters()), from);
          };
          return py::make_tuple(copied(kept.before), copied(kept.gradient), kept.norm);
        },
        loop_);
  }

  void remember(const py::object& before, const py::object& gradient, double norm) {
    const Turn turn(stepper_.busy());
    const Array& theta = lent_.front().array;  // whatever became of it since
    const Array old = checked_like(before, "before", theta);
    Array last;
    if (!gradient.is_none()) last = checked_like(gradient, "gradient", theta);
    std::visit(
        [&](auto& loop) {
          using T = std::remove_const_t<std::remove_pointer_t<decltype(loop->memory().before)>>;
          loop->remember({old.as<T>(), gradient.is_none() ? nullptr : last.as<T>(), norm});
        },
        loop_);
  }

  py::object records() const { return bursts_.records(); }
  std::int64_t steps() const { return bursts_.steps(); }
  std::int64_t bytes() const {
    return std::visit([](const auto& loop) { return loop->bytes(); }, loop_);
  }

 private:
  py::tuple held_;
  std::vector<Lent> lent_;  // theta first
  Stepper& stepper_;
  Bursts bursts_;
  std::variant<std::unique_ptr<train::Loop<float>>, std::unique_ptr<train::Loop<double>>> loop_;
};

py::tuple measure(const py::object& gradient, const py::object& last, double last_norm) {
  const Array g = checked_array(gradient, "gradient", {Dtype::float32, Dtype::float64}, {any});
  Array before;
  if (!last.is_none()) before = checked_like(last, "last", g);
  return with_dtype(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    train::Partial partial;
    const train::Measured found =
        train::measure(g.as<T>(), before.as<T>(), last_norm, g.size, partial);
    return py::make_tuple(found.norm, found.cosine);
  });
}

double distance(const py::object& theta, const py::object& before) {
  const Array a = checked_array(theta, "theta", {Dtype::float32, Dtype::float64}, {any});
  const Array b = checked_like(before, "before", a);
  return with_dtype(a.dtype, [&](auto zero) {
    using T = decltype(zero);
    train::Partial partial;
    return train::distance(a.as<T>(), b.as<T>(), a.size, partial);
  });
}

double penalise(const net::Architecture& net, const py::object& theta, double l1, double l2,
                const py::object& gradient) {
  const Array w =
      checked_array(theta, "theta", {Dtype::float32, Dtype::float64}, {net.parameters()});
  const Array g = checked_writable(gradient, "gradient", {w.dtype}, {net.parameters()});
  const train::Penalty penalty = penalty_of(l1, l2);
  return with_dtype(w.dtype, [&](auto zero) {
    using T = decltype(zero);
    return train::penalise(net, w.as<T>(), penalty, g.as<T>());
  });
}

}  // namespace

void train(py::module_ module) {
  module.attr("momentum") = train::Training{}.momentum;
  module.attr("columns") = std::vector<std::string>{"loss", "gradient_norm", "gradient_cosine",
                                                    "update_norm", "learning_rate"};
  py::class_<TrainingLoop>(module, "Loop")
      .def(py::init<const py::object&, const py::object&, const py::object&, const py::object&,
                    const py::object&, std::int64_t, double, double, const py::object&,
                    std::uint64_t, std::uint64_t, const py::object&>(),
           py::arg("network"), py::arg("stepper"), py::arg("theta"), py::arg("X"), py::arg("Y"),
           py::arg("size"), py::arg("l1") = 0.0, py::arg("l2") = 0.0,
           py::arg("weight") = py::none(), py::arg("seed") = 0, py::arg("step") = 0,
           py::arg("running") = py::none())
      .def("run", &TrainingLoop::run, py::arg("order"), py::arg("rates"), py::arg("weights"),
           py::arg("seconds") = 0.05)
      .def_property_readonly("memory", &TrainingLoop::memory)
      .def("remember", &TrainingLoop::remember, py::arg("before"), py::arg("gradient"),
           py::arg("norm"))
      .def_property_readonly("records", &TrainingLoop::records)
      .def_property_readonly("steps", &TrainingLoop::steps)
      .def_property_readonly("bytes", &TrainingLoop::bytes);
  module.def("measure", &measure, py::arg("gradient"), py::arg("last"), py::arg("last_norm"));
  module.def("distance", &distance, py::arg("theta"), py::arg("before"));
  module.def("penalise", &penalise, py::arg("network"), py::arg("theta"), py::arg("l1"),
             py::arg("l2"), py::arg("gradient"));
}

}  // namespace saddlescape::bind
