#include "bind/placed.hpp"

#include <pybind11/stl.h>

#include "core/stagger.hpp"

namespace saddlescape::bind {
namespace {

constexpr std::int64_t line = 64;
// Of smaller arrays the allocator places each elsewhere in a page.
constexpr std::int64_t large = 16 * stagger_page;

std::int64_t offset_of(std::int64_t bytes, const void* start, const void* beside, std::int64_t lane,
                       std::int64_t element) {
  const std::int64_t skip = stagger(start, beside, lane);
  return (bytes >= large ? skip : skip % line) / element * element;
}

}  // namespace

py::array placed_zeros(const Shape& shape, Dtype dtype, const void* beside, std::int64_t lane) {
  const auto numpy = py::module_::import("numpy");
  const auto type = py::dtype(dtype_name(dtype));
  std::int64_t bytes = type.itemsize();
  for (const std::int64_t side : shape) bytes *= side;
  const std::int64_t spare = bytes >= large ? stagger_page : line;
  const auto room = numpy.attr("zeros")(bytes + spare, "uint8").cast<py::array>();
  const std::int64_t offset = offset_of(bytes, room.data(), beside, lane, type.itemsize());
  const py::object own = room[py::slice(offset, offset + bytes, 1)];
  return own.attr("view")(type).attr("reshape")(py::tuple(py::cast(shape)));
}

}  // namespace saddlescape::bind
