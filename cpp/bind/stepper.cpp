#include "bind/stepper.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "bind/elements.hpp"
#include "bind/gil.hpp"
#include "bind/items.hpp"
#include "bind/numpy_array.hpp"
#include "bind/turn.hpp"

namespace saddlescape::bind {

Stepper::Stepper(const std::vector<std::string>& rules, const py::object& params,
                 const std::vector<double>& fills, const std::vector<int>& group,
                 const std::vector<std::string>& labels, const Layout& layout,
                 std::unique_ptr<Home> home)
    : home_(std::move(home)), layout_(layout), labels_(labels), single_(home_->is_array(params)) {
  for (const std::string& rule : rules) groups_.push_back({&update::rule(rule), {}});
  const std::vector<py::object> sources =
      single_ ? std::vector<py::object>{params} : items_of(params, "params");
  if (sources.empty()) throw py::value_error("params: empty, expected at least one array");
  home_->begin(py::none());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    add(sources[i], i);
    tensors_[i].group = group.empty() ? 0 : group[i];
    check_shape(i);
    check_states(i);
  }
  check_parameters_finite();
  name_slots();
  for (std::size_t i = 0; i < arrays_.size(); ++i) add_buffers(i, fills);
  held_.resize(arrays_.size());
  taken_.resize(arrays_.size());
  home_->end();
}

void Stepper::begin(const py::object& grads, const py::object& stream) {
  home_->begin(stream);
  for (std::size_t i = 0; i < arrays_.size(); ++i) check_parameter(i);
  take(grads);
}

bool Stepper::step(const py::object& grads, bool check_finite, bool skip,
                   const py::object& stream) {
  const Turn turn(busy_);
  const Held held(*this);
  begin(grads, stream);
  around.check_finite = check_finite;
  {
    const ReleaseGil release;
    outcome_ = row_tensors_.empty() ? home_->step(groups_.data(), tensors_.data(), count(), around)
                                    : step_with_rows();
  }
  home_->end();
  if (outcome_.non_finite >= 0) {
    if (skip) return false;
    refuse_non_finite(static_cast<std::size_t>(outcome_.non_finite));
  }
  ++calls_;
  ++changes_;
  return true;
}

update::Seen Stepper::look(const py::object& grads, bool check_finite, bool skip,
                           const py::object& stream) {
  const Turn turn(busy_);
  const Held held(*this);
  begin(grads, stream);
  around.check_finite = check_finite;
  update::Seen seen;
  {
    const ReleaseGil release;
    seen = row_tensors_.empty() ? home_->look(groups_.data(), tensors_.data(), count(), around)
                                : look_with_rows();
  }
  home_->end();
  if (seen.non_finite >= 0 && !skip) refuse_non_finite(static_cast<std::size_t>(seen.non_finite));
  return seen;
}

train::Stepping Stepper::stepping() {
  check_parameter(0);
  return {groups_.data(), tensors_.data(), &around, &home_->workspace(), &outcome_, &calls_};
}

py::object Stepper::params() const {
  if (single_) return params_[0];
  return py::cast(params_);
}

std::vector<std::string> Stepper::buffer_names() const {
  std::vector<std::string> names;
  for (const Slot& slot : slots_) names.push_back(slot.name);
  return names;
}

std::vector<std::int64_t> Stepper::steps() const {
  std::vector<std::int64_t> all;
  for (const update::Tensor& tensor : tensors_) all.push_back(tensor.steps);
  return all;
}

std::vector<Carried> Stepper::carried() const {
  std::vector<Carried> all(tensors_.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    std::copy_n(tensors_[i].carried, update::max_carried, all[i].begin());
  return all;
}

bool Stepper::carries() const {
  return std::any_of(groups_.begin(), groups_.end(),
                     [](const update::Group& group) { return group.rule->carries; });
}

py::object Stepper::norms() const {
  py::array_t<double> table({static_cast<py::ssize_t>(tensors_.size()), py::ssize_t{3}});
  auto rows = table.mutable_unchecked<2>();
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const update::Norms& norms = tensors_[i].norms;
    const auto row = static_cast<py::ssize_t>(i);
    rows(row, 0) = norms.gradient;
    rows(row, 1) = norms.update;
    rows(row, 2) = norms.parameter;
  }
  return table;
}

std::string Stepper::name(const char* argument, std::size_t i) const {
  if (single_) return argument;
  return labels_.empty() ? item(argument, i) : argument + labels_[i];
}

void Stepper::check_length(const std::vector<py::object>& items, const std::string& name) const {
  if (items.size() != arrays_.size())
    throw py::value_error(name + ": " + std::to_string(items.size()) + " arrays, expected " +
                          std::to_string(arrays_.size()) + ", one for each of params");
}

void Stepper::add(const py::object& source, std::size_t i) {
  const std::string name = this->name("params", i);
  const Taken param = home_->taken_writable(
      source, name, {Dtype::float32, Dtype::float64, Dtype::bfloat16, Dtype::float16});
  const Array& array = param.array;
  if (layout_.master_weights && !is_half(array.dtype))
    throw py::type_error(name + ": dtype " + dtype_name(array.dtype) +
                         " with master_weights=True, expected bfloat16 or float16: others need "
                         "no master weights");
  regions_.add(array, name);
  arrays_.push_back(array);
  params_.push_back(source);
  owners_.push_back(param.owner);
  update::Tensor tensor;
  tensor.size = array.size;
  if (array.shape.size() > 1) {
    tensor.rows = array.shape[array.shape.size() - 2];
    tensor.columns = array.shape.back();
  }
  tensor.parameters = array.data;
  tensor.parameter_type = element_of(array.dtype);
  if (layout_.master_weights) {
    tensor.copy = array.data;
    tensor.copy_type = element_of(array.dtype);
    tensor.parameter_type = update::Element::float32;
  }
  tensor.state_type = update::element_of(update::real_of(tensor.parameter_type));
  if (layout_.state_dtype == "bfloat16") tensor.state_type = update::Element::bfloat16;
  if (layout_.state_dtype == "8bit") tensor.state_type = update::Element::block8;
  tensors_.push_back(tensor);
}

// NumPy lets a user freeze an array, or resize it with refcheck=False, behind our back; PyTorch
// gives a tensor other memory, device or dtype.
void Stepper::check_parameter(std::size_t i) const {
  if (!py::isinstance<py::array>(params_[i])) {
    const Array now =
        home_->taken_writable(params_[i], name("params", i), {arrays_[i].dtype}).array;
    if (now.data != arrays_[i].data || now.shape != arrays_[i].shape)
      throw py::value_error(name("params", i) +
                            ": was moved or resized since the optimizer was made, make a new "
                            "optimizer");
    return;
  }
  const auto array = py::reinterpret_borrow<py::array>(params_[i]);
  if (array.data() != arrays_[i].data || array.size() != arrays_[i].size)
    throw py::value_error(name("params", i) +
                          ": was resized since the optimizer was made, make a new optimizer");
  if (!array.writeable())
    throw py::value_error(name("params", i) +
                          ": read-only, expected a writable array (it is updated in place)");
}

void Stepper::check_parameters_finite() {
  std::vector<update::Tensor> looked_at = tensors_;
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    looked_at[i].gradient = arrays_[i].data;
    looked_at[i].gradient_type = element_of(arrays_[i].dtype);
  }
  const update::Seen seen = home_->look(groups_.data(), looked_at.data(), count(), {});
  if (seen.non_finite < 0) return;
  const auto i = static_cast<std::size_t>(seen.non_finite);
  check_finite(home_->shown(arrays_[i]).array, name("params", i));
}

void Stepper::take(const py::object& grads) {
  if (single_) {
    take(grads, 0);
    return;
  }
  if (!PyList_Check(grads.ptr()) && !PyTuple_Check(grads.ptr()))
    items_of(grads, "grads");  // says so
  // Taking an array may run its own code, which may change the list.
  const auto length = [&] {
    return static_cast<std::size_t>(PySequence_Fast_GET_SIZE(grads.ptr()));
  };
  if (length() != arrays_.size()) check_length(items_of(grads, "grads"), "grads");
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    if (length() != arrays_.size())
      throw py::value_error("grads: changed while it was looked at, expected a list at rest");
    const auto gradient = py::reinterpret_borrow<py::object>(
        PySequence_Fast_GET_ITEM(grads.ptr(), static_cast<py::ssize_t>(i)));
    if (!gradient.is_none()) take(gradient, i);
  }
}

// An array like the parameter in memory that was looked at before: nothing more to check, as the
// optimizer's own memory never moves.
bool Stepper::take_known(const py::object& gradient, std::size_t i) {
  const Array& array = arrays_[i];
  if (!home_->is_cpu() || (array.dtype != Dtype::float32 && array.dtype != Dtype::float64))
    return false;
  void* const data = same_kind(gradient, array, dtype_object(array.dtype));
  if (!data) return false;
  if (data != taken_[i].data || taken_[i].dtype != array.dtype) {
    Array taken = array;
    taken.data = data;
    regions_.refuse(taken, name("grads", i));
    taken_[i] = std::move(taken);
  }
  tensors_[i].gradient = data;
  tensors_[i].gradient_type = tensors_[i].parameter_type;
  held_[i] = gradient;
  return true;
}

void Stepper::take(const py::object& gradient, std::size_t i) {
  if (take_known(gradient, i) || take_rows(gradient, i)) return;
  const std::string name = this->name("grads", i);
  Taken taken = home_->taken_like(gradient, name, arrays_[i], gradient_dtypes(arrays_[i].dtype));
  regions_.refuse(taken.array, name);
  tensors_[i].gradient = taken.array.data;
  tensors_[i].gradient_type = element_of(taken.array.dtype);
  held_[i] = std::move(taken.owner);
  taken_[i] = std::move(taken.array);
}

void Stepper::refuse_non_finite(std::size_t i) const {
  const std::string name = this->name("grads", i);
  check_finite(home_->shown(taken_[i]).array, name);
  if (around.unscale > 1) {
    char factor[32];
    std::snprintf(factor, sizeof factor, "%g", around.unscale);
    throw py::value_error(name + ": infinite once divided by grad_scale (multiplied by " + factor +
                          "), expected finite numbers");
  }
  // It was finite when it was looked at again: another thread is writing to it.
  throw py::value_error(name + ": changed during the step, expected an array that stands still");
}

}  // namespace saddlescape::bind
