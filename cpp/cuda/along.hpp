// What a rule moves along, four elements of it in a thread's hands: the gradient, or what was found
// from it.
#pragma once

#include <cstdint>

#include "cuda/factored.hpp"
#include "cuda/numbers.hpp"
#include "cuda/sums.hpp"
#include "cuda/table.hpp"
#include "update/adafactor.hpp"

namespace saddlescape::cuda {
namespace {

// A tile of a tensor, and what is to be done with it.
struct Place {
  const Table& table;
  const Row& row;
  const Now& now;
  const Control& control;
  const Fold& fold;
  std::int64_t begin;  // the tile's first element
  std::int64_t n;      // its elements
  std::int64_t step;

  SADDLESCAPE_HOST_DEVICE std::int64_t from(int thread) const { return begin + four * thread; }
  SADDLESCAPE_HOST_DEVICE int count(int thread) const { return count_of(thread, n); }
  SADDLESCAPE_HOST_DEVICE bool averages() const {
    return row.average && control.average_weight != 0;
  }
};

enum class Along {
  gradient,
  factors,  // Adafactor's U
  written,  // what stands in table.directions
};

// U of G, given V, which is brought to this step first where `advances`.
template <class T, bool advances>
SADDLESCAPE_HOST_DEVICE inline Four<T> by_variance(const Place& place, int thread,
                                                   const Four<T>& g) {
  const int n = place.count(thread);
  T* const array = static_cast<T*>(place.row.state[variance]) + place.from(thread);
  Four<T> v = take(array, n);
  if constexpr (advances) {
    const auto average = update::Average<T>::fold(1.0 - place.fold.weight);
    for (int j = 0; j < four; ++j) v.at[j] = average(v.at[j], g.at[j] * g.at[j]);
    put(v, array, n);
  }
  const T floor = static_cast<T>(place.fold.eps * place.fold.eps);
  Four<T> u;
  for (int j = 0; j < four; ++j) u.at[j] = update::preconditioned(g.at[j], v.at[j], floor);
  return u;
}

// U of G, given R, C and mean R.
template <class T>
SADDLESCAPE_HOST_DEVICE inline Four<T> by_factors(const Place& place, int thread,
                                                  const Four<T>& g) {
  const Row& row = place.row;
  const T* const rows = static_cast<const T*>(row.state[row_var]);
  const T* const columns = static_cast<const T*>(row.state[col_var]);
  const T floor = static_cast<T>(place.fold.eps * place.fold.eps);
  std::int64_t line = place.from(thread) / row.matrix_columns;
  std::int64_t column = place.from(thread) % row.matrix_columns;
  std::int64_t matrix = 0;
  T factor = 0;
  Four<T> u{};
  for (int j = 0; j < place.count(thread); ++j, ++column) {
    if (column == row.matrix_columns) {
      column = 0;
      ++line;
    }
    if (j == 0 || column == 0) {
      matrix = line / row.matrix_rows;
      factor =
          update::row_factor(rows[line], place.table.means[row.means + matrix], place.fold.eps);
    }
    u.at[j] = update::preconditioned(g.at[j],
                                     factor * columns[matrix * row.matrix_columns + column], floor);
  }
  return u;
}

template <Along along, bool moves, class T>
SADDLESCAPE_HOST_DEVICE inline Four<T> along_of(const Place& place, int thread, const Four<T>& g) {
  if constexpr (along == Along::factors) {
    return place.row.matrix_rows > 0 ? by_factors(place, thread, g)
                                     : by_variance<T, !moves>(place, thread, g);
  } else if constexpr (along == Along::written) {
    const T* const all = static_cast<const T*>(place.table.directions);
    return take(all + place.row.direction + place.from(thread), place.count(thread));
  } else {
    return g;
  }
}

}  // namespace
}  // namespace saddlescape::cuda
