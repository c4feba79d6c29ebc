#include "cuda/word.hpp"

#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace saddlescape::cuda {

struct Word::Kept {
  struct OfDevice {
    std::vector<std::unique_ptr<Own>> free;
    std::size_t made = 0;
  };
  std::mutex mutex;
  std::map<int, OfDevice> of_device;
};

// Never destroyed: when the process ends the driver may have gone before.
Word::Kept& Word::kept() {
  static Kept* const all = new Kept;
  return *all;
}

Word::Word() : number_(current_device()) {
  {
    const std::lock_guard<std::mutex> lock(kept().mutex);
    Kept::OfDevice& own = kept().of_device[number_];
    if (!own.free.empty()) {
      own_ = std::move(own.free.back());
      own.free.pop_back();
      return;
    }
    own.free.reserve(++own.made);  // so that giving it back can't fail
  }
  own_ = std::make_unique<Own>();
  own_->device.grow(sizeof(std::uint64_t));
  own_->host.grow(sizeof(std::uint64_t));
}

// One that nobody has waited for may be written to still: it is given back to the device, which
// waits.
Word::~Word() {
  if (!done_) return;
  const std::lock_guard<std::mutex> lock(kept().mutex);
  kept().of_device[number_].free.push_back(std::move(own_));
}

void Word::fetch(const Stream& stream) {
  download(stream, own_->host.data(), own_->device.data(), sizeof(std::uint64_t));
  stream.wait();
  done_ = true;
}

}  // namespace saddlescape::cuda
