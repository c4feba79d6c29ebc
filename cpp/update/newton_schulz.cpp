#include "update/newton_schulz.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/blas.hpp"
#include "core/parallel.hpp"
#include "update/kernels.hpp"
#include "update/passes.hpp"

namespace saddlescape::update {
namespace {

using blas::Op;

// The matrix twice, A and the polynomial of A.
std::int64_t room(const Tensor& tensor) {
  const std::int64_t shorter = std::min(tensor.rows, tensor.columns);
  return 2 * tensor.size + 2 * shorter * shorter;
}

template <class T>
void normalise(const T* x, std::int64_t n, double norm, double eps, T* out) {
  const TileKernels& table = tile_kernels();
  const int real = std::is_same_v<T, double> ? 1 : 0;
  // PyTorch divides by the norm; the product with its reciprocal rounds once more.
  const double scale = 1.0 / std::max(norm, eps);
  const double no_limit = std::numeric_limits<double>::infinity();
  parallel_for(n, grain_bytes / std::int64_t(sizeof(T)), [&](std::int64_t from, std::int64_t to) {
    table.scale[real](x + from, to - from, {scale, no_limit, 1}, out + from);
  });
}

// One round: out = a x + (b A + c A^2) x.
template <class T>
void round(const Tensor& tensor, const Options& o, const T* x, T* out, T* gram, T* polynomial) {
  const std::int64_t rows = tensor.rows, columns = tensor.columns;
  // A tall matrix is one on its side: with A = X^T X, X (b A + c A^2) is the same as PyTorch's
  // transposed product, and nothing need be moved.
  const bool tall = rows > columns;
  const std::int64_t shorter = std::min(rows, columns), longer = std::max(rows, columns);
  const T a = static_cast<T>(o.ns_a), b = static_cast<T>(o.ns_b), c = static_cast<T>(o.ns_c);
  // A = X X^T
  blas::gemm(tall ? Op::transpose : Op::none, tall ? Op::none : Op::transpose, shorter, shorter,
             longer, T(1), x, columns, x, columns, T(0), gram, shorter);
  // P = b A + c A^2
  std::copy_n(gram, shorter * shorter, polynomial);
  blas::gemm(Op::none, Op::none, shorter, shorter, shorter, c, gram, shorter, gram, shorter, b,
             polynomial, shorter);
  // X = a X + P X
  std::copy_n(x, tensor.size, out);
  blas::gemm(Op::none, Op::none, rows, columns, shorter, T(1), tall ? x : polynomial,
             tall ? columns : shorter, tall ? polynomial : x, columns, a, out, columns);
}

template <class T>
void run(const Tensor& tensor, const Options& options, double norm, Workspace& workspace) {
  T* x = reinterpret_cast<T*>(workspace.matrix.data());
  T* other = x + tensor.size;
  T* gram = other + tensor.size;
  const std::int64_t shorter = std::min(tensor.rows, tensor.columns);
  normalise(x, tensor.size, norm, options.eps, other);
  std::swap(x, other);
  for (int k = 0; k < static_cast<int>(options.ns_steps); ++k) {
    round(tensor, options, x, other, gram, gram + shorter * shorter);
    std::swap(x, other);
  }
  workspace.direction = x;
}

}  // namespace

void make_room(const Tensor& tensor, Workspace& workspace) {
  const auto bytes =
      static_cast<std::size_t>(room(tensor) * width(element_of(real_of(tensor.parameter_type))));
  if (workspace.matrix.size() < bytes) workspace.matrix.resize(bytes);
  workspace.direction = workspace.matrix.data();
}

void newton_schulz(const Tensor& tensor, const Options& options, double norm,
                   Workspace& workspace) {
  if (real_of(tensor.parameter_type) == Real::float64)
    run<double>(tensor, options, norm, workspace);
  else
    run<float>(tensor, options, norm, workspace);
}

double matrix_length(const Tensor& tensor, const Options& options) {
  const auto rows = static_cast<double>(tensor.rows), columns = static_cast<double>(tensor.columns);
  if (options.match_rms) return 0.2 * std::sqrt(std::max(rows, columns));
  return std::sqrt(std::max(1.0, rows / columns));
}

}  // namespace saddlescape::update
