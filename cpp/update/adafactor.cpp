#include "update/adafactor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/in_groups.hpp"
#include "core/parallel.hpp"
#include "update/adafactor_step.hpp"
#include "update/factored.hpp"
#include "update/gradient.hpp"
#include "update/passes.hpp"
#include "update/row.hpp"

namespace saddlescape::update::adafactor {
namespace {

enum State { row_var, col_var, variance };

// A unit of work: so many elements, in whole rows, but no less rows than pay for its sums.
constexpr std::int64_t unit_size = 64 * 1024;
constexpr std::int64_t least_rows = 32;

template <class T>
void blend(T& x, double w, double mean) {
  x = blended(x, w, mean);
}

// The rows of one unit at a time.
template <class T>
class Rows {
 public:
  Rows(const Tensor& tensor, const Options& options, const Around& around, double clip)
      : tensor_(tensor), around_(around), clip_(clip), weight_(weight(options, tensor)) {}

  // Adds the squares of rows first .. last (of all matrices) to `columns`, and ends R.
  void operator()(std::int64_t first, std::int64_t last, double* columns) {
    const std::int64_t width = tensor_.columns;
    const std::int64_t together = std::max<std::int64_t>(1, tile_size / width);
    for (std::int64_t row = first; row < last; row += together) {
      const std::int64_t rows = std::min(together, last - row);
      std::fill_n(sums_, rows, 0.0);
      for (std::int64_t from = 0; from < width; from += tile_size) {
        const std::int64_t length = std::min(tile_size, width - from);  // width if rows > 1
        const void* g =
            gradient_tile(tensor_, row * width + from, rows * length, around_, clip_, scratch_);
        table_.add_squares[real](g, rows, length, sums_, columns + from);
      }
      for (std::int64_t i = 0; i < rows; ++i)
        blend(static_cast<T*>(tensor_.state[row_var])[row + i], weight_,
              sums_[i] / static_cast<double>(width));
    }
  }

 private:
  static constexpr int real = sizeof(T) == 8 ? 1 : 0;
  const Tensor& tensor_;
  const Around& around_;
  double clip_, weight_;
  const FactoredKernels& table_ = factored_kernels();
  double sums_[tile_size];
  alignas(64) unsigned char scratch_[tile_size * 8];
};

template <class T>
void accumulate_matrices(const Tensor& tensor, const Options& options, const Around& around,
                         double clip, Workspace& workspace, double* means) {
  const Cut cut(tensor);
  const std::int64_t rows = tensor.rows, width = tensor.columns, units = cut.matrices * cut.groups;
  const auto needed = static_cast<std::size_t>(units * width);
  if (workspace.columns.size() < needed) workspace.columns.resize(needed);
  double* sums = workspace.columns.data();
  const auto grain = [&](std::int64_t numbers) {
    return std::max<std::int64_t>(1, grain_bytes / (numbers * std::int64_t(sizeof(T))));
  };
  parallel_for(units, grain(cut.height * width), [&](std::int64_t first, std::int64_t last) {
    Rows<T> add(tensor, options, around, clip);
    std::fill_n(sums + first * width, (last - first) * width, 0.0);
    for (std::int64_t u = first; u < last; ++u) {
      const std::int64_t matrix = u / cut.groups, from = u % cut.groups * cut.height;
      add(matrix * rows + from, matrix * rows + std::min(from + cut.height, rows),
          sums + u * width);
    }
  });
  const double w = weight(options, tensor);
  // C
  parallel_for(cut.matrices * width, grain(cut.groups), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t j = first; j < last; ++j) {
      const double* column = sums + j / width * cut.groups * width + j % width;
      double sum = 0;
      for (std::int64_t k = 0; k < cut.groups; ++k) sum += column[k * width];
      blend(static_cast<T*>(tensor.state[col_var])[j], w, sum / static_cast<double>(rows));
    }
  });
  // mean R
  parallel_for(cut.matrices, grain(rows), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t matrix = first; matrix < last; ++matrix) {
      const T* row = static_cast<const T*>(tensor.state[row_var]) + matrix * rows;
      sums::InGroups<sums::Plain> sum;  // of terms that are divided first: it does not overflow
      for (std::int64_t i = 0; i < rows; ++i)
        sum.add(static_cast<double>(row[i]) / static_cast<double>(rows));
      means[matrix] = bounded(sum.total().value);
    }
  });
}

void accumulate_vector(const Tensor& tensor, const Options& options, const Around& around,
                       double clip) {
  const FactoredKernels& table = factored_kernels();
  const int real = static_cast<int>(real_of(tensor.parameter_type));
  const std::int64_t bytes = width(element_of(real_of(tensor.parameter_type)));
  const double w = weight(options, tensor);
  parallel_for(ceiling(tensor.size, tile_size), grain_bytes / (2 * tile_size * bytes),
               [&](std::int64_t first, std::int64_t last) {
                 alignas(64) unsigned char scratch[tile_size * 8];
                 const std::int64_t end = std::min(last * tile_size, tensor.size);
                 for (std::int64_t from = first * tile_size; from < end; from += tile_size) {
                   const std::int64_t n = std::min(tile_size, end - from);
                   const void* g = gradient_tile(tensor, from, n, around, clip, scratch);
                   table.average_squares[real](at(tensor.state[variance], from * bytes), g, n, w);
                 }
               });
}

bool is_here(const Group* groups, const Tensor& tensor) {
  return tensor.gradient && tensor.size > 0 && groups[tensor.group].rule->kind == Kind::factored;
}

}  // namespace

double weight(const Options& o, const Tensor& tensor) {
  return std::pow(static_cast<double>(tensor.steps), o.beta2_decay);
}

double eps1(const Options& o, const Tensor& tensor) {
  if (o.eps >= 0) return o.eps;
  switch (tensor.parameter_type) {
    case Element::float64:
      return std::numeric_limits<double>::epsilon();
    case Element::bfloat16:
      return 0x1p-7;
    case Element::float16:
      return 0x1p-10;
    default:
      return std::numeric_limits<float>::epsilon();
  }
}

Cut::Cut(const Tensor& tensor)
    : matrices(tensor.size / (tensor.rows * tensor.columns)),
      height(tensor.size / matrices <= unit_size
                 ? tensor.rows
                 : std::max(least_rows, ceiling(unit_size, tensor.columns))),
      groups(ceiling(tensor.rows, height)) {}

std::vector<std::int64_t> state_shape(int state, const std::vector<std::int64_t>& shape) {
  const bool is_matrix = shape.size() > 1;
  if (is_matrix != (state != variance)) return {0};
  std::vector<std::int64_t> own = shape;
  if (state == row_var) own[own.size() - 1] = 1;
  if (state == col_var) own[own.size() - 2] = 1;
  return own;
}

void accumulate(const Group* groups, Tensor* tensors, std::int64_t count, const Around& around,
                double clip, Workspace& workspace) {
  std::int64_t matrices = 0;
  for (std::int64_t i = 0; i < count; ++i)
    if (is_here(groups, tensors[i]) && tensors[i].rows > 0) matrices += Cut(tensors[i]).matrices;
  const auto needed = static_cast<std::size_t>(matrices);
  if (workspace.means.size() < needed) workspace.means.resize(needed);
  double* means = workspace.means.data();
  for (std::int64_t i = 0; i < count; ++i) {
    Tensor& tensor = tensors[i];
    if (!is_here(groups, tensor)) continue;
    const Options& options = groups[tensor.group].options;
    if (tensor.rows == 0) {
      accumulate_vector(tensor, options, around, clip);
      continue;
    }
    if (real_of(tensor.parameter_type) == Real::float64)
      accumulate_matrices<double>(tensor, options, around, clip, workspace, means);
    else
      accumulate_matrices<float>(tensor, options, around, clip, workspace, means);
    tensor.row_means = means;
    means += Cut(tensor).matrices;
  }
}

void precondition(const Options& options, const Tensor& tensor, const void* g, std::int64_t from,
                  std::int64_t n, void* out) {
  const FactoredKernels& table = factored_kernels();
  const int real = static_cast<int>(real_of(tensor.parameter_type));
  const double eps = eps1(options, tensor);
  if (tensor.rows > 0) {
    const Factors factors = {tensor.rows,           tensor.columns,   tensor.state[row_var],
                             tensor.state[col_var], tensor.row_means, eps};
    table.by_factors[real](g, from, n, factors, out);
    return;
  }
  const std::int64_t bytes = width(element_of(real_of(tensor.parameter_type)));
  table.by_variance[real](g, at(tensor.state[variance], from * bytes), n, eps, out);
}

double length(const Options& options, const Tensor& tensor, double parameter_norm,
              double direction_norm) {
  const double root = std::sqrt(static_cast<double>(std::max<std::int64_t>(1, tensor.size)));
  const double relative = std::min(options.lr, 1.0 / std::sqrt(static_cast<double>(tensor.steps)));
  const double alpha = std::max(options.parameter_floor, parameter_norm / root) * relative;
  // In this order a NaN counts as 1.
  return alpha / std::max(1.0, direction_norm / (root * options.clip_threshold));
}

}  // namespace saddlescape::update::adafactor
