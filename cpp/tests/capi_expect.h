/* What the tests of the C interface share. */
#ifndef SADDLESCAPE_TESTS_CAPI_EXPECT_H
#define SADDLESCAPE_TESTS_CAPI_EXPECT_H

#include <stdio.h>
#include <string.h>

#include "capi/saddlescape.h"

static int failures = 0;

static inline void expect(int ok, const char* what) {
  if (ok) return;
  printf("failed: %s (%s)\n", what, saddlescape_last_error());
  ++failures;
}

/* The call was refused with this status and a message that says all of `said`, split at '|'. */
static inline void refused(saddlescape_status got, saddlescape_status status, const char* said) {
  char words[256];
  char* word;
  expect(got == status, said);
  if (got == SADDLESCAPE_OK) return;
  strncpy(words, said, sizeof words - 1);
  words[sizeof words - 1] = 0;
  for (word = strtok(words, "|"); word; word = strtok(NULL, "|"))
    expect(strstr(saddlescape_last_error(), word) != NULL, word);
}

static inline void invalid(saddlescape_status got, const char* said) {
  refused(got, SADDLESCAPE_INVALID_ARGUMENT, said);
}

#endif
