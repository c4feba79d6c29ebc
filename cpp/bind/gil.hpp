// Letting go of the interpreter and coming back to it, also when there is none to come back to.
//
// A daemon thread may be in a kernel when the program ends. Up to Python 3.13 the interpreter then
// ends that thread by pthread_exit, which unwinds our frames like an exception that must not be
// caught: it met pybind11's noexcept destructor, and the program ended in std::terminate. So here
// such a thread stays where it is until the process has gone, as Python 3.14 does it.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <utility>

#ifdef __GLIBCXX__
#include <cxxabi.h>
#endif

namespace saddlescape::bind {

namespace py = pybind11;

// Calls into Python; does not return if the interpreter is ending this thread.
template <class Function>
auto or_stay(Function&& function) -> decltype(function()) {
#ifdef __GLIBCXX__
  try {
    return std::forward<Function>(function)();
  } catch (const abi::__forced_unwind&) {
    for (;;) ::pause();
  }
#else
  return std::forward<Function>(function)();
#endif
}

// function(*arguments), with the GIL. Nothing of ours stands between the call and the place where
// the thread stays: a destructor that ran without the GIL would touch objects that others use, and
// pybind11's gil_scoped_acquire would take the GIL from whoever has it by then.
inline py::object called(const py::function& function, const py::tuple& arguments) {
  PyObject* const result =
      or_stay([&] { return PyObject_CallObject(function.ptr(), arguments.ptr()); });
  if (!result) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}

// Without the GIL for as long as it lives; nothing of Python may be touched meanwhile.
class ReleaseGil {
 public:
  ReleaseGil() : state_(PyEval_SaveThread()) {}
  ~ReleaseGil() {
    or_stay([this] { PyEval_RestoreThread(state_); });
  }
  ReleaseGil(const ReleaseGil&) = delete;
  ReleaseGil& operator=(const ReleaseGil&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace saddlescape::bind
