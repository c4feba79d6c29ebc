// PyTorch's sparse gradients: (sparse dimensions, entries) indices and their dense blocks. Each
// block takes part in the step as a tensor of its own; the rest of the parameter stays as it is.
#include <pybind11/stl.h>

#include "bind/batch.hpp"
#include "bind/elements.hpp"
#include "bind/rows.hpp"

namespace saddlescape::bind {
namespace {

void check_rule(const update::Group& group, const std::string& name) {
  if (!takes_rows(*group.rule))
    throw py::type_error(name + ": sparse with the rule '" + group.rule->name +
                         "', expected a dense gradient: only sgd, adagrad and adam move some rows "
                         "alone");
  if (group.options.weight_decay != 0)
    throw py::value_error(name +
                          ": sparse with weight_decay, expected a dense gradient: decay reaches "
                          "every row");
}

// The numbers of the blocks in the order of the parameter's memory: ascending, each once.
std::vector<std::int64_t> numbers_of(const Array& indices, const Shape& shape,
                                     const std::string& name) {
  const std::int64_t dimensions = indices.shape[0], count = indices.shape[1];
  const auto* index = indices.as<std::int64_t>();
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count), 0);
  for (std::int64_t k = 0; k < count; ++k) {
    std::int64_t& number = numbers[static_cast<std::size_t>(k)];
    for (std::int64_t d = 0; d < dimensions; ++d) {
      const std::int64_t length = shape[static_cast<std::size_t>(d)], at = index[d * count + k];
      if (at < 0 || at >= length)
        throw py::value_error(name + ".indices(): " + std::to_string(at) + ", expected 0 to " +
                              std::to_string(length - 1));
      number = number * length + at;
    }
    if (k > 0 && number <= numbers[static_cast<std::size_t>(k - 1)])
      throw py::value_error(name + ".indices(): not ascending though it says it is coalesced");
  }
  return numbers;
}

}  // namespace

void Batch::take_rows(const Entry& entry, const update::Tensor& whole, const py::object& gradient) {
  const Place& place = entry.place;
  const Array& array = entry.param.array;
  const std::string name = gradient_name(place);
  check_rule(groups_[place.part], name);
  const Shape given = py::cast<Shape>(py::tuple(gradient.attr("shape")));
  if (given != array.shape)
    throw py::value_error(name + ": shape " + shape_text(given) + ", expected " +
                          shape_text(array.shape));
  const py::object sorted = gradient.attr("coalesce")();
  const Taken indices = taken(sorted.attr("indices")().attr("contiguous")(), name + ".indices()",
                              {Dtype::int64}, {any, any});
  Shape blocks(array.shape.begin() + indices.array.shape[0], array.shape.end());
  blocks.insert(blocks.begin(), indices.array.shape[1]);
  const Taken values = taken(sorted.attr("values")().attr("contiguous")(), name + ".values()",
                             {array.dtype}, blocks);
  const std::vector<std::int64_t> numbers = numbers_of(indices.array, array.shape, name);
  const std::int64_t length = numbers.empty() ? 0 : values.array.size / blocks[0];
  note(reads_, values, place, -1);
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    update::Tensor row = row_of(whole, numbers[k], length);
    row.gradient =
        values.array.as<char>() + static_cast<std::int64_t>(k) * length * width(values.array.dtype);
    tensors_.push_back(row);
    places_.push_back(place);
  }
}

}  // namespace saddlescape::bind
