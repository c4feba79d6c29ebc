// The same list of tensors for the CPU's step and for the device's, and a step of both.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "cuda/step.hpp"
#include "tests/cuda_lists.hpp"

namespace saddlescape::cuda_lists {
namespace {

namespace u = saddlescape::update;
namespace c = saddlescape::cuda;

struct Tally {
  const char* name;
  int cases = 0, failed = 0;

  void expect(bool ok, const std::string& what) {
    ++cases;
    if (ok) return;
    std::printf("failed: %s\n", what.c_str());
    ++failed;
  }
  int end() const {
    std::printf("%s: %d cases, %d failed\n", name, cases, failed);
    return failed == 0 ? 0 : 1;
  }
};

// What a test that could not run returns: CTest then says that it was left out.
constexpr int left_out = 77;

// Whether there is a device to run on; says why not.
inline bool have_device() {
  const std::string why = on_device ? c::device().why : "";
  if (!why.empty()) std::printf("left out, there is no device: %s\n", why.c_str());
  return why.empty();
}

// Round a thread's four, a block of 8 bits, sixteen lanes, a tile, two tiles; the last ones with
// arrays that no vector access fits.
constexpr std::int64_t sizes[] = {0, 1, 3, 4, 5, 63, 64, 65, 1023, 1024, 1025, 2051, 100, 1025};
constexpr int aligned = 12;  // of them

struct Pair {
  Pair(const u::Rule& rule, const Storage& storage, bool average) {
    for (int k = 0; k < static_cast<int>(std::size(sizes)); ++k)
      add(rule, storage, sizes[k], k < aligned ? 0 : 1, average);
  }
  Pair() = default;

  void add(const u::Rule& rule, const Storage& storage, std::int64_t size, int shift,
           bool average) {
    for (std::vector<Arrays>* list : {&cpu, &device})
      list->emplace_back(rule, storage, size, shift, average);
  }

  void set_gradients(int t) {
    for (std::size_t i = 0; i < cpu.size(); ++i) {
      const bool present = i % 5 != 2 || t % 2 == 0;  // a tensor whose count of steps falls behind
      cpu[i].set_gradient(t, present);
      device[i].set_gradient(t, present);
    }
  }
  void spoil(std::size_t i, std::int64_t at, double x) {
    cpu[i].spoil(at, x);
    device[i].spoil(at, x);
  }

  // Steps both; whether they said the same.
  bool step(const u::Group* groups, const u::Around& around) {
    const u::Outcome expected = step_cpu(groups, around);
    std::vector<u::Tensor> there = sent();
    outcome = c::step(groups, there.data(), count(), around, device_workspace, stream);
    fetch(there);
    return expected.non_finite == outcome.non_finite &&
           equal(expected.gradient_norm, outcome.gradient_norm) && expected.clip == outcome.clip;
  }

  u::Outcome step_cpu(const u::Group* groups, const u::Around& around) {
    std::vector<u::Tensor> own;
    for (const Arrays& each : cpu) own.push_back(each.tensor);
    const u::Outcome found = u::step(groups, own.data(), count(), around, cpu_workspace);
    for (std::size_t i = 0; i < cpu.size(); ++i) cpu[i].tensor = own[i];
    return found;
  }

  // The device's tensors, there, and back from there.
  std::vector<u::Tensor> sent() {
    std::vector<u::Tensor> there;
    for (Arrays& each : device) there.push_back(each.sent(stream));
    return there;
  }
  void fetch(const std::vector<u::Tensor>& there) {
    for (std::size_t i = 0; i < device.size(); ++i) device[i].fetch(there[i], stream);
  }
  std::int64_t count() const { return static_cast<std::int64_t>(device.size()); }

  bool same() const {
    for (std::size_t i = 0; i < cpu.size(); ++i)
      if (!cpu[i].same(device[i])) return false;
    return true;
  }

  std::vector<Arrays> cpu, device;
  u::Workspace cpu_workspace;
  c::Workspace device_workspace;
  u::Outcome outcome;
  c::Stream stream;
};

}  // namespace
}  // namespace saddlescape::cuda_lists
