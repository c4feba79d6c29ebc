/* The C interface to the update rules: one fused step in place over a list of arrays.
 *
 *   saddlescape_optimizer *adam = NULL;
 *   saddlescape_tensor tensor = {theta, n};             // float theta[n]
 *   if (saddlescape_create("adam", NULL, SADDLESCAPE_FLOAT32, &tensor, 1, &adam) != SADDLESCAPE_OK)
 *     puts(saddlescape_last_error());
 *   const void *gradients[] = {gradient};               // float gradient[n]
 *   saddlescape_step(adam, gradients, 1);
 *   saddlescape_destroy(adam);
 *
 * Every function that can fail returns a status and leaves a message for saddlescape_last_error:
 * the argument, what came, what is allowed. A refused call has changed nothing: no parameter, no
 * state, no counter, no output argument. Nothing is thrown across this border.
 *
 * The bits are those of the Python package, for any instruction set, number of threads, alignment
 * and cut into tensors. The rules, their names and their defaults are those of its `optim`.
 *
 * C99 and C++. A handle belongs to one caller at a time; different handles may be used on different
 * threads at once. */
#ifndef SADDLESCAPE_CAPI_SADDLESCAPE_H
#define SADDLESCAPE_CAPI_SADDLESCAPE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SADDLESCAPE_API __attribute__((visibility("default")))
#else
#define SADDLESCAPE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* An update rule at work on a list of arrays. Opaque. */
typedef struct saddlescape_optimizer saddlescape_optimizer;

typedef enum saddlescape_status {
  SADDLESCAPE_OK = 0,
  SADDLESCAPE_INVALID_ARGUMENT = 1, /* NULL, a name, a size, a range: the message says which */
  SADDLESCAPE_NOT_FINITE = 2,       /* an array holds NaN or an infinite number */
  SADDLESCAPE_OUT_OF_MEMORY = 3,
  SADDLESCAPE_BUSY = 4,          /* the handle is at work on another thread */
  SADDLESCAPE_INTERNAL_ERROR = 5 /* the system refused something; the message is its own */
} saddlescape_status;

/* What the arrays hold: all parameters, gradients and states of an optimizer are of one kind. */
typedef enum saddlescape_real { SADDLESCAPE_FLOAT32 = 1, SADDLESCAPE_FLOAT64 = 2 } saddlescape_real;

/* `size` numbers at `parameters` (float or double, aligned as such), updated in place. They stay
 * the caller's and must live as long as the optimizer. NULL is allowed where size is 0. */
typedef struct saddlescape_tensor {
  void* parameters;
  int64_t size;
} saddlescape_tensor;

/* Hyper-parameters. Let saddlescape_options_init fill it, then change what you want to; an option
 * that the rule does not read must be left as it is. Later versions add fields at the end; `size`
 * tells the library which of them the caller knows, and the others take the rule's defaults. */
typedef struct saddlescape_options {
  size_t size;      /* of this struct, set by saddlescape_options_init */
  double lr;        /* learning rate, >= 0 */
  double lr_decay;  /* adagrad, >= 0 */
  double momentum;  /* momentum, nesterov, rmsprop_momentum, >= 0 */
  double dampening; /* momentum */
  double alpha;     /* rmsprop: weight of the old mean square, in [0, 1); asgd: power of the
                       decay; ademamix: weight of the slow average, >= 0 */
  double rho;       /* adadelta: as rmsprop's alpha */
  double beta1;     /* weights of the old averages, in [0, 1) */
  double beta2;
  double beta3;          /* adan, ademamix */
  double momentum_decay; /* nadam, >= 0 */
  double threshold;      /* radam: rectify where rho_t is larger, >= 4 */
  double eta_minus;      /* rprop: 0 < eta_minus < 1 < eta_plus */
  double eta_plus;
  double step_min; /* rprop: 0 <= step_min <= step_max */
  double step_max;
  double lambd;             /* asgd: decay of the parameters, >= 0 */
  double t0;                /* asgd: the step after which averaging starts */
  double warmup;            /* ademamix, schedule_free_adamw: in steps, >= 0 */
  double weight_lr_power;   /* schedule_free_adamw: p of a step's weight lr^p t^r, >= 0 */
  double weight_step_power; /* schedule_free_adamw: r, >= 0 */
  double trust_coefficient; /* lars: >= 0 */
  double eps;               /* added to the denominator, >= 0 */
  double eps_root;          /* added under its root, >= 0 */
  double eps_hat;           /* added to the root before its bias correction, >= 0 */
  double weight_decay;      /* >= 0; adamw, amsgradw, lion, ademamix: decoupled from the gradient */
  double initial_accumulator_value; /* adagrad: what its sum starts with, >= 0 */
  /* Flags, 0 or 1. */
  int32_t decoupled;        /* nadam, radam, adan: weight_decay shrinks the parameters instead */
  int32_t maximize;         /* climb instead of descend */
  int32_t lr_inside;        /* momentum, nesterov, rmsprop with momentum: the buffer holds lr g */
  int32_t mean;             /* adagrad: divide by the root of the mean, not of the sum */
  int32_t first_gradient;   /* rmsprop: the mean square starts at the first gradient's */
  int32_t max_corrected;    /* amsgrad: the maximum of the bias corrected v */
  int32_t uncorrected;      /* amsgrad: no bias corrections */
  int32_t allow_non_finite; /* any rule: do not look for NaN and infinite numbers; saves a pass */
} saddlescape_options;

/* The library's version: "0.1.0". */
SADDLESCAPE_API const char* saddlescape_version(void);

/* The name of rule number `index`, in alphabetical order, or NULL past the last and below 0. Not
 * among them are Python's adafactor and muon, which must know their arrays' shapes. */
SADDLESCAPE_API const char* saddlescape_rule_name(int64_t index);

/* Why the last call that failed on this thread did; "" if none has. A call that succeeds leaves it
 * alone. The text lives until the next failure on this thread. */
SADDLESCAPE_API const char* saddlescape_last_error(void);

/* Threads that steps may use, at least 1, for the whole process. At the start: OMP_NUM_THREADS,
 * else the CPUs that the process may run on. Results do not depend on it. */
SADDLESCAPE_API saddlescape_status saddlescape_set_threads(int32_t threads);
SADDLESCAPE_API int32_t saddlescape_threads(void);

/* Fills `options` with the defaults of `rule`. `size` is sizeof(saddlescape_options) as the caller
 * was compiled with it. */
SADDLESCAPE_API saddlescape_status saddlescape_options_init(const char* rule,
                                                            saddlescape_options* options,
                                                            size_t size);

/* Makes an optimizer over `count` tensors, at least one; its states are zeros. `options` may be
 * NULL: the rule's defaults. Parameters must be finite (unless allow_non_finite) and no two may
 * share memory. The handle goes to *optimizer; it is the caller's to destroy. */
SADDLESCAPE_API saddlescape_status saddlescape_create(
    const char* rule, const saddlescape_options* options, saddlescape_real real,
    const saddlescape_tensor* tensors, int64_t count, saddlescape_optimizer** optimizer);

/* Frees the optimizer and its states, not the parameters. NULL is allowed. */
SADDLESCAPE_API void saddlescape_destroy(saddlescape_optimizer* optimizer);

/* One step, all tensors or none. `gradients` holds `count` pointers, one for each tensor, to as
 * many numbers as it has; NULL leaves that tensor, its states and its count of steps as they are. A
 * gradient may not share memory with a parameter or a state, and is only read. Allocates nothing,
 * but for the threads that the first large step starts. */
SADDLESCAPE_API saddlescape_status saddlescape_step(saddlescape_optimizer* optimizer,
                                                    const void* const* gradients, int64_t count);

/* The learning rate of the next step, finite and >= 0. */
SADDLESCAPE_API saddlescape_status saddlescape_set_lr(saddlescape_optimizer* optimizer, double lr);
SADDLESCAPE_API saddlescape_status saddlescape_get_lr(const saddlescape_optimizer* optimizer,
                                                      double* lr);

/* For checkpoints: save the parameters, every state and every count of steps; to resume, make an
 * optimizer with the same rule and options, copy the states in and set the counts. It goes on bit
 * for bit.
 *
 * How many states the rule keeps for each number, and what state `state` is called: "exp_avg". The
 * name lives as long as the library. */
SADDLESCAPE_API saddlescape_status saddlescape_state_count(const saddlescape_optimizer* optimizer,
                                                           int64_t* count);
SADDLESCAPE_API saddlescape_status saddlescape_state_name(const saddlescape_optimizer* optimizer,
                                                          int64_t state, const char** name);

/* State `state` of tensor `tensor`: `*size` numbers of the optimizer's kind, as many as the tensor
 * has, to read and to write between steps. They live as long as the optimizer. */
SADDLESCAPE_API saddlescape_status saddlescape_state(saddlescape_optimizer* optimizer,
                                                     int64_t tensor, int64_t state, void** data,
                                                     int64_t* size);

/* How many steps tensor `tensor` has taken part in, at least 0. */
SADDLESCAPE_API saddlescape_status saddlescape_set_steps(saddlescape_optimizer* optimizer,
                                                         int64_t tensor, int64_t steps);
SADDLESCAPE_API saddlescape_status saddlescape_get_steps(const saddlescape_optimizer* optimizer,
                                                         int64_t tensor, int64_t* steps);

/* Two numbers that some rules keep for each tensor, for checkpoints too; 0 for other rules.
 * nadam: the product of its momenta, and 0.
 * schedule_free_adamw: the sum of the weights of its average, and the largest rate. It keeps y in
 * the parameters; evaluate at x = z + (y - z) / beta1, with its state z. */
SADDLESCAPE_API saddlescape_status saddlescape_set_carried(saddlescape_optimizer* optimizer,
                                                           int64_t tensor, const double carried[2]);
SADDLESCAPE_API saddlescape_status saddlescape_get_carried(const saddlescape_optimizer* optimizer,
                                                           int64_t tensor, double carried[2]);

#ifdef __cplusplus
}
#endif

#endif
