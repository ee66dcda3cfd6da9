// Sessions of fragments: every packet is told of once, held ones within their bounds, and nothing
// is left at the end.
//
// Input: steps of six bytes: number and protocol, offset, length, flags and time, ports, data.
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/assert.h"
#include "diagnostics/ip/fragment_follower.h"
#include "diagnostics/ip/ip_analysis.h"
#include "diagnostics/packet/decode.h"

namespace {

using namespace director;
using namespace director::diagnostics;

class Sink : public FragmentSink {
  public:
    void take(const Packet& packet, const Headers& headers, const FragmentFinding& f) override {
        ++taken;
        number_sum += packet.number;
        DIRECTOR_ASSERT(headers.ip.fragment.empty() ||
                        (headers.ip.fragment.data() >= packet.bytes.data() &&
                         headers.ip.fragment.data() + headers.ip.fragment.size() <=
                             packet.bytes.data() + packet.bytes.size()));
        uint32_t sum = 0;
        for (const uint8_t byte : headers.payload) {
            sum += byte;  // under a sanitizer: that it is still there
        }
        DIRECTOR_ASSERT(sum <= headers.payload.size() * 255);
        DIRECTOR_ASSERT(!f.is_whole || f.has_ports);
        (void)analysis_.update(headers, packet.time_ns, f);
    }
    void see_unfinished(const Headers&) override { ++unfinished; }

    uint64_t taken = 0;
    uint64_t number_sum = 0;
    uint64_t unfinished = 0;

  private:
    IpAnalysis analysis_;
};

using Step = std::array<uint8_t, 6>;

std::vector<uint8_t> make_fragment(const Step& step) {
    constexpr std::array<uint8_t, 5> kProtocols = {6, 17, 136, 132, 1};
    const bool is_ipv6 = (step[0] & 0x80) != 0;
    const uint8_t protocol = kProtocols[(step[0] >> 4 & 7U) % kProtocols.size()];
    const uint16_t offset = static_cast<uint16_t>(step[1] * (step[3] & 0x40 ? 32 : 1));
    const uint16_t length = step[2];
    const uint8_t more = step[3] & 1;
    std::vector<uint8_t> bytes;
    if (is_ipv6) {
        bytes.assign(48, 0);
        bytes[0] = 0x60;
        bytes[4] = static_cast<uint8_t>((length + 8) >> 8);
        bytes[5] = static_cast<uint8_t>(length + 8);
        bytes[6] = 44;
        bytes[40] = protocol;
        bytes[42] = static_cast<uint8_t>(offset >> 5);
        bytes[43] = static_cast<uint8_t>(offset << 3 | more);
        bytes[47] = step[0] & 15;
    } else {
        bytes.assign(20, 0);
        bytes[0] = 0x45;
        bytes[2] = static_cast<uint8_t>((length + 20) >> 8);
        bytes[3] = static_cast<uint8_t>(length + 20);
        bytes[5] = step[0] & 15;
        bytes[6] = static_cast<uint8_t>((more << 5) | (offset >> 8 & 0x1f));
        bytes[7] = static_cast<uint8_t>(offset);
        bytes[9] = protocol;
    }
    for (uint16_t i = 0; i < length; ++i) {
        bytes.push_back(static_cast<uint8_t>(i < 4 ? step[4] & 1 : step[5] + i));
    }
    return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    FragmentSettings settings;
    settings.datagrams_max = 4;
    settings.held_packets_max = 8;
    settings.held_bytes_max = 1000;
    FragmentFollower follower(settings);
    Sink sink;
    uint64_t given = 0;
    uint64_t number_sum = 0;
    int64_t now_ns = 0;
    for (; size >= 6; data += 6, size -= 6) {
        const Step step = {data[0], data[1], data[2], data[3], data[4], data[5]};
        now_ns += int64_t{step[3] >> 1 & 0x1f} * 1'000'000'000;
        const std::vector<uint8_t> bytes = make_fragment(step);
        Packet packet;
        packet.number = given + 1;
        packet.time_ns = now_ns;
        packet.link = LinkType::kRaw;
        packet.bytes = bytes;
        packet.wire_bytes = static_cast<uint32_t>(bytes.size());
        const Headers headers = decode(packet);
        if (!headers.ip.is_fragment) {
            continue;
        }
        ++given;
        number_sum += given;
        follower.follow(packet, headers, sink);
        DIRECTOR_ASSERT(follower.datagrams() <= settings.datagrams_max);
        DIRECTOR_ASSERT(follower.held_packets() <= settings.held_packets_max);
        DIRECTOR_ASSERT(follower.held_bytes() <= settings.held_bytes_max);
        DIRECTOR_ASSERT(sink.taken + follower.held_packets() == given);
    }
    follower.finish(sink);
    DIRECTOR_ASSERT(sink.taken == given && sink.number_sum == number_sum);
    DIRECTOR_ASSERT(follower.datagrams() == 0 && follower.held_bytes() == 0);
    return 0;
}
