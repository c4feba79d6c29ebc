// Dropout's masks: which units of a hidden layer a sample keeps in training.
//
// Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), "Dropout". What is kept is
// divided by 1 - rate in training ("inverted dropout"), so that nothing is to be done at test time;
// the paper multiplies the weights by 1 - rate there.
//
// The mask of unit j of the batch's row i in layer l is element i d_l + j of the layer's part of
// the stream (seed, dropout, draw), see core/streams.hpp: a step's masks come back from those
// numbers, in any order and on any thread.
#pragma once

#include "core/host_device.hpp"
#include "core/streams.hpp"
#include "net/mode.hpp"

namespace saddlescape::net {

class Dropout {
 public:
  Dropout(const Mode& mode, double rate, std::int64_t l)
      : rate_(rate),
        stream_(streams::part(streams::stream(mode.seed, streams::Purpose::dropout, mode.draw),
                              number(l))) {}

  SADDLESCAPE_HOST_DEVICE bool keeps(std::int64_t element) const {
    return static_cast<double>(stream_.at(number(element) + 1) >> 11) * 0x1p-53 >= rate_;
  }

  // Multiplies the n rows of d numbers by mask / (1 - rate); the first is the batch's row `first`.
  template <class T>
  void apply(std::int64_t first, std::int64_t n, std::int64_t d, std::int64_t ld, T* values,
             T* slopes, T* curvatures) const {
    const T kept = T(1) / (T(1) - static_cast<T>(rate_));
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < d; ++j) {
        const T factor = keeps((first + i) * d + j) ? kept : T(0);
        values[i * ld + j] *= factor;
        if (slopes) slopes[i * ld + j] *= factor;
        if (curvatures) curvatures[i * ld + j] *= factor;
      }
  }

 private:
  SADDLESCAPE_HOST_DEVICE static std::uint64_t number(std::int64_t i) {
    return static_cast<std::uint64_t>(i);
  }

  double rate_;
  Random stream_;
};

}  // namespace saddlescape::net
