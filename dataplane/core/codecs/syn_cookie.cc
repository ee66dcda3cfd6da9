#include "dataplane/core/codecs/syn_cookie.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "common/hash.h"
#include "dataplane/core/codecs/siphash.h"
#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

// Linux: MAX_SYNCOOKIE_AGE, so that a cookie is good for one to two minutes.
// Below the segment size: unlike in Linux, a client's number that is one off, as a probe's of a
// closed window, makes no cookie for another segment size.
constexpr uint32_t kSpareBits = 8;
constexpr uint32_t kMinutesMax = 2;
constexpr uint32_t kDataBits = 24;
constexpr uint32_t kDataMask = (1U << kDataBits) - 1;

// What 3 bits of a cookie can say. The lowest is for whom it is better to send too much at once
// than not to be served; the others are what Ethernet, PPPoE, tunnels and jumbo frames leave.
constexpr std::array<uint16_t, 8> kMssIpv4{216, 536, 1220, 1300, 1400, 1440, 1460, 8960};
constexpr std::array<uint16_t, 8> kMssIpv6{536, 1220, 1280, 1340, 1380, 1420, 1440, 8940};
constexpr uint16_t kMssDefaultIpv4 = 536;   // RFC 9293 section 3.7.1
constexpr uint16_t kMssDefaultIpv6 = 1220;  // likewise

// The low bits of a timestamp (Linux: TS_OPT_*): window scale, SACK permitted; one is spare, for
// what a server thinks of ECN cannot be known before it is asked.
constexpr uint32_t kTimestampBits = 6;
constexpr uint32_t kTimestampMask = (1U << kTimestampBits) - 1;
constexpr uint32_t kTimestampScaleMask = 0xf;
constexpr uint32_t kTimestampNoScale = 0xf;
constexpr uint32_t kTimestampSack = 0x10;

[[nodiscard]] uint32_t minutes_of(TimePoint now) {
    return static_cast<uint32_t>(
        std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch()).count());
}

[[nodiscard]] uint32_t timestamp_of(TimePoint now) {
    return static_cast<uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
}

[[nodiscard]] uint32_t hash_of(const HashKey& key, const SynCookieFlow& flow, uint32_t count) {
    std::array<uint64_t, 5> words{};
    std::memcpy(words.data(), flow.client.address.bytes.data(), 16);
    std::memcpy(words.data() + 2, flow.virtual_service.address.bytes.data(), 16);
    words[4] = uint64_t{flow.client.port.raw} << 48 |
               uint64_t{flow.virtual_service.port.raw} << 32 | count;
    return static_cast<uint32_t>(siphash24(key, words));
}

[[nodiscard]] const std::array<uint16_t, 8>& mss_table(const SynCookieFlow& flow) {
    return flow.client.address.is_ipv4() ? kMssIpv4 : kMssIpv6;
}

// The largest size that is not above the client's.
[[nodiscard]] uint32_t mss_index(const SynCookieFlow& flow, uint16_t mss) {
    const uint16_t wanted =
        mss != 0 ? mss : (flow.client.address.is_ipv4() ? kMssDefaultIpv4 : kMssDefaultIpv6);
    const auto& table = mss_table(flow);
    auto index = static_cast<uint32_t>(table.size() - 1);
    while (index > 0 && table[index] > wanted) {
        --index;
    }
    return index;
}

// Linux's cookie_init_timestamp: never a timestamp from the future.
[[nodiscard]] uint32_t cookie_timestamp(const TcpOptions& client,
                                        const SynProxyOffer& offer,
                                        TimePoint now) {
    const uint32_t scale =
        client.has_window_scale ? uint32_t{client.window_scale} : kTimestampNoScale;
    const uint32_t sack = client.has_sack && offer.has_sack ? kTimestampSack : 0;
    const uint32_t clock = timestamp_of(now);
    const uint32_t timestamp = (clock & ~kTimestampMask) | scale | sack;
    return timestamp > clock ? timestamp - (kTimestampMask + 1) : timestamp;
}

// A segment that answers or replaces a SYN-ACK, with its timestamps alone as options.
[[nodiscard]] TcpSegment after_syn_ack(const FrameBytes& syn_ack) {
    const uint8_t* const tcp = syn_ack.l4();
    const TcpOptions options = tcp_options_of(syn_ack);
    TcpSegment segment;
    segment.source = syn_ack.source();
    segment.destination = syn_ack.destination();
    segment.sequence = wire::load32(tcp + kTcpSequence) + 1;
    segment.acknowledgement = wire::load32(tcp + kTcpAcknowledgement);
    segment.flags = kTcpFlagAck;
    segment.options.has_timestamps = options.has_timestamps;
    segment.options.timestamp = options.timestamp;
    segment.options.timestamp_echo = options.timestamp_echo;
    // What a SYN-ACK says is not scaled, what follows it is (RFC 7323 section 2.2).
    segment.window = static_cast<uint16_t>(wire::load16(tcp + kTcpWindow) >>
                                           (options.has_window_scale ? options.window_scale : 0));
    return segment;
}

}  // namespace

SynCookie make_syn_cookie(const SynCookieKey& key,
                          const SynCookieFlow& flow,
                          uint32_t initial_sequence,
                          const TcpOptions& client,
                          const SynProxyOffer& offer,
                          TimePoint now) {
    const uint32_t count = minutes_of(now);
    const uint32_t data = mss_index(flow, client.mss) << kSpareBits;
    SynCookie cookie;
    cookie.sequence = hash_of(key.outer, flow, 0) + initial_sequence + (count << kDataBits) +
                      ((hash_of(key.inner, flow, count) + data) & kDataMask);
    cookie.timestamp = cookie_timestamp(client, offer, now);
    return cookie;
}

std::optional<SynCookieClient> check_syn_cookie(const SynCookieKey& key,
                                                const SynCookieFlow& flow,
                                                const SynCookieAck& ack,
                                                const SynProxyOffer& offer,
                                                TimePoint now) {
    SynCookieClient client;
    client.initial_sequence = ack.sequence - 1;
    client.cookie = ack.acknowledgement - 1;
    client.window = ack.window;
    const uint32_t count = minutes_of(now);
    const uint32_t inner = client.cookie - hash_of(key.outer, flow, 0) - client.initial_sequence;
    const uint32_t age = (count - (inner >> kDataBits)) & 0xff;
    if (age >= kMinutesMax) {
        return std::nullopt;
    }
    const uint32_t data = (inner - hash_of(key.inner, flow, count - age)) & kDataMask;
    const auto& table = mss_table(flow);
    const uint32_t wanted = data >> kSpareBits;
    if ((data & ((1U << kSpareBits) - 1)) != 0 || wanted >= table.size()) {
        return std::nullopt;
    }
    client.options.mss = table[wanted];
    if (ack.options.has_timestamps && offer.has_timestamps) {
        const uint32_t scale = ack.options.timestamp_echo & kTimestampScaleMask;
        client.options.has_timestamps = true;
        client.options.timestamp = ack.options.timestamp;
        client.options.timestamp_echo = ack.options.timestamp_echo;
        client.options.has_sack =
            (ack.options.timestamp_echo & kTimestampSack) != 0 && offer.has_sack;
        client.options.has_window_scale = scale != kTimestampNoScale;
        client.options.window_scale =
            static_cast<uint8_t>(client.options.has_window_scale ? scale : 0);
    }
    return client;
}

bool build_syn_ack(FrameBytes& frame,
                   const SynCookieKey& key,
                   const SynProxyOffer& offer,
                   TimePoint now) {
    const uint8_t* const tcp = frame.l4();
    const TcpOptions client = tcp_options_of(frame);
    const uint32_t initial_sequence = wire::load32(tcp + kTcpSequence);
    const SynCookieFlow flow{frame.source(), frame.destination()};
    const SynCookie cookie = make_syn_cookie(key, flow, initial_sequence, client, offer, now);
    TcpSegment answer;
    answer.source = flow.virtual_service;
    answer.destination = flow.client;
    answer.sequence = cookie.sequence;
    answer.acknowledgement = initial_sequence + 1;
    answer.flags = kTcpFlagSyn | kTcpFlagAck;
    answer.window = 0;  // until a server is there to listen
    answer.options.mss = flow.client.address.is_ipv4() ? offer.mss_ipv4 : offer.mss_ipv6;
    if (client.has_timestamps && offer.has_timestamps) {
        answer.options.has_timestamps = true;
        answer.options.timestamp = cookie.timestamp;
        answer.options.timestamp_echo = client.timestamp;
        answer.options.has_sack = client.has_sack && offer.has_sack;
        answer.options.has_window_scale = client.has_window_scale;
        answer.options.window_scale = offer.window_scale;
    }
    if (!compose_tcp(frame, answer)) {
        return false;
    }
    swap_mac_addresses(frame);
    return true;
}

std::optional<SynCookieClient> check_syn_cookie(const FrameBytes& frame,
                                                const SynCookieKey& key,
                                                const SynProxyOffer& offer,
                                                TimePoint now) {
    const uint8_t* const tcp = frame.l4();
    constexpr uint8_t kFlags = kTcpFlagSyn | kTcpFlagRst | kTcpFlagAck;
    if ((tcp[kTcpFlagsByte] & kFlags) != kTcpFlagAck) {
        return std::nullopt;
    }
    const SynCookieAck ack{wire::load32(tcp + kTcpSequence),
                           wire::load32(tcp + kTcpAcknowledgement),
                           wire::load16(tcp + kTcpWindow),
                           tcp_options_of(frame)};
    return check_syn_cookie(key, {frame.source(), frame.destination()}, ack, offer, now);
}

TcpSegment syn_to_server(const SynCookieClient& client) {
    TcpSegment syn;
    syn.sequence = client.initial_sequence;
    syn.flags = kTcpFlagSyn;
    // What a SYN says is not scaled (RFC 7323 section 2.2).
    constexpr uint32_t kWindowMax = 65535;
    syn.window = static_cast<uint16_t>(
        std::min(uint32_t{client.window} << client.options.window_scale, kWindowMax));
    syn.options = client.options;
    syn.options.timestamp_echo = 0;
    return syn;
}

bool build_syn_to_server(FrameBytes& frame, const SynCookieClient& client) {
    TcpSegment syn = syn_to_server(client);
    syn.source = frame.source();
    syn.destination = frame.destination();
    syn.hop_limit = frame.ip()[frame.is_ipv4() ? wire::kIpv4Ttl : wire::kIpv6HopLimit];
    return compose_tcp(frame, syn);
}

std::optional<TcpAdjustment> splice(const FrameBytes& syn_ack,
                                    const SynCookieClient& client,
                                    uint8_t offered_scale) {
    const uint8_t* const tcp = syn_ack.l4();
    const TcpOptions server = tcp_options_of(syn_ack);
    const TcpOptions& promised = client.options;
    if ((promised.has_timestamps && !server.has_timestamps) ||
        (promised.has_sack && !server.has_sack) ||
        (promised.has_window_scale && !server.has_window_scale)) {
        return std::nullopt;
    }
    const uint32_t sequence = wire::load32(tcp + kTcpSequence);
    TcpAdjustment adjustment;
    adjustment.sent[static_cast<size_t>(TcpSender::kServer)] =
        constant_shift(sequence, client.cookie - sequence);
    if (promised.has_timestamps) {
        adjustment.timestamp_delta = promised.timestamp_echo - server.timestamp;
    }
    if (promised.has_window_scale) {
        adjustment.window_shift = static_cast<int8_t>(server.window_scale - offered_scale);
    }
    return adjustment;
}

bool build_ack_to_server(FrameBytes& frame, const SynCookieClient& client) {
    TcpSegment ack = after_syn_ack(frame);
    std::swap(ack.source, ack.destination);
    std::swap(ack.sequence, ack.acknowledgement);
    std::swap(ack.options.timestamp, ack.options.timestamp_echo);
    ack.window = client.window;
    if (!compose_tcp(frame, ack)) {
        return false;
    }
    swap_mac_addresses(frame);
    return true;
}

bool build_window_update(FrameBytes& frame) {
    const uint8_t ttl = frame.ip()[frame.is_ipv4() ? wire::kIpv4Ttl : wire::kIpv6HopLimit];
    TcpSegment update = after_syn_ack(frame);
    update.hop_limit = ttl;
    return compose_tcp(frame, update);
}

}  // namespace director::dataplane
