// The folds of a step over a list of tensors.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "cuda/table.hpp"
#include "update/adafactor_step.hpp"
#include "update/rules.hpp"

namespace saddlescape::cuda {

// One for all tensors that follow each other and share it.
class FoldList {
 public:
  // The number of a tensor's fold; a new one where it is not the last.
  std::int64_t number(int kernel, const update::Group& group, const update::Tensor& tensor) {
    if (&group == group_ && kernel == kernel_ && tensor.trust == trust_ && tensor.steps == steps_ &&
        tensor.parameter_type == type_ &&
        std::equal(tensor.carried, tensor.carried + update::max_carried, carried_))
      return count() - 1;
    Fold& fold = folds_.emplace_back();
    std::memcpy(fold.bytes, memo_.of(kernel, group, tensor), sizeof fold.bytes);
    fold.steps = tensor.steps;
    if (group.rule->kind == update::Kind::factored) {
      fold.weight = update::adafactor::weight(group.options, tensor);
      fold.eps = update::adafactor::eps1(group.options, tensor);
    }
    group_ = &group;
    kernel_ = kernel;
    trust_ = tensor.trust;
    steps_ = tensor.steps;
    type_ = tensor.parameter_type;
    std::copy_n(tensor.carried, update::max_carried, carried_);
    return count() - 1;
  }
  std::int64_t count() const { return static_cast<std::int64_t>(folds_.size()); }
  const std::vector<Fold>& folds() const { return folds_; }

 private:
  update::Folds memo_;
  std::vector<Fold> folds_;
  const update::Group* group_ = nullptr;
  int kernel_ = -1;
  double trust_ = 1;
  std::int64_t steps_ = 0;
  Element type_ = Element::float32;
  double carried_[update::max_carried] = {};
};

}  // namespace saddlescape::cuda
