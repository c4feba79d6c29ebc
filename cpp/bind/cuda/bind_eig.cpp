// The eigen-solvers on arrays of a device: what comes out stays there.
#include <algorithm>
#include <memory>

#include "bind/cuda/device_array.hpp"
#include "bind/cuda/parts.hpp"
#include "bind/solvers.hpp"
#include "cuda/eig/dense.hpp"
#include "cuda/eig/vectors.hpp"

namespace saddlescape::bind {
namespace {

using cuda::eig::DeviceVectors;

template <class Function>
auto with_type(const Array& a, Function&& function) {
  return a.dtype == Dtype::float32 ? function(a.as<const float>()) : function(a.as<const double>());
}

void check_device(const std::string& name, int number) {
  const int current = cuda::current_device();
  if (number != current)
    throw py::value_error(name + ": on cuda:" + std::to_string(number) +
                          ", expected the current device, cuda:" + std::to_string(current));
}

// An array that is read, in the order of `stream`, for as long as this lives. Its owner is
// Python's, so it goes with the GIL held, wherever that is.
class Read {
 public:
  Read(py::handle source, const std::string& name, const Shape& shape, const cuda::Stream& stream)
      : taken_(new TakenOnDevice(taken_on_device(source, name, {Dtype::float32, Dtype::float64},
                                                 shape, false, stream)),
               [](TakenOnDevice* taken) {
                 const py::gil_scoped_acquire acquire;
                 delete taken;
               }) {
    check_device(name, taken_->array.device);
    if (taken_->has_stream) stream.follow(taken_->stream);
  }
  const Array& array() const { return taken_->array; }

 private:
  std::shared_ptr<TakenOnDevice> taken_;
};

// A (n, n), in the order of the stream.
class Matrix {
 public:
  Matrix(py::handle source, const std::string& name, const py::object& order)
      : stream(stream_of(order)), read_(source, name, {}, stream) {
    const Shape& shape = read_.array().shape;
    if (shape.size() != 2 || shape[0] != shape[1])
      throw py::value_error(name + ": shape " + shape_text(shape) + ", expected (n, n)");
    n = shape[0];
  }
  // solve(data), without the GIL.
  template <class Solve>
  auto with(const Solve& solve) const {
    return with_type(read_.array(), [&](const auto* data) {
      const ReleaseGil release;
      return solve(data);
    });
  }

  cuda::Stream stream;
  std::int64_t n = 0;

 private:
  Read read_;
};

DeviceArray made(const Shape& shape, const char* what, const cuda::Stream& stream) {
  DeviceArray array(shape, Dtype::float64, what);
  array.written_in(stream);
  return array;
}

void check_symmetric(py::handle source, const std::string& name, const py::object& stream) {
  const Matrix a(source, name, stream);
  a.with([&](const auto* data) { cuda::eig::check_symmetric(a.stream, a.n, data, name); });
}

DeviceArray eigvalsh(py::handle source, const py::object& stream) {
  const Matrix a(source, "A", stream);
  DeviceArray values = made({a.n}, "the eigenvalues", a.stream);
  a.with(
      [&](const auto* data) { cuda::eig::eigenvalues(a.stream, a.n, data, values.as<double>()); });
  return values;
}

// Some of `from`'s numbers.
DeviceArray ends(const DeviceArray& from, std::int64_t low, std::int64_t high, std::int64_t width,
                 const Shape& shape, const cuda::Stream& stream) {
  DeviceArray some = made(shape, "the ends of a spectrum", stream);
  const double* const all = from.as<double>();
  const std::int64_t n = from.shape()[0], bytes = width * 8;
  if (low > 0) cuda::copy(stream, some.data(), all, low * bytes);
  if (high > 0)
    cuda::copy(stream, some.as<double>() + low * width, all + (n - high) * width, high * bytes);
  return some;
}

// Eigenvalues, and eigenvectors by columns: all, or `low` and `high` at the ends.
py::tuple eigh(py::handle source, std::int64_t low, std::int64_t high, const py::object& stream) {
  const Matrix a(source, "A", stream);
  const std::int64_t n = a.n, count = low < n - high ? low + high : n;
  if (low < 0 || high < 0 || low > n || high > n || low + high > n)
    throw py::value_error("low, high: " + std::to_string(low) + " and " + std::to_string(high) +
                          ", expected at least 0 and together at most " + std::to_string(n) +
                          ", the order of A");
  DeviceArray values = made({n}, "the eigenvalues", a.stream);
  DeviceArray vectors = made({n, n}, "the eigenvectors", a.stream);
  a.with([&](const auto* data) {
    cuda::eig::eigenpairs(a.stream, n, data, values.as<double>(), vectors.as<double>());
  });
  if (count == n) {
    cuda::eig::transpose(a.stream, n, vectors.as<double>());
    return py::make_tuple(values, vectors);
  }
  const DeviceArray rows = ends(vectors, low, high, n, {count, n}, a.stream);
  DeviceArray columns = made({n, count}, "the eigenvectors", a.stream);
  cuda::eig::transpose(a.stream, count, n, rows.as<const double>(), columns.as<double>());
  return py::make_tuple(ends(values, low, high, 1, {count}, a.stream), columns);
}

// As _core.eig.certified_signs.
py::object certified_signs(py::handle source, double tolerance, const py::object& stream) {
  const Matrix a(source, "A", stream);
  const eig::CertifiedSigns signs = a.with(
      [&](const auto* data) { return cuda::eig::certified_signs(a.stream, a.n, data, tolerance); });
  if (!signs.found) return py::none();
  return py::make_tuple(signs.positive, signs.negative, signs.band, signs.error_bound);
}

// `to` (k, n), by rows, from vectors (n,) or (n, k) of either type.
void by_rows(const DeviceVectors& on, const Array& from, std::int64_t k, double* to) {
  const cuda::Stream& stream = on.stream();
  const auto turned = [&](auto* target) {
    using T = std::remove_pointer_t<decltype(target)>;
    cuda::eig::transpose(stream, on.n, k, from.as<const T>(), target);
  };
  if (from.dtype == Dtype::float64) return turned(to);
  const DeviceArray narrow({k, on.n}, Dtype::float32, "vectors in float32");
  turned(narrow.as<float>());
  cuda::eig::widen(stream, k * on.n, narrow.as<const float>(), to);
  stream.wait();  // before `narrow` goes
}

// V (n,) or (n, k), as the operator wants it, from k vectors by rows.
DeviceArray by_columns(const DeviceVectors& on, std::int64_t k, bool single, const double* rows) {
  const Shape shape = k == 1 ? Shape{on.n} : Shape{on.n, k};
  DeviceArray wide = made(shape, "vectors for op", on.stream());
  cuda::eig::transpose(on.stream(), k, on.n, rows, wide.as<double>());
  if (!single) return wide;
  DeviceArray narrow(shape, Dtype::float32, "vectors for op");
  cuda::eig::narrow(on.stream(), k * on.n, wide.as<const double>(), narrow.as<float>());
  on.stream().wait();  // before `wide` goes
  narrow.written_in(on.stream());
  return narrow;
}

// out <- op @ V
void call(const py::function& apply, const DeviceVectors& on, bool single, std::int64_t k,
          const double* in, double* out) {
  or_stay([&] {
    const py::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    const py::object returned = called(apply, py::make_tuple(by_columns(on, k, single, in)));
    if (!is_on_device(returned))
      throw py::type_error(
          "op @ V: " + std::string(py::str(py::type::of(returned).attr("__name__"))) +
          ", expected an array on the device, as V is");
    const Read product(returned, "op @ V", k == 1 ? Shape{on.n} : Shape{on.n, k}, on.stream());
    by_rows(on, product.array(), k, out);
    on.stream().wait();  // before the product goes
  });
}

// `where`: the stream, whether op wants float32, the matrix if op is one, and the number of the
// device that op names, or None.
struct DevicePlace {
  static eig::Operator operator_of(std::int64_t n, const py::function& apply,
                                   const py::object& where) {
    const auto parts = where.cast<py::tuple>();
    if (!parts[3].is_none()) check_device("op", parts[3].cast<int>());
    const auto on = std::make_shared<DeviceVectors>(stream_of(parts[0]), n);
    const bool single = parts[1].cast<bool>();
    eig::Operator op;
    op.n = n;
    op.vectors = on;
    const py::object matrix = parts[2];
    if (matrix.is_none()) {
      op.apply = [&apply, on, single](std::int64_t k, const double* in, double* out) {
        call(apply, *on, single, k, in, out);
      };
      return op;
    }
    const Read read(matrix, "op", {n, n}, on->stream());
    std::shared_ptr<double> own;  // of a matrix in float32
    if (read.array().dtype == Dtype::float32) {
      own = on->room(n * n);
      cuda::eig::widen(on->stream(), n * n, read.array().as<const float>(), own.get());
    }
    op.apply = [on, read, own](std::int64_t k, const double* in, double* out) {
      cuda::eig::multiply(*on, own ? own.get() : read.array().as<const double>(), k, in, out);
    };
    return op;
  }

  static const DeviceVectors& of(const eig::Operator& op) {
    return static_cast<const DeviceVectors&>(*op.vectors);
  }

  // From (n,) or (n, k) on the device; nothing for None.
  class Start {
   public:
    Start(const py::object& source, const eig::Operator& op) {
      if (source.is_none()) return;
      const DeviceVectors& on = of(op);
      const Read read(source, "start", {}, on.stream());
      const Shape& shape = read.array().shape;
      if (shape.empty() || shape.size() > 2 || shape[0] != op.n || shape.back() == 0)
        throw py::value_error("start: shape " + shape_text(shape) + ", expected (" +
                              std::to_string(op.n) + ",) or (" + std::to_string(op.n) + ", k)");
      count_ = shape.size() == 1 ? 1 : shape[1];
      rows_ = on.room(count_ * op.n);
      by_rows(on, read.array(), count_, rows_.get());
      std::vector<double> wrong(static_cast<std::size_t>(count_));
      on.look_for_non_finite(count_, rows_.get(), wrong.data());
      if (std::count(wrong.begin(), wrong.end(), 0.0) != count_)
        throw py::value_error("start: NaN or an infinite number, expected finite ones");
    }
    const double* data() const { return rows_.get(); }
    std::int64_t count() const { return count_; }

   private:
    std::shared_ptr<double> rows_;
    std::int64_t count_ = 0;
  };

  // k vectors, which come out by columns.
  class Vectors {
   public:
    Vectors(std::int64_t k, const eig::Operator& op)
        : on_(of(op)), k_(k), rows_(made({k, op.n}, "the eigenvectors", on_.stream())) {}
    double* data() { return rows_.as<double>(); }
    py::object object() const {
      DeviceArray columns = made({on_.n, k_}, "the eigenvectors", on_.stream());
      cuda::eig::transpose(on_.stream(), k_, on_.n, rows_.as<const double>(), columns.as<double>());
      on_.stream().wait();  // before the rows go
      return py::cast(columns);
    }

   private:
    const DeviceVectors& on_;
    std::int64_t k_;
    DeviceArray rows_;
  };
};

}  // namespace

void cuda_eig(py::module_ module) {
  module.def("check_symmetric", &check_symmetric, py::arg("A"), py::arg("name"),
             py::arg("stream") = py::none());
  module.def("eigvalsh", &eigvalsh, py::arg("A"), py::arg("stream") = py::none());
  module.def("eigh", &eigh, py::arg("A"), py::arg("low"), py::arg("high"),
             py::arg("stream") = py::none());
  module.def("certified_signs", &certified_signs, py::arg("A"), py::arg("tolerance"),
             py::arg("stream") = py::none());
  define_lanczos<DevicePlace>(module);
  define_quadrature<DevicePlace>(module);
  define_sketch<DevicePlace>(module);
  define_hutchinson<DevicePlace>(module);
}

}  // namespace saddlescape::bind
