// What reading a capture and taking its packets apart costs, in nanoseconds of CPU time a packet:
// our reader and libpcap's over the same file in the page cache, decode() without checksums, with
// those of layer 3, and with all.
//
//   diagnostics_decode_bench [PACKETS]          default: 200000 of each size
#include <fmt/format.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "common/assert.h"
#include "diagnostics/files/capture_file.h"
#include "diagnostics/packet/decode.h"
#include "tests/support/packet_builder.h"

namespace {

using namespace director;
using namespace director::diagnostics;
using test::PacketBuilder;

constexpr int kRounds = 5;

double cpu_ns() {
    timespec now{};
    DIRECTOR_ASSERT(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// The best of some rounds: what others do on the machine only ever adds.
template <typename Work>
double ns_per_packet(uint64_t packets, const Work& work) {
    double best = 1e18;
    for (int round = 0; round < kRounds; ++round) {
        const double begun = cpu_ns();
        DIRECTOR_ASSERT(work() == packets);
        best = std::min(best, cpu_ns() - begun);
    }
    return best / static_cast<double>(packets);
}

void append(std::vector<uint8_t>& to, const void* data, size_t length) {
    const auto* const from = static_cast<const uint8_t*>(data);
    to.insert(to.end(), from, from + length);
}

test::Frame make_frame(size_t payload, uint32_t number) {
    const std::vector<uint8_t> timestamps = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
    return PacketBuilder()
        .ipv4(Ipv4Address::from_host(0x0a000000 + number % 251), Ipv4Address::of(10, 1, 1, 1))
        .ip_id(static_cast<uint16_t>(number))
        .tcp(static_cast<uint16_t>(1024 + number % 50'000), 80)
        .seq(number)
        .tcp_options(timestamps)
        .payload_size(payload)
        .build();
}

// A pcap file with nanoseconds.
std::string make_file(size_t payload, uint32_t packets) {
    std::vector<uint8_t> bytes;
    const std::array<uint32_t, 6> header{0xa1b23c4d, 0x00040002, 0, 0, 262144, 1};
    append(bytes, header.data(), sizeof(header));
    for (uint32_t i = 0; i < packets; ++i) {
        const test::Frame frame = make_frame(payload, i);
        const auto length = static_cast<uint32_t>(frame.size());
        const std::array<uint32_t, 4> record{1'700'000'000, i, length, length};
        append(bytes, record.data(), sizeof(record));
        append(bytes, frame.data(), frame.size());
    }
    std::string path = "/tmp/decode_bench_XXXXXX";
    const int file = mkstemp(path.data());
    DIRECTOR_ASSERT(file >= 0);
    size_t written = 0;
    while (written < bytes.size()) {
        const ssize_t now = ::write(file, bytes.data() + written, bytes.size() - written);
        DIRECTOR_ASSERT(now > 0);
        written += static_cast<size_t>(now);
    }
    ::close(file);
    return path;
}

uint64_t read_by_libpcap(const std::string& path) {
    std::array<char, PCAP_ERRBUF_SIZE> error{};
    pcap_t* const file = pcap_open_offline_with_tstamp_precision(
        path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error.data());
    DIRECTOR_ASSERT(file != nullptr);
    uint64_t packets = 0;
    const auto count = [](u_char* user, const pcap_pkthdr*, const u_char*) {
        uint64_t* const counter = static_cast<uint64_t*>(static_cast<void*>(user));
        ++*counter;
    };
    (void)pcap_loop(file, 0, count, static_cast<u_char*>(static_cast<void*>(&packets)));
    pcap_close(file);
    return packets;
}

template <typename Each>
uint64_t read_by_ours(const std::string& path, const Each& each) {
    auto file = CaptureFile::open(path);
    DIRECTOR_ASSERT(file);
    while (const Packet* packet = file->next()) {
        each(*packet);
    }
    DIRECTOR_ASSERT(!file->fault());
    return file->packets_read();
}

// So that no result is thrown away unseen.
uint64_t seen = 0;

void measure(size_t payload, uint32_t packets) {
    const std::string path = make_file(payload, packets);
    const auto decoding = [&](ChecksumMode mode) {
        return ns_per_packet(packets, [&] {
            return read_by_ours(path, [mode](const Packet& packet) {
                const Headers headers = decode(packet, {mode, false});
                seen += headers.source_port + headers.payload_wire_bytes;
            });
        });
    };
    const double libpcap = ns_per_packet(packets, [&] { return read_by_libpcap(path); });
    const double reading =
        ns_per_packet(packets, [&] { return read_by_ours(path, [](const Packet&) {}); });
    const double none = decoding(ChecksumMode::kNone);
    const double layer3 = decoding(ChecksumMode::kLayer3);
    const double all = decoding(ChecksumMode::kAll);
    ::unlink(path.c_str());
    fmt::print("{:6} {:9.1f} {:9.1f} {:9.1f} {:9.1f} {:9.1f} {:9.2f}\n",
               payload + 66,
               libpcap,
               reading,
               none - reading,
               layer3 - reading,
               all - reading,
               1e3 / all);
}

}  // namespace

int main(int count, char** arguments) {
    const uint32_t packets =
        count > 1 ? static_cast<uint32_t>(std::strtoul(arguments[1], nullptr, 10)) : 200'000;
    fmt::print("                 reading             decoding with checksums of      million\n");
    fmt::print("  bytes   libpcap      ours      none        L3    L3, L4   packets/s\n");
    for (const size_t payload : {0U, 500U, 1448U}) {
        measure(payload, packets);
    }
    return seen == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
