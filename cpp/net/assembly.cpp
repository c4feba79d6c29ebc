#include "net/assembly.hpp"

#include <algorithm>
#include <vector>

#include "core/blas.hpp"
#include "core/parallel.hpp"
#include "net/backward.hpp"
#include "net/khatri_rao.hpp"
#include "net/mirror.hpp"

namespace saddlescape::net {
namespace {

using blas::Op;

constexpr std::int64_t most_samples = 2048;  // of a chunk
constexpr double most_numbers = 16e6;        // in the S and D of a chunk

class Assembly {
 public:
  Assembly(const Architecture& net, Part part, std::int64_t first, std::int64_t last, double* H)
      : net_(net), part_(part), first_(first), last_(last), H_(H) {
    offset_ = net.weight_offset(first);
    width_ = net.weight_offset(last + 1) - offset_;
    std::fill_n(H, width_ * width_, 0.0);
  }

  // Adds the chunk's part of what stands above the diagonal.
  void add(const SampleMajor& samples) {
    n_ = samples.n();
    Matrix upper, S;
    loss_curvature(samples, part_, upper);
    for (std::int64_t m = net_.layers(); m >= first_; --m) {
      const bool wanted = m <= last_;
      // Of the network's own curvature nothing comes through the outputs of the last layer.
      const bool curved = part_ != Part::functional || m < net_.layers();
      if (wanted && curved) add_same(samples, m, upper);
      if (m > first_) unpack(d(m), n_, upper, S);
      // S_lm and D_lm for l = m - 1 down to the first.
      Matrix D;
      for (std::int64_t l = m - 1; l >= first_ && (wanted || l == m - 1); --l) {
        descend(samples, l, d(m), d(l + 1), S);
        if (l == m - 1) other_side(samples, l, part_, S, upper);
        if (!wanted) continue;
        if (curved) add_first(samples, l, m, S);
        if (part_ != Part::gauss_newton) add_second(samples, l, m, D);
      }
    }
  }

  // Fills in what symmetry gives.
  void finish() {
    for (std::int64_t l = first_; l <= last_; ++l) mirror_same(l);
    for (std::int64_t m = first_ + 1; m <= last_; ++m) {
      const std::int64_t begin = net_.weight_offset(m) - offset_;
      mirror(H_, width_, begin, net_.weight_offset(m + 1) - offset_, begin);
    }
  }

 private:
  std::int64_t d(std::int64_t l) const { return net_.sizes[l]; }

  // Where the weight from `from` to unit `unit` of layer l stands in H; the bias comes last.
  std::int64_t at(std::int64_t l, std::int64_t unit, std::int64_t from) const {
    return (from < d(l - 1) ? net_.weight_offset(l) + unit * d(l - 1) + from
                            : net_.bias_offset(l) + unit) -
           offset_;
  }
  double& entry(std::int64_t row, std::int64_t column) { return H_[row * width_ + column]; }

  // H[(p, q), (i, j)] += sum S_mm[p, i] a[q] a[j] for p <= i, q <= j.
  void add_same(const SampleMajor& samples, std::int64_t m, const Matrix& upper) {
    const std::vector<Pair> units = ordered_pairs(d(m)), inputs = ordered_pairs(samples.fan_in(m));
    add_tiles(m, m, samples, upper.data(), units, inputs);
  }

  // H[(p, q), (i, j)] += sum S_lm[p, i] a_{l-1}[q] a_{m-1}[j].
  void add_first(const SampleMajor& samples, std::int64_t l, std::int64_t m, const Matrix& S) {
    add_tiles(l, m, samples, S.data(), all_pairs(d(l), d(m)),
              all_pairs(samples.fan_in(l), samples.fan_in(m)));
  }

  void add_tiles(std::int64_t l, std::int64_t m, const SampleMajor& samples, const double* S,
                 const std::vector<Pair>& units, const std::vector<Pair>& inputs) {
    khatri_rao(n_, S, static_cast<std::int64_t>(units.size()), samples.input(l), samples.input(m),
               inputs,
               [&](std::int64_t r0, std::int64_t r1, std::int64_t c0, std::int64_t c1,
                   const double* tile) {
                 for (std::int64_t r = r0; r < r1; ++r)
                   for (std::int64_t c = c0; c < c1;) {
                     // Pairs with the same q: their j are neighbours.
                     const std::int64_t q = inputs[c].first, j = inputs[c].second;
                     std::int64_t run = 1;
                     while (c + run < c1 && inputs[c + run].first == q) ++run;
                     add_to_row(at(l, units[r].first, q), m, units[r].second, j, run, tile);
                     tile += run;
                     c += run;
                   }
               });
  }

  // H[row, (i, j + k)] += x[k].
  void add_to_row(std::int64_t row, std::int64_t m, std::int64_t i, std::int64_t j,
                  std::int64_t count, const double* x) {
    const std::int64_t weights = std::min(count, d(m - 1) - j);
    double* to = H_ + row * width_ + at(m, i, 0) + j;
    for (std::int64_t k = 0; k < weights; ++k) to[k] += x[k];
    if (weights < count) entry(row, at(m, i, d(m - 1))) += x[weights];
  }

  // H[(p, q), (i, j)] += sum D_lm[p, j] a_{l-1}[q] delta_m[i]; with neighbours p = j.
  void add_second(const SampleMajor& samples, std::int64_t l, std::int64_t m, Matrix& D) {
    const bool neighbours = l == m - 1;
    // Between neighbours D is diagonal, and stays empty.
    if (l == m - 2) neighbour_slopes(samples, l, D);
    if (l < m - 2) descend(samples, l, d(m - 1), d(l + 1), D);
    std::vector<Pair> units = all_pairs(d(l), neighbours ? 1 : d(m - 1));
    if (neighbours)
      for (Pair& unit : units) unit.second = unit.first;
    const std::vector<Pair> sides = all_pairs(samples.fan_in(l), d(m));
    khatri_rao(n_, neighbours ? samples.slope(l) : D.data(),
               static_cast<std::int64_t>(units.size()), samples.input(l), samples.delta(m), sides,
               [&](std::int64_t r0, std::int64_t r1, std::int64_t c0, std::int64_t c1,
                   const double* tile) {
                 for (std::int64_t r = r0; r < r1; ++r)
                   for (std::int64_t c = c0; c < c1; ++c)
                     entry(at(l, units[r].first, sides[c].first),
                           at(m, sides[c].second, units[r].second)) += *tile++;
               });
  }

  // The blocks of one layer: each is symmetric in its inputs, and [i, p] is [p, i].
  void mirror_same(std::int64_t l) {
    parallel_for(d(l), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p)
        for (std::int64_t i = p; i < d(l); ++i) {
          mirror_block(l, p, i);
          if (i > p) copy_block(l, p, i);
        }
    });
  }

  // [p, i], below its diagonal; the bias is its last row and column, and stands apart.
  void mirror_block(std::int64_t l, std::int64_t p, std::int64_t i) {
    const std::int64_t n = d(l - 1);
    double* block = &entry(at(l, p, 0), at(l, i, 0));
    for (std::int64_t q0 = 0; q0 < n; q0 += square)
      for (std::int64_t j0 = 0; j0 <= q0; j0 += square)
        for (std::int64_t q = q0; q < std::min(n, q0 + square); ++q)
          for (std::int64_t j = j0; j < std::min(q, j0 + square); ++j)
            block[q * width_ + j] = block[j * width_ + q];
    if (!net_.bias) return;
    double* last = &entry(at(l, p, n), at(l, i, 0));
    for (std::int64_t j = 0; j < n; ++j) last[j] = entry(at(l, p, j), at(l, i, n));
  }

  void copy_block(std::int64_t l, std::int64_t p, std::int64_t i) {
    const std::int64_t n = d(l - 1);
    for (std::int64_t q = 0; q < n + (net_.bias ? 1 : 0); ++q) {
      const double* from = H_ + at(l, p, q) * width_;
      double* to = H_ + at(l, i, q) * width_;
      std::copy_n(from + at(l, i, 0), n, to + at(l, p, 0));
      if (net_.bias) to[at(l, p, n)] = from[at(l, i, n)];
    }
  }

  const Architecture& net_;
  Part part_;
  std::int64_t first_, last_, n_ = 0;
  std::int64_t offset_, width_;  // of the layers' parameters
  double* H_;
};

// So many samples that what is kept of them stays within bounds.
std::int64_t chunk_samples(const Architecture& net, std::int64_t samples) {
  double numbers = 2.0 * static_cast<double>(net.inputs() + 1);
  for (std::int64_t l = 1; l <= net.layers(); ++l)
    for (std::int64_t m = l; m <= net.layers(); ++m)
      numbers = std::max(
          numbers, 2.0 * static_cast<double>(net.sizes[l]) * static_cast<double>(net.sizes[m]));
  const auto most = static_cast<std::int64_t>(most_numbers / numbers);
  return std::min(samples, std::clamp<std::int64_t>(most, 1, most_samples));
}

template <class Visit>
void over_chunks(const Architecture& net, const double* theta, const Batch<double>& batch,
                 const Visit& visit) {
  const std::int64_t rows = chunk_samples(net, batch.N);
  SampleMajor samples(net, theta, rows, batch.N);
  for (std::int64_t start = 0; start < batch.N; start += rows) {
    const Batch<double> chunk{batch.X + start * net.inputs(), batch.Y + start * net.outputs(),
                              std::min(rows, batch.N - start),
                              batch.weight ? batch.weight + start : nullptr};
    samples.take(chunk);
    visit(samples);
  }
}

// H[(p, q), (p, q)] += sum S_mm[p, p] a[q]^2.
void add_diagonal(const SampleMajor& samples, std::int64_t m, const Matrix& upper,
                  double* diagonal) {
  const Architecture& net = samples.net();
  const std::int64_t n = samples.n(), d = net.sizes[m], d_in = net.sizes[m - 1];
  Matrix own, squares(samples.input(m), samples.input(m) + samples.fan_in(m) * n);
  for (std::int64_t p = 0; p < d; ++p) {
    const double* row = upper.data() + upper_row(d, p, p) * n;
    own.insert(own.end(), row, row + n);
  }
  for (double& each : squares) each *= each;
  const auto add = [&](std::int64_t columns, const double* rows, double* out) {
    blas::gemm(Op::none, Op::transpose, d, columns, n, 1.0, own.data(), n, rows, n, 1.0, out,
               columns);
  };
  add(d_in, squares.data(), diagonal + net.weight_offset(m));
  if (net.bias) add(1, squares.data() + d_in * n, diagonal + net.bias_offset(m));
}

}  // namespace

void hessian(const Architecture& net, const double* theta, const Batch<double>& batch, Part part,
             std::int64_t first, std::int64_t last, double* H) {
  Assembly assembly(net, part, first, last, H);
  over_chunks(net, theta, batch, [&](const SampleMajor& samples) { assembly.add(samples); });
  assembly.finish();
}

void hessian_diagonal(const Architecture& net, const double* theta, const Batch<double>& batch,
                      Part part, double* diagonal) {
  std::fill_n(diagonal, net.parameters(), 0.0);
  over_chunks(net, theta, batch, [&](const SampleMajor& samples) {
    Matrix upper, S;
    loss_curvature(samples, part, upper);
    for (std::int64_t m = net.layers(); m >= 1; --m) {
      add_diagonal(samples, m, upper, diagonal);
      if (m == 1) break;
      unpack(net.sizes[m], samples.n(), upper, S);
      descend(samples, m - 1, net.sizes[m], net.sizes[m], S);
      other_side(samples, m - 1, part, S, upper);
    }
  });
}

}  // namespace saddlescape::net
