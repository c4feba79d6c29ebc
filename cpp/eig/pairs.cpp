#include "eig/pairs.hpp"

#include <algorithm>

namespace saddlescape::eig {

std::vector<double> gaps(const std::vector<double>& values, const std::vector<double>& residuals,
                         std::int64_t low, const Neighbours& next) {
  const std::int64_t k = static_cast<std::int64_t>(values.size());
  std::vector<double> result(values.size(), std::numeric_limits<double>::infinity());
  for (std::int64_t i = 0; i < k; ++i) {
    if (i > 0) result[i] = std::min(result[i], values[i] - values[i - 1] - residuals[i - 1]);
    if (i + 1 < k) result[i] = std::min(result[i], values[i + 1] - residuals[i + 1] - values[i]);
  }
  if (low > 0) result[low - 1] = std::min(result[low - 1], next.above_low - values[low - 1]);
  if (low < k) result[low] = std::min(result[low], values[low] - next.below_high);
  for (double& gap : result) gap = std::max(gap, 0.0);
  return result;
}

std::vector<double> bounds(const std::vector<double>& residuals, const std::vector<double>& gaps,
                           double rounding) {
  std::vector<double> result;
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    const double r = residuals[i];
    // No division where r^2 / gap is no better than r, and none by zero.
    result.push_back((gaps[i] > r ? r * (r / gaps[i]) : r) + rounding);
  }
  return result;
}

std::vector<std::int64_t> multiplicities(const std::vector<double>& values,
                                         const std::vector<double>& residuals, double rounding) {
  const std::size_t k = values.size();
  std::vector<std::int64_t> result(k);
  for (std::size_t first = 0, last; first < k; first = last) {
    for (last = first + 1; last < k; ++last)
      if (values[last] - values[last - 1] > residuals[last] + residuals[last - 1] + rounding) break;
    for (std::size_t i = first; i < last; ++i) result[i] = static_cast<std::int64_t>(last - first);
  }
  return result;
}

}  // namespace saddlescape::eig
