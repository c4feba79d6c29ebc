// What a network with normalised layers or dropout is asked for besides its parameters.
#pragma once

#include <cstdint>

namespace saddlescape::net {

// Ioffe and Szegedy (2015), Ba, Kiros and Hinton (2016).
enum class Normalisation { none, batch, layer };

inline constexpr struct {
  const char* name;
  Normalisation normalisation;
} normalisations[] = {
    {"batch", Normalisation::batch},
    {"layer", Normalisation::layer},
    {"none", Normalisation::none},
};

// Added to a variance, as PyTorch does.
constexpr double normalisation_epsilon = 1e-5;

struct Mode {
  // In training batch normalisation takes the batch's own statistics, and dropout leaves units out.
  bool training = false;
  // Of the dropout: its masks are a function of these, the layer, the sample's row and the unit.
  std::uint64_t seed = 0, draw = 0;
  // The averages that batch normalisation takes at test time, (hidden units,) layer by layer.
  const double *mean = nullptr, *variance = nullptr;
  // Where the batch's own go in training, unless null; the variance is the biased one, over N.
  double *seen_mean = nullptr, *seen_variance = nullptr;
};

}  // namespace saddlescape::net
