// The part of DLPack's binary interface (version 1, https://dmlc.github.io/dlpack) that reading a
// tensor of another library needs, and giving it one. The names are that interface's, the layout
// must be too.
#pragma once

#include <cstdint>

namespace saddlescape::bind::dlpack {

constexpr std::uint32_t major_version = 1;

// DLDeviceType
constexpr std::int32_t cpu = 1;
constexpr std::int32_t cuda = 2;
constexpr std::int32_t cuda_managed = 13;

enum Code : std::uint8_t {
  signed_int = 0,
  unsigned_int = 1,
  real = 2,
  bfloat = 4,
  complex = 5,
  boolean = 6
};

constexpr std::uint64_t read_only = 1;
constexpr std::uint64_t is_copied = 2;

struct Version {
  std::uint32_t major, minor;
};

struct Device {
  std::int32_t type, id;
};

struct DataType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};

struct Tensor {
  void* data;
  Device device;
  std::int32_t ndim;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements; null: C-contiguous
  std::uint64_t byte_offset;
};

// In a capsule named "dltensor": says nothing of writing, nor of copies.
struct Managed {
  Tensor tensor;
  void* context;
  void (*deleter)(Managed*);
};

// In a capsule named "dltensor_versioned".
struct ManagedVersioned {
  Version version;
  void* context;
  void (*deleter)(ManagedVersioned*);
  std::uint64_t flags;
  Tensor tensor;
};

// In a capsule named "dlpack_exchange_api", the attribute `__dlpack_c_exchange_api__` of a type:
// functions that describe an object without making another one.
struct Exchange {
  Version version;
  Exchange* previous;
  int (*allocate)(Tensor*, ManagedVersioned**, void*, void (*)(void*, const char*, const char*));
  int (*manage)(void* object, ManagedVersioned** out);
  int (*wrap)(ManagedVersioned*, void** object);
  int (*describe)(void* object, Tensor* out);  // borrowed; may be null; -1: a Python error is set
  int (*stream)(std::int32_t type, std::int32_t id, void** out);  // the current one of a device
};

}  // namespace saddlescape::bind::dlpack
