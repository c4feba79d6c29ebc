/* Options across the C border: each range, what a rule does not read, and callers that were
 * compiled with another version of the struct. */
#include <math.h>
#include <stdio.h>

#include "capi/saddlescape.h"
#include "tests/capi_expect.h"

static void test_options(void) {
  float x = 1;
  const saddlescape_tensor one = {&x, 1};
  saddlescape_options o;
  saddlescape_optimizer* made = NULL;
  struct {
    saddlescape_options known;
    double later;
  } newer;
#define REFUSE(rule, field, value, said)                                        \
  expect(saddlescape_options_init(rule, &o, sizeof o) == SADDLESCAPE_OK, rule); \
  o.field = value;                                                              \
  invalid(saddlescape_create(rule, &o, SADDLESCAPE_FLOAT32, &one, 1, &made), said);
  REFUSE("adam", lr, -0.5, "options.lr: -0.5|>= 0")
  REFUSE("adam", lr, HUGE_VAL, "options.lr: inf|>= 0")
  REFUSE("adam", beta1, 1.0, "options.beta1: 1|< 1")
  REFUSE("adam", beta2, -0.1, "options.beta2: -0.1")
  REFUSE("adam", eps, -HUGE_VAL, "options.eps: -inf")
  REFUSE("adam", momentum, 0.9, "options.momentum: 0.9|'adam' does not read it")
  REFUSE("adam", weight_decay, -1, "options.weight_decay: -1")
  REFUSE("adam", decoupled, 1, "options.decoupled: 1|does not read it")
  REFUSE("adam", maximize, 2, "options.maximize: 2|0 or 1")
  REFUSE("rmsprop", alpha, 1.0, "options.alpha: 1|< 1")
  REFUSE("rmsprop_centered", first_gradient, 1, "options.first_gradient: 1|does not read it")
  REFUSE("ademamix", alpha, -1, "options.alpha: -1|>= 0")
  REFUSE("radam", threshold, 3, "options.threshold: 3|>= 4")
  REFUSE("schedule_free_adamw", beta1, 0, "options.beta1: 0|> 0")
  REFUSE("rprop", eta_minus, 1, "options.eta_minus: 1|< 1")
  REFUSE("rprop", eta_plus, 0.5, "options.eta_plus: 0.5|> 1")
  REFUSE("rprop", step_min, 60, "options.step_min: 60|at most step_max")
  REFUSE("rprop", weight_decay, 0.1, "options.weight_decay: 0.1|does not read it")
  REFUSE("adam", size, 0, "options.size: 0|saddlescape_options_init")
#undef REFUSE
  saddlescape_options_init("momentum", &o, sizeof o);
  o.lr_inside = 1, o.dampening = 0.1;
  invalid(saddlescape_create("momentum", &o, SADDLESCAPE_FLOAT32, &one, 1, &made),
          "options.dampening: 0.1");
  invalid(saddlescape_options_init(NULL, &o, sizeof o), "rule: NULL");
  invalid(saddlescape_options_init("muon", &o, sizeof o), "rule: 'muon' needs the shapes|adam");
  invalid(saddlescape_options_init("adam", NULL, sizeof o), "options: NULL");
  invalid(saddlescape_options_init("adam", &o, sizeof o - 1), "size: |sizeof(saddlescape_options)");
  expect(made == NULL, "nothing was made");

  /* A caller that was compiled with a later version: what it does not use is no obstacle. */
  expect(saddlescape_options_init("adam", &newer.known, sizeof newer) == SADDLESCAPE_OK, "newer");
  expect(newer.known.size == sizeof newer && newer.later == 0, "what is not known is 0");
  newer.later = 1;
  invalid(saddlescape_create("adam", &newer.known, SADDLESCAPE_FLOAT32, &one, 1, &made),
          "options: byte|newer");
  newer.later = 0;
  expect(saddlescape_create("adam", &newer.known, SADDLESCAPE_FLOAT32, &one, 1, &made) ==
             SADDLESCAPE_OK,
         "newer");
  saddlescape_destroy(made);
}

int main(void) {
  test_options();
  if (failures == 0) printf("capi options: all passed\n");
  return failures == 0 ? 0 : 1;
}
