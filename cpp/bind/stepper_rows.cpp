// Gradients of some rows of a table: each row takes part in the step as a tensor of its own.
#include "bind/elements.hpp"
#include "bind/rows.hpp"
#include "bind/stepper.hpp"

namespace saddlescape::bind {
namespace {

void check_range(const Array& indices, std::int64_t rows, const std::string& name) {
  const auto* index = indices.as<std::int64_t>();
  std::int64_t last = -1;
  for (std::int64_t k = 0; k < indices.size; ++k) {
    if (index[k] < 0 || index[k] >= rows)
      throw py::value_error(name + ".indices: " + std::to_string(index[k]) + ", expected 0 to " +
                            std::to_string(rows - 1));
    if (index[k] <= last)
      throw py::value_error(name + ".indices: not ascending, expected those of optim.Rows");
    last = index[k];
  }
}

}  // namespace

void Stepper::check_rows(std::size_t i, const std::string& name) const {
  const update::Group& group = groups_[static_cast<std::size_t>(tensors_[i].group)];
  if (!takes_rows(*group.rule))
    throw py::value_error(name + ": rows with the rule '" + group.rule->name +
                          "', expected a whole gradient: only sgd, adagrad and adam take rows");
  if (group.options.weight_decay != 0)
    throw py::value_error(name +
                          ": rows with weight_decay, expected a whole gradient: decay "
                          "reaches every row");
  if (layout_.average || around.statistics)
    throw py::value_error(name + ": rows with " + (layout_.average ? "average" : "statistics") +
                          ", expected a whole gradient: that reaches every row");
  if (arrays_[i].shape.empty())
    throw py::value_error(name + ": rows of an array of shape (), expected at least one dimension");
}

bool Stepper::take_rows(const py::object& gradient, std::size_t i) {
  static PyObject* const attribute = PyUnicode_InternFromString("_saddlescape_rows");
  const auto found = py::reinterpret_steal<py::object>(PyObject_GetAttr(gradient.ptr(), attribute));
  if (!found) {
    PyErr_Clear();
    return false;
  }
  const std::string name = this->name("grads", i);
  if (!home_->is_cpu())
    throw py::type_error(name +
                         ": rows for parameters on a CUDA device, expected a whole gradient there");
  check_rows(i, name);
  const auto pair = py::cast<py::tuple>(found);
  Shape shape = arrays_[i].shape;
  const std::int64_t rows = shape[0];
  const Array indices = checked_array(pair[0], name + ".indices", {Dtype::int64}, {any});
  shape[0] = indices.size;
  const Array values =
      checked_array(pair[1], name + ".values", gradient_dtypes(arrays_[i].dtype), shape);
  check_range(indices, rows, name);
  regions_.refuse(values, name + ".values");
  add_rows(i, indices, values);
  held_[i] = pair;
  taken_[i] = values;
  return true;
}

void Stepper::add_rows(std::size_t i, const Array& indices, const Array& values) {
  const update::Tensor& whole = tensors_[i];
  const std::int64_t length = indices.size > 0 ? values.size / indices.size : 0;
  if (whole.state_type == update::Element::block8 && length % update::block8_size != 0)
    throw py::value_error(name("grads", i) + ": rows of " + std::to_string(length) +
                          " numbers with state_dtype='8bit', expected a multiple of " +
                          std::to_string(update::block8_size));
  for (std::int64_t k = 0; k < indices.size; ++k) {
    const std::int64_t row = indices.as<std::int64_t>()[k];
    update::Tensor tensor = row_of(whole, row, length);
    tensor.gradient_type = element_of(values.dtype);
    tensor.gradient = values.as<char>() + k * length * width(values.dtype);
    rows_.push_back(tensor);
    row_owners_.push_back(i);
  }
  // Counted also where no row is named: the step was taken.
  row_tensors_.push_back(i);
}

template <class Visit>
auto Stepper::with_rows(const Visit& visit) {
  const std::size_t whole = tensors_.size();
  tensors_.insert(tensors_.end(), rows_.begin(), rows_.end());
  auto found = visit();
  tensors_.resize(whole);
  if (found.non_finite >= static_cast<std::int64_t>(whole)) {
    const std::size_t row = static_cast<std::size_t>(found.non_finite) - whole;
    found.non_finite = static_cast<std::int64_t>(row_owners_[row]);
  }
  return found;
}

update::Outcome Stepper::step_with_rows() {
  const update::Outcome outcome =
      with_rows([&] { return home_->step(groups_.data(), tensors_.data(), count(), around); });
  if (outcome.non_finite < 0)
    for (std::size_t i : row_tensors_) ++tensors_[i].steps;
  return outcome;
}

update::Seen Stepper::look_with_rows() {
  update::Seen seen =
      with_rows([&] { return home_->look(groups_.data(), tensors_.data(), count(), around); });
  for (std::size_t row = 0; row < rows_.size() && !seen.squares.empty(); ++row)
    seen.squares[row_owners_[row]].add(seen.squares[tensors_.size() + row]);
  return seen;
}

}  // namespace saddlescape::bind
