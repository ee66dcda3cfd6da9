// decode() against tshark's counts of the same files: for every capture in tests/data/captures, and
// in the folder that DIRECTOR_CAPTURES names, the numbers that its README.md has from tshark.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "diagnostics/files/capture_file.h"
#include "diagnostics/packet/decode.h"
#include "tests/support/pcap_file.h"

namespace director::diagnostics {
namespace {

using Counts = std::map<std::string, uint64_t>;

// What README.md says of one file.
struct Row {
    std::string file;
    uint64_t packets = 0;
    Counts counts;
    std::set<uint64_t> mptcp;  // subtypes
};

[[nodiscard]] std::vector<std::string> split(const std::string& text, const std::string& at) {
    std::vector<std::string> parts;
    size_t begin = 0;
    for (size_t i = 0; i <= text.size(); ++i) {
        if (i == text.size() || at.find(text[i]) != std::string::npos) {
            if (i > begin) {
                parts.push_back(text.substr(begin, i - begin));
            }
            begin = i + 1;
        }
    }
    return parts;
}

// "tcp:264+mptcp:264; ts=264 mptcp=0/1/2": protocols with a colon, the rest with a sign.
[[nodiscard]] Row parse_row(const std::string& line) {
    const auto cells = split(line, "|");
    Row row;
    row.file = split(cells[0], " `")[0];
    row.packets = std::stoull(cells[1]);
    for (const std::string& word : split(cells[3], " ;+,")) {
        const auto pair = split(word, ":=");
        if (pair.size() != 2) {
            continue;
        }
        if (word.starts_with("mptcp=")) {
            for (const std::string& subtype : split(pair[1], "/")) {
                row.mptcp.insert(std::stoull(subtype));
            }
        } else if (pair[1].find_first_not_of("0123456789") == std::string::npos) {
            row.counts[pair[0]] = std::stoull(pair[1]);
        }
    }
    return row;
}

[[nodiscard]] std::vector<Row> read_rows(const std::filesystem::path& folder) {
    std::vector<Row> rows;
    std::ifstream readme(folder / "README.md");
    for (std::string line; std::getline(readme, line);) {
        if (line.starts_with("| `")) {
            rows.push_back(parse_row(line));
        }
    }
    return rows;
}

void count_checksums(const Headers& headers, Counts& counts) {
    // tshark has no word for what a NIC was to finish: to it that is bad.
    const auto is_bad = [](const Checksum& checksum) {
        return checksum.verdict == ChecksumVerdict::kBad ||
               checksum.verdict == ChecksumVerdict::kOffloaded;
    };
    counts["badip"] += is_bad(headers.ip.checksum) ? 1U : 0U;
    counts["badtcp"] += headers.is_tcp() && is_bad(headers.l4_checksum) ? 1U : 0U;
    counts["badudp"] += headers.layer4 == Layer4::kUdp && is_bad(headers.l4_checksum) ? 1U : 0U;
}

void count(const Headers& headers, Counts& counts, std::set<uint64_t>& mptcp) {
    const bool is_ipv6 = headers.layer3 == Layer3::kIpv6;
    counts["ipv6"] += is_ipv6 ? 1U : 0U;
    counts["frag4"] += headers.ip.is_fragment && !is_ipv6 ? 1U : 0U;
    counts["frag6"] += headers.ip.is_fragment && is_ipv6 ? 1U : 0U;
    counts["tcp"] += headers.is_tcp() ? 1U : 0U;
    counts["udp"] += headers.layer4 == Layer4::kUdp ? 1U : 0U;
    counts["ts"] += headers.tcp.has_timestamps ? 1U : 0U;
    counts["sack"] += headers.tcp.sack_count > 0 ? 1U : 0U;
    counts["mptcp"] += headers.tcp.mptcp_count > 0 ? 1U : 0U;
    counts["ect1"] += headers.is_ip() && (headers.ip.tos & 3) == 1 ? 1U : 0U;
    counts["ect0"] += headers.is_ip() && (headers.ip.tos & 3) == 2 ? 1U : 0U;
    counts["ce"] += headers.is_ip() && (headers.ip.tos & 3) == 3 ? 1U : 0U;
    counts["urg"] += headers.is_tcp() && headers.has(kUrg) ? 1U : 0U;
    for (uint8_t i = 0; i < headers.tcp.mptcp_count; ++i) {
        mptcp.insert(headers.tcp.mptcp[i].subtype);
    }
    count_checksums(headers, counts);
}

// Where we differ from tshark, and why.
[[nodiscard]] uint64_t expected(const Row& row, const std::string& key) {
    const auto found = row.counts.find(key);
    const uint64_t theirs = found == row.counts.end() ? 0 : found->second;
    // Five segments whose IP length is 8 bytes more than the frame has: tshark sums up what there
    // is, we say that it cannot be verified.
    if (row.file == "tcp/reassembly.pcap" && key == "badtcp") {
        return theirs - 5;
    }
    return theirs;
}

void check_folder(const std::filesystem::path& folder) {
    const auto rows = read_rows(folder);
    EXPECT_GT(rows.size(), 30U) << folder;
    for (const Row& row : rows) {
        auto file = CaptureFile::open((folder / row.file).string());
        ASSERT_TRUE(file) << file.error().message;
        Counts counts;
        std::set<uint64_t> mptcp;
        while (const Packet* packet = file->next()) {
            count(decode(*packet), counts, mptcp);
        }
        EXPECT_FALSE(file->fault()) << row.file << ": " << file->fault()->message;
        EXPECT_EQ(file->packets_read(), row.packets) << row.file;
        EXPECT_EQ(mptcp, row.mptcp) << row.file;
        const bool is_fragmented = counts["frag4"] + counts["frag6"] > 0;
        for (const auto& [key, ours] : counts) {
            // tshark puts fragments together first and counts what comes out.
            const bool is_transport = key == "tcp" || key == "udp" || key == "ts";
            if (!is_fragmented || !is_transport) {
                EXPECT_EQ(ours, expected(row, key)) << row.file << ": " << key;
            }
        }
    }
}

// What tshark says that the checksum should be ([should be 0x...]): over the home address where
// there is one, and over the end of a route.
TEST(DecodeCaptures, ChecksumsAreComputedAsTsharkDoes) {
    const std::map<std::string, uint32_t> computed = {
        {"ip4-icmp", 0xf7ff},
        {"ip4-tcp", 0x1c60},
        {"ip4-udp", 0xa92a},
        {"ip6-tcp", 0x2f8a},
        {"ip6-udp", 0xbc54},
        {"ip6-icmp6", 0x75af},
        {"ip6-hoa-tcp", 0xb713},
        {"ip6-hoa-udp", 0x43de},
        {"ip6-route0-tcp", 0x517e},
        {"ip6-route0-udp", 0xde48},
        {"ip6-route0-icmp6", 0x6eb1},
    };
    for (const auto& [name, checksum] : computed) {
        auto file =
            CaptureFile::open(test::test_data("captures/csum/" + name + "-bad-chksum.pcap"));
        ASSERT_TRUE(file) << file.error().message;
        const Packet* packet = file->next();
        ASSERT_NE(packet, nullptr) << name;
        const Headers headers = decode(*packet);
        EXPECT_EQ(headers.l4_checksum.computed, checksum) << name;
        EXPECT_EQ(headers.l4_checksum.verdict, ChecksumVerdict::kBad) << name;
    }
}

TEST(DecodeCaptures, CountsAreTsharks) {
    check_folder(test::test_data("captures"));
}

TEST(DecodeCaptures, CountsAreTsharksElsewhere) {
    const char* folder = std::getenv("DIRECTOR_CAPTURES");
    if (folder == nullptr) {
        GTEST_SKIP() << "DIRECTOR_CAPTURES names no folder";
    }
    check_folder(folder);
}

}  // namespace
}  // namespace director::diagnostics
