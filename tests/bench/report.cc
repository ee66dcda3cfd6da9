#include "tests/bench/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace director::bench {

void Report::add(Measurement measurement) {
    measurement.name += "." + kind_;
    std::string line = fmt::format("{:<48} {:>9} {:>11.2f} {:<12}",
                                   measurement.name,
                                   measurement.connections,
                                   measurement.value,
                                   measurement.unit);
    if (measurement.yardstick) {
        line += fmt::format(" {:>11.2f} {:>6.2f}",
                            *measurement.yardstick,
                            measurement.value / *measurement.yardstick);
    }
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
    measurements_.push_back(std::move(measurement));
}

bool Report::write_json(const std::string& path) const {
    std::string text = "[";
    const char* separator = "\n";
    for (const Measurement& m : measurements_) {
        const std::string yardstick = m.yardstick ? fmt::format("{:.4g}", *m.yardstick) : "null";
        const std::string ratio =
            m.yardstick ? fmt::format("{:.3f}", m.value / *m.yardstick) : "null";
        text += fmt::format(
            R"({}  {{"name": "{}", "connections": {}, "value": {:.6g}, "unit": "{}", "yardstick": {}, "ratio": {}}})",
            separator,
            m.name,
            m.connections,
            m.value,
            m.unit,
            yardstick,
            ratio);
        separator = ",\n";
    }
    text += "\n]\n";
    std::FILE* const file = std::fopen(path.c_str(), "w");
    if (file == nullptr) {
        return false;
    }
    const bool is_written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    return std::fclose(file) == 0 && is_written;
}

double median(std::vector<double> samples) {
    const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
    std::nth_element(samples.begin(), middle, samples.end());
    return *middle;
}

}  // namespace director::bench
