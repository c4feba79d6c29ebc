#include "bind/batch.hpp"

#include <cmath>
#include <utility>

#include "bind/elements.hpp"
#include "bind/gil.hpp"
#include "bind/turn.hpp"

namespace saddlescape::bind {
namespace {

// Names are only written out when something is refused: there are thousands of tensors.
template <class Read, class Name>
Taken named(const Read& read, const Name& name) {
  try {
    return read(std::string());
  } catch (const std::exception&) {
    return read(name());
  }
}

auto writable(Home& home, const py::object& object, std::initializer_list<Dtype> allowed) {
  return [&home, &object, allowed](const std::string& name) {
    return home.taken_writable(object, name, allowed);
  };
}

// PyTorch's own word; others have none.
bool is_sparse(const py::object& gradient) {
  return py::cast<bool>(py::getattr(gradient, "is_sparse", py::bool_(false)));
}

}  // namespace

void Batch::step(const py::list& parts, bool finite, double unscale, const py::object& stream) {
  const Turn turn(busy_);
  const Clear clear(*this);
  take(parts, unscale, stream);
  update::Outcome outcome;
  {
    const ReleaseGil release;
    around_.check_finite = finite;
    outcome = home_->step(groups_.data(), tensors_.data(),
                          static_cast<std::int64_t>(tensors_.size()), around_);
  }
  if (outcome.non_finite < 0)
    for (const Widened& each : widened_) home_->narrow(each.wide, each.narrow);
  home_->end();
  if (outcome.non_finite >= 0)
    refuse_non_finite(places_[static_cast<std::size_t>(outcome.non_finite)]);
  write_back();
}

void Batch::check(const py::list& parts, double unscale, const py::object& stream, bool finite) {
  const Turn turn(busy_);
  const Clear clear(*this);
  take(parts, unscale, stream);
  update::Seen seen;
  {
    const ReleaseGil release;
    around_.check_finite = finite;
    seen = home_->look(groups_.data(), tensors_.data(), static_cast<std::int64_t>(tensors_.size()),
                       around_);
  }
  home_->end();
  if (seen.non_finite >= 0) refuse_non_finite(places_[static_cast<std::size_t>(seen.non_finite)]);
}

void Batch::take(const py::list& parts, double unscale, const py::object& stream) {
  home_->begin(stream);
  around_.nearest_states = true;
  around_.unscale = unscale;
  parts_.resize(parts.size());
  groups_.resize(parts.size());
  for (std::size_t k = 0; k < parts_.size(); ++k) take(parts[k], k);
  refuse_shared_memory();
}

double Batch::Counter::read() const {
  return dtype == Dtype::float32 ? *static_cast<float*>(data) : *static_cast<double*>(data);
}

void Batch::Counter::write() const {
  // A float32 stands still at 2^24, as PyTorch's does.
  if (dtype == Dtype::float32)
    *static_cast<float*>(data) += 1.0F;
  else
    *static_cast<double*>(data) += 1.0;
}

void Batch::take(const py::handle& source, std::size_t k) {
  const auto row = py::cast<py::tuple>(source);
  Part& part = parts_[k];
  part.rule = &update::rule(py::cast<std::string>(row[0]));
  groups_[k] = {part.rule, py::cast<update::Options>(row[1])};
  part.name = py::cast<std::string>(row[2]);
  part.grads = py::cast<py::list>(row[4]);
  part.carried = row[7];
  const auto params = py::cast<py::list>(row[3]);
  const auto entries = py::cast<py::list>(row[5]);
  if (part.grads.size() != params.size() || entries.size() != params.size())
    throw py::value_error(part.name + ": " + std::to_string(params.size()) + " parameters, " +
                          std::to_string(part.grads.size()) + " gradients and " +
                          std::to_string(entries.size()) + " states, expected one of each");
  keys_.clear();
  for (const std::string& name : part.rule->state_names) keys_.emplace_back(name);
  for (std::size_t i = 0; i < params.size(); ++i) {
    const py::object gradient = part.grads[i];
    if (gradient.is_none()) continue;
    const Place place{k, i};
    const py::object param = params[i];
    const Entry entry{
        place, entries[i],
        named(writable(*home_, param,
                       {Dtype::float32, Dtype::float64, Dtype::bfloat16, Dtype::float16}),
              [&] { return parameter_name(place); })};
    take(entry, gradient, row[6]);
  }
}

void Batch::take(const Entry& entry, const py::object& gradient_source, const py::object& counts) {
  const Place& place = entry.place;
  const auto read = [&](const std::string& name) {
    return home_->taken_like(gradient_source, name, entry.param.array, {entry.param.array.dtype});
  };
  Taken gradient;
  bool rows = asks_first_ && is_sparse(gradient_source);
  if (!rows) {
    try {
      gradient = read(std::string());
    } catch (const std::exception&) {
      rows = is_sparse(gradient_source);
      if (!rows) gradient = read(gradient_name(place));
      asks_first_ = true;
    }
  }
  update::Tensor tensor = taken_parameter(entry);
  tensor.steps =
      counts.is_none() ? counted(entry) : py::cast<std::int64_t>(py::list(counts)[place.i]);
  if (rows && !home_->is_cpu())
    throw py::type_error(gradient_name(place) +
                         ": sparse on a CUDA device, expected a dense gradient there");
  if (rows) {
    take_rows(entry, tensor, gradient_source);
    return;
  }
  tensor.gradient = gradient.array.data;
  note(reads_, gradient, place, -1);
  tensors_.push_back(tensor);
  places_.push_back(place);
}

update::Tensor Batch::taken_parameter(const Entry& entry) {
  const Place& place = entry.place;
  const Array& array = entry.param.array;
  if (part(place).rule->kind == update::Kind::matrix && array.shape.size() != 2)
    throw py::value_error(parameter_name(place) + ": shape " + shape_text(array.shape) +
                          ", expected a matrix: '" + part(place).rule->name +
                          "' takes no other arrays");
  update::Tensor tensor;
  tensor.size = array.size;
  if (array.shape.size() > 1) {
    tensor.rows = array.shape[array.shape.size() - 2];
    tensor.columns = array.shape.back();
  }
  tensor.parameters = array.data;
  tensor.group = static_cast<int>(place.part);
  tensor.parameter_type = tensor.gradient_type = tensor.state_type = element_of(array.dtype);
  note(writes_, entry.param, place, -1);
  for (std::size_t s = 0; s < keys_.size(); ++s) take_state(entry, s, tensor);
  take_carried(place, tensor);
  return tensor;
}

void Batch::take_state(const Entry& entry, std::size_t s, update::Tensor& tensor) {
  const Place& place = entry.place;
  const Array& array = entry.param.array;
  const update::Rule& rule = *part(place).rule;
  const std::string& key = rule.state_names[s];
  const bool factored = rule.kind == update::Kind::factored;
  // Only these rules have states of other shapes than the parameter's, and some have none.
  const Shape own =
      factored ? update::state_shape(rule, static_cast<int>(s), array.shape) : Shape();
  const Shape& shape = factored ? own : array.shape;
  if (factored && shape == Shape{0} && py::isinstance<py::dict>(entry.state) &&
      !entry.state.contains(keys_[s]))
    return;
  const py::object source = item(entry, keys_[s], key);
  const Taken state =
      named(writable(*home_, source, {array.dtype}), [&] { return state_name(place, key); });
  if (state.array.shape != shape)
    throw py::value_error(state_name(place, key) + ": shape " + shape_text(state.array.shape) +
                          ", expected " + shape_text(shape));
  // They add up in what is computed in, where the others are widened tile by tile.
  if (factored) tensor.state_type = update::element_of(update::real_of(tensor.parameter_type));
  tensor.state[s] = factored && is_half(array.dtype) ? widened(state.array) : state.array.data;
  note(writes_, state, place, static_cast<int>(s));
}

std::int64_t Batch::counted(const Entry& entry) {
  static const auto key = py::reinterpret_steal<py::str>(PyUnicode_InternFromString("step"));
  const py::object source = item(entry, key, "step");
  // A number of the host's, wherever the parameter is.
  const auto read = [&](const std::string& name) {
    return taken_writable(source, name, {Dtype::float32, Dtype::float64});
  };
  const Taken step = named(read, [&] { return state_name(entry.place, "step"); });
  Counter counter{step.array.data, step.array.dtype};
  const double steps = step.array.size == 1 ? counter.read() : -1.0;
  if (!(steps >= 0.0 && steps < 9e15 && std::floor(steps) == steps))
    throw py::value_error(state_name(entry.place, "step") + ": shape " +
                          shape_text(step.array.shape) + ", value " + std::to_string(steps) +
                          ", expected one whole number >= 0");
  held_.push_back(step.owner);
  counters_.push_back(counter);
  return static_cast<std::int64_t>(steps);
}

py::object Batch::item(const Entry& entry, const py::str& key, const std::string& text) const {
  PyObject* found = py::isinstance<py::dict>(entry.state)
                        ? PyDict_GetItemWithError(entry.state.ptr(), key.ptr())
                        : nullptr;
  if (!found)
    throw py::value_error("state of " + parameter_name(entry.place) + ": has no '" + text +
                          "', which " + part(entry.place).rule->name +
                          " keeps; load a state of that rule, or none");
  return py::reinterpret_borrow<py::object>(found);
}

}  // namespace saddlescape::bind
