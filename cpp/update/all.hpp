// Every update rule: its header, and a line in the list with its name and its struct.
#pragma once

#include "update/adadelta.hpp"
#include "update/adafactor.hpp"
#include "update/adagrad.hpp"
#include "update/adahessian.hpp"
#include "update/adam.hpp"
#include "update/adamax.hpp"
#include "update/adamw.hpp"
#include "update/adan.hpp"
#include "update/ademamix.hpp"
#include "update/amsgrad.hpp"
#include "update/asgd.hpp"
#include "update/lamb.hpp"
#include "update/lars.hpp"
#include "update/lion.hpp"
#include "update/momentum.hpp"
#include "update/muon.hpp"
#include "update/nadam.hpp"
#include "update/nesterov.hpp"
#include "update/radam.hpp"
#include "update/rmsprop.hpp"
#include "update/rprop.hpp"
#include "update/schedule_free_adamw.hpp"
#include "update/sgd.hpp"
#include "update/sophia.hpp"

#define SADDLESCAPE_RULES(RULE)                            \
  RULE(adadelta, Adadelta)                                 \
  RULE(adagrad, Adagrad)                                   \
  RULE(adahessian, Adahessian)                             \
  RULE(adam, Adam)                                         \
  RULE(adamax, Adamax)                                     \
  RULE(adamw, AdamW)                                       \
  RULE(adan, Adan)                                         \
  RULE(ademamix, Ademamix)                                 \
  RULE(amsgrad, Amsgrad)                                   \
  RULE(amsgradw, AmsgradW)                                 \
  RULE(asgd, Asgd)                                         \
  RULE(lion, Lion)                                         \
  RULE(momentum, Momentum)                                 \
  RULE(nadam, Nadam)                                       \
  RULE(nesterov, Nesterov)                                 \
  RULE(radam, Radam)                                       \
  RULE(rmsprop, Rmsprop)                                   \
  RULE(rmsprop_centered, RmspropCentered)                  \
  RULE(rmsprop_centered_momentum, RmspropCenteredMomentum) \
  RULE(rmsprop_momentum, RmspropMomentum)                  \
  RULE(rprop, Rprop)                                       \
  RULE(schedule_free_adamw, ScheduleFreeAdamW)             \
  RULE(sgd, Sgd)                                           \
  RULE(sophia, Sophia)

// Composed of passes: the struct that moves the parameters, the one of the pass before it, the
// kind.
#define SADDLESCAPE_COMPOSED_RULES(RULE)  \
  RULE(lamb, Lamb, LambDirection, normed) \
  RULE(lars, Lars, LarsDirection, normed) \
  RULE(muon, Muon, MuonDirection, matrix)

// With sums over rows and columns for states: the struct that moves the parameters.
#define SADDLESCAPE_FACTORED_RULES(RULE) RULE(adafactor, Adafactor)

// Every loop that is compiled: a row for each rule, two for each composed one.
#define SADDLESCAPE_KERNEL_LIST(RULE, COMPOSED) \
  SADDLESCAPE_RULES(RULE) SADDLESCAPE_COMPOSED_RULES(COMPOSED) SADDLESCAPE_FACTORED_RULES(RULE)

namespace saddlescape::update {

#define SADDLESCAPE_COUNT(name, Struct) +1
#define SADDLESCAPE_COUNT_TWO(name, Struct, Direction, kind) +2
constexpr int kernel_count = SADDLESCAPE_KERNEL_LIST(SADDLESCAPE_COUNT, SADDLESCAPE_COUNT_TWO);
#undef SADDLESCAPE_COUNT
#undef SADDLESCAPE_COUNT_TWO

}  // namespace saddlescape::update
