#include "bind/array.hpp"

#include <cmath>
#include <type_traits>

#include "core/half.hpp"
#include "core/reduce.hpp"

namespace saddlescape::bind {
namespace {

bool is_dtype(const py::dtype& dtype, Dtype wanted) {
  const char kind = dtype.kind();
  const auto size = dtype.itemsize();
  switch (wanted) {
    case Dtype::float32:
      return kind == 'f' && size == 4;
    case Dtype::float64:
      return kind == 'f' && size == 8;
    case Dtype::float16:
      return kind == 'f' && size == 2;
    case Dtype::bfloat16:  // ml_dtypes'
      return size == 2 && kind != 'f' && kind != 'i' && kind != 'u' &&
             py::cast<std::string>(dtype.attr("name")) == "bfloat16";
    case Dtype::int64:
      return kind == 'i' && size == 8;
    case Dtype::int32:
      return kind == 'i' && size == 4;
    case Dtype::uint16:
      return kind == 'u' && size == 2;
    case Dtype::uint8:
      return kind == 'u' && size == 1;
  }
  return false;
}

[[noreturn]] void refuse_at(const Array& array, const std::string& name, std::int64_t flat,
                            const std::string& value, const char* expected) {
  Shape position(array.shape.size());
  for (std::size_t d = array.shape.size(); d-- > 0; flat /= array.shape[d])
    position[d] = flat % array.shape[d];
  throw py::value_error(name + ": " + value + " at " + shape_text(position) + ", expected " +
                        expected);
}

[[noreturn]] void refuse_non_finite(const Array& array, const std::string& name, std::int64_t flat,
                                    double number) {
  refuse_at(array, name, flat,
            std::isnan(number) ? "NaN"
            : number > 0       ? "infinite"
                               : "-infinite",
            "finite numbers");
}

double number_of(float x) { return static_cast<double>(x); }
double number_of(double x) { return x; }
template <class Narrow>
double number_of(Narrow x) {
  return static_cast<double>(half::widen(x));
}

// n if all numbers are finite. Vectorised where nothing has to be widened.
template <class T>
std::int64_t first_non_finite(const T* data, std::int64_t n) {
  if constexpr (std::is_floating_point_v<T>)
    if (reduce::all_finite(data, n)) return n;
  std::int64_t i = 0;
  while (i < n && std::isfinite(number_of(data[i]))) ++i;
  return i;
}

// Calls visit with the array's numbers in their own type; integers hold nothing to look for.
template <class Visit>
void with_numbers(const Array& array, const Visit& visit) {
  switch (array.dtype) {
    case Dtype::float32:
      return visit(array.as<float>());
    case Dtype::float64:
      return visit(array.as<double>());
    case Dtype::bfloat16:
      return visit(array.as<half::Bfloat16>());
    case Dtype::float16:
      return visit(array.as<half::Float16>());
    default:
      return;
  }
}

}  // namespace

const char* dtype_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::float32:
      return "float32";
    case Dtype::int64:
      return "int64";
    case Dtype::int32:
      return "int32";
    case Dtype::bfloat16:
      return "bfloat16";
    case Dtype::float16:
      return "float16";
    case Dtype::uint16:
      return "uint16";
    case Dtype::uint8:
      return "uint8";
    case Dtype::float64:
      break;
  }
  return "float64";
}

std::string type_text(py::handle object) {
  const py::handle type = py::type::handle_of(object);
  std::string text = py::cast<std::string>(type.attr("__module__")) + "." +
                     py::cast<std::string>(type.attr("__qualname__"));
  if (py::hasattr(object, "device"))
    text += " on device " + py::cast<std::string>(py::str(object.attr("device")));
  else if (py::hasattr(object, "__cuda_array_interface__"))
    text += " on a CUDA device";
  if (py::hasattr(object, "layout")) {
    const std::string layout = py::cast<std::string>(py::str(object.attr("layout")));
    if (layout != "torch.strided") text += " of layout " + layout;
  }
  return text;
}

std::string allowed_text(std::initializer_list<Dtype> allowed) {
  std::string text;
  std::size_t left = allowed.size();
  for (Dtype dtype : allowed) {
    --left;
    text += std::string(dtype_name(dtype)) + (left > 1 ? ", " : left == 1 ? " or " : "");
  }
  return text;
}

bool matches(const Shape& shape, const Shape& expected) {
  if (shape.size() != expected.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (expected[i] != any && shape[i] != expected[i]) return false;
  return true;
}

std::string shape_text(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + (shape[i] == any ? std::string("any") : std::to_string(shape[i]));
  return text + (shape.size() == 1 ? ",)" : ")");
}

Array checked_array(py::handle source, const std::string& name,
                    std::initializer_list<Dtype> allowed, const Shape& shape) {
  if (!py::isinstance<py::array>(source))
    throw py::type_error(name + ": " + type_text(source) + ", expected a NumPy array of " +
                         allowed_text(allowed));
  const auto array = py::reinterpret_borrow<py::array>(source);
  const py::dtype dtype = array.dtype();
  Array result;
  bool found = false;
  for (Dtype wanted : allowed)
    if (is_dtype(dtype, wanted)) {
      result.dtype = wanted;
      found = true;
    }
  if (!found)
    throw py::type_error(name + ": dtype " + py::cast<std::string>(py::str(dtype)) + ", expected " +
                         allowed_text(allowed));
  if (!py::cast<bool>(dtype.attr("isnative")))
    throw py::type_error(name + ": dtype " + py::cast<std::string>(dtype.attr("str")) +
                         " is byte-swapped, expected this machine's byte order; convert with "
                         "array.astype(array.dtype.newbyteorder('='))");
  for (py::ssize_t d = 0; d < array.ndim(); ++d) result.shape.push_back(array.shape(d));
  if (!shape.empty() && !matches(result.shape, shape))
    throw py::value_error(name + ": shape " + shape_text(result.shape) + ", expected " +
                          shape_text(shape));
  if (!(array.flags() & py::array::c_style))
    throw py::value_error(name + ": strides " +
                          py::cast<std::string>(py::str(array.attr("strides"))) +
                          ", expected a C-contiguous array; copy it with np.ascontiguousarray");
  if (!py::cast<bool>(array.attr("flags").attr("aligned")))
    throw py::value_error(name +
                          ": its elements are not aligned in memory, expected an aligned "
                          "array; copy it with np.array(array)");
  result.data = const_cast<void*>(array.data());
  result.size = array.size();
  return result;
}

Array checked_writable(py::handle source, const std::string& name,
                       std::initializer_list<Dtype> allowed, const Shape& shape) {
  Array result = checked_array(source, name, allowed, shape);
  if (!py::reinterpret_borrow<py::array>(source).writeable())
    throw py::value_error(name + ": read-only, expected a writable array (it is updated in place)");
  return result;
}

Array checked_like(py::handle source, const std::string& name, const Array& like) {
  Array result = checked_array(source, name, {like.dtype}, like.shape);
  if (result.shape != like.shape)
    throw py::value_error(name + ": shape " + shape_text(result.shape) + ", expected " +
                          shape_text(like.shape));
  return result;
}

void check_finite(const Array& array, const std::string& name) {
  with_numbers(array, [&](const auto* data) {
    const std::int64_t flat = first_non_finite(data, array.size);
    if (flat < array.size) refuse_non_finite(array, name, flat, number_of(data[flat]));
  });
}

void check_non_negative(const Array& array, const std::string& name) {
  with_numbers(array, [&](const auto* data) {
    for (std::int64_t i = 0; i < array.size; ++i)
      if (number_of(data[i]) < 0)
        refuse_at(array, name, i, py::cast<std::string>(py::repr(py::float_(number_of(data[i])))),
                  "numbers >= 0");
  });
}

bool overlap(const Array& a, const Array& b) {
  const auto bytes = [](const Array& x) { return x.size * width(x.dtype); };
  const char* a_begin = a.as<char>();
  const char* b_begin = b.as<char>();
  return a.size > 0 && b.size > 0 && a_begin < b_begin + bytes(b) && b_begin < a_begin + bytes(a);
}

}  // namespace saddlescape::bind
