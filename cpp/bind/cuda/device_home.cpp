#include "bind/cuda/device_home.hpp"

#include <algorithm>
#include <deque>
#include <vector>

#include "bind/cuda/device_array.hpp"
#include "bind/elements.hpp"
#include "bind/gil.hpp"
#include "cuda/halves.hpp"

namespace saddlescape::bind {
namespace {

// A step runs in the stream that it is given, else in that of the first array. Other streams that
// arrays are written in come before it and go on after it; for an array whose library names none
// the host waits, as its memory may be used again as soon as it is let go; and in a thread's own
// stream, as the next step may come from another thread.
class OnCuda : public DeviceHome {
 public:
  bool is_cpu() const override { return false; }
  bool is_array(py::handle source) const override { return is_on_device(source); }

  void begin(const py::object& stream) override {
    others_.clear();
    widened_ = 0;
    waits_ = false;
    chosen_ = !stream.is_none();
    if (chosen_ || given_) go_on_in(stream_of(stream));
    given_ = chosen_;
  }

  void end() override {
    const cuda::OnDevice there(number());  // events and the default stream are one device's
    for (const cuda::Stream& other : others_) other.follow(*stream_);
    if (!waits_ && !stream_->is_of_thread()) return;
    const ReleaseGil release;
    stream_->wait();
  }

  Taken taken(py::handle source, const std::string& name,
              std::initializer_list<Dtype> allowed) override {
    return use(source, name, allowed, {}, false);
  }

  Taken taken_like(py::handle source, const std::string& name, const Array& like,
                   std::initializer_list<Dtype> allowed) override {
    Taken found = use(source, name, allowed, like.shape, false);
    if (found.array.shape != like.shape)
      throw py::value_error(name + ": shape " + shape_text(found.array.shape) + ", expected " +
                            shape_text(like.shape));
    return found;
  }

  Taken taken_writable(py::handle source, const std::string& name,
                       std::initializer_list<Dtype> allowed) override {
    Taken found = use(source, name, allowed, {}, true);
    if (py::isinstance<DeviceArray>(source)) py::cast<DeviceArray&>(source).written_in(stream_);
    return found;
  }

  Taken incoming(py::handle source, const std::string& name, const Array& like) override {
    if (is_on_device(source)) return taken_like(source, name, like, {like.dtype});
    return bind::taken_like(source, name, like);
  }

  Taken shown(const Array& array) override {
    if (array.device < 0) return {array, {}};
    const cuda::OnDevice there(array.device);
    const py::array here = to_host(array, *stream_);
    Array described = array;
    described.device = -1;
    described.data = const_cast<void*>(here.data());
    return {described, here};
  }

  py::object zeros(const Shape& shape, Dtype dtype, const void*, std::int64_t) override {
    const cuda::OnDevice there(number());
    DeviceArray made = device_zeros(shape, dtype, *stream_, "an optimizer's state");
    made.written_in(stream_);
    return py::cast(std::move(made));
  }

  Array array(py::handle own) const override { return py::cast<DeviceArray&>(own).array(); }

  void fill(py::handle own, const py::object& number) override {
    const auto& array = py::cast<DeviceArray&>(own);
    const py::object full = py::module_::import("numpy").attr("full")(
        own.attr("shape"), number, py::arg("dtype") = own.attr("dtype"));
    send(array.data(), py::cast<py::array>(full).data(), array.bytes());
  }

  void receive(void* to, const Array& from) override {
    const std::int64_t bytes = from.size * width(from.dtype);
    if (from.device < 0) return send(to, from.data, bytes);
    const cuda::OnDevice there(number());
    cuda::copy(*stream_, to, from.data, bytes);
  }

  void widen(update::Element type, const void* source, std::int64_t n, void* out) override {
    const cuda::OnDevice there(number());
    if (type == update::Element::float32 || type == update::Element::float64)
      return cuda::copy(*stream_, out, source, n * update::width(type));
    cuda::widen(*stream_, type, source, n, static_cast<float*>(out));
  }

  float* widened(const Array& narrow) override {
    const cuda::OnDevice there(number());
    if (widened_ == wide_.size())
      wide_.emplace_back(cuda::Memory::Where::device, "an optimizer's state in float32");
    cuda::Memory& own = wide_[widened_++];
    own.grow(narrow.size * static_cast<std::int64_t>(sizeof(float)));
    widen(element_of(narrow.dtype), narrow.data, narrow.size, own.data());
    return own.as<float>();
  }

  void narrow(const float* wide, const Array& to) override {
    const cuda::OnDevice there(number());
    cuda::narrow(*stream_, element_of(to.dtype), wide, to.size, to.data);
  }

  update::Outcome step(const update::Group* groups, update::Tensor* tensors, std::int64_t count,
                       const update::Around& around) override {
    const cuda::OnDevice there(number());
    return cuda::step(groups, tensors, count, around, workspace_, *stream_);
  }

  update::Seen look(const update::Group* groups, update::Tensor* tensors, std::int64_t count,
                    const update::Around& around) override {
    const cuda::OnDevice there(number());
    return cuda::look(groups, tensors, count, around, workspace_, *stream_);
  }

  int number() const override { return number_ < 0 ? cuda::current_device() : number_; }
  const cuda::Stream& stream() const override { return *stream_; }
  cuda::Workspace& device_workspace() override { return workspace_; }

  update::Workspace& workspace() override {
    throw py::type_error("params: on a CUDA device, expected arrays of the CPU");
  }

 private:
  // What our arrays were last written in comes before; without a device nothing was.
  void go_on_in(const cuda::Stream& stream) {
    if (number_ >= 0) {
      const cuda::OnDevice there(number_);
      stream.follow(*stream_);
    }
    *stream_ = stream;
  }

  void send(void* to, const void* from, std::int64_t bytes) const {
    const cuda::OnDevice there(number());
    cuda::upload(*stream_, to, from, bytes);
    stream_->wait();
  }

  TakenOnDevice use(py::handle source, const std::string& name,
                    std::initializer_list<Dtype> allowed, const Shape& shape, bool writable) {
    TakenOnDevice found = taken_on_device(source, name, allowed, shape, writable, *stream_);
    if (number_ < 0) number_ = found.array.device;
    if (found.array.device != number_)
      throw py::value_error(name + ": on device cuda:" + std::to_string(found.array.device) +
                            ", expected cuda:" + std::to_string(number_) +
                            " as the first of params; give each device an optimizer of its own");
    put_in_order(found);
    return found;
  }

  void put_in_order(const TakenOnDevice& found) {
    const bool first = !chosen_;
    chosen_ = true;
    waits_ = waits_ || !found.has_stream;
    if (!found.has_stream) return;
    if (first) return go_on_in(found.stream);
    const auto same = [&](const cuda::Stream& other) {
      return other.handle() == found.stream.handle();
    };
    if (same(*stream_) || std::any_of(others_.begin(), others_.end(), same)) return;
    const cuda::OnDevice there(number_);
    stream_->follow(found.stream);
    others_.push_back(found.stream);
  }

  cuda::Workspace workspace_;
  std::deque<cuda::Memory> wide_;  // kept from step to step
  std::size_t widened_ = 0;        // of them in this one
  int number_ = -1;                // of the device
  // Shared with our arrays: who reads them comes after it.
  std::shared_ptr<cuda::Stream> stream_ = std::make_shared<cuda::Stream>();
  bool chosen_ = false;  // for this step
  bool given_ = false;   // by whom it is called
  bool waits_ = false;
  std::vector<cuda::Stream> others_;
};

}  // namespace

std::unique_ptr<DeviceHome> device_home() { return std::make_unique<OnCuda>(); }

}  // namespace saddlescape::bind
