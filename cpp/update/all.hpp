// Every update rule: its header, and a line in the list with its name and its struct.
#pragma once

#include "update/adadelta.hpp"
#include "update/adagrad.hpp"
#include "update/adam.hpp"
#include "update/adamax.hpp"
#include "update/adamw.hpp"
#include "update/adan.hpp"
#include "update/ademamix.hpp"
#include "update/amsgrad.hpp"
#include "update/asgd.hpp"
#include "update/lion.hpp"
#include "update/momentum.hpp"
#include "update/nadam.hpp"
#include "update/nesterov.hpp"
#include "update/radam.hpp"
#include "update/rmsprop.hpp"
#include "update/rprop.hpp"
#include "update/sgd.hpp"

#define SADDLESCAPE_RULES(RULE)                            \
  RULE(adadelta, Adadelta)                                 \
  RULE(adagrad, Adagrad)                                   \
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
  RULE(sgd, Sgd)

namespace saddlescape::update {

#define SADDLESCAPE_COUNT(name, Struct) +1
constexpr int rule_count = SADDLESCAPE_RULES(SADDLESCAPE_COUNT);
#undef SADDLESCAPE_COUNT

}  // namespace saddlescape::update
