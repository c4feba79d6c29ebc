// The C border: what an optimizer has, to read and to set between steps.
#include <cstring>

#include "capi/guard.hpp"
#include "capi/saddlescape.h"

using saddlescape::capi::ask;
using saddlescape::capi::checked;
using saddlescape::capi::guarded;
using saddlescape::capi::not_null;
using saddlescape::capi::Optimizer;
using saddlescape::capi::somewhere;

extern "C" {

saddlescape_status saddlescape_get_gradient_norm(const saddlescape_optimizer* optimizer,
                                                 double* norm, double* factor) {
  return guarded([&] {
    const Optimizer& it = checked(optimizer);
    not_null(norm, "norm", somewhere);
    not_null(factor, "factor", somewhere);
    *norm = it.last().gradient_norm;
    *factor = it.last().clip;
  });
}

saddlescape_status saddlescape_set_lr(saddlescape_optimizer* optimizer, double lr) {
  return guarded([&] { checked(optimizer).set_lr(lr); });
}

saddlescape_status saddlescape_get_lr(const saddlescape_optimizer* optimizer, double* lr) {
  return saddlescape_get_group_lr(optimizer, 0, lr);
}

saddlescape_status saddlescape_set_group_lr(saddlescape_optimizer* optimizer, int64_t group,
                                            double lr) {
  return guarded([&] { checked(optimizer).set_lr(group, lr); });
}

saddlescape_status saddlescape_get_group_lr(const saddlescape_optimizer* optimizer, int64_t group,
                                            double* lr) {
  return ask(optimizer, lr, "lr", [&](const Optimizer& it) { return it.lr(group); });
}

saddlescape_status saddlescape_state_count(const saddlescape_optimizer* optimizer, int64_t* count) {
  return ask(optimizer, count, "count", [](const Optimizer& it) { return it.states(); });
}

saddlescape_status saddlescape_state_name(const saddlescape_optimizer* optimizer, int64_t state,
                                          const char** name) {
  return ask(optimizer, name, "name", [&](const Optimizer& it) { return it.state_name(state); });
}

saddlescape_status saddlescape_state(saddlescape_optimizer* optimizer, int64_t tensor,
                                     int64_t state, void** data, int64_t* size) {
  return ask(optimizer, data, "data", size,
             [&](const Optimizer& it) { return it.state(tensor, state); });
}

saddlescape_status saddlescape_state_scales(saddlescape_optimizer* optimizer, int64_t tensor,
                                            int64_t state, float** scales, int64_t* size) {
  return ask(optimizer, scales, "scales", size,
             [&](const Optimizer& it) { return it.scales(tensor, state); });
}

saddlescape_status saddlescape_master_weights(saddlescape_optimizer* optimizer, int64_t tensor,
                                              float** data, int64_t* size) {
  return ask(optimizer, data, "data", size,
             [&](const Optimizer& it) { return it.master_weights(tensor); });
}

saddlescape_status saddlescape_average(saddlescape_optimizer* optimizer, int64_t tensor,
                                       void** data, int64_t* size) {
  return ask(optimizer, data, "data", size,
             [&](const Optimizer& it) { return it.average(tensor); });
}

saddlescape_status saddlescape_set_calls(saddlescape_optimizer* optimizer, int64_t calls) {
  return guarded([&] { checked(optimizer).set_calls(calls); });
}

saddlescape_status saddlescape_get_calls(const saddlescape_optimizer* optimizer, int64_t* calls) {
  return ask(optimizer, calls, "calls", [](const Optimizer& it) { return it.calls(); });
}

saddlescape_status saddlescape_set_steps(saddlescape_optimizer* optimizer, int64_t tensor,
                                         int64_t steps) {
  return guarded([&] { checked(optimizer).set_steps(tensor, steps); });
}

saddlescape_status saddlescape_get_steps(const saddlescape_optimizer* optimizer, int64_t tensor,
                                         int64_t* steps) {
  return ask(optimizer, steps, "steps",
             [&](const Optimizer& it) { return it.tensor(tensor).steps; });
}

saddlescape_status saddlescape_set_carried(saddlescape_optimizer* optimizer, int64_t tensor,
                                           const double carried[2]) {
  return guarded([&] {
    Optimizer& it = checked(optimizer);
    not_null(carried, "carried", "two numbers");
    it.set_carried(tensor, carried);
  });
}

saddlescape_status saddlescape_get_carried(const saddlescape_optimizer* optimizer, int64_t tensor,
                                           double carried[2]) {
  return guarded([&] {
    const Optimizer& it = checked(optimizer);
    not_null(carried, "carried", somewhere);
    std::memcpy(carried, it.tensor(tensor).carried, sizeof it.tensor(tensor).carried);
  });
}

}  // extern "C"
