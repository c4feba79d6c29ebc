// Arrays of other libraries, through the protocols that they share with NumPy.
#include "bind/array.hpp"
#include "bind/described.hpp"

namespace saddlescape::bind {
namespace {

enum class Access { read, write };

// Turns an error of the other library into one that names the argument.
[[noreturn]] void refuse(const py::error_already_set& error, py::handle source,
                         const std::string& name, std::initializer_list<Dtype> allowed) {
  if (!error.matches(PyExc_Exception)) throw error;  // KeyboardInterrupt
  const std::string text = py::cast<std::string>(py::str(error.value()));
  throw py::type_error(source_text(source, name) + " can't be read in place (" +
                       text.substr(0, text.find('\n')) +
                       "), expected a dense C-contiguous CPU array of " + allowed_text(allowed));
}

Taken from_exchange(const dlpack::Exchange& api, py::handle source, const std::string& name,
                    std::initializer_list<Dtype> allowed, const Shape& shape) {
  dlpack::Tensor tensor;
  if (api.describe(source.ptr(), &tensor) != 0)
    refuse(py::error_already_set(), source, name, allowed);
  refuse_negated(source, name);
  return {described(tensor, Memory::cpu, source, name, allowed, shape),
          py::reinterpret_borrow<py::object>(source)};
}

Taken from_interface(py::handle source, const std::string& name,
                     std::initializer_list<Dtype> allowed, const Shape& shape, Access access) {
  py::object view;
  try {
    // copy=False: a view of the source's memory, or an error.
    view = py::module_::import("numpy").attr("array")(source, py::arg("copy") = false);
  } catch (py::error_already_set& error) {
    refuse(error, source, name, allowed);
  }
  return {access == Access::write ? checked_writable(view, name, allowed, shape)
                                  : checked_array(view, name, allowed, shape),
          view};
}

// PyTorch before 2.10. Others have these methods too, and copy: the address tells.
bool has_numpy_view(py::handle source) {
  return py::hasattr(source, "detach") && py::hasattr(source, "numpy") &&
         py::hasattr(source, "data_ptr");
}

Taken from_numpy_view(py::handle source, const std::string& name,
                      std::initializer_list<Dtype> allowed, const Shape& shape, Access access) {
  py::object view;
  std::uintptr_t address = 0;
  try {
    view = source.attr("detach")().attr("numpy")();
    address = py::cast<std::uintptr_t>(source.attr("data_ptr")());
  } catch (py::error_already_set& error) {
    refuse(error, source, name, allowed);
  }
  const Array array = access == Access::write ? checked_writable(view, name, allowed, shape)
                                              : checked_array(view, name, allowed, shape);
  if (array.size > 0 && reinterpret_cast<std::uintptr_t>(array.data) != address)
    throw py::value_error(source_text(source, name) +
                          " gave a copy, expected its own memory (it is updated in place)");
  return {array, view};
}

py::object capsule_of(py::handle source) {
  const py::object dunder = source.attr("__dlpack__");
  try {
    return dunder(py::arg("max_version") = py::make_tuple(dlpack::major_version, 0),
                  py::arg("copy") = false);
  } catch (py::error_already_set& error) {
    // Older than DLPack 1.0: it has no such arguments, and never copies.
    if (!error.matches(PyExc_TypeError)) throw;
  }
  return dunder();
}

Taken from_dlpack(py::handle source, const std::string& name, std::initializer_list<Dtype> allowed,
                  const Shape& shape, Access access) {
  py::object capsule;
  try {
    const auto device = py::cast<py::tuple>(source.attr("__dlpack_device__")());
    dlpack::Tensor elsewhere{};
    elsewhere.device.type = py::cast<std::int32_t>(py::int_(py::object(device[0])));
    // Before it is asked to export: a library may refuse in words that do not name the device.
    if (elsewhere.device.type != dlpack::cpu)
      described(elsewhere, Memory::cpu, source, name, allowed, shape);
    capsule = capsule_of(source);
  } catch (py::error_already_set& error) {
    refuse(error, source, name, allowed);
  }
  // The capsule stays unconsumed and keeps the memory: its own destructor frees it.
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned")) {
    const auto* managed = static_cast<const dlpack::ManagedVersioned*>(
        PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"));
    if (managed->version.major == dlpack::major_version) {
      if (access == Access::write && (managed->flags & dlpack::read_only))
        throw py::value_error(name +
                              ": read-only, expected a writable array (it is updated in place)");
      if (access == Access::write && (managed->flags & dlpack::is_copied))
        throw py::value_error(source_text(source, name) +
                              " gave a copy, expected its own memory (it is updated in place)");
      return {described(managed->tensor, Memory::cpu, source, name, allowed, shape), capsule};
    }
  } else if (PyCapsule_IsValid(capsule.ptr(), "dltensor")) {
    if (access == Access::write)
      throw py::type_error(source_text(source, name) +
                           " does not say whether it may be written to (DLPack before 1.0), "
                           "expected one that does; give a NumPy view of it");
    const auto* managed =
        static_cast<const dlpack::Managed*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
    return {described(managed->tensor, Memory::cpu, source, name, allowed, shape), capsule};
  }
  throw py::type_error(source_text(source, name) + " gave no capsule of DLPack 1, expected one");
}

Taken take(py::handle source, const std::string& name, std::initializer_list<Dtype> allowed,
           const Shape& shape, Access access) {
  if (py::isinstance<py::array>(source))
    return {access == Access::write ? checked_writable(source, name, allowed, shape)
                                    : checked_array(source, name, allowed, shape),
            py::reinterpret_borrow<py::object>(source)};
  if (const dlpack::Exchange* api = exchange(source))
    return from_exchange(*api, source, name, allowed, shape);
  if (has_numpy_view(source)) return from_numpy_view(source, name, allowed, shape, access);
  if (py::hasattr(source, "__array_interface__"))
    return from_interface(source, name, allowed, shape, access);
  if (py::hasattr(source, "__dlpack__") && py::hasattr(source, "__dlpack_device__"))
    return from_dlpack(source, name, allowed, shape, access);
  checked_array(source, name, allowed, shape);  // says what it is, and throws
  return {};
}

}  // namespace

bool is_array(py::handle source) {
  if (py::isinstance<py::array>(source)) return true;
  if (py::isinstance<py::type>(source)) return false;
  return exchange(source) || has_numpy_view(source) || py::hasattr(source, "__array_interface__") ||
         (py::hasattr(source, "__dlpack__") && py::hasattr(source, "__dlpack_device__"));
}

Taken taken(py::handle source, const std::string& name, std::initializer_list<Dtype> allowed,
            const Shape& shape) {
  return take(source, name, allowed, shape, Access::read);
}

Taken taken_writable(py::handle source, const std::string& name,
                     std::initializer_list<Dtype> allowed) {
  return take(source, name, allowed, {}, Access::write);
}

Taken taken_like(py::handle source, const std::string& name, const Array& like) {
  return taken_like(source, name, like, {like.dtype});
}

Taken taken_like(py::handle source, const std::string& name, const Array& like,
                 std::initializer_list<Dtype> allowed) {
  Taken result = take(source, name, allowed, like.shape, Access::read);
  if (result.array.shape != like.shape)
    throw py::value_error(name + ": shape " + shape_text(result.array.shape) + ", expected " +
                          shape_text(like.shape));
  return result;
}

}  // namespace saddlescape::bind
