// The kernels round Muon's products.
#include "cuda/launch.hpp"
#include "cuda/matrices.hpp"
#include "cuda/passes.hpp"
#include "update/row.hpp"

namespace saddlescape::cuda {

template <class T>
void normalise(const Stream& stream, std::int64_t count, std::int64_t size, double eps,
               const Table& table) {
  launch("the norms of directions", stream, count * update::ceiling(size, tile_size),
         Normalise<T>{table, size, eps});
}
template void normalise<float>(const Stream&, std::int64_t, std::int64_t, double, const Table&);
template void normalise<double>(const Stream&, std::int64_t, std::int64_t, double, const Table&);

template <class T>
void copy_numbers(const Stream& stream, const T* from, std::int64_t n, T* to) {
  launch("a copy of matrices", stream, update::ceiling(n, tile_size), CopyNumbers<T>{from, to, n});
}
template void copy_numbers(const Stream&, const float*, std::int64_t, float*);
template void copy_numbers(const Stream&, const double*, std::int64_t, double*);

}  // namespace saddlescape::cuda
