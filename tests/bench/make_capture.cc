// Makes a capture of TCP connections for benchmarks: as many packets and flows as asked for, many
// of them open at once, some segments lost and sent again, all checksums right.
//
//     make_capture PACKETS FLOWS FILE [OPEN]
//
// OPEN (5,000 if nothing is said) connections take turns at random, always the same for the same
// numbers. Each has PACKETS / FLOWS packets, at least 6.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "common/byte_order.h"
#include "common/checksum.h"
#include "common/random.h"
#include "common/whole_number.h"

namespace director {
namespace {

constexpr size_t kEthernetBytes = 14;
constexpr size_t kIpBytes = 20;
constexpr size_t kTcpBytes = 32;  // with timestamps
constexpr size_t kHeaderBytes = kEthernetBytes + kIpBytes + kTcpBytes;
constexpr uint16_t kRequestBytes = 60;
constexpr uint16_t kAnswerBytes = 180;

constexpr uint8_t kFin = 0x01;
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kAck = 0x10;

struct Connection {
    uint32_t client = 0;
    uint16_t port = 0;
    uint32_t step = 0;  // packets sent so far
    uint32_t steps = 0;
    uint32_t client_sequence = 0;
    uint32_t server_sequence = 0;
    uint16_t client_id = 0;
    uint16_t server_id = 0;
};

struct Segment {
    bool is_answer = false;
    uint8_t flags = kAck;
    uint16_t payload = 0;
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;
    uint16_t id = 0;
};

void put16(uint8_t* at, uint16_t value) {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
}
void put32(uint8_t* at, uint32_t value) {
    put16(at, static_cast<uint16_t>(value >> 16));
    put16(at + 2, static_cast<uint16_t>(value));
}

class Writer {
  public:
    explicit Writer(std::FILE* file) : file_(file) {
        // pcap, microseconds, Ethernet.
        const std::array<uint32_t, 6> header = {0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1};
        write(header.data(), sizeof(header));
    }
    void packet(const Connection& connection, const Segment& segment, uint64_t microseconds) {
        const size_t length = kHeaderBytes + segment.payload;
        frame_.fill(0);
        uint8_t* const ip = frame_.data() + kEthernetBytes;
        uint8_t* const tcp = ip + kIpBytes;
        frame_[5] = 1;
        frame_[11] = 2;
        put16(frame_.data() + 12, 0x0800);
        constexpr uint32_t kServer = 0xc0000201;  // 192.0.2.1
        const uint32_t source = segment.is_answer ? kServer : connection.client;
        const uint32_t destination = segment.is_answer ? connection.client : kServer;
        ip[0] = 0x45;
        put16(ip + 2, static_cast<uint16_t>(length - kEthernetBytes));
        put16(ip + 4, segment.id);
        put16(ip + 6, 0x4000);
        ip[8] = segment.is_answer ? 63 : 55;
        ip[9] = 6;
        put32(ip + 12, source);
        put32(ip + 16, destination);
        put16(ip + 10, complement(checksum_add(0, ip, kIpBytes)));
        put16(tcp, segment.is_answer ? 80 : connection.port);
        put16(tcp + 2, segment.is_answer ? connection.port : 80);
        put32(tcp + 4, segment.sequence);
        put32(tcp + 8, segment.acknowledgement);
        tcp[12] = kTcpBytes / 4 << 4;
        tcp[13] = segment.flags;
        put16(tcp + 14, 65000);
        put32(tcp + 20, 0x0101080a);
        put32(tcp + 24, static_cast<uint32_t>(microseconds / 1000));
        put32(tcp + 28, static_cast<uint32_t>(microseconds / 1000 - 1));
        std::memset(tcp + kTcpBytes, 'x', segment.payload);
        put16(tcp + 16, tcp_checksum(ip, tcp, kTcpBytes + segment.payload));
        const std::array<uint32_t, 4> record = {
            static_cast<uint32_t>(1'700'000'000 + microseconds / 1'000'000),
            static_cast<uint32_t>(microseconds % 1'000'000),
            static_cast<uint32_t>(length),
            static_cast<uint32_t>(length)};
        write(record.data(), sizeof(record));
        write(frame_.data(), length);
    }
    [[nodiscard]] bool is_good() const { return is_good_ && std::fflush(file_) == 0; }

  private:
    void write(const void* bytes, size_t length) {
        is_good_ &= std::fwrite(bytes, 1, length, file_) == length;
    }
    // checksum_add() sums words as they lie in memory.
    static uint16_t complement(uint64_t sum) {
        const auto folded = static_cast<uint16_t>(~checksum_fold(sum));
        return static_cast<uint16_t>(folded << 8 | folded >> 8);
    }
    static uint16_t tcp_checksum(const uint8_t* ip, const uint8_t* tcp, size_t length) {
        std::array<uint8_t, 12> pseudo{};
        std::memcpy(pseudo.data(), ip + 12, 8);
        pseudo[9] = 6;
        put16(pseudo.data() + 10, static_cast<uint16_t>(length));
        return complement(checksum_add(checksum_add(0, pseudo.data(), pseudo.size()), tcp, length));
    }

    std::FILE* file_;
    bool is_good_ = true;
    std::array<uint8_t, kHeaderBytes + kAnswerBytes> frame_{};
};

// SYN, SYN-ACK, ACK, then requests, answers and ACKs in turn, then FIN, FIN-ACK, ACK.
Segment next_segment(Connection& connection) {
    const uint32_t step = connection.step++;
    const uint32_t to_end = connection.steps - step;
    Segment segment;
    if (step == 0) {
        segment.flags = kSyn;
    } else if (step == 1) {
        segment.flags = kSyn | kAck;
        segment.is_answer = true;
    } else if (to_end == 3) {
        segment.flags = kFin | kAck;
    } else if (to_end == 2) {
        segment.flags = kFin | kAck;
        segment.is_answer = true;
    } else if (to_end > 3 && step > 2) {
        segment.is_answer = step % 3 == 1;
        segment.payload = step % 3 == 0   ? kRequestBytes
                          : step % 3 == 1 ? kAnswerBytes
                                          : uint16_t{0};
    }
    uint32_t& own = segment.is_answer ? connection.server_sequence : connection.client_sequence;
    const uint32_t other =
        segment.is_answer ? connection.client_sequence : connection.server_sequence;
    segment.sequence = own;
    segment.acknowledgement = (segment.flags & kAck) != 0 ? other : 0;
    segment.id = segment.is_answer ? connection.server_id++ : connection.client_id++;
    own += segment.payload + ((segment.flags & (kSyn | kFin)) != 0 ? 1U : 0U);
    return segment;
}

class Maker {
  public:
    Maker(Writer& writer, uint64_t packets, uint64_t flows)
        : writer_(writer), packets_(packets), flows_(flows) {}

    void make(size_t open_max) {
        std::vector<Connection> open;
        while (made_ < flows_ || !open.empty()) {
            if (made_ < flows_ && open.size() < open_max) {
                open.push_back(begin());
            }
            const size_t chosen = random_.below(open.size());
            Connection& connection = open[chosen];
            const Segment segment = next_segment(connection);
            // One segment in a hundred comes twice, as if it had been lost behind the capture.
            const bool is_repeated = segment.payload > 0 && random_.below(100) == 0;
            send(connection, segment);
            if (is_repeated) {
                now_ += 3'000;
                send(connection, segment);
            }
            if (connection.step == connection.steps) {
                connection = open.back();
                open.pop_back();
            }
        }
    }

  private:
    Connection begin() {
        Connection connection;
        connection.client = 0x0a000000 + static_cast<uint32_t>(made_ / 50'000 * 64 + made_ % 64);
        connection.port = static_cast<uint16_t>(1024 + made_ / 64 % 60'000);
        // The remainder goes to the first ones.
        connection.steps = static_cast<uint32_t>(packets_ / flows_ +
                                                 (made_ < packets_ % flows_ ? uint64_t{1} : 0));
        connection.client_sequence = static_cast<uint32_t>(random_.next());
        connection.server_sequence = static_cast<uint32_t>(random_.next());
        ++made_;
        return connection;
    }
    void send(const Connection& connection, const Segment& segment) {
        now_ += 1 + random_.below(9);
        writer_.packet(connection, segment, now_);
    }

    Writer& writer_;
    Random random_{20};
    uint64_t packets_;
    uint64_t flows_;
    uint64_t made_ = 0;
    uint64_t now_ = 0;
};

int run(const std::vector<std::string>& arguments) {
    const auto packets = whole_number<uint64_t>(arguments[0]);
    const auto flows = whole_number<uint64_t>(arguments[1]);
    const auto open =
        arguments.size() > 3 ? whole_number<uint64_t>(arguments[3]) : std::optional<uint64_t>(5000);
    constexpr uint64_t kPacketsMin = 6;
    if (!packets || !flows || !open || *flows == 0 || *open == 0 ||
        *packets / *flows < kPacketsMin) {
        fmt::print(stderr, "make_capture: at least {} packets a flow\n", kPacketsMin);
        return 2;
    }
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen(arguments[2].c_str(), "we"), std::fclose);
    if (file == nullptr) {
        fmt::print(stderr, "make_capture: {} cannot be written\n", arguments[2]);
        return 1;
    }
    Writer writer(file.get());
    Maker(writer, *packets, *flows).make(*open);
    return writer.is_good() ? 0 : 1;
}

}  // namespace
}  // namespace director

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() < 3) {
        fmt::print(stderr, "usage: make_capture PACKETS FLOWS FILE [OPEN]\n");
        return 2;
    }
    return director::run(arguments);
}
