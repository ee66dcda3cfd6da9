// A series as it comes, one number at a time, and its Spread at any point.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "diagnostics/flow/flow_record.h"

namespace director::diagnostics {

// Of `count` numbers between `min` and `max`, whose distances to the first have this sum, and these
// squares together.
[[nodiscard]] inline Spread spread_of(
    uint64_t count, double min, double max, double first, double sum, double squares) {
    if (count == 0) {
        return {};
    }
    const auto n = static_cast<double>(count);
    const double mean = sum / n;
    const double variance = std::max(0.0, squares / n - mean * mean);
    return {count, min, max, first + mean, std::sqrt(variance)};
}

// Sums are kept of the distance to the first value, which keeps the spread exact where it is small
// beside the mean, and needs no division per value.
class Running {
  public:
    void add(double value) {
        if (count_ == 0) {
            first_ = min_ = max_ = value;
        }
        ++count_;
        const double distance = value - first_;
        sum_ += distance;
        squares_ += distance * distance;
        min_ = std::min(min_, value);
        max_ = std::max(max_, value);
    }

    [[nodiscard]] uint64_t count() const { return count_; }

    [[nodiscard]] Spread spread() const {
        return spread_of(count_, min_, max_, first_, sum_, squares_);
    }

  private:
    uint64_t count_ = 0;
    double first_ = 0;
    double min_ = 0;
    double max_ = 0;
    double sum_ = 0;
    double squares_ = 0;
};

}  // namespace director::diagnostics
