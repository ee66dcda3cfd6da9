#include "config/suggest.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace director::config {
namespace {

// Longer ones are no typing mistakes, and the distance takes quadratic time.
constexpr size_t kNameLengthMax = 64;

// Levenshtein's distance, one row at a time.
size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j < row.size(); ++j) {
        row[j] = j;
    }
    for (size_t i = 0; i < a.size(); ++i) {
        size_t diagonal = std::exchange(row[0], i + 1);
        for (size_t j = 0; j < b.size(); ++j) {
            const size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) {
        out += (out.empty() ? "" : ", ") + name;
    }
    return out;
}

std::optional<std::string> nearest(std::string_view name, const std::vector<std::string>& known) {
    if (name.size() > kNameLengthMax) {
        return std::nullopt;
    }
    std::optional<std::string> best;
    size_t best_distance = 0;
    for (const std::string& candidate : known) {
        const size_t distance = edit_distance(name, candidate);
        const size_t distance_max = std::max<size_t>(1, candidate.size() / 3);
        if (distance <= distance_max && (!best || distance < best_distance)) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace director::config
