// Which code of 8 bits a state has. Compiled once for each instruction set: internal linkage.
#pragma once

#include "core/codes.hpp"
#include "update/storage.hpp"

namespace saddlescape::update {
namespace {

template <Nature nature>
struct KindOf;
template <>
struct KindOf<Nature::value> {
  using Kind = codes::NearestSigned8;
};
template <>
struct KindOf<Nature::slow> {
  using Kind = codes::DitheredSigned8;
};
template <>
struct KindOf<Nature::square> {
  using Kind = codes::Unsigned8;
};

}  // namespace
}  // namespace saddlescape::update
