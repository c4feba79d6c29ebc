// What a handle of the C interface stands for: the tensors, their states, and a step over them.
//
// Everything that comes in is checked before anything is changed. Refusals are exceptions here;
// saddlescape.cpp turns them into a status and a message.
#pragma once

#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "capi/options.hpp"
#include "capi/saddlescape.h"
#include "capi/settings.hpp"
#include "core/regions.hpp"
#include "update/step.hpp"

namespace saddlescape::capi {

class NotFinite : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Busy : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A caller's group; its options are checked.
struct Source {
  saddlescape_options options;
  const saddlescape_tensor* tensors;
  std::int64_t count;
  std::string name;  // of `tensors` in messages
};

// Numbers that the optimizer keeps, for the caller to read and write.
struct Numbers {
  void* data;
  std::int64_t size;
};

class Optimizer {
 public:
  // `settings` are checked.
  Optimizer(const update::Rule& rule, const std::vector<Source>& groups,
            const saddlescape_settings& settings);

  void step(const void* const* gradients, std::int64_t count, double grad_scale);
  const update::Outcome& last() const { return last_; }

  void set_lr(double lr);
  void set_lr(std::int64_t group, double lr);
  double lr(std::int64_t group) const { return groups_[checked_group(group)].options.lr; }

  std::int64_t states() const { return static_cast<std::int64_t>(rule().state_names.size()); }
  const char* state_name(std::int64_t state) const;
  const update::Tensor& tensor(std::int64_t i) const { return tensors_[checked_tensor(i)]; }
  Numbers state(std::int64_t i, std::int64_t state) const;
  Numbers scales(std::int64_t i, std::int64_t state) const;
  Numbers master_weights(std::int64_t i) const;
  Numbers average(std::int64_t i) const;
  void set_steps(std::int64_t i, std::int64_t steps);
  void set_carried(std::int64_t i, const double* carried);
  void set_calls(std::int64_t calls);
  std::int64_t calls() const { return calls_; }

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

  const update::Rule& rule() const { return *groups_[0].rule; }
  update::Element computed() const { return update::element_of(layout_.real()); }
  void add(const Source& source, int group);
  void add(const saddlescape_tensor& source, int group, const std::string& name);
  void add_buffers(update::Tensor& tensor, std::int64_t i, double fill);
  void add_state(update::Tensor& tensor, std::int64_t i, std::int64_t state, double fill);
  void start_from_parameters(const update::Tensor& tensor, void* out) const;
  void* memory(update::Element type, std::int64_t size, const std::string& name);
  void take(const void* const* gradients, std::int64_t count);
  [[noreturn]] void refuse_non_finite(const std::string& name, const update::Tensor& tensor) const;
  std::size_t checked_tensor(std::int64_t i) const;
  std::size_t checked_group(std::int64_t i) const;

  Layout layout_;
  update::Averaging averaging_;
  update::Around around_;
  update::Workspace workspace_;
  update::Outcome last_;
  std::int64_t calls_ = 0;
  std::vector<update::Group> groups_;
  std::vector<update::Tensor> tensors_;
  std::vector<std::string> names_;                   // of the tensors
  std::vector<std::unique_ptr<void, Free>> memory_;  // of the states and the like
  Regions regions_;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
};

}  // namespace saddlescape::capi
