// The C border: pointers are looked at, exceptions become a status and a message.
#include "capi/saddlescape.h"

#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "capi/optimizer.hpp"
#include "capi/options.hpp"
#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "update/step.hpp"

using saddlescape::capi::Busy;
using saddlescape::capi::NotFinite;
using saddlescape::capi::Optimizer;

struct saddlescape_optimizer {
  Optimizer optimizer;
};

namespace {

// Room for the longest message, which lists every rule; what does not fit is cut off.
thread_local char message[1024] = "";

saddlescape_status refused(saddlescape_status status, const char* what) {
  std::snprintf(message, sizeof message, "%s", what);
  return status;
}

// Runs a call. The last catch is broad because a C caller can do nothing with an exception.
template <class Call>
saddlescape_status guarded(Call&& call) noexcept {
  try {
    call();
    return SADDLESCAPE_OK;
  } catch (const NotFinite& error) {
    return refused(SADDLESCAPE_NOT_FINITE, error.what());
  } catch (const Busy& error) {
    return refused(SADDLESCAPE_BUSY, error.what());
  } catch (const std::invalid_argument& error) {
    return refused(SADDLESCAPE_INVALID_ARGUMENT, error.what());
  } catch (const std::bad_alloc&) {
    return refused(SADDLESCAPE_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return refused(SADDLESCAPE_INTERNAL_ERROR, error.what());
  }
}

template <class T>
void not_null(const T* argument, const char* name, const char* expected) {
  if (!argument) throw std::invalid_argument(std::string(name) + ": NULL, expected " + expected);
}

Optimizer& checked(saddlescape_optimizer* handle) {
  not_null(handle, "optimizer", "what saddlescape_create made");
  return handle->optimizer;
}

const Optimizer& checked(const saddlescape_optimizer* handle) {
  not_null(handle, "optimizer", "what saddlescape_create made");
  return handle->optimizer;
}

// A tensor here is a length; these rules must know the matrix.
bool needs_shape(const saddlescape::update::Rule& rule) {
  return rule.kind == saddlescape::update::Kind::matrix ||
         rule.kind == saddlescape::update::Kind::factored;
}

std::vector<const char*> rule_names() {
  std::vector<const char*> names;
  for (const saddlescape::update::Rule& rule : saddlescape::update::rules())
    if (!needs_shape(rule)) names.push_back(rule.name);
  return names;
}

const saddlescape::update::Rule& checked_rule(const char* rule) {
  not_null(rule, "rule", "a rule's name");
  std::string reason, allowed;
  for (const saddlescape::update::Rule& each : saddlescape::update::rules()) {
    if (std::strcmp(rule, each.name) != 0) continue;
    if (!needs_shape(each)) return each;
    reason = " needs the shapes of its arrays, which this interface does not take";
  }
  for (const char* name : rule_names())
    allowed += (allowed.empty() ? "" : ", ") + std::string(name);
  throw std::invalid_argument("rule: '" + std::string(rule) + "'" + reason + ", expected one of " +
                              allowed);
}

saddlescape::update::Element checked_real(int real) {
  if (real == SADDLESCAPE_FLOAT32) return saddlescape::update::Element::float32;
  if (real == SADDLESCAPE_FLOAT64) return saddlescape::update::Element::float64;
  throw std::invalid_argument("real: " + std::to_string(real) +
                              ", expected SADDLESCAPE_FLOAT32 or SADDLESCAPE_FLOAT64");
}

constexpr char somewhere[] = "a place for the answer";

}  // namespace

extern "C" {

const char* saddlescape_version(void) { return SADDLESCAPE_VERSION; }

const char* saddlescape_rule_name(int64_t index) {
  static const std::vector<const char*> names = rule_names();
  if (index < 0 || index >= static_cast<int64_t>(names.size())) return nullptr;
  return names[static_cast<std::size_t>(index)];
}

const char* saddlescape_last_error(void) { return message; }

saddlescape_status saddlescape_set_threads(int32_t threads) {
  return guarded([&] { saddlescape::set_threads(threads); });
}

int32_t saddlescape_threads(void) { return saddlescape::threads(); }

saddlescape_status saddlescape_options_init(const char* rule, saddlescape_options* options,
                                            size_t size) {
  return guarded([&] {
    const std::string name = checked_rule(rule).name;
    not_null(options, "options", somewhere);
    saddlescape::capi::check_size("size", size);
    saddlescape_options defaults = saddlescape::capi::defaults(name);
    defaults.size = size;
    std::memset(options, 0, size);
    std::memcpy(options, &defaults, size < sizeof defaults ? size : sizeof defaults);
  });
}

saddlescape_status saddlescape_create(const char* rule, const saddlescape_options* options,
                                      saddlescape_real real, const saddlescape_tensor* tensors,
                                      int64_t count, saddlescape_optimizer** optimizer) {
  return guarded([&] {
    const saddlescape::update::Rule& known = checked_rule(rule);
    const saddlescape::update::Element kind = checked_real(real);
    not_null(tensors, "tensors", "at least one tensor");
    if (count < 1)
      throw std::invalid_argument("count: " + std::to_string(count) + ", expected at least 1");
    not_null(optimizer, "optimizer", somewhere);
    const saddlescape_options wanted = options ? saddlescape::capi::checked(known.name, *options)
                                               : saddlescape::capi::defaults(known.name);
    saddlescape::isa::active();  // refuses a wrong SADDLESCAPE_ISA here, not in a step
    *optimizer = new saddlescape_optimizer{{known, wanted, kind, tensors, count}};
  });
}

void saddlescape_destroy(saddlescape_optimizer* optimizer) { delete optimizer; }

saddlescape_status saddlescape_step(saddlescape_optimizer* optimizer, const void* const* gradients,
                                    int64_t count) {
  return guarded([&] {
    Optimizer& it = checked(optimizer);
    not_null(gradients, "gradients", "a list of pointers, one for each tensor");
    it.step(gradients, count);
  });
}

saddlescape_status saddlescape_set_lr(saddlescape_optimizer* optimizer, double lr) {
  return guarded([&] { checked(optimizer).set_lr(lr); });
}

saddlescape_status saddlescape_get_lr(const saddlescape_optimizer* optimizer, double* lr) {
  return guarded([&] {
    const Optimizer& it = checked(optimizer);
    not_null(lr, "lr", somewhere);
    *lr = it.lr();
  });
}

saddlescape_status saddlescape_state_count(const saddlescape_optimizer* optimizer, int64_t* count) {
  return guarded([&] {
    const Optimizer& it = checked(optimizer);
    not_null(count, "count", somewhere);
    *count = it.states();
  });
}

saddlescape_status saddlescape_state_name(const saddlescape_optimizer* optimizer, int64_t state,
                                          const char** name) {
  return guarded([&] {
    const Optimizer& it = checked(optimizer);
    not_null(name, "name", somewhere);
    *name = it.state_name(state);
  });
}

saddlescape_status saddlescape_state(saddlescape_optimizer* optimizer, int64_t tensor,
                                     int64_t state, void** data, int64_t* size) {
  return guarded([&] {
    const Optimizer& it = checked(optimizer);
    not_null(data, "data", somewhere);
    not_null(size, "size", somewhere);
    void* found = it.state(tensor, state);
    *size = it.tensor(tensor).size;
    *data = found;
  });
}

saddlescape_status saddlescape_set_steps(saddlescape_optimizer* optimizer, int64_t tensor,
                                         int64_t steps) {
  return guarded([&] { checked(optimizer).set_steps(tensor, steps); });
}

saddlescape_status saddlescape_get_steps(const saddlescape_optimizer* optimizer, int64_t tensor,
                                         int64_t* steps) {
  return guarded([&] {
    const Optimizer& it = checked(optimizer);
    not_null(steps, "steps", somewhere);
    *steps = it.tensor(tensor).steps;
  });
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
