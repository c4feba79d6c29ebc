// Adafactor's sums over the rows and the columns of matrices, in the CPU's order: what
// update/adafactor.cpp does, whose equations stand in adafactor.hpp.
//
// A panel is a segment of a tile's width of some rows, a unit of Cut's. A block takes one, from the
// first row to the last:
//
//   AddPanels    of each row of a segment sum G^2, and of each column of a panel
//   EndRows      R, and the sum of R / rows of each strip of 1024 rows
//   EndColumns   C
//   EndMeans     mean R
#pragma once

#include <cstdint>

#include "core/in_groups.hpp"
#include "cuda/block.hpp"
#include "cuda/numbers.hpp"
#include "cuda/sums.hpp"
#include "cuda/table.hpp"
#include "update/adafactor.hpp"
#include "update/loops.hpp"

namespace saddlescape::cuda {
namespace {

enum FactorState { row_var, col_var, variance };

// The tensor that has the `index`-th of all blocks of a kind; `first`: the number of its first one.
SADDLESCAPE_HOST_DEVICE inline const Factoring& owner(const FactorList& list,
                                                      std::int64_t Factoring::* first,
                                                      std::int64_t index) {
  std::int64_t low = 0, high = list.count;
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (list.of[middle].*first <= index ? low : high) = middle;
  }
  return list.of[low];
}

// Whether it takes part in this step.
SADDLESCAPE_HOST_DEVICE inline bool is_here(const Table& table, const Factoring& factoring) {
  return table.now[factoring.tensor].gradient && table.control->non_finite == all_finite;
}
SADDLESCAPE_HOST_DEVICE inline const Fold& fold_of(const Table& table, const Factoring& factoring) {
  return table.folds[table.now[factoring.tensor].fold];
}

// Some rows of a panel at a time.
template <class T>
struct PanelRows {
  static constexpr int most = 4 * static_cast<int>(tile_size), most_rows = 64, lanes = 16;
  T numbers[most];
  double lane[most_rows * lanes];
};

template <class T>
SADDLESCAPE_HOST_DEVICE inline double square(T x) {
  return static_cast<double>(x) * static_cast<double>(x);
}

template <class T>
struct AddPanels {
  Table table;
  FactorList list;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED PanelRows<T> held;
    const Factoring own = owner(list, &Factoring::first_panel, block.index());
    if (!is_here(table, own)) return;
    const std::int64_t number = block.index() - own.first_panel;
    const std::int64_t segment = number % own.segments, unit = number / own.segments;
    const std::int64_t start = unit / own.groups * own.rows;  // of its matrix, in rows
    const std::int64_t first = unit % own.groups * own.height;
    const std::int64_t below = first + own.height, end = below < own.rows ? below : own.rows;
    const std::int64_t column = segment * tile_size, left = own.columns - column;
    const int width = static_cast<int>(left < tile_size ? left : tile_size);
    const int fit = PanelRows<T>::most / width;
    const int together = fit < PanelRows<T>::most_rows ? fit : PanelRows<T>::most_rows;
    Own<Four<double>> columns;
    block.all([&](int thread) { columns.of(thread) = Four<double>{}; });
    for (std::int64_t row = first; row < end; row += together) {
      const std::int64_t rest = end - row;
      const int rows = static_cast<int>(rest < together ? rest : together);
      fetch(block, own, (start + row) * own.columns + column, rows, width, held);
      add(block, rows, width, held, columns);
      double* const sums = list.row_sums + own.row_sums + (start + row) * own.segments + segment;
      block.phase([&](int thread) {
        if (thread < rows) sums[thread * own.segments] = total(held.lane + 16 * thread);
      });
    }
    double* const sums = list.column_sums + own.column_sums + unit * own.columns + column;
    block.all([&](int thread) {
      for (int q = 0; q < four; ++q)
        if (const int c = thread + q * block_threads; c < width) sums[c] = columns.of(thread).at[q];
    });
  }

 private:
  // The gradient of so many rows, as the rules see it; `from`: the number of the first element.
  SADDLESCAPE_KERNEL void fetch(const Block& block, const Factoring& own, std::int64_t from,
                                int rows, int width, PanelRows<T>& held) const {
    const Control& control = *table.control;
    const update::Scale<T> scaled(update::Scaling{control.unscale, control.limit, control.clip});
    const Element type = table.rows[own.tensor].gradient_type;
    const void* const gradient = table.now[own.tensor].gradient;
    block.phase([&](int thread) {
      for (int i = thread; i < rows * width; i += block_threads)
        held.numbers[i] = scaled(
            take_from<T>(type, gradient, from + i / width * own.columns + i % width, 1).at[0]);
    });
  }

  // Sixteen lanes of each row, and the columns row by row.
  SADDLESCAPE_KERNEL static void add(const Block& block, int rows, int width, PanelRows<T>& held,
                                     Own<Four<double>>& columns) {
    constexpr int lanes = PanelRows<T>::lanes;
    block.phase([&](int thread) {
      for (int i = thread; i < rows * lanes; i += block_threads) {
        const T* const row = held.numbers + i / lanes * width;
        double sum = 0;
        for (int c = i % lanes; c < width; c += lanes) sum += square(row[c]);
        held.lane[i] = sum;
      }
      for (int q = 0; q < four; ++q) {
        const int c = thread + q * block_threads;
        if (c < width)
          for (int i = 0; i < rows; ++i)
            columns.of(thread).at[q] += square(held.numbers[i * width + c]);
      }
    });
  }

  SADDLESCAPE_KERNEL static double total(const double* lane) {
    double sum = 0;
    for (int l = 0; l < PanelRows<T>::lanes; ++l) sum += lane[l];
    return sum;
  }
};

// A block for each strip.
template <class T>
struct EndRows {
  Table table;
  FactorList list;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    SADDLESCAPE_SHARED InOrder<double, 1> rows;
    const Factoring own = owner(list, &Factoring::first_strip, block.index());
    if (!is_here(table, own)) return;
    const std::int64_t number = block.index() - own.first_strip;
    const std::int64_t strips = sums::groups_of(own.rows);
    const std::int64_t first = number % strips * sums::together, left = own.rows - first;
    const std::int64_t start = number / strips * own.rows + first;
    const double* const row_sums = list.row_sums + own.row_sums;
    const double weight = fold_of(table, own).weight;
    T* const state = static_cast<T*>(table.rows[own.tensor].state[row_var]);
    Own<sums::Plain> sum;
    block.all([&](int thread) { sum.of(thread) = sums::Plain(); });
    rows.visit(
        block, left < sums::together ? left : sums::together,
        [&](std::int64_t i) {
          const std::int64_t row = start + i;
          double squares = 0;
          for (std::int64_t k = 0; k < own.segments; ++k)
            squares += row_sums[row * own.segments + k];
          const double mean = squares / static_cast<double>(own.columns);
          state[row] = update::blended(state[row], weight, mean);
          return static_cast<double>(state[row]) / static_cast<double>(own.rows);
        },
        [&](int thread, double term) { sum.of(thread).add(term); });
    block.all([&](int thread) {
      if (thread == 0) list.strips[block.index()] = sum.of(0).value;
    });
  }
};

// A thread for each column of each matrix.
template <class T>
struct EndColumns {
  Table table;
  FactorList list;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const Factoring own = owner(list, &Factoring::first_columns, block.index());
    if (!is_here(table, own)) return;
    const double weight = fold_of(table, own).weight;
    T* const state = static_cast<T*>(table.rows[own.tensor].state[col_var]);
    block.all([&](int thread) {
      const std::int64_t j = (block.index() - own.first_columns) * block_threads + thread;
      if (j >= own.matrices * own.columns) return;
      const double* const column = list.column_sums + own.column_sums +
                                   j / own.columns * own.groups * own.columns + j % own.columns;
      double squares = 0;
      for (std::int64_t k = 0; k < own.groups; ++k) squares += column[k * own.columns];
      state[j] = update::blended(state[j], weight, squares / static_cast<double>(own.rows));
    });
  }
};

// A thread for each matrix.
struct EndMeans {
  Table table;
  FactorList list;

  SADDLESCAPE_KERNEL void operator()(const Block& block) const {
    const Factoring own = owner(list, &Factoring::first_means, block.index());
    if (!is_here(table, own)) return;
    block.all([&](int thread) {
      const std::int64_t matrix = (block.index() - own.first_means) * block_threads + thread;
      if (matrix >= own.matrices) return;
      const std::int64_t strips = sums::groups_of(own.rows);
      sums::Plain mean;
      for (std::int64_t k = 0; k < strips; ++k)
        mean.add(list.strips[own.first_strip + matrix * strips + k]);
      table.means[own.means + matrix] = update::bounded(mean.value);
    });
  }
};

}  // namespace
}  // namespace saddlescape::cuda
