// AdamW (Loshchilov & Hutter 2019, algorithm 2): Adam, with the weight decay decoupled:
//
//   theta <- (1 - lr wd) theta_{t-1},  then Adam's step with the bare gradient
#pragma once

#include "update/adam.hpp"

namespace saddlescape::update {
namespace {

template <class T>
struct AdamW : Adam<T> {
  SADDLESCAPE_HOST_DEVICE static Adam<T> fold(Options o, std::int64_t t) {
    o.decoupled = true;
    return Adam<T>::fold(o, t);
  }
};

}  // namespace
}  // namespace saddlescape::update
