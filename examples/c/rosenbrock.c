/* Minimises Rosenbrock's function f(x, y) = (1 - x)^2 + 100 (y - x^2)^2 with Adam through the C
 * interface. Exits with 1 if anything was refused, or if the minimum at (1, 1) was not reached. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "capi/saddlescape.h"

static double f(const double* at) {
  const double x = at[0], y = at[1];
  return (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x);
}

static void gradient(const double* at, double* g) {
  const double x = at[0], y = at[1];
  g[0] = -2 * (1 - x) - 400 * x * (y - x * x);
  g[1] = 200 * (y - x * x);
}

static int failed(void) {
  fprintf(stderr, "saddlescape: %s\n", saddlescape_last_error());
  return 1;
}

int main(void) {
  double theta[2] = {-1.5, 2}, g[2];
  const void* gradients[1];
  const saddlescape_tensor tensor = {theta, 2};
  saddlescape_options options;
  saddlescape_optimizer* adam = NULL;
  int step, status = 0;
  gradients[0] = g;

  if (saddlescape_options_init("adam", &options, sizeof options)) return failed();
  options.lr = 0.02;
  if (saddlescape_create("adam", &options, SADDLESCAPE_FLOAT64, &tensor, 1, &adam)) return failed();
  for (step = 0; step < 5000 && status == 0; ++step) {
    if (step % 1000 == 0) printf("step %4d  f = %.6g\n", step, f(theta));
    gradient(theta, g);
    if (saddlescape_step(adam, gradients, 1)) status = failed();
  }
  saddlescape_destroy(adam);
  printf("step %4d  f = %.6g at (%.6f, %.6f)\n", step, f(theta), theta[0], theta[1]);
  return status == 0 && f(theta) < 1e-8 ? 0 : 1;
}
