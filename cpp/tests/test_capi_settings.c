/* Groups and settings across the C border: what each does, which are refused and with which words,
 * and that a refused call has changed nothing. That the bits are Python's: tests/test_cpp_package.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/capi_groups.h"

static void test_groups(void) {
  saddlescape_optimizer* sgd = NULL;
  double first, second;
  reset();
  expect(make("sgd", NULL, &sgd) == SADDLESCAPE_OK, "groups");
  saddlescape_get_group_lr(sgd, 0, &first);
  saddlescape_get_group_lr(sgd, 1, &second);
  expect(first == 1e-3 && second == 2.5e-4, "a learning rate for each group");
  expect(saddlescape_set_group_lr(sgd, 1, 0.25) == SADDLESCAPE_OK, "set_group_lr");
  invalid(saddlescape_set_group_lr(sgd, 2, 0.25), "group: 2|0 to 1");
  invalid(saddlescape_get_group_lr(sgd, -1, &second), "group: -1|0 to 1");
  invalid(saddlescape_set_group_lr(sgd, 0, -1), "lr: -1|>= 0");
  expect(saddlescape_step(sgd, gradients, 2) == SADDLESCAPE_OK, "step");
  expect(x[N - 1] == 1 - 1e-3F * 0.5F && y[4] == 1 - 0.25F * 0.5F, "each group's own step");
  expect(saddlescape_set_lr(sgd, 0) == SADDLESCAPE_OK, "set_lr");
  saddlescape_get_group_lr(sgd, 1, &second);
  expect(second == 0, "set_lr reaches every group");
  saddlescape_destroy(sgd);
}

static void test_group_refusals(void) {
  saddlescape_optimizer *sentinel = (saddlescape_optimizer*)x, *made = sentinel;
  const saddlescape_tensor one = {x, N}, bad = {NULL, 5}, same = {x + 1, 2};
  saddlescape_options o;
  saddlescape_group groups[2];
  reset();
  groups[0].options = NULL, groups[0].tensors = &one, groups[0].count = 1;
  groups[1] = groups[0];
  saddlescape_options_init("sgd", &o, sizeof o);
  invalid(saddlescape_create_groups("sgd", NULL, 2, NULL, &made), "groups: NULL");
  invalid(saddlescape_create_groups("sgd", groups, 0, NULL, &made), "count: 0|at least 1");
  invalid(saddlescape_create_groups("sgd", groups, 1, NULL, NULL), "optimizer: NULL");
  invalid(saddlescape_create_groups("muon", groups, 1, NULL, &made), "rule: 'muon' needs");
  invalid(saddlescape_create_groups("sgd", groups, 2, NULL, &made),
          "groups[1].tensors[0]: shares memory with groups[0].tensors[0]");
  groups[1].tensors = &same;
  invalid(saddlescape_create_groups("sgd", groups, 2, NULL, &made),
          "groups[1].tensors[0]: shares memory with groups[0].tensors[0]");
  groups[1].tensors = &bad;
  invalid(saddlescape_create_groups("sgd", groups, 2, NULL, &made),
          "groups[1].tensors[0]: NULL|5 numbers");
  groups[1].tensors = NULL;
  invalid(saddlescape_create_groups("sgd", groups, 2, NULL, &made), "groups[1].tensors: NULL");
  groups[1].tensors = &bad, groups[1].count = 0;
  invalid(saddlescape_create_groups("sgd", groups, 2, NULL, &made), "groups[1].count: 0");
  groups[1].count = 1, groups[1].options = &o, o.lr = -1;
  invalid(saddlescape_create_groups("sgd", groups, 2, NULL, &made), "groups[1].options.lr: -1");
  o.lr = 1, o.allow_non_finite = 1;
  invalid(saddlescape_create_groups("sgd", groups, 2, NULL, &made),
          "groups[1].options.allow_non_finite: 1|groups[0]");
  x[7] = (float)HUGE_VAL;
  refused(saddlescape_create_groups("sgd", groups, 1, NULL, &made), SADDLESCAPE_NOT_FINITE,
          "groups[0].tensors[0]: element 7 is inf");
  expect(made == sentinel, "a refused call leaves the output argument alone");
}

static void test_setting_refusals(void) {
  saddlescape_optimizer* made = NULL;
  saddlescape_settings s;
  reset();
#define REFUSE(rule, field, value, said) \
  s = defaults();                        \
  s.field = value;                       \
  invalid(make(rule, &s, &made), said);
  REFUSE("adam", clip_norm, -1, "settings.clip_norm: -1|> 0")
  REFUSE("adam", clip_norm, HUGE_VAL, "settings.clip_norm: inf")
  REFUSE("adam", clip_value, -0.5, "settings.clip_value: -0.5")
  REFUSE("adam", average, 3, "settings.average: 3|SADDLESCAPE_AVERAGE_EMA")
  REFUSE("adam", average, -1, "settings.average: -1")
  REFUSE("adam", average_decay, 1, "settings.average_decay: 1|< 1")
  REFUSE("adam", average_start, -1, "settings.average_start: -1")
  REFUSE("adam", average_every, 0, "settings.average_every: 0|at least 1")
  REFUSE("adam", parameters, 0, "settings.parameters: 0|SADDLESCAPE_FLOAT16")
  REFUSE("adam", parameters, 5, "settings.parameters: 5")
  REFUSE("adam", gradients, 5, "settings.gradients: 5")
  REFUSE("adam", gradients, SADDLESCAPE_FLOAT64,
         "settings.gradients: SADDLESCAPE_FLOAT64 with SADDLESCAPE_FLOAT32 parameters")
  REFUSE("adam", parameters, SADDLESCAPE_FLOAT64,
         "settings.gradients: SADDLESCAPE_FLOAT32 with SADDLESCAPE_FLOAT64 parameters|expected "
         "SADDLESCAPE_FLOAT64")
  REFUSE("adam", states, 3, "settings.states: 3|SADDLESCAPE_STATES_8BIT")
  REFUSE("rprop", states, 1, "settings.states: 1 with rule 'rprop'|'prev' needs full precision")
  REFUSE("adam", master_weights, 2, "settings.master_weights: 2|0 or 1")
  REFUSE("adam", master_weights, 1, "settings.master_weights: 1 with SADDLESCAPE_FLOAT32")
  REFUSE("adam", stochastic_rounding, -1, "settings.stochastic_rounding: -1|0 or 1")
  REFUSE("adam", size, 8, "settings.size: 8|saddlescape_settings_init")
#undef REFUSE
  s = defaults();
  s.parameters = s.gradients = SADDLESCAPE_FLOAT64, s.states = SADDLESCAPE_STATES_8BIT;
  invalid(make("adam", &s, &made), "settings.states: 2 with SADDLESCAPE_FLOAT64 parameters");
  invalid(saddlescape_settings_init(NULL, sizeof s), "settings: NULL");
  invalid(saddlescape_settings_init(&s, 3), "size: 3|sizeof(saddlescape_settings)");
  expect(made == NULL, "nothing was made");
}

static void test_clipping(void) {
  saddlescape_settings s = defaults();
  saddlescape_optimizer* sgd = NULL;
  double norm, factor;
  reset();
  s.clip_value = 0.25, s.clip_norm = 1;
  make("sgd", &s, &sgd);
  saddlescape_get_gradient_norm(sgd, &norm, &factor);
  expect(norm == 0 && factor == 1, "no norm before the first step");
  expect(saddlescape_step(sgd, gradients, 2) == SADDLESCAPE_OK, "a clipped step");
  expect(saddlescape_get_gradient_norm(sgd, &norm, &factor) == SADDLESCAPE_OK, "norm");
  expect(fabs(norm - 0.25 * sqrt(N + 5)) < 1e-12, "of all gradients, clamped first");
  expect(fabs(factor - 1 / (norm + 1e-6)) < 1e-15, "PyTorch's factor");
  expect(fabs(x[0] - (1 - 1e-3 * 0.25 * factor)) < 1e-7, "and so far it went");
  invalid(saddlescape_get_gradient_norm(sgd, NULL, &factor), "norm: NULL");
  invalid(saddlescape_get_gradient_norm(sgd, &norm, NULL), "factor: NULL");
  saddlescape_destroy(sgd);
}

static void test_grad_scale(void) {
  saddlescape_optimizer* sgd = NULL;
  int64_t calls = -1, steps = -1;
  reset();
  make("sgd", NULL, &sgd);
  saddlescape_set_lr(sgd, 0.5);
  invalid(saddlescape_step_scaled(sgd, gradients, 2, 0, 0), "grad_scale: 0|> 0");
  invalid(saddlescape_step_scaled(sgd, gradients, 2, -2, 0), "grad_scale: -2");
  invalid(saddlescape_step_scaled(sgd, gradients, 2, HUGE_VAL, 0), "grad_scale: inf");
  invalid(saddlescape_step_scaled(sgd, gradients, 2, 1, 2), "found_inf: 2|0 or 1");
  g[N - 1] = 1e30F;
  refused(saddlescape_step_scaled(sgd, gradients, 2, 1e-9, 0), SADDLESCAPE_NOT_FINITE,
          "gradients[0]: infinite once divided by grad_scale (multiplied by 1e+09)");
  expect(saddlescape_step_scaled(sgd, gradients, 2, 1e-9, 1) == SADDLESCAPE_OK, "found_inf");
  saddlescape_get_steps(sgd, 0, &steps);
  saddlescape_get_calls(sgd, &calls);
  expect(x[0] == 1 && x[N - 1] == 1 && y[0] == 1 && steps == 0 && calls == 0, "nothing moved");
  g[N - 1] = 0.5F;
  expect(saddlescape_step_scaled(sgd, gradients, 2, 4, 0) == SADDLESCAPE_OK, "step_scaled");
  expect(x[0] == 1 - 0.5F * 0.125F, "the gradients were divided");
  expect(saddlescape_step(sgd, gradients, 2) == SADDLESCAPE_OK, "step");
  expect(x[0] == 1 - 0.5F * 0.625F, "and the next ones were not");
  saddlescape_get_calls(sgd, &calls);
  expect(calls == 2, "calls are counted");
  saddlescape_destroy(sgd);
}

/* A caller that was compiled with a later version of the struct. */
static void test_versions(void) {
  struct {
    saddlescape_settings known;
    double later;
  } newer;
  saddlescape_optimizer* made = NULL;
  reset();
  expect(saddlescape_settings_init(&newer.known, sizeof newer) == SADDLESCAPE_OK, "newer");
  expect(newer.known.size == sizeof newer && newer.later == 0, "what is not known is 0");
  newer.later = 1;
  invalid(make("sgd", &newer.known, &made), "settings: byte|newer|bytes of settings");
  newer.later = 0;
  expect(make("sgd", &newer.known, &made) == SADDLESCAPE_OK, "newer");
  saddlescape_destroy(made);
}

int main(void) {
  test_groups();
  test_group_refusals();
  test_setting_refusals();
  test_clipping();
  test_grad_scale();
  test_versions();
  if (failures == 0) printf("capi settings: all passed\n");
  return failures == 0 ? 0 : 1;
}
