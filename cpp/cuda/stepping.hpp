// One step's traffic with the device: what is sent, launched and read back.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/device.hpp"
#include "cuda/step.hpp"
#include "cuda/table.hpp"
#include "update/row.hpp"

namespace saddlescape::cuda {

class Blas;

template <class T>
std::int64_t bytes_of(const std::vector<T>& list) {
  return static_cast<std::int64_t>(list.size() * sizeof(T));
}

// A place for an array of what the device reads in sixteen bytes.
inline std::int64_t placed(std::int64_t bytes) { return update::ceiling(bytes, 16) * 16; }

// What stands round the rules, before the step has found anything out.
Control control_of(const update::Around& around);

class Stepping {
 public:
  Stepping(Workspace& workspace, const Stream& stream, std::int64_t count);

  // The bytes of what is sent for so many tensors: control, folds, rows of now.
  static std::int64_t letter_bytes(std::int64_t count);
  static std::int64_t answer_bytes(std::int64_t count);

  void send(const update::Group* groups, const update::Tensor* tensors, const Control& control);
  // Puts what is sent together, at `host`; returns its bytes.
  std::int64_t write(unsigned char* host, const update::Group* groups,
                     const update::Tensor* tensors, const Control& control);

  // The look at gradients, the pass and what it measures.
  void look(const update::Around& around) const;
  void move(const update::Around& around) const;

  // Sums over rows and columns of factored rules.
  void factor() const;

  // The first passes of normed and factored rules: finds how far their tensors go, and sends it.
  // Waits.
  void direct(const update::Group* groups, update::Tensor* tensors);

  // All of matrix rules: directions, products, and along them.
  void step_matrices(const update::Group* groups, const Blas& blas) const;

  // What the step found out; waits for it.
  update::Outcome read(update::Tensor* tensors, const update::Around& around) const;

  // The same of what `look` found out.
  update::Seen seen(update::Tensor* tensors, const update::Around& around) const;

  Table table;

 private:
  // totals, or beside them what the step measured: the norm to clip by is of the gradients before
  // they shrank.
  void add(const SumLaunch& sums, bool measured) const;
  Table chunked(std::int64_t from) const { return chunked(table, from); }
  Table chunked(const Table& of, std::int64_t from) const;
  void set_norms(update::Tensor* tensors, const update::Around& around, const TensorSums* totals,
                 update::Outcome& outcome) const;

  Workspace& workspace_;
  const Stream& stream_;
  std::int64_t count_;
};

}  // namespace saddlescape::cuda
