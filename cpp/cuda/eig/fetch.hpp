// Numbers that come from the device to the host, and go there, through a small piece of memory that
// the device can copy from and to on its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "cuda/device.hpp"

namespace saddlescape::cuda::eig {

template <class T>
constexpr std::int64_t bytes_of = static_cast<std::int64_t>(sizeof(T));

class Courier {
 public:
  explicit Courier(const Stream& stream) : stream_(stream) {}

  // Both wait until it is done, behind all that the stream was asked for.
  template <class T>
  void fetch(const T* from, std::int64_t count, T* to) {
    pieces(count * bytes_of<T>, [&](std::int64_t at, std::int64_t bytes) {
      download(stream_, host_.data(), reinterpret_cast<const char*>(from) + at, bytes);
      stream_.wait();
      std::memcpy(reinterpret_cast<char*>(to) + at, host_.data(), static_cast<std::size_t>(bytes));
    });
  }
  template <class T>
  void send(const T* from, std::int64_t count, T* to) {
    pieces(count * bytes_of<T>, [&](std::int64_t at, std::int64_t bytes) {
      std::memcpy(host_.data(), reinterpret_cast<const char*>(from) + at,
                  static_cast<std::size_t>(bytes));
      upload(stream_, reinterpret_cast<char*>(to) + at, host_.data(), bytes);
      stream_.wait();
    });
  }

 private:
  static constexpr std::int64_t most = std::int64_t{4} << 20;  // bytes at a time

  template <class Piece>
  void pieces(std::int64_t bytes, const Piece& piece) {
    if (bytes > 0) host_.grow(std::min(bytes, most));
    for (std::int64_t at = 0; at < bytes; at += most) piece(at, std::min(most, bytes - at));
  }

  Stream stream_;
  Memory host_{Memory::Where::host, "copies to and from the device"};
};

template <class T>
std::vector<T> fetched(const Stream& stream, const T* from, std::int64_t count) {
  std::vector<T> numbers(static_cast<std::size_t>(count));
  Courier(stream).fetch(from, count, numbers.data());
  return numbers;
}

template <class T>
void sent(const Stream& stream, const T* from, std::int64_t count, T* to) {
  Courier(stream).send(from, count, to);
}

}  // namespace saddlescape::cuda::eig
