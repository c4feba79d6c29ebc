#include <cmath>

#include "cuda/launch.hpp"
#include "cuda/net/rows.hpp"
#include "cuda/numbers.hpp"
#include "cuda/train/standing.hpp"

namespace saddlescape::cuda {
namespace {

SADDLESCAPE_HOST_DEVICE inline double not_a_number() { return __builtin_nan(""); }

struct Judge {
  Judged of;
  train::Penalty penalty;
  bool has_last;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    block.all([&](int thread) {
      Standing& standing = *of.standing;
      if (thread != 0 || standing.stopped != 0) return;
      const StepSums& sums = *of.sums;
      const bool penalised = penalty.l1 != 0 || penalty.l2 != 0;
      const double loss =
          penalised ? sums.loss + (penalty.l1 * sums.absolute + penalty.l2 / 2 * sums.weight_square)
                    : sums.loss;
      const double norm = std::sqrt(sums.gradient_square);
      of.record[0] = loss;
      of.record[1] = norm;
      of.record[2] = of.record[3] = of.record[4] = not_a_number();
      if (!is_finite(loss) || !is_finite(norm)) {
        standing.step = of.step;
        standing.stopped = 1;
        standing.moved = 0;
        return;
      }
      if (has_last && standing.last_norm != 0 && norm != 0)
        of.record[2] = cosine(sums.gradient_product / norm);
      standing.last_norm = norm;
    });
  }

 private:
  // Rounding may leave the range.
  SADDLESCAPE_HOST_DEVICE static double cosine(double x) { return x < -1 ? -1 : x > 1 ? 1 : x; }
};

template <class T>
struct Keep {
  Judged of;
  const T *theta, *last;
  std::int64_t n;
  T *before, *kept;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const Standing& standing = *of.standing;
    const bool goes_on = standing.stopped == 0;
    const bool now = standing.step + standing.moved == of.step;
    if (!goes_on && (!now || !last)) return;
    each(block, n, [&](std::int64_t i) {
      if (goes_on)
        before[i] = theta[i];
      else
        kept[i] = last[i];
    });
  }
};

struct Arrive {
  Judged of;
  const Control* control;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    block.all([&](int thread) {
      Standing& standing = *of.standing;
      if (thread != 0 || standing.stopped != 0) return;
      of.record[3] = std::sqrt(of.sums->move);
      standing.gradient_norm = control->gradient_norm;
      standing.clip = control->clip;
      if (of.sums->outside == 0) return;
      standing.step = of.step;
      standing.stopped = standing.moved = 1;
    });
  }
};

}  // namespace

void judge(const Stream& stream, const Judged& of, const train::Penalty& penalty, bool has_last) {
  launch("the look at a training step", stream, 1, Judge{of, penalty, has_last});
}

template <class T>
void keep(const Stream& stream, const Judged& of, const T* theta, const T* last, std::int64_t n,
          T* before, T* kept) {
  launch("the parameters before a step", stream, parts_of(n),
         Keep<T>{of, theta, last, n, before, kept});
}

void arrive(const Stream& stream, const Judged& of, const Control* control) {
  launch("the record of a step", stream, 1, Arrive{of, control});
}

template void keep(const Stream&, const Judged&, const float*, const float*, std::int64_t, float*,
                   float*);
template void keep(const Stream&, const Judged&, const double*, const double*, std::int64_t,
                   double*, double*);

}  // namespace saddlescape::cuda
