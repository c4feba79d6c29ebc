#include <algorithm>
#include <cmath>

#include "cuda/eig/loops.hpp"
#include "cuda/eig/vectors.hpp"
#include "cuda/launch.hpp"
#include "eig/signs_scale.hpp"

namespace saddlescape::cuda::eig {
namespace {

// A sum along a vector is cut into so many pieces at most, and not below what a block does at once.
constexpr std::int64_t most_pieces = 1024, least_piece = 16 * block_threads;
// Bytes of a rotation that are there at a time.
constexpr std::int64_t rotation_bytes = std::int64_t{64} << 20;

std::int64_t pieces_of(std::int64_t n) {
  return std::clamp<std::int64_t>((n + least_piece - 1) / least_piece, 1, most_pieces);
}

struct ScaleBy {
  double factor;
  double* x;
  SADDLESCAPE_KERNEL void operator()(std::int64_t i) const { x[i] *= factor; }
};

struct DivideBy {
  double by;
  double* x;
  SADDLESCAPE_KERNEL void operator()(std::int64_t i) const { x[i] /= by; }
};

struct AddTo {
  double factor;
  const double* x;
  double* to;
  SADDLESCAPE_KERNEL void operator()(std::int64_t i) const { to[i] += factor * x[i]; }
};

struct Swap {
  double *x, *y;
  SADDLESCAPE_KERNEL void operator()(std::int64_t i) const {
    const double kept = x[i];
    x[i] = y[i];
    y[i] = kept;
  }
};

struct Power {
  double first, second;
  double* x;
  SADDLESCAPE_KERNEL void operator()(std::int64_t i) const { x[i] = x[i] * first * second; }
};

struct Product {
  const double *x, *y;
  std::int64_t n;
  SADDLESCAPE_KERNEL double operator()(std::int64_t row, std::int64_t j) const {
    return x[row * n + j] * y[row * n + j];
  }
};

struct NonFinite {
  const double* x;
  std::int64_t n;
  SADDLESCAPE_KERNEL double operator()(std::int64_t row, std::int64_t j) const {
    const double value = x[row * n + j];
    return value - value == 0 ? 0 : 1;
  }
};

struct Size {
  const double* x;
  SADDLESCAPE_KERNEL double operator()(std::int64_t, std::int64_t j) const {
    return x[j] < 0 ? -x[j] : x[j];
  }
};

// Rows of `width` numbers to where rows of n lie.
struct PutBack {
  const double* from;
  std::int64_t width, n;
  double* to;
  SADDLESCAPE_KERNEL void operator()(std::int64_t i) const {
    to[i / width * n + i % width] = from[i];
  }
};

template <class From, class To>
struct Convert {
  const From* from;
  To* to;
  SADDLESCAPE_KERNEL void operator()(std::int64_t i) const { to[i] = static_cast<To>(from[i]); }
};

template <class T>
struct Turn {
  std::int64_t rows, columns;
  const T* from;
  T* to;
  SADDLESCAPE_KERNEL void operator()(std::int64_t i) const {
    to[i] = from[i % rows * columns + i / rows];
  }
};

struct TurnInPlace {
  std::int64_t n;
  double* a;
  SADDLESCAPE_KERNEL void operator()(std::int64_t at) const {
    const std::int64_t i = at / n, j = at % n;
    if (i >= j) return;
    const double kept = a[at];
    a[at] = a[j * n + i];
    a[j * n + i] = kept;
  }
};

template <class F>
void each(const Stream& stream, const char* what, std::int64_t count, const F& f) {
  launch(what, stream, blocks_of(count), Elements<F>{count, f});
}

}  // namespace

// `rows` sums along n columns.
template <class F>
std::vector<double> DeviceVectors::sums(std::int64_t rows, const char* what, const F& f) const {
  const std::int64_t pieces = pieces_of(n);
  std::vector<double> parts(static_cast<std::size_t>(rows * pieces));
  std::vector<double> whole(static_cast<std::size_t>(rows));
  double* const there = small(rows * pieces);
  launch(what, stream_, rows * pieces, RowSums<F>{n, pieces, there, f});
  courier_.fetch<double>(there, rows * pieces, parts.data());
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t p = 0; p < pieces; ++p) whole[i] += parts[i * pieces + p];
  return whole;
}

double* DeviceVectors::small(std::int64_t count) const {
  small_.grow(count * bytes_of<double>);
  return small_.as<double>();
}

std::shared_ptr<double> DeviceVectors::room(std::int64_t count) const {
  const auto memory = std::make_shared<Memory>(Memory::Where::device, "vectors of the solver");
  memory->grow(std::max<std::int64_t>(1, count) * bytes_of<double>);
  return std::shared_ptr<double>(memory, memory->as<double>());
}

void DeviceVectors::put(std::int64_t count, const std::function<void(double*)>& write,
                        double* to) const {
  std::vector<double> numbers(static_cast<std::size_t>(count));
  write(numbers.data());
  courier_.send<double>(numbers.data(), count, to);
}

void DeviceVectors::get(std::int64_t count, const double* from, double* to) const {
  courier_.fetch<double>(from, count, to);
}

void DeviceVectors::copy(std::int64_t count, const double* from, double* to) const {
  if (count > 0) cuda::copy(stream_, to, from, count * bytes_of<double>);
}

void DeviceVectors::scale(double factor, double* x) const {
  each(stream_, "a vector's scale", n, ScaleBy{factor, x});
}

void DeviceVectors::divide(double by, double* x) const {
  each(stream_, "a vector's length", n, DivideBy{by, x});
}

void DeviceVectors::add(double factor, const double* x, double* to) const {
  each(stream_, "a sum of vectors", n, AddTo{factor, x, to});
}

void DeviceVectors::swap(double* x, double* y) const {
  each(stream_, "an exchange of vectors", n, Swap{x, y});
}

double DeviceVectors::dot(const double* x, const double* y) const {
  return sums(1, "an inner product", Product{x, y, n})[0];
}

void DeviceVectors::norms(std::int64_t k, const double* x, double* lengths) const {
  const std::vector<double> squares = sums(k, "the norms of vectors", Product{x, x, n});
  for (std::int64_t i = 0; i < k; ++i) lengths[i] = std::sqrt(squares[i]);
}

void DeviceVectors::inner_products(std::int64_t j, const double* v, std::int64_t k, const double* b,
                                   double alpha, double* h) const {
  if (j * k == 0) return;
  double* const there = small(j * k);
  blas_.gemm(Op::none, Op::transpose, j, k, n, alpha, v, n, b, n, 0.0, there, k);
  courier_.fetch<double>(there, j * k, h);
}

void DeviceVectors::take_out(const double* q, std::int64_t k, double* x, double* taken) const {
  if (k == 0) return;
  std::vector<double> coefficients(static_cast<std::size_t>(k));
  project_out(1, q, k, x, coefficients.data());
  for (std::int64_t i = 0; i < k; ++i) taken[i] += coefficients[i];
}

void DeviceVectors::project_out(std::int64_t j, const double* v, std::int64_t k, double* b,
                                double* h) const {
  inner_products(j, v, k, b, 1.0, h);
  // H is still there.
  if (j * k > 0)
    blas_.gemm(Op::transpose, Op::none, k, n, j, -1.0, small_.as<double>(), k, v, n, 1.0, b, n);
}

void DeviceVectors::project_out_twice(std::int64_t j, const double* v, std::int64_t k, double* b,
                                      double* h) const {
  std::vector<double> again(static_cast<std::size_t>(j * k));
  project_out(j, v, k, b, h);
  project_out(j, v, k, b, again.data());
  for (std::int64_t i = 0; i < j * k; ++i) h[i] += again[i];
}

void DeviceVectors::rotate(std::int64_t l, std::int64_t j, const double* s, double* v) const {
  if (l * j == 0) return;
  double* const there = small(l * j);
  courier_.send<double>(s, l * j, there);
  const std::int64_t fitting = rotation_bytes / bytes_of<double> / l;
  const std::int64_t width = std::clamp<std::int64_t>(fitting, 1, n);
  wide_.grow(l * width * bytes_of<double>);
  double* const rotated = wide_.as<double>();
  for (std::int64_t begin = 0; begin < n; begin += width) {
    const std::int64_t w = std::min(width, n - begin);
    blas_.gemm(Op::none, Op::none, l, w, j, 1.0, there, j, v + begin, n, 0.0, rotated, w);
    each(stream_, "a rotation of the basis", l * w, PutBack{rotated, w, n, v + begin});
  }
}

void DeviceVectors::look_for_non_finite(std::int64_t k, const double* x, double* flags) const {
  const std::vector<double> found = sums(k, "the look at products", NonFinite{x, n});
  for (std::int64_t i = 0; i < k; ++i) flags[i] = found[i] > 0 ? 1 : 0;
}

std::optional<int> DeviceVectors::largest_exponent(std::int64_t count, const double* x) const {
  if (count == 0) return std::nullopt;
  const std::int64_t pieces = pieces_of(count);
  double* const there = small(pieces);
  launch("the largest of a vector", stream_, pieces, RowLargest<Size>{count, pieces, there, {x}});
  std::vector<double> most(static_cast<std::size_t>(pieces));
  courier_.fetch<double>(there, pieces, most.data());
  const double largest = *std::max_element(most.begin(), most.end());
  return largest == 0 ? std::nullopt : std::optional<int>(std::ilogb(largest));
}

void DeviceVectors::shift_exponent(std::int64_t count, int exponent, double* x) const {
  const saddlescape::eig::Power power(exponent);
  each(stream_, "a vector's exponent", count, Power{power.first, power.second, x});
}

void multiply(const DeviceVectors& on, const double* a, std::int64_t k, const double* in,
              double* out) {
  Blas(on.stream()).gemm(Op::none, Op::none, k, on.n, on.n, 1.0, in, on.n, a, on.n, 0.0, out, on.n);
}

void narrow(const Stream& stream, std::int64_t count, const double* from, float* to) {
  each(stream, "vectors in float32", count, Convert<double, float>{from, to});
}

void widen(const Stream& stream, std::int64_t count, const float* from, double* to) {
  each(stream, "vectors in float64", count, Convert<float, double>{from, to});
}

template <class T>
void transpose(const Stream& stream, std::int64_t rows, std::int64_t columns, const T* from,
               T* to) {
  each(stream, "vectors by columns", rows * columns, Turn<T>{rows, columns, from, to});
}

void transpose(const Stream& stream, std::int64_t n, double* a) {
  each(stream, "the eigenvectors by columns", n * n, TurnInPlace{n, a});
}

template void transpose(const Stream&, std::int64_t, std::int64_t, const float*, float*);
template void transpose(const Stream&, std::int64_t, std::int64_t, const double*, double*);

}  // namespace saddlescape::cuda::eig
