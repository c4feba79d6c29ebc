// Hyper-parameters as a person states them. A rule reads those that its equation names; the rest
// stay at their neutral values. Plain data: nothing here is checked, `optim` in Python does that.
#pragma once

namespace saddlescape::update {

struct Options {
  double lr = 0;            // learning rate
  double lr_decay = 0;      // Adagrad
  double momentum = 0;      // momentum, Nesterov
  double dampening = 0;     // momentum
  double alpha = 0;         // RMSprop: weight of the old mean square
  double rho = 0;           // Adadelta: the same
  double beta1 = 0;         // Adam: weight of the old first moment
  double beta2 = 0;         // Adam: weight of the old second moment
  double eps = 0;           // added to a denominator
  double weight_decay = 0;  // L2 penalty, added to the gradient
  bool maximize = false;    // climb instead of descend
};

}  // namespace saddlescape::update
