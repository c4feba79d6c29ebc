// A CUDA device as the place where an optimizer's arrays live.
#pragma once

#include <memory>

#include "bind/home.hpp"
#include "cuda/step.hpp"

namespace saddlescape::bind {

class DeviceHome : public Home {
 public:
  virtual int number() const = 0;                  // of the device
  virtual const cuda::Stream& stream() const = 0;  // of the last step
  virtual cuda::Workspace& device_workspace() = 0;
};

std::unique_ptr<DeviceHome> device_home();

}  // namespace saddlescape::bind
