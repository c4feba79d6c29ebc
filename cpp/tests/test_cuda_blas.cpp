// The seam to cuBLAS, with functions in the library's place that take what cuBLAS takes: every
// shape and transposition against plain sums in float64, statuses, memory.
#include <cmath>
#include <string>
#include <vector>

#include "cuda/blas.hpp"
#include "cuda/hosted/device.hpp"
#include "cuda/hosted/libraries.hpp"
#include "tests/cuda_pair.hpp"

namespace {

namespace c = saddlescape::cuda;
using c::Op;

saddlescape::cuda_lists::Tally tally{"cuda blas"};

template <class T>
std::vector<T> numbers(std::int64_t count, int seed) {
  std::vector<T> x(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<T>(std::sin(1.7 * static_cast<double>(i) + seed));
  return x;
}

// op(A)[i, l] of a matrix with rows of ld numbers.
template <class T>
double at(const T* a, Op op, std::int64_t ld, std::int64_t i, std::int64_t l) {
  return static_cast<double>(op == Op::none ? a[i * ld + l] : a[l * ld + i]);
}

struct Case {
  Op a_op, b_op;
  std::int64_t count, m, n, k;
};

template <class T>
void check_products(const c::Blas& blas, const Case& x, T beta) {
  const std::int64_t lda = (x.a_op == Op::none ? x.k : x.m) + 3;
  const std::int64_t ldb = (x.b_op == Op::none ? x.n : x.k) + 1, ldc = x.n + 2;
  const std::int64_t a_step = lda * (x.m + x.k) + 5, c_step = ldc * x.m + 7;
  const auto a = numbers<T>(a_step * x.count, 1), b = numbers<T>(ldb * (x.n + x.k) + 1, 2);
  const auto before = numbers<T>(c_step * x.count + 1, 3);
  auto out = before, single = before;
  const T alpha = static_cast<T>(0.75);
  blas.gemm_batch(x.count, x.a_op, x.b_op, x.m, x.n, x.k, alpha, a.data(), lda, a_step, b.data(),
                  ldb, std::int64_t{0}, beta, out.data(), ldc, c_step);
  for (std::int64_t i = 0; i < x.count; ++i)
    blas.gemm(x.a_op, x.b_op, x.m, x.n, x.k, alpha, a.data() + i * a_step, lda, b.data(), ldb, beta,
              single.data() + i * c_step, ldc);
  bool right = true;
  for (std::int64_t q = 0; q < static_cast<std::int64_t>(before.size()); ++q) {
    const std::int64_t i = q % c_step / ldc, j = q % c_step % ldc, item = q / c_step;
    double expected = static_cast<double>(before[q]);
    if (item < x.count && i < x.m && j < x.n) {
      expected *= static_cast<double>(beta);
      for (std::int64_t l = 0; l < x.k; ++l)
        expected += 0.75 * at(a.data() + item * a_step, x.a_op, lda, i, l) *
                    at(b.data(), x.b_op, ldb, l, j);
    }
    // k products of numbers below 1, each rounded twice.
    const double allowed = 2 * static_cast<double>(x.k + 2) * (sizeof(T) == 4 ? 6e-8 : 1.2e-16);
    right = right && std::abs(static_cast<double>(out[q]) - expected) <= allowed &&
            std::abs(static_cast<double>(single[q]) - expected) <= allowed;
  }
  tally.expect(right, "a product of " + std::to_string(x.m) + " x " + std::to_string(x.k) +
                          " and " + std::to_string(x.k) + " x " + std::to_string(x.n));
}

template <class T>
void check_vectors(const c::Blas& blas, Op op, std::int64_t m, std::int64_t n) {
  const std::int64_t lda = n + 2, length = op == Op::none ? m : n, inner = m + n - length;
  const auto a = numbers<T>(lda * m + 1, 1), x = numbers<T>(inner + 1, 2);
  const auto before = numbers<T>(length + 1, 3);
  auto y = before;
  blas.gemv(op, m, n, T(2), a.data(), lda, x.data(), T(-1), y.data());
  bool right = y.back() == before.back();
  for (std::int64_t i = 0; i < length; ++i) {
    double expected = -static_cast<double>(before[i]);
    for (std::int64_t l = 0; l < inner; ++l)
      expected += 2 * at(a.data(), op, lda, i, l) * static_cast<double>(x[l]);
    const double allowed = 4 * static_cast<double>(inner + 2) * (sizeof(T) == 4 ? 6e-8 : 1.2e-16);
    right = right && std::abs(static_cast<double>(y[i]) - expected) <= allowed;
  }
  tally.expect(right, "a matrix times a vector");
}

void check_sizes() {
  const c::Blas blas{c::Stream()};
  const std::int64_t sizes[] = {0, 1, 3, 17};
  for (const Op a_op : {Op::none, Op::transpose})
    for (const Op b_op : {Op::none, Op::transpose})
      for (const std::int64_t m : sizes)
        for (const std::int64_t n : sizes)
          for (const std::int64_t k : sizes)
            for (const std::int64_t count : {0, 1, 3}) {
              const Case each{a_op, b_op, count, m, n, k};
              check_products<double>(blas, each, 0.5);
              check_products<float>(blas, each, 0);
            }
  for (const Op op : {Op::none, Op::transpose})
    for (const std::int64_t m : sizes)
      for (const std::int64_t n : sizes) {
        check_vectors<double>(blas, op, m, n);
        check_vectors<float>(blas, op, m, n);
      }
}

// What a call leaves in `C` is what counts: NaN is not multiplied by 0.
void check_overwritten() {
  const c::Blas blas{c::Stream()};
  const double a = 2, b = 3;
  double out = std::nan("");
  blas.gemm(Op::none, Op::none, 1, 1, 1, 1.0, &a, 1, &b, 1, 0.0, &out, 1);
  tally.expect(out == 6, "what was there is not looked at");
}

// Ten bits of mantissa in the factors of a float32 product, and in nothing else.
void check_precision() {
  const c::Blas rough(c::Stream(), c::Precision::tf32);
  const auto product = [](const c::Blas& blas, auto a, auto b, auto start) {
    blas.gemm(Op::none, Op::none, 1, 1, 1, decltype(a)(1), &a, 1, &b, 1, decltype(a)(1), &start, 1);
    return start;
  };
  const float below = 1 + 0x1.8p-12F, tie = 1 + 0x1p-11F, kept = 1 + 0x1p-10F;
  tally.expect(product(rough, below, 3.0F, 0.0F) == 3, "below half a unit of ten bits");
  tally.expect(product(rough, -tie, 1.0F, 0.0F) == -kept, "a tie goes away from zero");
  tally.expect(product(rough, 1.0F, kept, 0.0F) == kept, "ten bits are kept");
  tally.expect(product(rough, 0.0F, 1.0F, below) == below, "sums are float32's");
  tally.expect(product(rough, 1 + 0x1p-40, 1.0, 0.0) == 1 + 0x1p-40, "float64 stays");
  tally.expect(std::isinf(product(rough, HUGE_VALF, 1.0F, 0.0F)), "infinity stays");
  const c::Blas full{c::Stream()};
  tally.expect(product(full, below, 1.0F, 0.0F) == below, "float32 unless asked");
}

template <class Wrong, class Call>
std::string said(const Call& call) {
  try {
    call();
  } catch (const Wrong& error) {
    return error.what();
  }
  return {};
}

void check_faults() {
  int first = 0, second = 0;
  c::TestDevice& device = c::test_device();
  device.limit = device.used + 1000;
  const std::string short_of = said<c::OutOfMemory>([&] { const c::Blas blas{c::Stream(&first)}; });
  device.limit = std::numeric_limits<std::int64_t>::max();
  tally.expect(short_of.find("cuBLAS's workspace") != std::string::npos, "no room for a handle");

  const c::Blas blas{c::Stream(&second)};
  double x = 1;
  const auto call = [&] { blas.gemm(Op::none, Op::none, 1, 1, 1, 1.0, &x, 1, &x, 1, 0.0, &x, 1); };
  c::hosted::cublas_fault() = 13;
  const std::string failed = said<c::Error>(call);
  c::hosted::cublas_fault() = 3;
  const std::string no_memory = said<c::OutOfMemory>(call);
  c::hosted::cublas_fault() = 0;
  tally.expect(failed == "cublasDgemm_v2_64: fault (13)", "a status with its call");
  tally.expect(no_memory.find("cublasDgemm_v2_64") == 0, "a status of no memory");
}

// One handle of a stream is used again, two at a time are two, and idle ones are bounded.
void check_handles() {
  c::TestDevice& device = c::test_device();
  std::vector<char> streams(40);
  {
    const c::Blas one{c::Stream(&streams[0])};
  }
  const std::int64_t used = device.used;
  {
    const c::Blas again{c::Stream(&streams[0])};
  }
  tally.expect(device.used == used, "a handle is used again");
  {
    const c::Blas one{c::Stream(&streams[0])}, other{c::Stream(&streams[0])};
    tally.expect(device.used > used, "two who work at the same time have two");
  }
  for (char& stream : streams) const c::Blas each{c::Stream(&stream)};
  const std::int64_t most = device.used;
  for (char& stream : streams) const c::Blas each{c::Stream(&stream)};
  tally.expect(device.used == most, "idle handles are no more than some");
}

}  // namespace

int main() {
#ifdef SADDLESCAPE_TEST_BLAS
  saddlescape::blas::load(SADDLESCAPE_TEST_BLAS);
#endif
  check_sizes();
  check_overwritten();
  check_precision();
  check_faults();
  check_handles();
  return tally.end();
}
