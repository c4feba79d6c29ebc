// Where an optimizer's arrays live, and who steps there: the CPU, or a CUDA device (bind/cuda).
#pragma once

#include <memory>

#include "bind/array.hpp"
#include "update/step.hpp"

namespace saddlescape::bind {

class Home {
 public:
  virtual ~Home() = default;

  // True on the CPU, where NumPy arrays need no second look.
  virtual bool is_cpu() const = 0;

  // True if `source` is one array that could live here, and no list of them.
  virtual bool is_array(py::handle source) const = 0;

  // A step begins that looks at arrays; `stream`: Python's word for the one it runs in, or None.
  virtual void begin(const py::object& stream) = 0;
  // It has been asked for: who lent an array may use it again in their own order.
  virtual void end() = 0;

  // An array of any library that lives here, as bind/array.hpp's functions check it.
  virtual Taken taken(py::handle source, const std::string& name,
                      std::initializer_list<Dtype> allowed) = 0;
  virtual Taken taken_like(py::handle source, const std::string& name, const Array& like,
                           std::initializer_list<Dtype> allowed) = 0;
  virtual Taken taken_writable(py::handle source, const std::string& name,
                               std::initializer_list<Dtype> allowed) = 0;
  // The same, for one that is read once and may live on the CPU as well.
  virtual Taken incoming(py::handle source, const std::string& name, const Array& like) = 0;
  // An array that was checked, where the CPU can look at its numbers.
  virtual Taken shown(const Array& array) = 0;

  // An array of our own, all zeros; `beside` and `lane` as placed_zeros has them.
  virtual py::object zeros(const Shape& shape, Dtype dtype, const void* beside = nullptr,
                           std::int64_t lane = 0) = 0;
  virtual Array array(py::handle own) const = 0;
  virtual void fill(py::handle own, const py::object& number) = 0;
  // As `incoming` checked it, into an array of ours of the same size.
  virtual void receive(void* to, const Array& from) = 0;
  // Numbers of `type` as what is computed in: float64 as they are, all others as float32.
  virtual void widen(update::Element type, const void* source, std::int64_t n, void* out) = 0;
  // A step's own float32 in the place of an array of bfloat16 or float16, until the next one
  // begins.
  virtual float* widened(const Array& narrow) = 0;
  // Rounds them back into the array, behind the step.
  virtual void narrow(const float* wide, const Array& to) = 0;

  // update::step and update::look.
  virtual update::Outcome step(const update::Group* groups, update::Tensor* tensors,
                               std::int64_t count, const update::Around& around) = 0;
  virtual update::Seen look(const update::Group* groups, update::Tensor* tensors,
                            std::int64_t count, const update::Around& around) = 0;
  // For steps that the core takes by itself, on the CPU alone.
  virtual update::Workspace& workspace() = 0;
};

std::unique_ptr<Home> cpu_home();

}  // namespace saddlescape::bind
