// A TCP header with any options -> everything that makes or changes one: the SYN-ACK with a cookie,
// the check of an ACK, the two handshakes' splicing, sequence adjustment, the TCP option address.
// Right checksums stay right, and what was proven is what was asked for.
//
// An input is a byte of settings (1: IPv6, 2: no timestamps offered, 4: from the server), four
// numbers of four bytes (sequence, acknowledgement, two shifts), a length, the options, a payload.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/assert.h"
#include "dataplane/core/codecs/syn_cookie.h"
#include "dataplane/core/codecs/toa.h"
#include "tests/support/tcp_frame.h"

namespace {

using namespace director;
using namespace director::dataplane;
using test::fault_of;
using test::number_at;
using test::TestFrame;

constexpr SynCookieKey kKey{{1, 2}, {3, 4}};
constexpr TimePoint kNow{std::chrono::hours(5)};

TcpOptions options_of(const FrameBytes& frame) {
    return parse_tcp_options(
        {frame.l4() + kTcpHeaderBytes, frame.tcp_header_bytes() - kTcpHeaderBytes});
}

// A SYN with these options is answered, and the answer's acknowledgement proves them.
void shake_hands(const test::FrameSpec& spec, const SynProxyOffer& offer) {
    TestFrame syn(spec);
    const TcpOptions asked = options_of(syn.bytes);
    DIRECTOR_ASSERT(build_syn_ack(syn.bytes, kKey, offer, kNow));
    DIRECTOR_ASSERT(fault_of(syn.bytes).empty());
    const TcpOptions answered = options_of(syn.bytes);
    TcpOptions ack;
    ack.has_timestamps = answered.has_timestamps;
    ack.timestamp_echo = answered.timestamp;
    const uint32_t cookie = number_at(syn.bytes.l4() + kTcpSequence, 4);
    const auto proven = check_syn_cookie(kKey,
                                         {spec.source, spec.destination},
                                         {spec.sequence + 1, cookie + 1, 0, ack},
                                         offer,
                                         kNow);
    DIRECTOR_ASSERT(proven && proven->initial_sequence == spec.sequence);
    const bool has_room = asked.has_timestamps && offer.has_timestamps;
    DIRECTOR_ASSERT(proven->options.has_sack == (has_room && asked.has_sack));
    DIRECTOR_ASSERT(proven->options.has_window_scale == (has_room && asked.has_window_scale));
    DIRECTOR_ASSERT(!proven->options.has_window_scale ||
                    proven->options.window_scale == asked.window_scale);
    TestFrame to_server(spec);
    DIRECTOR_ASSERT(build_syn_to_server(to_server.bytes, *proven));
    DIRECTOR_ASSERT(fault_of(to_server.bytes).empty());

    TestFrame syn_ack(spec);
    TestFrame copy(spec);
    auto adjustment = splice(syn_ack.bytes, *proven, offer.window_scale);
    DIRECTOR_ASSERT(build_ack_to_server(syn_ack.bytes, *proven));
    DIRECTOR_ASSERT(fault_of(syn_ack.bytes).empty());
    DIRECTOR_ASSERT(build_window_update(copy.bytes));
    if (adjustment) {
        adjust_tcp(copy.bytes.l4(), copy.bytes.tcp_header_bytes(), TcpSender::kServer, *adjustment);
        DIRECTOR_ASSERT(number_at(copy.bytes.l4() + kTcpSequence, 4) == cookie + 1);
    }
    DIRECTOR_ASSERT(fault_of(copy.bytes).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kFixedBytes = 18;
    if (size < kFixedBytes) {
        return 0;
    }
    const uint8_t settings = data[0];
    const size_t option_bytes = std::min<size_t>(
        {size_t{data[17]} / 4 * 4, kTcpOptionBytesMax, (size - kFixedBytes) / 4 * 4});
    const uint8_t* const options = data + kFixedBytes;
    const bool is_ipv6 = (settings & 1) != 0;
    test::FrameSpec spec;
    spec.source = Endpoint::parse(is_ipv6 ? "[2001:db8::1]:4000" : "192.0.2.1:4000").value();
    spec.destination = Endpoint::parse(is_ipv6 ? "[2001:db8::2]:80" : "10.0.0.1:80").value();
    spec.sequence = number_at(data + 1, 4);
    spec.acknowledgement = number_at(data + 5, 4);
    spec.options.assign(options, options + option_bytes);
    spec.payload = {reinterpret_cast<const char*>(options) + option_bytes,
                    std::min<size_t>(size - kFixedBytes - option_bytes, 100)};
    SynProxyOffer offer;
    offer.has_timestamps = (settings & 2) == 0;
    shake_hands(spec, offer);

    TestFrame frame(spec);
    (void)check_syn_cookie(frame.bytes, kKey, offer, kNow);
    TcpAdjustment adjustment;
    adjustment.sent[0] = constant_shift(spec.sequence, number_at(data + 9, 4));
    adjustment.sent[1] = {
        number_at(data + 9, 4), static_cast<int32_t>(number_at(data + 13, 4)), 5, true};
    adjustment.timestamp_delta = number_at(data + 13, 4);
    adjust_tcp(frame.bytes.l4(),
               frame.bytes.tcp_header_bytes(),
               (settings & 4) != 0 ? TcpSender::kServer : TcpSender::kClient,
               adjustment);
    DIRECTOR_ASSERT(fault_of(frame.bytes).empty());
    const bool has_room =
        option_bytes + (is_ipv6 ? kToaBytesIpv6 : kToaBytesIpv4) <= kTcpOptionBytesMax;
    DIRECTOR_ASSERT(insert_toa(frame.bytes, spec.source) == has_room);
    DIRECTOR_ASSERT(fault_of(frame.bytes).empty());
    DIRECTOR_ASSERT(test::payload_of(frame.bytes) == spec.payload);
    return 0;
}
