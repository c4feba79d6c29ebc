// Chunks that go through a network in step: each alone, or, where batch normalisation in training
// couples the samples, all of a batch, with sums over it between the phases.
//
// Sums are added chunk by chunk in order, so that the bits do not depend on the number of threads.
#pragma once

#include <memory>
#include <vector>

#include "net/layered_tangent.hpp"

namespace saddlescape::net {

// work(c) for the chunks c of a group.
template <class Work>
void each_chunk(const Architecture& net, std::size_t chunks, const Work& work) {
  const auto count = static_cast<std::int64_t>(chunks);
  if (count == 1) return work(std::size_t(0));
  parallel_for(count, 1 + chunk_grain(net, 1) / 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) work(static_cast<std::size_t>(c));
  });
}

template <class T>
class Group {
 public:
  // Of `chunks` chunks of the batch; theta, batch and mode must live on.
  Group(const Weights<T>& weights, const Mode& mode, const Batch<T>& batch, std::int64_t chunks)
      : weights_(weights), mode_(mode), batch_(batch) {
    for (std::int64_t c = 0; c < chunks; ++c)
      passes_.push_back(std::make_unique<LayeredPass<T>>(weights, mode, batch.N));
  }

  void forward(std::int64_t first_chunk, Need need) {
    each([&](std::size_t c) {
      const auto chunk = first_chunk + static_cast<std::int64_t>(c);
      passes_[c]->begin(chunk_of(net(), batch_, chunk), chunk_start(batch_.N, chunk), need);
    });
    for (std::int64_t l = 1; l <= net().layers(); ++l) {
      each([&](std::size_t c) { passes_[c]->linear(l); });
      if (l == net().layers()) break;
      const std::vector<Sum<T>> moments = coupled(l) ? batch_moments(l) : std::vector<Sum<T>>();
      each([&](std::size_t c) { passes_[c]->hidden(l, given(moments)); });
    }
  }

  void backward() {
    each([&](std::size_t c) { passes_[c]->begin_backward(); });
    for (std::int64_t l = net().layers() - 1; l >= 1; --l) {
      each([&](std::size_t c) { passes_[c]->fold(l); });
      const std::vector<Sum<T>> sums =
          totals(l, [&](std::size_t c) { return passes_[c]->layer(l).sums.data(); });
      each([&](std::size_t c) { passes_[c]->unfold(l, given(sums)); });
    }
  }

  // Sums over the batch (2 d) of what of(c) points at, empty where samples are not coupled.
  template <class Of>
  std::vector<Sum<T>> totals(std::int64_t l, const Of& of) const {
    if (!coupled(l)) return {};
    const auto width = static_cast<std::size_t>(2 * net().sizes[l]);
    std::vector<Sum<T>> sums(width);
    for (std::size_t c = 0; c < size(); ++c)
      for (std::size_t j = 0; j < width; ++j) sums[j] += of(c)[j];
    return sums;
  }

  template <class Work>
  void each(const Work& work) const {
    each_chunk(net(), size(), work);
  }
  static const Sum<T>* given(const std::vector<Sum<T>>& sums) {
    return sums.empty() ? nullptr : sums.data();
  }

  const Architecture& net() const { return weights_.net(); }
  std::size_t size() const { return passes_.size(); }
  LayeredPass<T>& operator[](std::size_t c) { return *passes_[c]; }
  const LayeredPass<T>& operator[](std::size_t c) const { return *passes_[c]; }

 private:
  bool coupled(std::int64_t l) const { return passes_[0]->coupled(l); }

  // Mean and variance from those of the chunks (Chan, Golub, LeVeque 1979):
  // N var = sum_c squares_c + n_c (mean_c - mean)^2, in which nothing cancels.
  std::vector<Sum<T>> batch_moments(std::int64_t l) const {
    const std::int64_t d = net().sizes[l];
    std::vector<Sum<T>> moments(static_cast<std::size_t>(2 * d));
    const auto N = static_cast<Sum<T>>(batch_.N);
    const auto over = [&](const auto& term) {
      for (std::size_t c = 0; c < size(); ++c) {
        const Sum<T>* own = passes_[c]->layer(l).sums.data();
        const auto share = static_cast<Sum<T>>(passes_[c]->n()) / N;
        for (std::int64_t j = 0; j < d; ++j) term(j, own[j], own[d + j], share);
      }
    };
    over([&](std::int64_t j, Sum<T> mean, Sum<T>, Sum<T> share) { moments[j] += share * mean; });
    over([&](std::int64_t j, Sum<T> mean, Sum<T> squares, Sum<T> share) {
      const Sum<T> off = mean - moments[j];
      moments[d + j] += squares / N + share * off * off;
    });
    report(l, moments);
    return moments;
  }

  void report(std::int64_t l, const std::vector<Sum<T>>& moments) const {
    if (!mode_.seen_mean) return;
    std::int64_t unit = 0;
    for (std::int64_t i = 1; i < l; ++i) unit += net().sizes[i];
    const std::int64_t d = net().sizes[l];
    for (std::int64_t j = 0; j < d; ++j) {
      mode_.seen_mean[unit + j] = static_cast<double>(moments[j]);
      mode_.seen_variance[unit + j] = static_cast<double>(moments[d + j]);
    }
  }

  const Weights<T>& weights_;
  const Mode& mode_;
  Batch<T> batch_;
  std::vector<std::unique_ptr<LayeredPass<T>>> passes_;
};

// The tangents of a group's chunks.
template <class T>
class TangentGroup {
 public:
  TangentGroup(const Group<T>& like, Part part) {
    for (std::size_t c = 0; c < like.size(); ++c)
      tangents_.push_back(std::make_unique<LayeredTangent<T>>(like[c], part));
  }

  // All but the sums over theta, for a group of the same size that has been forward and backward.
  void run(const Group<T>& group, const Weights<T>& v) {
    const std::int64_t L = group.net().layers();
    const auto totals = [&](std::int64_t l) {
      return group.totals(l, [&](std::size_t c) { return tangents_[c]->sums(l).data(); });
    };
    for (std::int64_t l = 1; l <= L; ++l) {
      group.each([&](std::size_t c) { tangents_[c]->linear(group[c], v, l); });
      if (l == L) break;
      const std::vector<Sum<T>> sums = totals(l);
      group.each([&](std::size_t c) { tangents_[c]->hidden(group[c], v, l, group.given(sums)); });
    }
    group.each([&](std::size_t c) { tangents_[c]->begin_backward(group[c]); });
    for (std::int64_t l = L - 1; l >= 1; --l) {
      group.each([&](std::size_t c) { tangents_[c]->fold(group[c], v, l); });
      const std::vector<Sum<T>> sums = totals(l);
      group.each([&](std::size_t c) { tangents_[c]->unfold(group[c], v, l, group.given(sums)); });
    }
  }

  LayeredTangent<T>& operator[](std::size_t c) { return *tangents_[c]; }

 private:
  std::vector<std::unique_ptr<LayeredTangent<T>>> tangents_;
};

}  // namespace saddlescape::net
