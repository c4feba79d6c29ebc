#include "bind/home.hpp"

#include <algorithm>
#include <deque>
#include <vector>

#include "bind/elements.hpp"
#include "bind/placed.hpp"
#include "core/half.hpp"

namespace saddlescape::bind {
namespace {

template <class Half>
void narrow_to(const float* wide, const Array& to) {
  for (std::int64_t i = 0; i < to.size; ++i) half::narrow(wide[i], to.as<Half>()[i]);
}

class Cpu : public Home {
 public:
  bool is_cpu() const override { return true; }
  bool is_array(py::handle source) const override { return bind::is_array(source); }

  void begin(const py::object& stream) override {
    if (!stream.is_none())
      throw py::type_error("stream: " + type_text(stream) +
                           ", expected None: no parameter is on a CUDA device");
    wide_.clear();
  }
  void end() override {}

  Taken taken(py::handle source, const std::string& name,
              std::initializer_list<Dtype> allowed) override {
    return bind::taken(source, name, allowed);
  }
  Taken taken_like(py::handle source, const std::string& name, const Array& like,
                   std::initializer_list<Dtype> allowed) override {
    return bind::taken_like(source, name, like, allowed);
  }
  Taken taken_writable(py::handle source, const std::string& name,
                       std::initializer_list<Dtype> allowed) override {
    return bind::taken_writable(source, name, allowed);
  }
  Taken incoming(py::handle source, const std::string& name, const Array& like) override {
    return bind::taken_like(source, name, like);
  }
  Taken shown(const Array& array) override { return {array, {}}; }

  py::object zeros(const Shape& shape, Dtype dtype, const void* beside,
                   std::int64_t lane) override {
    return placed_zeros(shape, dtype, beside, lane);
  }
  Array array(py::handle own) const override {
    return checked_array(
        own, "the optimizer's array",
        {Dtype::float32, Dtype::float64, Dtype::uint16, Dtype::uint8, Dtype::float16});
  }
  void fill(py::handle own, const py::object& number) override { own.attr("fill")(number); }
  void receive(void* to, const Array& from) override {
    std::copy_n(from.as<char>(), from.size * width(from.dtype), static_cast<char*>(to));
  }
  void widen(update::Element type, const void* source, std::int64_t n, void* out) override {
    if (type == update::Element::float32 || type == update::Element::float64)
      std::copy_n(static_cast<const char*>(source), n * update::width(type),
                  static_cast<char*>(out));
    else
      update::widen(type, source, n, static_cast<float*>(out));
  }
  float* widened(const Array& narrow) override {
    std::vector<float>& own = wide_.emplace_back(static_cast<std::size_t>(narrow.size));
    update::widen(element_of(narrow.dtype), narrow.data, narrow.size, own.data());
    return own.data();
  }
  void narrow(const float* wide, const Array& to) override {
    if (to.dtype == Dtype::bfloat16)
      narrow_to<half::Bfloat16>(wide, to);
    else
      narrow_to<half::Float16>(wide, to);
  }

  update::Outcome step(const update::Group* groups, update::Tensor* tensors, std::int64_t count,
                       const update::Around& around) override {
    return update::step(groups, tensors, count, around, workspace_);
  }
  update::Seen look(const update::Group* groups, update::Tensor* tensors, std::int64_t count,
                    const update::Around& around) override {
    return update::look(groups, tensors, count, around, workspace_);
  }
  update::Workspace& workspace() override { return workspace_; }

 private:
  update::Workspace workspace_;
  std::deque<std::vector<float>> wide_;
};

}  // namespace

std::unique_ptr<Home> cpu_home() { return std::make_unique<Cpu>(); }

}  // namespace saddlescape::bind
