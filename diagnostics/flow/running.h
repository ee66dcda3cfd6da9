// A series as it comes, one number at a time, and its Spread at any point.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "diagnostics/flow/flow_record.h"

namespace director::diagnostics {

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
        if (count_ == 0) {
            return {};
        }
        const auto n = static_cast<double>(count_);
        const double mean = sum_ / n;
        const double variance = std::max(0.0, squares_ / n - mean * mean);
        return {count_, min_, max_, first_ + mean, std::sqrt(variance)};
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
