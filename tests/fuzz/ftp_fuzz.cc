// Segments of an FTP control connection -> the helper. Whatever is said: a frame with right
// checksums stays one, and no expectation leads anywhere but to the connection's own ends.
//
// An input is a byte for families and method, then segments: a byte (1: from the server, 2: from 20
// bytes ago, 4: 30 bytes are lost before it, 8: no headroom), a length, the text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/assert.h"
#include "dataplane/core/codecs/ftp.h"
#include "tests/support/tcp_frame.h"

namespace {

using namespace director;
using namespace director::dataplane;

// Both families, by NAT and by full NAT, and IPv6 to IPv4.
FtpEnds ends_of(uint8_t way) {
    const auto end = [](const char* text) { return Endpoint::parse(text).value(); };
    const Endpoint client = end((way & 1) != 0 ? "[2001:db8:c::7]:40000" : "198.51.100.7:40000");
    const Endpoint service = end((way & 1) != 0 ? "[2001:db8::10]:21" : "203.0.113.10:21");
    const bool is_inside_ipv6 = (way & 1) != 0 && (way & 4) == 0;
    const Endpoint server = end(is_inside_ipv6 ? "[fd00::2]:21" : "10.0.0.2:21");
    const Endpoint local = end(is_inside_ipv6 ? "[fd00::100]:1025" : "10.0.0.100:1025");
    const bool is_renamed = (way & 2) != 0 || (way & 5) == 5;
    return {client, service, server, is_renamed ? local : client};
}

void check(const FtpEnds& ends, const FtpExpectation& expectation) {
    DIRECTOR_ASSERT(expectation.client.address == ends.client.address);
    DIRECTOR_ASSERT(expectation.virtual_end.address == ends.virtual_service.address);
    DIRECTOR_ASSERT(expectation.real_end.address == ends.real_server.address);
    const bool is_passive = expectation.client.port == Be16{};
    DIRECTOR_ASSERT(is_passive || expectation.real_end.port.host() == 20);
    DIRECTOR_ASSERT(!is_passive || expectation.real_end.port != Be16{});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const FtpEnds ends = ends_of(data[0]);
    FtpControl control;
    TcpAdjustment adjustment;
    uint32_t sequences[2]{0xffffffc0U, 0x7fffffc0U};
    for (size_t at = 1; at + 2 <= size;) {
        const uint8_t how = data[at];
        const size_t length = std::min<size_t>(data[at + 1], size - at - 2);
        const std::string_view text(reinterpret_cast<const char*>(data) + at + 2, length);
        at += 2 + length;
        const bool is_from_server = (how & 1) != 0;
        uint32_t& next = sequences[is_from_server ? 1 : 0];
        const uint32_t sequence = next + ((how & 4) != 0 ? 30U : 0U) - ((how & 2) != 0 ? 20U : 0U);
        next = sequence + static_cast<uint32_t>(length);
        test::TestFrame frame({is_from_server ? ends.real_server : ends.client,
                               is_from_server ? ends.inside_client : ends.virtual_service,
                               sequence,
                               1,
                               kTcpFlagAck,
                               100,
                               {},
                               text},
                              (how & 8) != 0 ? 2 : 64);
        DIRECTOR_ASSERT(test::fault_of(frame.bytes).empty());
        if (is_from_server) {
            const FtpReply reply = ftp_from_server(control, ends, frame.bytes, adjustment);
            DIRECTOR_ASSERT(test::fault_of(frame.bytes).empty());
            if (reply.action == FtpAction::kAnswer) {
                DIRECTOR_ASSERT(frame.bytes.destination() == ends.real_server);
                DIRECTOR_ASSERT(test::payload_of(frame.bytes).empty());
                continue;
            }
            const std::string_view sent = test::payload_of(frame.bytes);
            // A line's beginning may be kept back or added.
            DIRECTOR_ASSERT(reply.expectation || sent.size() <= text.size() + kFtpLineMax);
            adjust_tcp(frame.bytes.l4(), 20, TcpSender::kServer, adjustment);
            DIRECTOR_ASSERT(test::fault_of(frame.bytes).empty());
            if (reply.expectation) {
                check(ends, *reply.expectation);
            }
            continue;
        }
        const FtpRequest request = ftp_from_client(control, ends, frame.bytes);
        DIRECTOR_ASSERT(test::fault_of(frame.bytes).empty());
        if (request.action == FtpAction::kAnswer) {
            DIRECTOR_ASSERT(frame.bytes.destination() == ends.client);
            DIRECTOR_ASSERT(test::payload_of(frame.bytes).empty());
            continue;
        }
        if (request.expectation && !request.is_spoiled) {
            check(ends, *request.expectation);
            if (ends.is_client_renamed()) {
                static_cast<void>(ftp_rename_client(
                    control, frame.bytes, request, ends.inside_client, adjustment));
            }
        }
        adjust_tcp(frame.bytes.l4(), 20, TcpSender::kClient, adjustment);
        DIRECTOR_ASSERT(test::fault_of(frame.bytes).empty());
    }
    return 0;
}
