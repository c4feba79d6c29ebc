// Eight bytes of a device's, for a number that a call computes there and waits for. They are kept
// for the next call: who allocates waits for all that the device has been asked for, and longer.
#pragma once

#include <cstdint>
#include <memory>

#include "cuda/device.hpp"

namespace saddlescape::cuda {

class Word {
 public:
  Word();  // of the current device
  ~Word();
  Word(const Word&) = delete;
  Word& operator=(const Word&) = delete;

  template <class T>
  T* as() const {
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    return own_->device.as<T>();
  }

  // The number, once the stream has come here. Waits; once, and last.
  template <class T>
  T read(const Stream& stream) {
    fetch(stream);
    return *own_->host.as<T>();
  }

 private:
  struct Own {
    Memory device{Memory::Where::device, "a number"};
    Memory host{Memory::Where::host, "a number"};
  };
  struct Kept;
  static Kept& kept();
  void fetch(const Stream& stream);

  int number_;
  std::unique_ptr<Own> own_;
  bool done_ = false;
};

}  // namespace saddlescape::cuda
