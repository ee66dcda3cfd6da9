// Collects measurements: prints each as a line while it is made, writes all as JSON at the end.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace director::bench {

struct Measurement {
    std::string name;
    uint64_t connections = 0;
    double value = 0;
    std::string unit;
    std::optional<double> yardstick;
};

class Report {
  public:
    // `kind` ends each name: which pages the memory had.
    explicit Report(std::string kind) : kind_(std::move(kind)) {}

    void add(Measurement measurement);
    // A list of {name, connections, value, unit, yardstick, ratio}. False when it cannot be
    // written.
    [[nodiscard]] bool write_json(const std::string& path) const;

  private:
    std::string kind_;
    std::vector<Measurement> measurements_;
};

// The middle one; `samples` is not empty.
[[nodiscard]] double median(std::vector<double> samples);

}  // namespace director::bench
