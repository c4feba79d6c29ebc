// In what order the CPU in a device's place does its work, for tests of what only a real device
// shows.
//
// SADDLESCAPE_HOSTED_ORDER, a list of words:
//   late        what a stream is asked for waits until somebody waits for the stream, frees memory,
//               or looks at what it copies: who forgot to wait reads what was there before
//   up, down    the threads of a block run each for itself from barrier to barrier, the first one
//               first or the last one: a barrier that is missing shows
// Without it, work is done when it is asked for and a phase is a loop: nothing is slower.
#pragma once

#include <cstdint>
#include <functional>

namespace saddlescape::cuda::hosted {

bool is_late();

// In the stream's order; now, unless it is late.
void ask(void* stream, std::function<void()> work);

// All that the stream was asked for; all that any was.
void finish(void* stream);
void finish_all();

// How far a stream was asked: a number that grows over all streams. finish_to does all up to there.
std::int64_t place(void* stream);
void finish_to(void* stream, std::int64_t place);

// Memory of the host that a device could copy from and to on its own; all other it copies by way of
// memory of its own, before the call returns.
void pin(const void* data, std::int64_t bytes);
void unpin(const void* data);
bool is_pinned(const void* data);

bool has_threads();

// body(thread) for each thread of a block, each until it comes to a barrier, until all have ended.
// Ends the program where some have ended and others wait.
void each_thread(int count, const std::function<void(int)>& body);
void barrier();

}  // namespace saddlescape::cuda::hosted
