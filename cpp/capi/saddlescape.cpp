// The C border: rules, options and settings, making an optimizer and stepping it.
#include "capi/saddlescape.h"

#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "capi/settings.hpp"
#include "capi/versioned.hpp"
#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "update/step.hpp"

namespace saddlescape::capi {
namespace {

// Room for the longest message, which lists every rule; what does not fit is cut off.
thread_local char message[1024] = "";

// A tensor here is a length; these rules must know the matrix.
bool needs_shape(const update::Rule& rule) {
  return rule.kind == update::Kind::matrix || rule.kind == update::Kind::factored;
}

std::vector<const char*> rule_names() {
  std::vector<const char*> names;
  for (const update::Rule& rule : update::rules())
    if (!needs_shape(rule) && !rule.takes_diagonal) names.push_back(rule.name);
  return names;
}

const update::Rule& checked_rule(const char* rule) {
  not_null(rule, "rule", "a rule's name");
  std::string reason, allowed;
  for (const update::Rule& each : update::rules()) {
    if (std::strcmp(rule, each.name) != 0) continue;
    if (!needs_shape(each) && !each.takes_diagonal) return each;
    reason =
        std::string(" needs ") +
        (each.takes_diagonal ? "estimates of the Hessian's diagonal" : "the shapes of its arrays") +
        ", which this interface does not take";
  }
  for (const char* name : rule_names())
    allowed += (allowed.empty() ? "" : ", ") + std::string(name);
  throw std::invalid_argument("rule: '" + std::string(rule) + "'" + reason + ", expected one of " +
                              allowed);
}

// The caller's tensors and options, which are checked.
Source checked_source(const update::Rule& rule, const saddlescape_group& group,
                      const std::string& name) {
  not_null(group.tensors, name.c_str(), "at least one tensor");
  if (group.count < 1)
    throw std::invalid_argument("count: " + std::to_string(group.count) + ", expected at least 1");
  return {group.options ? checked(rule.name, *group.options) : defaults(rule.name), group.tensors,
          group.count, name};
}

// The same of a list of them: messages say first which group they speak of.
std::vector<Source> checked_sources(const update::Rule& rule, const saddlescape_group* groups,
                                    std::int64_t count) {
  std::vector<Source> sources;
  for (std::int64_t k = 0; k < count; ++k) {
    const std::string name = "groups[" + std::to_string(k) + "].";
    try {
      sources.push_back(checked_source(rule, groups[k], "tensors"));
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument(name + error.what());
    }
    sources.back().name = name + "tensors";
    const std::int32_t allow = sources.back().options.allow_non_finite;
    if (allow != sources[0].options.allow_non_finite)
      throw std::invalid_argument(name + "options.allow_non_finite: " + std::to_string(allow) +
                                  ", expected that of groups[0]: it holds for all of a step");
  }
  return sources;
}

saddlescape_optimizer* made(const update::Rule& rule, const std::vector<Source>& sources,
                            const saddlescape_settings& settings) {
  isa::active();  // refuses a wrong SADDLESCAPE_ISA here, not in a step
  return new saddlescape_optimizer{{rule, sources, settings}};
}

}  // namespace

saddlescape_status refused(saddlescape_status status, const char* what) {
  std::snprintf(message, sizeof message, "%s", what);
  return status;
}

}  // namespace saddlescape::capi

// In a namespace a definition would not have the visibility that the header declares.
using namespace saddlescape::capi;

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
    check_options_size("size", size);
    fill(options, size, defaults(name));
  });
}

saddlescape_status saddlescape_settings_init(saddlescape_settings* settings, size_t size) {
  return guarded([&] {
    not_null(settings, "settings", somewhere);
    check_settings_size("size", size);
    fill(settings, size, default_settings());
  });
}

saddlescape_status saddlescape_create(const char* rule, const saddlescape_options* options,
                                      saddlescape_real real, const saddlescape_tensor* tensors,
                                      int64_t count, saddlescape_optimizer** optimizer) {
  return guarded([&] {
    const saddlescape::update::Rule& known = checked_rule(rule);
    checked_real("real", real);
    const Source source = checked_source(known, {options, tensors, count}, "tensors");
    not_null(optimizer, "optimizer", somewhere);
    saddlescape_settings settings = default_settings();
    settings.parameters = settings.gradients = real;
    *optimizer = made(known, {source}, settings);
  });
}

saddlescape_status saddlescape_create_groups(const char* rule, const saddlescape_group* groups,
                                             int64_t count, const saddlescape_settings* settings,
                                             saddlescape_optimizer** optimizer) {
  return guarded([&] {
    const saddlescape::update::Rule& known = checked_rule(rule);
    not_null(groups, "groups", "at least one group");
    if (count < 1)
      throw std::invalid_argument("count: " + std::to_string(count) + ", expected at least 1");
    not_null(optimizer, "optimizer", somewhere);
    const std::vector<Source> sources = checked_sources(known, groups, count);
    *optimizer = made(known, sources, settings ? checked(known, *settings) : default_settings());
  });
}

void saddlescape_destroy(saddlescape_optimizer* optimizer) { delete optimizer; }

saddlescape_status saddlescape_step(saddlescape_optimizer* optimizer, const void* const* gradients,
                                    int64_t count) {
  return saddlescape_step_scaled(optimizer, gradients, count, 1, 0);
}

saddlescape_status saddlescape_step_scaled(saddlescape_optimizer* optimizer,
                                           const void* const* gradients, int64_t count,
                                           double grad_scale, int32_t found_inf) {
  return guarded([&] {
    Optimizer& it = checked(optimizer);
    not_null(gradients, "gradients", "a list of pointers, one for each tensor");
    if (found_inf != 0 && found_inf != 1)
      throw std::invalid_argument("found_inf: " + std::to_string(found_inf) + ", expected 0 or 1");
    if (!found_inf) it.step(gradients, count, grad_scale);
  });
}

}  // extern "C"
