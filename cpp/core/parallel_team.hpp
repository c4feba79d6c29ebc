// A team of threads that shares out numbered parts of one job; parallel.cpp is its only caller.
#pragma once

#include <cstdint>

namespace saddlescape::team {

using Part = void (*)(void* job, std::int64_t part) noexcept;

// Calls part(job, i) for i in [0, parts), on this thread and at most `threads` - 1 others, and
// returns when all are done. False, with nothing done, if the team is at work for another thread.
bool share(int threads, std::int64_t parts, Part part, void* job);

extern const char* const name;  // "pool" or "openmp"

}  // namespace saddlescape::team
