// Every update rule: its header, and a line in the list with its name and its struct.
#pragma once

#include "update/adadelta.hpp"
#include "update/adagrad.hpp"
#include "update/adam.hpp"
#include "update/momentum.hpp"
#include "update/nesterov.hpp"
#include "update/rmsprop.hpp"
#include "update/sgd.hpp"

#define SADDLESCAPE_RULES(RULE) \
  RULE(adadelta, Adadelta)      \
  RULE(adagrad, Adagrad)        \
  RULE(adam, Adam)              \
  RULE(momentum, Momentum)      \
  RULE(nesterov, Nesterov)      \
  RULE(rmsprop, Rmsprop)        \
  RULE(sgd, Sgd)

namespace saddlescape::update {

#define SADDLESCAPE_COUNT(name, Struct) +1
constexpr int rule_count = SADDLESCAPE_RULES(SADDLESCAPE_COUNT);
#undef SADDLESCAPE_COUNT

}  // namespace saddlescape::update
