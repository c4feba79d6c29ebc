#include "core/isa.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace saddlescape::isa {
namespace {

constexpr int unset = -1;
std::atomic<int> chosen{unset};

Isa parse(const std::string& wanted, const char* who) {
  std::string allowed;
  for (Isa isa : available()) {
    if (wanted == name(isa)) return isa;
    allowed += (allowed.empty() ? "" : ", ") + std::string(name(isa));
  }
  throw std::invalid_argument(
      std::string(who) + ": '" + wanted +
      "' is not an instruction set that this build and CPU have; allowed: " + allowed);
}

}  // namespace

const char* name(Isa isa) {
  switch (isa) {
    case Isa::x86_64_v2:
      return "x86-64-v2";
    case Isa::x86_64_v3:
      return "x86-64-v3";
    case Isa::x86_64_v4:
      return "x86-64-v4";
    case Isa::generic:
      break;
  }
  return "generic";
}

std::vector<Isa> available() {
#if defined(__x86_64__)
  // The levels of the x86-64 psABI, by the features that compilers use of them.
  std::vector<Isa> found;
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("ssse3") ||
      !__builtin_cpu_supports("popcnt"))
    return found;
  found.push_back(Isa::x86_64_v2);
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
    return found;
  found.push_back(Isa::x86_64_v3);
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl"))
    return found;
  found.push_back(Isa::x86_64_v4);
  return found;
#else
  return {Isa::generic};
#endif
}

Isa active() {
  int current = chosen.load(std::memory_order_relaxed);
  if (current != unset) return static_cast<Isa>(current);
  const std::vector<Isa> all = available();
  if (all.empty())
    throw std::invalid_argument(
        "this CPU lacks x86-64-v2 (SSE4.2), the least that saddlescape runs on");
  const char* wanted = std::getenv("SADDLESCAPE_ISA");
  const Isa isa = wanted && *wanted ? parse(wanted, "SADDLESCAPE_ISA") : all.back();
  chosen.store(static_cast<int>(isa), std::memory_order_relaxed);
  return isa;
}

void force(const std::string& isa_name) {
  chosen.store(static_cast<int>(parse(isa_name, "isa")), std::memory_order_relaxed);
}

}  // namespace saddlescape::isa
