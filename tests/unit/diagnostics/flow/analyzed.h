// A capture, or packets made by hand, through the Analyzer: all records, kept.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "diagnostics/files/capture_file.h"
#include "diagnostics/flow/analyzer.h"

namespace director::diagnostics {

class KeepingSink final : public RecordSink {
  public:
    void take_flow(const FlowRecord& record) override { flows.push_back(record); }
    // Without `packet` and `headers`, which do not live on.
    void take_packet(const PacketRecord& record) override {
        packets.push_back(record);
        numbers.push_back(record.packet->number);
        tcp_flags.push_back(record.headers->is_tcp() ? record.headers->tcp.flags : 0);
        packets.back().packet = nullptr;
        packets.back().headers = nullptr;
    }

    // The record of a flow's direction; flows count from 1.
    [[nodiscard]] const FlowRecord& flow(uint64_t number, Direction direction) const {
        for (const FlowRecord& each : flows) {
            if (each.flow == number && each.direction == direction) {
                return each;
            }
        }
        ADD_FAILURE() << "no flow " << number;
        static const FlowRecord kNone;
        return kNone;
    }

    std::vector<FlowRecord> flows;
    std::vector<PacketRecord> packets;
    std::vector<uint64_t> numbers;
    std::vector<uint16_t> tcp_flags;
};

struct Analyzed {
    KeepingSink records;
    EndReport report;
};

[[nodiscard]] inline AnalysisSettings with_packets() {
    AnalysisSettings settings;
    settings.with_packets = true;
    return settings;
}

// Fails the test if `path` cannot be read to its end.
[[nodiscard]] inline std::unique_ptr<Analyzed> analyze_file(
    const std::string& path, const AnalysisSettings& settings = with_packets()) {
    auto result = std::make_unique<Analyzed>();
    auto file = CaptureFile::open(path);
    if (!file) {
        ADD_FAILURE() << path << ": " << file.error().message;
        return result;
    }
    Analyzer analyzer(settings, result->records);
    while (const Packet* const packet = file->next()) {
        analyzer.see(*packet);
    }
    analyzer.finish();
    result->report = analyzer.report();
    return result;
}

[[nodiscard]] inline std::string capture(const std::string& name) {
    return std::string(DIRECTOR_TEST_DATA) + "/captures/" + name;
}

// Rows of a table as it was printed: cells by the column's name.
class TsvTable {
  public:
    explicit TsvTable(const std::string& path) {
        std::ifstream file(path);
        EXPECT_TRUE(file) << path;
        std::string line;
        std::getline(file, line);
        columns_ = cells(line);
        while (std::getline(file, line)) {
            rows_.push_back(cells(line));
        }
    }

    [[nodiscard]] size_t size() const { return rows_.size(); }
    [[nodiscard]] std::string cell(size_t row, const std::string& column) const {
        for (size_t i = 0; i < columns_.size(); ++i) {
            if (columns_[i] == column) {
                return i < rows_[row].size() ? rows_[row][i] : "";
            }
        }
        ADD_FAILURE() << "no column " << column;
        return "";
    }
    // Decimal, or hexadecimal with 0x.
    [[nodiscard]] int64_t number(size_t row, const std::string& column) const {
        return std::strtoll(cell(row, column).c_str(), nullptr, 0);
    }
    [[nodiscard]] double real(size_t row, const std::string& column) const {
        return std::strtod(cell(row, column).c_str(), nullptr);
    }

  private:
    [[nodiscard]] static std::vector<std::string> cells(const std::string& line) {
        std::vector<std::string> result;
        std::istringstream stream(line);
        for (std::string cell; std::getline(stream, cell, '\t');) {
            result.push_back(cell);
        }
        return result;
    }

    std::vector<std::string> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace director::diagnostics
