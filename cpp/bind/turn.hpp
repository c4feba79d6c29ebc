// One caller at a time: the GIL is released during a step.
#pragma once

#include <atomic>
#include <stdexcept>

namespace saddlescape::bind {

class Turn {
 public:
  explicit Turn(std::atomic_flag& busy) : busy_(busy) {
    if (busy_.test_and_set())
      throw std::runtime_error(
          "this optimizer is in a step on another thread; give each thread "
          "its own optimizer, or take turns");
  }
  ~Turn() { busy_.clear(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic_flag& busy_;
};

}  // namespace saddlescape::bind
