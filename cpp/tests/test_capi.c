/* The C interface from C: a few steps against the formula, what it refuses and with which words,
 * and that a refused call has changed nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "capi/saddlescape.h"
#include "tests/capi_expect.h"

#define N 1027

static float p[N], q[5], before_p[N], before_q[5], g[N], h[5];

static saddlescape_optimizer* make(const char* rule, const saddlescape_options* options) {
  saddlescape_optimizer* optimizer = NULL;
  const saddlescape_tensor tensors[2] = {{p, N}, {q, 5}};
  int i;
  for (i = 0; i < N; ++i) p[i] = (float)sin(0.1 * i), g[i] = (float)cos(0.3 * i);
  for (i = 0; i < 5; ++i) q[i] = 1, h[i] = (float)i;
  expect(saddlescape_create(rule, options, SADDLESCAPE_FLOAT32, tensors, 2, &optimizer) ==
             SADDLESCAPE_OK,
         rule);
  memcpy(before_p, p, sizeof p);
  memcpy(before_q, q, sizeof q);
  return optimizer;
}

static int untouched(saddlescape_optimizer* optimizer) {
  int64_t count, tensor, state, size, steps, i;
  if (memcmp(before_p, p, sizeof p) || memcmp(before_q, q, sizeof q)) return 0;
  saddlescape_state_count(optimizer, &count);
  for (tensor = 0; tensor < 2; ++tensor) {
    saddlescape_get_steps(optimizer, tensor, &steps);
    if (steps != 0) return 0;
    for (state = 0; state < count; ++state) {
      void* data;
      saddlescape_state(optimizer, tensor, state, &data, &size);
      if (size != (tensor ? 5 : N)) return 0;
      for (i = 0; i < size; ++i)
        if (((const float*)data)[i] != 0) return 0;
    }
  }
  return 1;
}

static void test_create(void) {
  double x[4] = {1, 2, 3, 4};
  saddlescape_tensor one = {x, 4}, bad;
  saddlescape_tensor two[2];
  saddlescape_optimizer *sentinel = (saddlescape_optimizer*)x, *made = sentinel;
  const saddlescape_real f64 = SADDLESCAPE_FLOAT64;
  invalid(saddlescape_create(NULL, NULL, f64, &one, 1, &made), "rule: NULL");
  invalid(saddlescape_create("adamm", NULL, f64, &one, 1, &made), "rule: 'adamm'|adadelta|sgd");
  invalid(saddlescape_create("", NULL, f64, &one, 1, &made), "rule: ''|adam");
  invalid(saddlescape_create("sgd", NULL, (saddlescape_real)0, &one, 1, &made), "real: 0|FLOAT64");
  invalid(saddlescape_create("sgd", NULL, f64, NULL, 1, &made), "tensors: NULL");
  invalid(saddlescape_create("sgd", NULL, f64, &one, 0, &made), "count: 0|at least 1");
  invalid(saddlescape_create("sgd", NULL, f64, &one, -3, &made), "count: -3|at least 1");
  invalid(saddlescape_create("sgd", NULL, f64, &one, 1, NULL), "optimizer: NULL");
  bad = one, bad.size = -1;
  invalid(saddlescape_create("sgd", NULL, f64, &bad, 1, &made), "tensors[0].size: -1|expected 0");
  bad = one, bad.size = INT64_MAX;
  invalid(saddlescape_create("sgd", NULL, f64, &bad, 1, &made),
          "tensors[0].size: 9223372036854775807");
  bad = one, bad.parameters = NULL;
  invalid(saddlescape_create("sgd", NULL, f64, &bad, 1, &made), "tensors[0]: NULL|4 numbers");
  bad.parameters = (char*)x + 4, bad.size = 1;
  invalid(saddlescape_create("sgd", NULL, f64, &bad, 1, &made), "tensors[0]: misaligned|8");
  two[0].parameters = x, two[0].size = 3, two[1].parameters = x + 2, two[1].size = 2;
  invalid(saddlescape_create("sgd", NULL, f64, two, 2, &made),
          "tensors[1]: shares memory with tensors[0]");
  x[3] = HUGE_VAL;
  refused(saddlescape_create("sgd", NULL, f64, &one, 1, &made), SADDLESCAPE_NOT_FINITE,
          "tensors[0]: element 3 is inf|expected finite");
  expect(made == sentinel, "a refused call leaves the output argument alone");
  saddlescape_destroy(NULL);
}

static void test_step_refusals(void) {
  saddlescape_optimizer* adam = make("adam", NULL);
  const void* gradients[2];
  void* data = NULL;
  const char* name = NULL;
  int64_t size = 0;
  double lr = 0;
  gradients[0] = g, gradients[1] = h;
  invalid(saddlescape_step(NULL, gradients, 2), "optimizer: NULL");
  invalid(saddlescape_step(adam, NULL, 2), "gradients: NULL");
  invalid(saddlescape_step(adam, gradients, 1), "count: 1|expected 2");
  invalid(saddlescape_step(adam, gradients, -2), "count: -2|expected 2");
  gradients[1] = p + N - 1;
  invalid(saddlescape_step(adam, gradients, 2), "gradients[1]: shares memory with tensors[0]");
  saddlescape_state(adam, 1, 1, &data, &size);
  gradients[1] = data;
  invalid(saddlescape_step(adam, gradients, 2),
          "gradients[1]: shares memory with the optimizer's exp_avg_sq[1]");
  gradients[1] = (const char*)h + 2;
  invalid(saddlescape_step(adam, gradients, 2), "gradients[1]: misaligned|4");
  gradients[1] = h;
  h[4] = (float)HUGE_VAL;
  refused(saddlescape_step(adam, gradients, 2), SADDLESCAPE_NOT_FINITE,
          "gradients[1]: element 4 is inf|expected finite");
  h[4] = (float)HUGE_VAL - (float)HUGE_VAL;
  refused(saddlescape_step(adam, gradients, 2), SADDLESCAPE_NOT_FINITE,
          "gradients[1]: element 4 is |nan");
  invalid(saddlescape_set_lr(adam, -1), "lr: -1|>= 0");
  invalid(saddlescape_set_lr(adam, HUGE_VAL), "lr: inf|>= 0");
  invalid(saddlescape_set_lr(NULL, 1), "optimizer: NULL");
  invalid(saddlescape_get_lr(adam, NULL), "lr: NULL");
  invalid(saddlescape_state(adam, 2, 0, &data, &size), "tensor: 2|0 to 1");
  invalid(saddlescape_state(adam, -1, 0, &data, &size), "tensor: -1|0 to 1");
  invalid(saddlescape_state(adam, 0, 2, &data, &size), "state: 2|0 to 1");
  invalid(saddlescape_state(adam, 0, 0, NULL, &size), "data: NULL");
  invalid(saddlescape_state(adam, 0, 0, &data, NULL), "size: NULL");
  invalid(saddlescape_state_name(adam, 2, &name), "state: 2|0 to 1");
  invalid(saddlescape_state_name(adam, 0, NULL), "name: NULL");
  invalid(saddlescape_state_count(adam, NULL), "count: NULL");
  invalid(saddlescape_set_steps(adam, 0, -1), "steps: -1|at least 0");
  invalid(saddlescape_set_steps(adam, 5, 1), "tensor: 5|0 to 1");
  invalid(saddlescape_get_steps(adam, 0, NULL), "steps: NULL");
  invalid(saddlescape_set_threads(0), "threads: 0|at least 1");
  expect(untouched(adam), "a refused call changes nothing");
  expect(saddlescape_get_lr(adam, &lr) == SADDLESCAPE_OK && lr == 1e-3, "Adam's default lr");
  saddlescape_destroy(adam);
}

/* theta = theta - lr g; a tensor without a gradient stays where it is and keeps its count. */
static void test_step(void) {
  saddlescape_optimizer* sgd = make("sgd", NULL);
  const void* gradients[2];
  int64_t first = -1, second = -1;
  int i, right = 1;
  gradients[0] = g, gradients[1] = NULL;
  expect(saddlescape_set_lr(sgd, 0.25) == SADDLESCAPE_OK, "set_lr");
  expect(saddlescape_set_threads(2) == SADDLESCAPE_OK && saddlescape_threads() == 2, "threads");
  expect(saddlescape_step(sgd, gradients, 2) == SADDLESCAPE_OK, "step");
  for (i = 0; i < N; ++i) right &= p[i] == before_p[i] - 0.25F * g[i];
  expect(right, "SGD's formula, exactly: lr is a power of two");
  expect(memcmp(before_q, q, sizeof q) == 0, "no gradient, no step");
  saddlescape_get_steps(sgd, 0, &first);
  saddlescape_get_steps(sgd, 1, &second);
  expect(first == 1 && second == 0, "steps are counted for each tensor");
  saddlescape_destroy(sgd);
}

/* Unless it is told not to, a step looks for NaN. */
static void test_non_finite_allowed(void) {
  saddlescape_options o;
  saddlescape_optimizer* sgd;
  const void* gradients[2];
  saddlescape_options_init("sgd", &o, sizeof o);
  o.allow_non_finite = 1;
  sgd = make("sgd", &o);
  gradients[0] = g, gradients[1] = h;
  h[2] = (float)HUGE_VAL;
  expect(saddlescape_step(sgd, gradients, 2) == SADDLESCAPE_OK, "allow_non_finite");
  expect(isinf(q[2]) && isfinite(q[1]), "and the number went through");
  saddlescape_destroy(sgd);
}

/* Saved after 3 steps and resumed in another optimizer, 6 steps end in the same bits. */
static void test_checkpoint(void) {
  float end_p[N], saved_p[N], saved_q[5], saved[4][N];
  saddlescape_optimizer *adam = make("adam", NULL), *resumed;
  const void* gradients[2];
  const char* name = NULL;
  void* data;
  int64_t size, steps, i;
  gradients[0] = g, gradients[1] = h;
  for (i = 0; i < 3; ++i) saddlescape_step(adam, gradients, 2);
  memcpy(saved_p, p, sizeof p);
  memcpy(saved_q, q, sizeof q);
  for (i = 0; i < 4; ++i) {
    saddlescape_state(adam, i / 2, i % 2, &data, &size);
    memcpy(saved[i], data, (size_t)size * sizeof(float));
  }
  saddlescape_state_name(adam, 1, &name);
  expect(name && strcmp(name, "exp_avg_sq") == 0, "the second state's name");
  for (i = 0; i < 3; ++i) saddlescape_step(adam, gradients, 2);
  memcpy(end_p, p, sizeof p);
  saddlescape_destroy(adam);

  resumed = make("adam", NULL);
  memcpy(p, saved_p, sizeof p);
  memcpy(q, saved_q, sizeof q);
  for (i = 0; i < 4; ++i) {
    saddlescape_state(resumed, i / 2, i % 2, &data, &size);
    memcpy(data, saved[i], (size_t)size * sizeof(float));
  }
  for (i = 0; i < 2; ++i) saddlescape_set_steps(resumed, i, 3);
  for (i = 0; i < 3; ++i) saddlescape_step(resumed, gradients, 2);
  expect(memcmp(end_p, p, sizeof p) == 0, "a resumed run goes on bit for bit");
  saddlescape_get_steps(resumed, 0, &steps);
  expect(steps == 6, "and goes on counting");
  saddlescape_destroy(resumed);
}

/* Every rule can be made and moves the parameters; an empty tensor is no obstacle. */
static void test_every_rule(void) {
  const char* rule;
  int64_t index;
  for (index = 0; (rule = saddlescape_rule_name(index)) != NULL; ++index) {
    double x[3] = {1, -2, 3}, slope[3] = {1, 1, 1};
    const saddlescape_tensor tensors[2] = {{NULL, 0}, {x, 3}};
    const void* gradients[2];
    saddlescape_optimizer* optimizer = NULL;
    gradients[0] = NULL, gradients[1] = slope;
    expect(saddlescape_create(rule, NULL, SADDLESCAPE_FLOAT64, tensors, 2, &optimizer) ==
               SADDLESCAPE_OK,
           rule);
    expect(saddlescape_step(optimizer, gradients, 2) == SADDLESCAPE_OK, rule);
    expect(x[0] < 1 && x[1] < -2 && x[2] < 3, rule);
    saddlescape_destroy(optimizer);
  }
  expect(index > 20, "all rules are there");
  expect(saddlescape_rule_name(-1) == NULL, "no rule before the first");
}

int main(void) {
  expect(strcmp(saddlescape_last_error(), "") == 0, "no error at the start");
  test_create();
  test_step_refusals();
  test_step();
  test_non_finite_allowed();
  test_checkpoint();
  test_every_rule();
  if (failures == 0) printf("capi %s: all passed\n", saddlescape_version());
  return failures == 0 ? 0 : 1;
}
