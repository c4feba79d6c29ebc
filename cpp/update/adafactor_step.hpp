// What Adafactor does beside its passes over tiles; the equations stand in adafactor.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "update/step.hpp"

namespace saddlescape::update::adafactor {

// R and C without the dimension that they are means over, V as the parameters. What an array does
// not have is empty.
std::vector<std::int64_t> state_shape(int state, const std::vector<std::int64_t>& shape);

// w_t
double weight(const Options& options, const Tensor& tensor);

// PyTorch's None stands for the machine epsilon of the parameters' type.
double eps1(const Options& options, const Tensor& tensor);

// How a factored tensor's rows are shared out, each share with sums over columns of its own: the
// same for any number of threads, and on a device.
struct Cut {
  std::int64_t matrices, height, groups;  // of rows, for each matrix

  explicit Cut(const Tensor& tensor);
};

// Brings R, C and V of all factored tensors to this step, and sets their row_means.
void accumulate(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
                double clip, Workspace& workspace);

// U of elements from .. from + n out of their G.
void precondition(const Options& options, const Tensor& tensor, const void* g, std::int64_t from,
                  std::int64_t n, void* out);

// What U is multiplied by.
double length(const Options& options, const Tensor& tensor, double parameter_norm,
              double direction_norm);

}  // namespace saddlescape::update::adafactor
