#include "cuda/hosted/order.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

namespace saddlescape::cuda::hosted {
namespace {

bool has_word(const char* word) {
  const char* const words = std::getenv("SADDLESCAPE_HOSTED_ORDER");
  return words && std::strstr(words, word);
}

struct Asked {
  std::int64_t place;
  std::function<void()> work;
};

struct Streams {
  std::recursive_mutex mutex;
  std::map<void*, std::deque<Asked>> queues;
  std::int64_t places = 0;
  std::map<const void*, std::int64_t> pinned;
};

// Never destroyed: memory is freed when the process ends, too.
Streams& streams() {
  static Streams& all = *new Streams;
  return all;
}

using Lock = std::lock_guard<std::recursive_mutex>;

}  // namespace

bool is_late() {
  static const bool late = has_word("late");
  return late;
}

void ask(void* stream, std::function<void()> work) {
  if (!is_late()) return work();
  const Lock lock(streams().mutex);
  streams().queues[stream].push_back({++streams().places, std::move(work)});
}

void finish_to(void* stream, std::int64_t place) {
  if (!is_late()) return;
  const Lock lock(streams().mutex);
  std::deque<Asked>& queue = streams().queues[stream];
  while (!queue.empty() && queue.front().place <= place) {
    const Asked next = std::move(queue.front());
    queue.pop_front();
    next.work();
  }
}

void finish(void* stream) { finish_to(stream, place(stream)); }

void finish_all() {
  if (!is_late()) return;
  const Lock lock(streams().mutex);
  for (auto& each : streams().queues) finish(each.first);
}

std::int64_t place(void*) {
  const Lock lock(streams().mutex);
  return streams().places;
}

void pin(const void* data, std::int64_t bytes) {
  const Lock lock(streams().mutex);
  streams().pinned[data] = bytes;
}

void unpin(const void* data) {
  const Lock lock(streams().mutex);
  streams().pinned.erase(data);
}

bool is_pinned(const void* data) {
  const Lock lock(streams().mutex);
  const auto next = streams().pinned.upper_bound(data);
  if (next == streams().pinned.begin()) return false;
  const auto& [from, bytes] = *std::prev(next);
  return static_cast<const char*>(data) < static_cast<const char*>(from) + bytes;
}

}  // namespace saddlescape::cuda::hosted
