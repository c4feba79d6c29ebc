// What every function of the C border does: look at its pointers, run the call, and turn an
// exception into a status and a message.
#pragma once

#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>

#include "capi/optimizer.hpp"
#include "capi/saddlescape.h"

struct saddlescape_optimizer {
  saddlescape::capi::Optimizer optimizer;
};

namespace saddlescape::capi {

// Leaves `what` for saddlescape_last_error.
saddlescape_status refused(saddlescape_status status, const char* what);

// Runs a call. The last catch is broad because a C caller can do nothing with an exception.
template <class Call>
saddlescape_status guarded(Call&& call) noexcept {
  try {
    call();
    return SADDLESCAPE_OK;
  } catch (const NotFinite& error) {
    return refused(SADDLESCAPE_NOT_FINITE, error.what());
  } catch (const Busy& error) {
    return refused(SADDLESCAPE_BUSY, error.what());
  } catch (const std::invalid_argument& error) {
    return refused(SADDLESCAPE_INVALID_ARGUMENT, error.what());
  } catch (const std::bad_alloc&) {
    return refused(SADDLESCAPE_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return refused(SADDLESCAPE_INTERNAL_ERROR, error.what());
  }
}

template <class T>
void not_null(const T* argument, const char* name, const char* expected) {
  if (!argument) throw std::invalid_argument(std::string(name) + ": NULL, expected " + expected);
}

constexpr char somewhere[] = "a place for the answer";

inline Optimizer& checked(saddlescape_optimizer* handle) {
  not_null(handle, "optimizer", "what saddlescape_create made");
  return handle->optimizer;
}

inline const Optimizer& checked(const saddlescape_optimizer* handle) {
  not_null(handle, "optimizer", "what saddlescape_create made");
  return handle->optimizer;
}

// Writes get(optimizer) to `place`, the argument `name`.
template <class T, class Get>
saddlescape_status ask(const saddlescape_optimizer* handle, T* place, const char* name,
                       const Get& get) {
  return guarded([&] {
    const Optimizer& optimizer = checked(handle);
    not_null(place, name, somewhere);
    *place = get(optimizer);
  });
}

// The same of numbers that the optimizer keeps: where they are and how many.
template <class T, class Get>
saddlescape_status ask(const saddlescape_optimizer* handle, T** data, const char* name,
                       std::int64_t* size, const Get& get) {
  return guarded([&] {
    const Optimizer& optimizer = checked(handle);
    not_null(data, name, somewhere);
    not_null(size, "size", somewhere);
    const Numbers numbers = get(optimizer);
    *data = static_cast<T*>(numbers.data);
    *size = numbers.size;
  });
}

}  // namespace saddlescape::capi
