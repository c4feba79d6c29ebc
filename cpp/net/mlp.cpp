#include "net/mlp.hpp"

#include <algorithm>
#include <type_traits>

#include "core/blas.hpp"
#include "core/isa.hpp"
#include "core/parallel.hpp"
#include "net/pass.hpp"

namespace saddlescape::net {

const ActivationKernels& activation_kernels(){SADDLESCAPE_ACTIVE(_activation)}

std::int64_t Architecture::weight_offset(std::int64_t l) const {
  std::int64_t offset = 0;
  for (std::int64_t i = 1; i < l; ++i) offset += sizes[i] * sizes[i - 1] + (bias ? sizes[i] : 0);
  return offset;
}

namespace {

constexpr std::int64_t chunk_rows = 128;    // of a thread's own chunk
constexpr std::int64_t shared_rows = 2048;  // of a chunk whose tangents are shared out over threads
constexpr std::int64_t most_groups = 16;
constexpr std::int64_t many_vectors = 8;
// Below this many multiplications a second thread costs more than it saves.
constexpr std::int64_t serial_work = 200'000;

// Calls visit(chunk, its first row) for rows [begin, end) of the batch in pieces, in order.
template <class T, class Visit>
void in_chunks(const Architecture& net, const Batch<T>& batch, std::int64_t begin, std::int64_t end,
               std::int64_t rows, Visit&& visit) {
  for (std::int64_t start = begin; start < end; start += rows)
    visit(
        Batch<T>{batch.X + start * net.inputs(),
                 batch.Y ? batch.Y + start * net.outputs() : nullptr, std::min(rows, end - start)},
        start);
}

// How the rows of a batch fall to groups that may run at the same time: a function of N alone.
struct Groups {
  std::int64_t N, chunks, count;

  explicit Groups(std::int64_t samples)
      : N(samples),
        chunks((samples + chunk_rows - 1) / chunk_rows),
        count(std::min(most_groups, chunks)) {}

  std::int64_t begin(std::int64_t group) const {
    return std::min(N, chunks * group / count * chunk_rows);
  }
};

// Groups that a thread needs to be worth its start.
std::int64_t group_grain(const Architecture& net) {
  return 1 + serial_work / (chunk_rows * std::max<std::int64_t>(1, net.parameters()));
}

// add(pass, chunk, out) adds the chunk's part to out (width,); returns the sum of what it returns.
// Each group has an output of its own; they are added up in order.
template <class T, class Add>
Sum<T> over_groups(const Architecture& net, const T* theta, const Batch<T>& batch,
                   std::int64_t width, T* out, Add&& add) {
  const Groups groups(batch.N);
  std::vector<T> parts(static_cast<std::size_t>(groups.count * width));
  std::vector<Sum<T>> sums(static_cast<std::size_t>(groups.count));
  parallel_for(groups.count, group_grain(net), [&](std::int64_t first, std::int64_t last) {
    Pass<T> pass(net, theta, chunk_rows, batch.N);
    for (std::int64_t g = first; g < last; ++g)
      in_chunks(net, batch, groups.begin(g), groups.begin(g + 1), chunk_rows,
                [&](const Batch<T>& chunk, std::int64_t) {
                  sums[g] += add(pass, chunk, parts.data() + g * width);
                });
  });
  Sum<T> sum = 0;
  for (std::int64_t g = 0; g < groups.count; ++g) {
    sum += sums[g];
    for (std::int64_t i = 0; i < width; ++i) out[i] = g ? out[i] + parts[g * width + i] : parts[i];
  }
  return sum / static_cast<Sum<T>>(mean_terms(net, batch.N));
}

// Few vectors: the samples are shared out.
template <class T>
void few_products(const Architecture& net, const T* theta, const Batch<T>& batch, const T* V,
                  std::int64_t k, T* HV) {
  const std::int64_t P = net.parameters();
  over_groups(net, theta, batch, k * P, HV, [&](Pass<T>& pass, const Batch<T>& chunk, T* part) {
    pass.forward(chunk, Need::curvatures);
    pass.backward(chunk);
    pass.keep_loss_curvature(chunk);
    TangentPass<T> tangent(pass);
    for (std::int64_t j = 0; j < k; ++j) tangent.add_product(chunk, V + j * P, part + j * P);
    return Sum<T>(0);
  });
}

// Many vectors: they are shared out, after one forward and backward pass for all of them.
template <class T>
void many_products(const Architecture& net, const T* theta, const Batch<T>& batch, const T* V,
                   std::int64_t k, T* HV) {
  const std::int64_t P = net.parameters();
  std::fill_n(HV, k * P, T(0));
  Pass<T> pass(net, theta, shared_rows, batch.N);
  in_chunks(net, batch, 0, batch.N, shared_rows, [&](const Batch<T>& chunk, std::int64_t) {
    pass.forward(chunk, Need::curvatures);
    pass.backward(chunk);
    pass.keep_loss_curvature(chunk);
    parallel_for(k, 1 + serial_work / (chunk.N * P), [&](std::int64_t begin, std::int64_t end) {
      TangentPass<T> tangent(pass);
      for (std::int64_t j = begin; j < end; ++j) tangent.add_product(chunk, V + j * P, HV + j * P);
    });
  });
}

}  // namespace

template <class T>
void predict(const Architecture& net, const T* theta, const T* X, std::int64_t N, T* out) {
  const Groups groups(N);
  const Batch<T> batch{X, nullptr, N};
  parallel_for(groups.count, group_grain(net), [&](std::int64_t first, std::int64_t last) {
    Pass<T> pass(net, theta, chunk_rows, N);
    in_chunks(net, batch, groups.begin(first), groups.begin(last), chunk_rows,
              [&](const Batch<T>& chunk, std::int64_t row) {
                pass.forward(chunk, Need::values);
                std::copy_n(pass.outputs(), chunk.N * net.outputs(), out + row * net.outputs());
              });
  });
}

template <class T>
double loss(const Architecture& net, const T* theta, const Batch<T>& batch) {
  return static_cast<double>(over_groups(net, theta, batch, 0, static_cast<T*>(nullptr),
                                         [](Pass<T>& pass, const Batch<T>& chunk, T*) {
                                           pass.forward(chunk, Need::values);
                                           return pass.loss_sum(chunk);
                                         }));
}

template <class T>
double gradient(const Architecture& net, const T* theta, const Batch<T>& batch, T* g) {
  return static_cast<double>(over_groups(net, theta, batch, net.parameters(), g,
                                         [](Pass<T>& pass, const Batch<T>& chunk, T* part) {
                                           pass.forward(chunk, Need::slopes);
                                           pass.backward(chunk);
                                           pass.add_gradient(chunk, part);
                                           return pass.loss_sum(chunk);
                                         }));
}

template <class T>
void hessian_product(const Architecture& net, const T* theta, const Batch<T>& batch, const T* V,
                     std::int64_t k, T* HV) {
  (k < many_vectors ? few_products<T> : many_products<T>)(net, theta, batch, V, k, HV);
}

void hessian_product_extended(const Architecture& net, const double* theta,
                              const Batch<double>& batch, const double* v, double* Hv) {
  const auto widened = [](const double* x, std::int64_t n) {
    return std::vector<long double>(x, x + n);
  };
  const std::int64_t P = net.parameters();
  const auto theta_x = widened(theta, P), v_x = widened(v, P);
  const auto X = widened(batch.X, batch.N * net.inputs());
  const auto Y = widened(batch.Y, batch.N * net.outputs());
  std::vector<long double> product(static_cast<std::size_t>(P));
  hessian_product(net, theta_x.data(), Batch<long double>{X.data(), Y.data(), batch.N}, v_x.data(),
                  1, product.data());
  for (std::int64_t i = 0; i < P; ++i) Hv[i] = static_cast<double>(product[i]);
}

#define SADDLESCAPE_INSTANTIATE(T)                                                        \
  template void predict(const Architecture&, const T*, const T*, std::int64_t, T*);       \
  template double loss(const Architecture&, const T*, const Batch<T>&);                   \
  template double gradient(const Architecture&, const T*, const Batch<T>&, T*);           \
  template void hessian_product(const Architecture&, const T*, const Batch<T>&, const T*, \
                                std::int64_t, T*);
SADDLESCAPE_INSTANTIATE(float)
SADDLESCAPE_INSTANTIATE(double)
SADDLESCAPE_INSTANTIATE(long double)
#undef SADDLESCAPE_INSTANTIATE

}  // namespace saddlescape::net
