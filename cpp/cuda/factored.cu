// Adafactor's sums over rows and columns.
#include "cuda/factored.hpp"
#include "cuda/launch.hpp"
#include "cuda/passes.hpp"

namespace saddlescape::cuda {
namespace {

template <class T>
void launch_all(const Stream& stream, const FactorBlocks& blocks, const Table& table,
                const FactorList& list) {
  launch("the squares of panels", stream, blocks.panels, AddPanels<T>{table, list});
  launch("the means over columns", stream, blocks.strips, EndRows<T>{table, list});
  launch("the means over rows", stream, blocks.columns, EndColumns<T>{table, list});
  launch("the means of means", stream, blocks.means, EndMeans{table, list});
}

}  // namespace

void accumulate_factors(const Stream& stream, update::Real real, const FactorBlocks& blocks,
                        const Table& table, const FactorList& list) {
  if (real == update::Real::float64)
    launch_all<double>(stream, blocks, table, list);
  else
    launch_all<float>(stream, blocks, table, list);
}

}  // namespace saddlescape::cuda
