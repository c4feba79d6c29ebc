#include <pybind11/stl.h>

#include "bind/bundled.hpp"
#include "bind/parts.hpp"
#include "bind/placed.hpp"
#include "core/blas.hpp"
#include "core/isa.hpp"
#include "core/parallel.hpp"

namespace py = pybind11;

namespace saddlescape::bind {
namespace {

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (isa::Isa isa : isa::available()) names.emplace_back(isa::name(isa));
  return names;
}

}  // namespace

void core(py::module_ module) {
  isa::active();  // a wrong SADDLESCAPE_ISA is refused at import, not at the first step
  blas::load(bundled_blas());

  module.attr("compiler") = std::string(
#if defined(__clang__)
      "Clang " __clang_version__
#else
      "GCC " __VERSION__
#endif
  );
  module.def("isa", [] { return isa::name(isa::active()); });
  module.def("available_isas", &available_isas);
  module.def("force_isa", &isa::force, py::arg("name"));
  module.def("threads", &threads);
  module.def("threading", &threading);
  module.def("parallel_regions", &regions);
  module.def("set_threads", &set_threads, py::arg("n"));
  module.def("zeros", [](std::int64_t size, const std::string& dtype) {
    return placed_zeros({size}, dtype == "float64" ? Dtype::float64 : Dtype::float32);
  });
  module.def("blas", [] {
    const blas::Info info = blas::info();
    return py::make_tuple(info.library, info.kernel);
  });
}

}  // namespace saddlescape::bind
