// What a handle of the C interface stands for: the tensors, their states, and a step over them.
//
// Everything that comes in is checked before anything is changed. Refusals are exceptions here;
// saddlescape.cpp turns them into a status and a message.
#pragma once

#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <vector>

#include "capi/options.hpp"
#include "capi/saddlescape.h"
#include "core/regions.hpp"
#include "update/step.hpp"

namespace saddlescape::capi {

class NotFinite : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Busy : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Optimizer {
 public:
  // `options` are checked.
  Optimizer(const update::Rule& rule, const saddlescape_options& options, update::Element type,
            const saddlescape_tensor* tensors, std::int64_t count);

  void step(const void* const* gradients, std::int64_t count);

  void set_lr(double lr);
  double lr() const { return group_.options.lr; }
  std::int64_t states() const { return static_cast<std::int64_t>(group_.rule->state_names.size()); }
  const char* state_name(std::int64_t state) const;
  const update::Tensor& tensor(std::int64_t i) const { return tensors_[checked_tensor(i)]; }
  void* state(std::int64_t i, std::int64_t state) const;
  void set_steps(std::int64_t i, std::int64_t steps);
  void set_carried(std::int64_t i, const double* carried);

 private:
  // One caller at a time.
  class Turn {
   public:
    explicit Turn(std::atomic_flag& busy);
    ~Turn() { busy_.clear(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    std::atomic_flag& busy_;
  };

  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  std::int64_t bytes(std::int64_t size) const { return size * update::width(type_); }
  void add(const saddlescape_tensor& tensor, std::int64_t i);
  void add_states(std::int64_t i, double fill);
  void check_pointer(const char* list, std::int64_t i, const void* data, std::int64_t size) const;
  // Throws NotFinite if `bad`, an index, is not -1: the tensor's gradient points to what is wrong.
  void refuse_non_finite(const char* list, std::int64_t bad) const;
  std::size_t checked_tensor(std::int64_t i) const;

  update::Group group_;
  update::Element type_;
  update::Around around_;
  update::Workspace workspace_;
  bool allow_non_finite_;
  std::vector<update::Tensor> tensors_;
  std::vector<std::unique_ptr<void, Free>> memory_;  // of the states
  Regions regions_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

}  // namespace saddlescape::capi
