#include "tests/unit/diagnostics/match/matched.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "diagnostics/files/capture_file.h"
#include "diagnostics/packet/decode.h"

namespace director::diagnostics::matching {

VantagePoint read_point(const std::string& file) {
    auto capture = CaptureFile::open(std::string(DIRECTOR_TEST_DATA "/") + file);
    EXPECT_TRUE(capture.has_value()) << file;
    PointBuilder builder(file.substr(file.rfind('/') + 1), {});
    if (capture) {
        while (const Packet* packet = capture->next()) {
            builder.add(*packet, decode(*packet));
        }
    }
    return std::move(builder).finish();
}

Matched match_points(std::vector<VantagePoint> points, const MatchSettings& settings) {
    Matched matched;
    matched.points = std::move(points);
    matched.matching = match(matched.points, settings);
    return matched;
}

Matched match_files(const std::vector<std::string>& files, const MatchSettings& settings) {
    std::vector<VantagePoint> points;
    points.reserve(files.size());
    for (const std::string& file : files) {
        points.push_back(read_point(file));
    }
    return match_points(std::move(points), settings);
}

namespace {

// Visits the rows of p that have, or have not, q.
template <typename Visit>
void for_each_row(const Matched& matched, uint32_t p, uint32_t q, bool has_both, Visit visit) {
    std::vector<std::pair<uint32_t, uint32_t>> rows;  // number at p, row
    for (const Conversation& conversation : matched.matching.conversations) {
        if (conversation.connections[p] == kNoIndex || conversation.connections[q] == kNoIndex) {
            continue;
        }
        for (uint32_t i = 0; i < conversation.row_count; ++i) {
            const uint32_t number = conversation.row_begin + i;
            const auto row = matched.matching.row(number);
            if (row[p].sighting != kNoIndex && (row[q].sighting != kNoIndex) == has_both) {
                rows.emplace_back(matched.sighting(p, row[p].sighting).number, number);
            }
        }
    }
    std::sort(rows.begin(), rows.end());
    for (const auto& [number, row] : rows) {
        visit(matched.matching.row(row));
    }
}

}  // namespace

std::string Matched::pairs(uint32_t p, uint32_t q) const {
    std::string text;
    for_each_row(*this, p, q, true, [&](std::span<const Cell> row) {
        text += fmt::format("{}{}-{}",
                            text.empty() ? "" : " ",
                            sighting(p, row[p].sighting).number,
                            sighting(q, row[q].sighting).number);
    });
    return text;
}

std::vector<int64_t> Matched::differences_us(uint32_t p, uint32_t q) const {
    std::vector<int64_t> differences;
    for_each_row(*this, p, q, true, [&](std::span<const Cell> row) {
        differences.push_back(
            (sighting(q, row[q].sighting).time_ns - sighting(p, row[p].sighting).time_ns) / 1000);
    });
    return differences;
}

std::string Matched::only_at(uint32_t p, uint32_t q) const {
    std::string text;
    for_each_row(*this, p, q, false, [&](std::span<const Cell> row) {
        text += fmt::format("{}{}", text.empty() ? "" : " ", sighting(p, row[p].sighting).number);
    });
    return text;
}

}  // namespace director::diagnostics::matching
