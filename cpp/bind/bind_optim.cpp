// What `optim` calls: the hyper-parameters, the steppers that read them, and for PyTorch's
// optimizers the steps over states that live elsewhere.
#include "bind/batch.hpp"
#include "bind/parts.hpp"
#include "bind/stepper_class.hpp"

namespace py = pybind11;

namespace saddlescape::bind {
namespace {

std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const update::Rule& rule : update::rules()) names.emplace_back(rule.name);
  return names;
}

// Of the gradients that several optimizers looked at. `order`: of all tensors, who looked at it and
// which of its own it is.
double norm_of_all(const std::vector<update::Seen>& seen,
                   const std::vector<std::pair<std::size_t, std::size_t>>& order) {
  update::Squares sum;
  for (const auto& [who, i] : order) sum.add(seen.at(who).squares.at(i));
  return sum.norm();
}

double norm_of_norms(const std::vector<double>& norms) {
  update::Squares sum;
  for (const double norm : norms) sum.add_square(norm);
  return sum.norm();
}

}  // namespace

void optim(py::module_ module) {
  using update::Options;
  py::class_<Options>(module, "Options")
      .def(py::init<>())
      .def_readwrite("lr", &Options::lr)
      .def_readwrite("lr_decay", &Options::lr_decay)
      .def_readwrite("momentum", &Options::momentum)
      .def_readwrite("dampening", &Options::dampening)
      .def_readwrite("alpha", &Options::alpha)
      .def_readwrite("rho", &Options::rho)
      .def_readwrite("beta1", &Options::beta1)
      .def_readwrite("beta2", &Options::beta2)
      .def_readwrite("beta3", &Options::beta3)
      .def_readwrite("momentum_decay", &Options::momentum_decay)
      .def_readwrite("threshold", &Options::threshold)
      .def_readwrite("eta_minus", &Options::eta_minus)
      .def_readwrite("eta_plus", &Options::eta_plus)
      .def_readwrite("step_min", &Options::step_min)
      .def_readwrite("step_max", &Options::step_max)
      .def_readwrite("lambd", &Options::lambd)
      .def_readwrite("t0", &Options::t0)
      .def_readwrite("warmup", &Options::warmup)
      .def_readwrite("weight_lr_power", &Options::weight_lr_power)
      .def_readwrite("weight_step_power", &Options::weight_step_power)
      .def_readwrite("eps", &Options::eps)
      .def_readwrite("eps_root", &Options::eps_root)
      .def_readwrite("eps_hat", &Options::eps_hat)
      .def_readwrite("hessian_power", &Options::hessian_power)
      .def_readwrite("weight_decay", &Options::weight_decay)
      .def_readwrite("trust_coefficient", &Options::trust_coefficient)
      .def_readwrite("beta2_decay", &Options::beta2_decay)
      .def_readwrite("clip_threshold", &Options::clip_threshold)
      .def_readwrite("parameter_floor", &Options::parameter_floor)
      .def_readwrite("ns_a", &Options::ns_a)
      .def_readwrite("ns_b", &Options::ns_b)
      .def_readwrite("ns_c", &Options::ns_c)
      .def_readwrite("ns_steps", &Options::ns_steps)
      .def_readwrite("use_nesterov", &Options::use_nesterov)
      .def_readwrite("match_rms", &Options::match_rms)
      .def_readwrite("decoupled", &Options::decoupled)
      .def_readwrite("maximize", &Options::maximize)
      .def_readwrite("lr_inside", &Options::lr_inside)
      .def_readwrite("mean", &Options::mean)
      .def_readwrite("first_gradient", &Options::first_gradient)
      .def_readwrite("max_corrected", &Options::max_corrected)
      .def_readwrite("uncorrected", &Options::uncorrected)
      .def_readwrite("refresh", &Options::refresh);

  py::class_<update::Around>(module, "Around")
      .def_readwrite("unscale", &update::Around::unscale)
      .def_readwrite("clip_value", &update::Around::clip_value)
      .def_readwrite("clip_norm", &update::Around::clip_norm)
      .def_readwrite("norm_is_known", &update::Around::norm_is_known)
      .def_readwrite("norm_of_all", &update::Around::norm_of_all)
      .def_readwrite("average_weight", &update::Around::average_weight)
      .def_readwrite("statistics", &update::Around::statistics)
      .def_readwrite("dithered_parameters", &update::Around::dithered_parameters);

  py::class_<Layout>(module, "Layout")
      .def(py::init<std::string, bool, bool>(), py::arg("state_dtype") = "",
           py::arg("master_weights") = false, py::arg("average") = false);

  py::class_<update::Seen>(module, "Seen").def_readonly("non_finite", &update::Seen::non_finite);
  module.def("norm_of_all", &norm_of_all, py::arg("seen"), py::arg("order"));
  module.def("norm_of_norms", &norm_of_norms, py::arg("norms"));
  py::class_<Stepper> stepper(module, "Stepper");
  define_stepper(stepper);

  py::class_<Batch>(module, "Batch")
      .def(py::init<>())
      .def("check", &Batch::check, py::arg("parts"), py::arg("unscale") = 1.0,
           py::arg("stream") = py::none(), py::arg("check_finite") = true)
      .def("step", &Batch::step, py::arg("parts"), py::arg("check_finite") = true,
           py::arg("unscale") = 1.0, py::arg("stream") = py::none());

  module.def("rules", &rule_names);
  module.def(
      "state_names", [](const std::string& rule) { return update::rule(rule).state_names; },
      py::arg("rule"));
  module.def(
      "check_parameter",
      [](const py::object& array, const std::string& name) {
        taken_writable(array, name,
                       {Dtype::float32, Dtype::float64, Dtype::bfloat16, Dtype::float16});
      },
      py::arg("array"), py::arg("name"));
}

}  // namespace saddlescape::bind
