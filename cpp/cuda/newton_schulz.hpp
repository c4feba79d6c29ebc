// update/newton_schulz.hpp's rounds on the device, over matrices of one shape at once.
#pragma once

#include "cuda/blas.hpp"
#include "cuda/plan.hpp"

namespace saddlescape::cuda {

// Brings the singular values of a batch's matrices near 1. They stand at `memory`, of
// batch.bytes(), one behind the other, each divided by its norm; returns where they stand then.
void* newton_schulz(const Blas& blas, const Stream& stream, const MatrixBatch& batch,
                    const update::Options& options, void* memory);

}  // namespace saddlescape::cuda
