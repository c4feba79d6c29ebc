// The arrays that an optimizer keeps beside its parameters: states, scales, master weights,
// averages.
#include <algorithm>

#include "bind/elements.hpp"
#include "bind/stepper.hpp"
#include "bind/turn.hpp"
#include "core/codes.hpp"

namespace saddlescape::bind {
namespace {

const std::vector<std::string>& state_names(const update::Group& group) {
  return group.rule->state_names;
}

// A number as an array of this type holds it; in 8 bits the largest code: the scale says which.
py::object stored(update::Element type, double number) {
  if (type == update::Element::block8) return py::int_(255);
  if (type != update::Element::bfloat16) return py::float_(number);
  half::Bfloat16 narrow;
  half::narrow(static_cast<float>(number), narrow);
  return py::int_(narrow.bits);
}

bool is_wide(const std::string& dtype) { return dtype == "float32" || dtype == "float64"; }

}  // namespace

void Stepper::check_shape(std::size_t i) const {
  const update::Rule& rule = *groups_[static_cast<std::size_t>(tensors_[i].group)].rule;
  const Shape& shape = arrays_[i].shape;
  if (rule.kind != update::Kind::matrix || shape.size() == 2) return;
  throw py::value_error(
      name("params", i) + ": shape " + shape_text(shape) + ", expected a matrix: '" + rule.name +
      "' takes no other arrays, give them to an optimizer of their " + "own, such as AdamW");
}

void Stepper::check_states(std::size_t i) const {
  const Dtype computed = dtype_of(tensors_[i].state_type);
  if (layout_.state_dtype.empty() || layout_.state_dtype == dtype_name(computed)) return;
  const std::string text = "state_dtype: '" + layout_.state_dtype + "'";
  if (arrays_[i].dtype == Dtype::float64 || is_wide(layout_.state_dtype))
    throw py::value_error(
        text + " with " + name("params", i) + " of dtype " + dtype_name(arrays_[i].dtype) +
        ", expected None or '" +
        dtype_name(arrays_[i].dtype == Dtype::float64 ? Dtype::float64 : Dtype::float32) + "'" +
        (arrays_[i].dtype == Dtype::float64 ? "" : ", 'bfloat16', '8bit'"));
  const update::Rule& rule = *groups_[static_cast<std::size_t>(tensors_[i].group)].rule;
  for (std::size_t s = 0; s < rule.natures.size(); ++s)
    if (update::is_exact(rule.natures[s]))
      throw py::value_error(text + " with the rule '" + rule.name + "', expected None: its '" +
                            rule.state_names[s] + "' needs full precision");
}

// One list of buffers for all groups: the union of their states.
void Stepper::name_slots() {
  const bool scales = layout_.state_dtype == "8bit";
  for (const update::Group& group : groups_)
    for (const std::string& state : group.rule->state_names) {
      const auto known = std::find_if(slots_.begin(), slots_.end(),
                                      [&](const Slot& slot) { return slot.name == state; });
      if (known != slots_.end()) continue;
      slots_.push_back({state, 0, false});
      if (scales) slots_.push_back({state + "_scale", 0, true});
    }
  if (layout_.master_weights) slots_.push_back({"master", -1, false});
  if (layout_.average) slots_.push_back({"average", -1, false});
  buffers_.resize(slots_.size());
}

void Stepper::add_buffers(std::size_t i, const std::vector<double>& fills) {
  const auto group = static_cast<std::size_t>(tensors_[i].group);
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    const py::object made = buffer(slots_[s], i, fills[group]);
    const Array array = home_->array(made);
    regions_.add(array, "the optimizer's " + slots_[s].name + "[" + std::to_string(i) + "]");
    buffers_[s].push_back(made);
    attach(slots_[s], i, array.data);
  }
  start(i);
}

py::object Stepper::buffer(const Slot& slot, std::size_t i, double fill) const {
  const update::Tensor& tensor = tensors_[i];
  const update::Element native = update::element_of(update::real_of(tensor.parameter_type));
  const auto zeros = [&](const Shape& shape, Dtype dtype) {
    const std::int64_t lane = 1 + (&slot - slots_.data());
    return home_->zeros(shape, dtype, arrays_[i].data, lane);
  };
  if (slot.state < 0) return zeros(arrays_[i].shape, dtype_of(native));
  const update::Rule& rule = *groups_[static_cast<std::size_t>(tensor.group)].rule;
  const std::vector<std::string>& names = rule.state_names;
  const std::string state = slot.scale ? slot.name.substr(0, slot.name.size() - 6) : slot.name;
  const auto found = std::find(names.begin(), names.end(), state);
  if (found == names.end())
    return zeros({0}, slot.scale ? Dtype::float32 : dtype_of(tensor.state_type));
  const std::int64_t blocks = (tensor.size + update::block8_size - 1) / update::block8_size;
  const int s = static_cast<int>(found - names.begin());
  const py::object array = slot.scale ? zeros({blocks}, Dtype::float32)
                                      : zeros(update::state_shape(rule, s, arrays_[i].shape),
                                              dtype_of(tensor.state_type));
  if (fill != 0)
    home_->fill(array, slot.scale ? py::cast(codes::scale_of(static_cast<float>(fill)))
                                  : stored(tensor.state_type, fill));
  return array;
}

std::vector<py::object> Stepper::numbers() {
  const Turn turn(busy_);
  home_->begin(py::none());
  std::vector<py::object> copies;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    check_parameter(i);
    const update::Tensor& tensor = tensors_[i];
    const update::Element native = update::element_of(update::real_of(tensor.parameter_type));
    const py::object& copy = copies.emplace_back(home_->zeros(arrays_[i].shape, dtype_of(native)));
    home_->widen(tensor.parameter_type, tensor.parameters, tensor.size, home_->array(copy).data);
  }
  home_->end();
  return copies;
}

void Stepper::attach(const Slot& slot, std::size_t i, void* data) {
  update::Tensor& tensor = tensors_[i];
  if (slot.name == "master") tensor.parameters = data;
  if (slot.name == "average") tensor.average = data;
  if (slot.state < 0) return;
  const std::vector<std::string>& names =
      state_names(groups_[static_cast<std::size_t>(tensor.group)]);
  for (std::size_t s = 0; s < names.size(); ++s) {
    if (slot.scale && slot.name == names[s] + "_scale")
      tensor.scales[s] = static_cast<float*>(data);
    if (!slot.scale && slot.name == names[s]) tensor.state[s] = data;
  }
}

// Master weights start as the parameters; so does the average, until the first ones enter.
void Stepper::start(std::size_t i) {
  const update::Tensor& tensor = tensors_[i];
  if (layout_.master_weights)
    home_->widen(tensor.copy_type, tensor.copy, tensor.size, tensor.parameters);
  if (layout_.average)
    home_->widen(tensor.parameter_type, tensor.parameters, tensor.size, tensor.average);
}

}  // namespace saddlescape::bind
