// Which instruction sets this build holds, which of them this CPU runs, which one is in use.
//
// A kernel is one source compiled once for each instruction set; `active()` says which of the
// compiled tables to take. SADDLESCAPE_ISA=x86-64-v3 (an environment variable, read once) or
// `force` choose another one. All of them give the same bits, but for products that x86-64-v3 and
// v4 compute by fused multiply-add (eig/elimination, net/dense): there v2 rounds once more.
#pragma once

#include <string>
#include <vector>

namespace saddlescape::isa {

enum class Isa { generic, x86_64_v2, x86_64_v3, x86_64_v4 };

const char* name(Isa isa);

// Compiled into this build and supported by this CPU, weakest first.
std::vector<Isa> available();

// The one in use: forced, or the strongest available.
// Throws std::invalid_argument if SADDLESCAPE_ISA names one that is not available.
Isa active();

// Throws std::invalid_argument that names what is available.
void force(const std::string& isa_name);

}  // namespace saddlescape::isa
