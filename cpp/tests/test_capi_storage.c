/* Averages, master weights and narrow states across the C border, and a checkpoint of all of them.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/capi_groups.h"

static void test_average(void) {
  saddlescape_settings s = defaults();
  saddlescape_optimizer* sgd = NULL;
  void* data = NULL;
  int64_t size = 0;
  reset();
  s.average = SADDLESCAPE_AVERAGE_EMA, s.average_decay = 0.5;
  make("sgd", &s, &sgd);
  saddlescape_set_lr(sgd, 0.5);
  expect(saddlescape_average(sgd, 1, &data, &size) == SADDLESCAPE_OK && size == 5, "average");
  expect(((float*)data)[4] == 1, "the start before the first step");
  saddlescape_step(sgd, gradients, 2);
  expect(((float*)data)[4] == 0.75F, "the first that enters is the average");
  saddlescape_step(sgd, gradients, 2);
  expect(((float*)data)[4] == 0.625F, "then half of each");
  gradients[1] = data;
  invalid(saddlescape_step(sgd, gradients, 2), "gradients[1]: shares memory|average[1]");
  invalid(saddlescape_average(sgd, 2, &data, &size), "tensor: 2|0 to 1");
  saddlescape_destroy(sgd);
  make("sgd", NULL, &sgd);
  invalid(saddlescape_average(sgd, 0, &data, &size), "optimizer: has no average");
  invalid(saddlescape_set_calls(sgd, -1), "calls: -1|at least 0");
  saddlescape_destroy(sgd);
}

static void test_master_weights(void) {
  saddlescape_settings s = defaults();
  saddlescape_optimizer* sgd = NULL;
  float* master = NULL;
  int64_t size = 0;
  int i;
  reset();
  s.parameters = SADDLESCAPE_BFLOAT16, s.gradients = SADDLESCAPE_FLOAT32, s.master_weights = 1;
  expect(make("sgd", &s, &sgd) == SADDLESCAPE_OK, "bfloat16 parameters");
  expect(saddlescape_master_weights(sgd, 0, &master, &size) == SADDLESCAPE_OK, "master weights");
  expect(size == N && master[N - 1] == 1, "start as the parameters");
  for (i = 0; i < 4; ++i) saddlescape_step(sgd, gradients, 2);
  /* 4 steps of 5e-4 are half a unit of bfloat16 below 1, which each alone would be lost in. */
  expect(fabs(master[0] - 0.998) < 1e-6, "steps that bfloat16 alone would lose");
  expect(narrow_x[0] == 0x3f80 || narrow_x[0] == 0x3f7f, "rounded into the parameters");
  for (i = 0; i < 4; ++i) saddlescape_step(sgd, gradients, 2);
  expect(narrow_x[0] == 0x3f7f, "which follow");
  saddlescape_destroy(sgd);
  s = defaults();
  make("sgd", &s, &sgd);
  invalid(saddlescape_master_weights(sgd, 0, &master, &size), "optimizer: has no master weights");
  saddlescape_destroy(sgd);
  narrow_x[3] = 0x7fc0; /* NaN */
  s.parameters = SADDLESCAPE_BFLOAT16;
  sgd = NULL;
  refused(make("sgd", &s, &sgd), SADDLESCAPE_NOT_FINITE,
          "groups[0].tensors[0]: element 3 is |nan|finite");
  expect(sgd == NULL, "nothing was made");
}

/* Everything that a checkpoint needs. */
typedef struct saved {
  uint16_t x[N], y[5];
  float master[N + 5], average[N + 5], scales[2][2][(N + 63) / 64];
  uint8_t codes[2][2][N];
} saved;

static void copy(saddlescape_optimizer* adam, saved* to, int back) {
  int64_t i, s, size;
  void* data;
  float* numbers;
#define MOVE(there, here, bytes) \
  back ? memcpy(here, there, (size_t)(bytes)) : memcpy(there, here, (size_t)(bytes))
  MOVE(to->x, narrow_x, sizeof narrow_x);
  MOVE(to->y, narrow_y, sizeof narrow_y);
  for (i = 0; i < 2; ++i) {
    saddlescape_master_weights(adam, i, &numbers, &size);
    MOVE(to->master + N * i, numbers, size * 4);
    saddlescape_average(adam, i, &data, &size);
    MOVE(to->average + N * i, data, size * 4);
    for (s = 0; s < 2; ++s) {
      saddlescape_state(adam, i, s, &data, &size);
      MOVE(to->codes[i][s], data, size);
      expect(saddlescape_state_scales(adam, i, s, &numbers, &size) == SADDLESCAPE_OK, "scales");
      expect(size == (i ? 1 : (N + 63) / 64), "a scale for each block of 64");
      MOVE(to->scales[i][s], numbers, size * 4);
    }
  }
#undef MOVE
}

/* Saved after 3 steps and resumed in another optimizer, 6 steps end in the same bits. */
static void test_checkpoint(void) {
  saddlescape_settings s = defaults();
  saddlescape_optimizer *adam = NULL, *resumed = NULL;
  static saved middle, end, again;
  int i;
  reset();
  s.parameters = s.gradients = SADDLESCAPE_BFLOAT16, s.master_weights = 1;
  s.states = SADDLESCAPE_STATES_8BIT, s.average = SADDLESCAPE_AVERAGE_SWA, s.average_start = 1;
  gradients[0] = memcpy(g, narrow_x, sizeof narrow_x); /* any numbers of 16 bits */
  gradients[1] = memcpy(h, narrow_y, sizeof narrow_y);
  expect(make("adam", &s, &adam) == SADDLESCAPE_OK, "8-bit states");
  for (i = 0; i < 3; ++i) saddlescape_step(adam, gradients, 2);
  copy(adam, &middle, 0);
  for (i = 0; i < 3; ++i) saddlescape_step(adam, gradients, 2);
  copy(adam, &end, 0);
  saddlescape_destroy(adam);
  expect(memcmp(&middle, &end, sizeof end) != 0, "it moves");

  expect(make("adam", &s, &resumed) == SADDLESCAPE_OK, "another one");
  copy(resumed, &middle, 1);
  for (i = 0; i < 2; ++i) saddlescape_set_steps(resumed, i, 3);
  saddlescape_set_calls(resumed, 3);
  for (i = 0; i < 3; ++i) saddlescape_step(resumed, gradients, 2);
  copy(resumed, &again, 0);
  expect(memcmp(&again, &end, sizeof end) == 0, "a resumed run goes on bit for bit");
  saddlescape_destroy(resumed);

  s = defaults();
  reset();
  make("adam", &s, &adam);
  {
    float* scales = NULL;
    int64_t size = 0;
    invalid(saddlescape_state_scales(adam, 0, 0, &scales, &size), "optimizer: its states have no");
  }
  saddlescape_destroy(adam);
}

int main(void) {
  test_average();
  test_master_weights();
  test_checkpoint();
  if (failures == 0) printf("capi storage: all passed\n");
  return failures == 0 ? 0 : 1;
}
