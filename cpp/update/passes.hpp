// A pass over tensors tile by tile: what a step does where it does more than a rule.
//
// A tile is expanded into what is computed in, goes through the rule's own loop, and back. Each
// array is read and written once from memory, whatever stands round the rule.
#pragma once

#include "core/in_groups.hpp"
#include "update/check.hpp"
#include "update/row.hpp"
#include "update/squares.hpp"
#include "update/step.hpp"

namespace saddlescape::update {

enum class Role {
  gradient_norm,  // sums of squares of the gradients, nothing is changed
  direction,      // a composed rule's first pass: sets its states, sums the squares of parameters
                  // and direction
  update,         // moves the parameters
  // Of one tensor with a matrix rule:
  write_direction,  // as direction, which goes to workspace.direction
  apply_direction,  // as update, along what stands there
};

// Per tile: three sums in workspace.partial, as tile_squares returns them.
//   gradient_norm: g^2
//   direction:     p^2, direction^2; write_direction too
//   update:        g^2, (p - p_old)^2, p^2, where statistics are asked for; apply_direction too
// `check`, which may be null, is asked before anything is changed.
void run_pass(Role role, const Group* groups, Tensor* tensors, std::int64_t count,
              const Around& around, double clip, Check* check, Workspace& workspace);

// True if a tensor or what stands round it needs tiles at all.
bool needs_tiles(const Group* groups, const Tensor* tensors, std::int64_t count,
                 const Around& around);

// True if a pass visits a tensor.
bool takes_part(Role role, const Group* groups, const Tensor& tensor, const Around& around);

// Adds up the sums of each visited tensor's tiles, in the order of core/in_groups.hpp:
// take(i, sums).
template <class Take>
void collect(Role role, const Group* groups, const Tensor* tensors, std::int64_t count,
             const Around& around, const Workspace& workspace, const Take& take) {
  const double* partial = workspace.partial.data();
  for (std::int64_t i = 0; i < count; ++i) {
    if (!takes_part(role, groups, tensors[i], around)) continue;
    sums::InGroups<Squares> adding[3];
    for (std::int64_t tile = 0; tile < ceiling(tensors[i].size, tile_size); ++tile, partial += 3)
      for (int k = 0; k < 3; ++k) adding[k].add(partial[k]);
    if (!tensors[i].gradient) continue;
    const Squares totals[3] = {adding[0].total(), adding[1].total(), adding[2].total()};
    take(i, totals);
  }
}

}  // namespace saddlescape::update
