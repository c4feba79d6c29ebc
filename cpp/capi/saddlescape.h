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

/* What an array holds: float, double, or 16 bits, which C passes as uint16_t. Steps are computed in
 * double for double parameters, else in float. */
typedef enum saddlescape_real {
  SADDLESCAPE_FLOAT32 = 1,
  SADDLESCAPE_FLOAT64 = 2,
  SADDLESCAPE_BFLOAT16 = 3,
  SADDLESCAPE_FLOAT16 = 4
} saddlescape_real;

/* How the optimizer keeps the rule's states; docs/storage.md has the errors. */
typedef enum saddlescape_states {
  SADDLESCAPE_STATES_COMPUTED = 0, /* in what is computed in */
  SADDLESCAPE_STATES_BFLOAT16 = 1, /* slow averages dithered, so that their mean is kept */
  SADDLESCAPE_STATES_8BIT = 2      /* a byte each, and a float for each block of 64 */
} saddlescape_states;

/* An average of the parameters over the steps. */
typedef enum saddlescape_averaging {
  SADDLESCAPE_AVERAGE_NONE = 0,
  SADDLESCAPE_AVERAGE_EMA = 1, /* exponential: a <- d a + (1 - d) theta */
  SADDLESCAPE_AVERAGE_SWA = 2  /* the mean of all that entered */
} saddlescape_averaging;

/* `size` numbers at `parameters` (aligned as such), updated in place. They stay the caller's and
 * must live as long as the optimizer. NULL is allowed where size is 0. */
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

/* Tensors that share hyper-parameters. `options` may be NULL: the rule's defaults. */
typedef struct saddlescape_group {
  const saddlescape_options* options;
  const saddlescape_tensor* tensors;
  int64_t count;
} saddlescape_group;

/* What holds for all groups: types, and what happens round the rule in the same pass over memory.
 * Let saddlescape_settings_init fill it, then change what you want to. It grows as options do. */
typedef struct saddlescape_settings {
  size_t size;           /* of this struct, set by saddlescape_settings_init */
  double clip_norm;      /* shrink all gradients together to this Euclidean norm, > 0; 0: do not */
  double clip_value;     /* clamp their numbers to this magnitude before, > 0; 0: do not */
  double average_decay;  /* d of the exponential average, in [0, 1) */
  int64_t average_start; /* steps before averaging begins, >= 0 */
  int64_t average_every; /* steps from one entry to the next, >= 1 */
  int32_t average;       /* a saddlescape_averaging */
  int32_t parameters;    /* a saddlescape_real */
  int32_t gradients;     /* the same: double for double parameters, else any but double */
  int32_t states;        /* a saddlescape_states */
  /* Flags, 0 or 1. */
  int32_t master_weights;      /* with 16-bit parameters: float ones beside them, which are stepped
                                  and rounded into the parameters */
  int32_t stochastic_rounding; /* round 16-bit parameters up or down as often as keeps the mean */
} saddlescape_settings;

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

/* Fills `settings`: float arrays, states as computed, no clipping, no average; average_decay 0.999,
 * average_every 1. `size` is sizeof(saddlescape_settings) as the caller was compiled with it. */
SADDLESCAPE_API saddlescape_status saddlescape_settings_init(saddlescape_settings* settings,
                                                             size_t size);

/* Makes an optimizer over `count` groups, each with at least one tensor. Tensors, and the
 * gradients of a step, are numbered through all groups. `settings` may be NULL: the defaults.
 * allow_non_finite must be the same in all groups. */
SADDLESCAPE_API saddlescape_status saddlescape_create_groups(const char* rule,
                                                             const saddlescape_group* groups,
                                                             int64_t count,
                                                             const saddlescape_settings* settings,
                                                             saddlescape_optimizer** optimizer);

/* Frees the optimizer and its states, not the parameters. NULL is allowed. */
SADDLESCAPE_API void saddlescape_destroy(saddlescape_optimizer* optimizer);

/* One step, all tensors or none. `gradients` holds `count` pointers, one for each tensor, to as
 * many numbers as it has; NULL leaves that tensor, its states and its count of steps as they are. A
 * gradient may not share memory with a parameter or a state, and is only read. Allocates nothing,
 * but for the threads that the first large step starts, and in the first step a few numbers for
 * each 1024 where norms or other types are asked for. */
SADDLESCAPE_API saddlescape_status saddlescape_step(saddlescape_optimizer* optimizer,
                                                    const void* const* gradients, int64_t count);

/* The same for a loss that was multiplied by `grad_scale`, finite and > 0: the gradients are
 * divided by it first. One that overflows by that is not finite. With found_inf, 0 or 1, the step
 * is left out: the caller has seen that they overflowed. */
SADDLESCAPE_API saddlescape_status saddlescape_step_scaled(saddlescape_optimizer* optimizer,
                                                           const void* const* gradients,
                                                           int64_t count, double grad_scale,
                                                           int32_t found_inf);

/* With clip_norm: the norm of all gradients in the last step that was taken, and what they were
 * multiplied by. 0 and 1 before it, and without. */
SADDLESCAPE_API saddlescape_status
saddlescape_get_gradient_norm(const saddlescape_optimizer* optimizer, double* norm, double* factor);

/* The learning rate of the next step, finite and >= 0: of all groups, of the first, of one. */
SADDLESCAPE_API saddlescape_status saddlescape_set_lr(saddlescape_optimizer* optimizer, double lr);
SADDLESCAPE_API saddlescape_status saddlescape_get_lr(const saddlescape_optimizer* optimizer,
                                                      double* lr);
SADDLESCAPE_API saddlescape_status saddlescape_set_group_lr(saddlescape_optimizer* optimizer,
                                                            int64_t group, double lr);
SADDLESCAPE_API saddlescape_status saddlescape_get_group_lr(const saddlescape_optimizer* optimizer,
                                                            int64_t group, double* lr);

/* For checkpoints: save the parameters, every state and every count of steps (with settings that
 * ask for them the scales, master weights and averages, and the count of calls); to resume, make an
 * optimizer with the same rule, options and settings, copy all that in and set the counts. It goes
 * on bit for bit.
 *
 * How many states the rule keeps for each number, and what state `state` is called: "exp_avg". The
 * name lives as long as the library. */
SADDLESCAPE_API saddlescape_status saddlescape_state_count(const saddlescape_optimizer* optimizer,
                                                           int64_t* count);
SADDLESCAPE_API saddlescape_status saddlescape_state_name(const saddlescape_optimizer* optimizer,
                                                          int64_t state, const char** name);

/* State `state` of tensor `tensor`: `*size` numbers, as many as the tensor has, to read and to
 * write between steps: float or double, or uint16_t or uint8_t as the settings say. They live as
 * long as the optimizer. */
SADDLESCAPE_API saddlescape_status saddlescape_state(saddlescape_optimizer* optimizer,
                                                     int64_t tensor, int64_t state, void** data,
                                                     int64_t* size);

/* Beside 8-bit states: a scale for each block of 64 of its numbers. */
SADDLESCAPE_API saddlescape_status saddlescape_state_scales(saddlescape_optimizer* optimizer,
                                                            int64_t tensor, int64_t state,
                                                            float** scales, int64_t* size);

/* The float weights behind 16-bit parameters, and the average of the parameters, in what is
 * computed in: before its first entry they are as the parameters were at the start. To read and to
 * write between steps; refused where the settings do not ask for them. */
SADDLESCAPE_API saddlescape_status saddlescape_master_weights(saddlescape_optimizer* optimizer,
                                                              int64_t tensor, float** data,
                                                              int64_t* size);
SADDLESCAPE_API saddlescape_status saddlescape_average(saddlescape_optimizer* optimizer,
                                                       int64_t tensor, void** data, int64_t* size);

/* How many steps were taken, which is what an average counts, at least 0. */
SADDLESCAPE_API saddlescape_status saddlescape_set_calls(saddlescape_optimizer* optimizer,
                                                         int64_t calls);
SADDLESCAPE_API saddlescape_status saddlescape_get_calls(const saddlescape_optimizer* optimizer,
                                                         int64_t* calls);

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
