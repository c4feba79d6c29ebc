/* Two groups of a tensor each, in 32 or 16 bits: for the tests of groups and settings. */
#ifndef SADDLESCAPE_TESTS_CAPI_GROUPS_H
#define SADDLESCAPE_TESTS_CAPI_GROUPS_H

#include <stdint.h>

#include "capi/saddlescape.h"
#include "tests/capi_expect.h"

#define N 200

static float x[N], y[5], g[N], h[5];
static uint16_t narrow_x[N], narrow_y[5];
static const void* gradients[2];

/* 1 and 0.5 are exact in bfloat16: the upper half of a float's bits. */
static inline void reset(void) {
  int i;
  for (i = 0; i < N; ++i) x[i] = 1, g[i] = 0.5F, narrow_x[i] = 0x3f80;
  for (i = 0; i < 5; ++i) y[i] = 1, h[i] = 0.5F, narrow_y[i] = 0x3f80;
  gradients[0] = g, gradients[1] = h;
}

/* Two groups of a tensor each; the second one's learning rate is a quarter of the first one's. */
static inline saddlescape_status make(const char* rule, const saddlescape_settings* settings,
                                      saddlescape_optimizer** optimizer) {
  saddlescape_options slow;
  const int narrow = settings && settings->parameters == SADDLESCAPE_BFLOAT16;
  const saddlescape_tensor first = {narrow ? (void*)narrow_x : (void*)x, N};
  const saddlescape_tensor second = {narrow ? (void*)narrow_y : (void*)y, 5};
  saddlescape_group groups[2];
  saddlescape_options_init(rule, &slow, sizeof slow);
  slow.lr /= 4;
  groups[0].options = NULL, groups[0].tensors = &first, groups[0].count = 1;
  groups[1].options = &slow, groups[1].tensors = &second, groups[1].count = 1;
  return saddlescape_create_groups(rule, groups, 2, settings, optimizer);
}

static inline saddlescape_settings defaults(void) {
  saddlescape_settings s;
  expect(saddlescape_settings_init(&s, sizeof s) == SADDLESCAPE_OK, "settings_init");
  return s;
}

#endif
