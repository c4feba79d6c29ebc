// Lists of tensors twice over, for the CPU's step and for the device's, that have to stay equal to
// the bit. On a device their arrays have mirrors there.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/half.hpp"
#include "cuda/device.hpp"
#include "update/rules.hpp"
#include "update/step.hpp"

namespace saddlescape::cuda_lists {
namespace {

using update::Element;
using update::Options;
using update::Rule;
using update::Tensor;

#if defined(SADDLESCAPE_TEST_ON_DEVICE)
constexpr bool on_device = true;
#else
constexpr bool on_device = false;  // the CPU stands in its place
#endif

// What a list's arrays are stored as.
struct Storage {
  const char* name;
  Element parameter, gradient, state;
  bool copy;
};

constexpr Storage storages[] = {
    {"float32", Element::float32, Element::float32, Element::float32, false},
    {"float64", Element::float64, Element::float64, Element::float64, false},
    {"bfloat16 gradients", Element::float32, Element::bfloat16, Element::float32, false},
    {"float16 parameters", Element::float16, Element::float16, Element::float32, false},
    {"bfloat16 throughout", Element::bfloat16, Element::bfloat16, Element::bfloat16, false},
    {"float16 states", Element::float32, Element::float32, Element::float16, false},
    {"master weights", Element::float32, Element::bfloat16, Element::float32, true},
    {"8-bit states", Element::float32, Element::float32, Element::block8, false},
    {"8-bit states, narrow", Element::bfloat16, Element::float16, Element::block8, true},
};

inline Options options(const std::string& rule) {
  Options o;
  o.lr = 0.01;
  o.lr_decay = 1e-3;
  o.momentum = 0.9;
  o.dampening = 0.1;
  o.alpha = 0.9;
  o.rho = 0.95;
  o.beta1 = 0.9;
  o.beta2 = 0.99;
  o.beta3 = 0.995;
  o.momentum_decay = 4e-3;
  o.threshold = 5;
  o.eta_minus = 0.5;
  o.eta_plus = 1.2;
  o.step_min = 1e-6;
  o.step_max = 50;
  o.lambd = 1e-4;
  o.t0 = 2;
  o.trust_coefficient = 0.02;
  o.warmup = 3;
  o.weight_lr_power = 2;
  o.eps = 1e-8;
  o.hessian_power = rule == "adahessian" ? 0.5 : 1;
  o.weight_decay = 0.01;
  return o;
}

// Whether a rule can keep its states so.
inline bool takes(const Rule& rule, const Storage& storage) {
  if (storage.state == update::element_of(update::real_of(storage.parameter))) return true;
  for (const update::Nature nature : rule.natures)
    if (update::is_exact(nature)) return false;
  return storage.state != Element::block8 || !rule.state_names.empty();
}

// A number that is now and then zero, denormal or large.
inline double number(std::int64_t i, int salt) {
  const double x = std::sin(0.37 * static_cast<double>(i) + salt);
  switch ((i * 7 + salt) % 23) {
    case 0:
      return 0;
    case 1:
      return x * 1e-41;
    case 2:
      return -x * 1e4;
    default:
      return x * std::exp(2 * std::cos(0.11 * static_cast<double>(i)));
  }
}

inline void write(Element type, void* array, std::int64_t i, double x) {
  switch (type) {
    case Element::float64:
      static_cast<double*>(array)[i] = x;
      break;
    case Element::float32:
      static_cast<float*>(array)[i] = static_cast<float>(x);
      break;
    case Element::bfloat16:
      half::narrow(static_cast<float>(x), static_cast<half::Bfloat16*>(array)[i]);
      break;
    case Element::float16:
      half::narrow(static_cast<float>(x), static_cast<half::Float16*>(array)[i]);
      break;
    case Element::block8:
      break;
  }
}

inline bool equal(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

using Bytes = std::vector<unsigned char>;

// Whether a number of IEEE's is a NaN, by its bits.
template <class Bits, Bits infinity>
bool is_nan(Bits bits) {
  return static_cast<Bits>(bits & static_cast<Bits>(~Bits{0} >> 1)) > infinity;
}

// The same bits in all places, or a NaN in both: a device has one NaN, a CPU several.
template <class Bits, Bits infinity>
bool equal_bits(const Bytes& a, const Bytes& b) {
  for (std::size_t i = 0; i + sizeof(Bits) <= a.size(); i += sizeof(Bits)) {
    Bits x, y;
    std::memcpy(&x, a.data() + i, sizeof x);
    std::memcpy(&y, b.data() + i, sizeof y);
    if (x != y && !(is_nan<Bits, infinity>(x) && is_nan<Bits, infinity>(y))) return false;
  }
  return true;
}

inline bool equal_numbers(Element type, const Bytes& a, const Bytes& b) {
  if (a == b) return true;
  switch (type) {
    case Element::float64:
      return equal_bits<std::uint64_t, 0x7ff0000000000000>(a, b);
    case Element::float32:
      return equal_bits<std::uint32_t, 0x7f800000>(a, b);
    case Element::bfloat16:
      return equal_bits<std::uint16_t, 0x7f80>(a, b);
    case Element::float16:
      return equal_bits<std::uint16_t, 0x7c00>(a, b);
    default:
      return false;
  }
}

// The arrays of one tensor, `shift` elements past where memory is aligned.
class Arrays {
 public:
  Arrays(const Rule& rule, const Storage& storage, std::int64_t size, int shift, bool average)
      : storage_(storage), size_(size), shift_(shift) {
    const Element computed = update::element_of(update::real_of(storage.parameter));
    tensor.size = size;
    tensor.parameter_type = storage.parameter;
    tensor.gradient_type = storage.gradient;
    tensor.state_type = storage.state;
    tensor.parameters = add(storage.parameter);
    gradient_ = add(storage.gradient);
    for (std::size_t s = 0; s < rule.state_names.size(); ++s) {
      tensor.state[s] = add(storage.state);
      if (storage.state == Element::block8)
        tensor.scales[s] = static_cast<float*>(
            add(Element::float32, (size + update::block8_size - 1) / update::block8_size));
    }
    if (storage.copy) tensor.copy = add(tensor.copy_type = Element::float16);
    if (average) tensor.average = add(computed);
    for (std::int64_t i = 0; i < size; ++i)
      write(storage.parameter, tensor.parameters, i, number(i, 3));
    if (rule.takes_diagonal && storage.state != Element::block8)
      for (std::int64_t i = 0; i < size; ++i)
        write(storage.state, tensor.state[rule.state_names.size() - 1], i, number(i, 5));
  }

  Arrays(Arrays&&) = default;
  Arrays(const Arrays&) = delete;  // it would point into the other's memory

  void set_gradient(int step, bool present) {
    tensor.gradient = present ? gradient_ : nullptr;
    for (std::int64_t i = 0; i < size_; ++i)
      write(storage_.gradient, gradient_, i, number(i, 11 * step));
  }
  void spoil(std::int64_t i, double x) { write(storage_.gradient, gradient_, i, x); }

  // The tensor with its arrays on the device, as they are now.
  Tensor sent(const cuda::Stream& stream) {
    for (Block& block : blocks_) {
      if (!block.mirror)
        block.mirror = std::make_unique<cuda::Memory>(cuda::Memory::Where::device, "a test");
      const auto bytes = static_cast<std::int64_t>(block.bytes.size());
      block.mirror->grow(bytes);
      cuda::upload(stream, block.mirror->data(), block.bytes.data(), bytes);
    }
    Tensor there = tensor;
    there.parameters = moved(tensor.parameters);
    there.gradient = moved(tensor.gradient);
    for (void*& state : there.state) state = moved(state);
    for (float*& scale : there.scales) scale = static_cast<float*>(moved(scale));
    there.copy = moved(tensor.copy);
    there.average = moved(tensor.average);
    return there;
  }

  // Takes back what the device made of it.
  void fetch(const Tensor& there, const cuda::Stream& stream) {
    for (Block& block : blocks_)
      cuda::download(stream, block.bytes.data(), block.mirror->data(),
                     static_cast<std::int64_t>(block.bytes.size()));
    stream.wait();
    tensor.steps = there.steps;
    tensor.norms = there.norms;
    std::copy_n(there.carried, update::max_carried, tensor.carried);
  }

  // The numbers of all of them, and what the step left in the tensor.
  bool same(const Arrays& other) const {
    for (std::size_t k = 0; k < blocks_.size(); ++k)
      if (!equal_numbers(blocks_[k].type, blocks_[k].bytes, other.blocks_[k].bytes)) return false;
    const update::Norms &a = tensor.norms, &b = other.tensor.norms;
    return tensor.steps == other.tensor.steps &&
           std::memcmp(tensor.carried, other.tensor.carried, sizeof tensor.carried) == 0 &&
           equal(a.gradient, b.gradient) && equal(a.update, b.update) &&
           equal(a.parameter, b.parameter);
  }

  Tensor tensor;

 private:
  void* add(Element type) { return add(type, size_); }
  void* add(Element type, std::int64_t size) {
    const auto bytes = static_cast<std::size_t>((size + shift_) * update::width(type));
    blocks_.push_back({type, Bytes((bytes + 15) / 8 * 8), nullptr});
    return blocks_.back().bytes.data() + shift_ * update::width(type);
  }

  void* moved(const void* here) const {
    for (const Block& block : blocks_) {
      const auto offset = static_cast<const unsigned char*>(here) - block.bytes.data();
      if (here && offset >= 0 && offset < static_cast<std::ptrdiff_t>(block.bytes.size()))
        return block.mirror->as<unsigned char>() + offset;
    }
    return nullptr;
  }

  struct Block {
    Element type;
    Bytes bytes;
    std::unique_ptr<cuda::Memory> mirror;
  };

  Storage storage_;
  std::int64_t size_;
  int shift_;
  void* gradient_ = nullptr;
  std::vector<Block> blocks_;
};

}  // namespace
}  // namespace saddlescape::cuda_lists
