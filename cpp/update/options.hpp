// Hyper-parameters as a person states them. A rule reads those that its equation names; the rest
// stay at their neutral values. Plain data: nothing here is checked, `optim` in Python does that.
#pragma once

namespace saddlescape::update {

// A rule keeps at most so many numbers for each parameter.
constexpr int max_states = 4;
// and so many for each tensor.
constexpr int max_carried = 2;

struct Options {
  double lr = 0;              // learning rate
  double lr_decay = 0;        // Adagrad
  double momentum = 0;        // momentum, Nesterov, RMSprop
  double dampening = 0;       // momentum
  double alpha = 0;           // RMSprop: weight of the old mean square; ASGD: power of eta's decay;
                              // AdEMAMix: weight of the slow average
  double rho = 0;             // Adadelta: the same; Sophia: factor of the curvature
  double beta1 = 0;           // Adam: weight of the old first moment
  double beta2 = 0;           // Adam: weight of the old second moment
  double beta3 = 0;           // Adan, AdEMAMix: weight of a third average
  double momentum_decay = 0;  // NAdam: psi
  double threshold = 0;       // RAdam: rectify where rho_t is larger
  double eta_minus = 0;       // Rprop: factor of the step size where the gradient turns
  double eta_plus = 0;        // Rprop: the same where it does not
  double step_min = 0;        // Rprop: bounds of the step size
  double step_max = 0;
  double lambd = 0;              // ASGD: decay of the parameters
  double t0 = 0;                 // ASGD: the step after which averaging starts
  double warmup = 0;             // AdEMAMix, schedule-free: T, in steps
  double weight_lr_power = 0;    // schedule-free: how the rate weighs a step in the average
  double weight_step_power = 0;  // schedule-free: how the number of the step does
  double eps = 0;                // added to a denominator
  double eps_root = 0;           // added under the root of a denominator, bias corrected
  double eps_hat = 0;            // added to a root before its bias correction
  double hessian_power = 0;      // AdaHessian: k
  double weight_decay = 0;       // L2 penalty, added to the gradient
  double trust_coefficient = 0;  // LARS: eta
  double beta2_decay = 0;        // Adafactor: the power of t in 1 - beta2
  double clip_threshold = 0;     // Adafactor: d
  double parameter_floor = 0;    // Adafactor: eps2, of the parameters' size
  double ns_a = 0;               // Muon: coefficients of Newton-Schulz
  double ns_b = 0;
  double ns_c = 0;
  double ns_steps = 0;               // Muon: and how often
  double trust = 1;                  // LARS, LAMB: the tensor's factor; `step` sets it
  double carried[max_carried] = {};  // the tensor's own numbers; `step` sets them
  bool use_nesterov = false;         // Muon: the direction looks ahead
  bool match_rms = false;            // Muon: as long as AdamW's steps
  bool decoupled = false;            // weight_decay shrinks the parameters instead
  bool maximize = false;             // climb instead of descend
  bool lr_inside = false;            // momentum, Nesterov, RMSprop: the buffer holds lr g
  bool mean = false;            // Adagrad: divide by the root of the mean square, not of the sum
  bool first_gradient = false;  // RMSprop: the mean square starts at the first gradient's
  bool max_corrected = false;   // AMSGrad: the maximum of the bias corrected v
  bool uncorrected = false;     // AMSGrad: no bias corrections
  bool refresh = false;         // AdaHessian, Sophia: this step has an estimate of the diagonal
};

}  // namespace saddlescape::update
