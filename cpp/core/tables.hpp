// Tables of kernels, one for each instruction set. A part's source that ends in _cpu.cpp is
// compiled once for each, with SADDLESCAPE_KERNELS = kernels_x86_64_v4 and so on.
//
// SADDLESCAPE_TABLES(Type, _part) in a header, outside of namespaces, declares all of them;
// extern "C" const Type SADDLESCAPE_TABLE(_part) = {...}; in _cpu.cpp defines its own;
// const Type& table() { SADDLESCAPE_ACTIVE(_part) } takes the one in use, with core/isa.hpp.
#pragma once

namespace saddlescape {

// The same kernels for both precisions.
template <template <class> class Table>
struct BothPrecisions {
  Table<float> float32;
  Table<double> float64;

  template <class T>
  const Table<T>& table() const {
    static_assert(sizeof(T) == sizeof(float) || sizeof(T) == sizeof(double));
    if constexpr (sizeof(T) == sizeof(float))
      return float32;
    else
      return float64;
  }
};

}  // namespace saddlescape

#define SADDLESCAPE_JOINED(left, right) left##right
#define SADDLESCAPE_JOIN(left, right) SADDLESCAPE_JOINED(left, right)
#define SADDLESCAPE_TABLE(part) SADDLESCAPE_JOIN(SADDLESCAPE_KERNELS, part)

#if defined(__x86_64__)
#define SADDLESCAPE_TABLES(Type, part)       \
  extern "C" {                               \
  extern const Type kernels_x86_64_v2##part; \
  extern const Type kernels_x86_64_v3##part; \
  extern const Type kernels_x86_64_v4##part; \
  }
#define SADDLESCAPE_ACTIVE(part)           \
  switch (saddlescape::isa::active()) {    \
    case saddlescape::isa::Isa::x86_64_v4: \
      return kernels_x86_64_v4##part;      \
    case saddlescape::isa::Isa::x86_64_v3: \
      return kernels_x86_64_v3##part;      \
    default:                               \
      return kernels_x86_64_v2##part;      \
  }
#else
#define SADDLESCAPE_TABLES(Type, part)     \
  extern "C" {                             \
  extern const Type kernels_generic##part; \
  }
#define SADDLESCAPE_ACTIVE(part) return kernels_generic##part;
#endif
