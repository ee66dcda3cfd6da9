#include "tests/unit/diagnostics/match/simulated.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace director::diagnostics::matching {
namespace {

constexpr uint32_t kMss = 1460;
constexpr int64_t kMs = 1'000'000;

}  // namespace

// One connection as it goes.
struct Simulation::Talk {
    Device device;
    Weather weather;
    Side sides[2];
    uint64_t conversation = 0;
    int64_t now_ns = 0;
    uint32_t sequence[2] = {0, 0};  // next, of client and server; as the first point's side has it
    bool is_proxied = false;
};

std::vector<uint8_t> Simulation::random_bytes(size_t count) {
    std::vector<uint8_t> bytes(count);
    for (uint8_t& byte : bytes) {
        byte = static_cast<uint8_t>(random_.next());
    }
    return bytes;
}

void Simulation::see(
    uint32_t point, int64_t time_ns, const Side& side, const Talk& talk, Frame frame) {
    Headers& headers = frame.headers;
    const bool is_from_client = headers.source_port == 0;
    const Endpoint& source = is_from_client ? side.client : side.server;
    const Endpoint& destination = is_from_client ? side.server : side.client;
    headers.layer3 = Layer3::kIpv4;
    headers.layer4 = Layer4::kTcp;
    headers.ip.source = source.address;
    headers.ip.destination = destination.address;
    headers.source_port = source.port.host();
    headers.destination_port = destination.port.host();
    headers.tcp.sequence += is_from_client ? side.client_shift : side.server_shift;
    headers.tcp.acknowledgement += (headers.tcp.flags & kAck) == 0 ? 0
                                   : is_from_client                ? side.server_shift
                                                                   : side.client_shift;
    headers.ip.ttl = static_cast<uint8_t>(is_from_client ? 64 - point : 63 + point);
    frame.time_ns = time_ns;
    if (point == 1) {
        const double drift = talk.weather.drift_ppm / 1e6;
        frame.time_ns +=
            talk.weather.offset_ns + std::llround(drift * static_cast<double>(time_ns - start_ns_));
    }
    frame.conversation = talk.conversation;
    frames_[point].push_back(std::move(frame));
}

// Over both points, until it has got through.
void Simulation::send(Talk& talk, bool is_from_client, uint16_t flags, uint32_t bytes) {
    const size_t side = is_from_client ? 0 : 1;
    const std::vector<uint8_t> payload = random_bytes(bytes);
    for (bool is_lost = true; is_lost;) {
        talk.now_ns += between(20'000, 400'000);
        is_lost = happens(talk.weather.lost_permille);
        const uint32_t first = is_from_client ? 0 : 1;
        const bool is_cut = talk.device.cuts_frames && bytes > kMss;
        const uint32_t segments = is_cut ? (bytes + kMss - 1) / kMss : 1;
        Frame frame;
        frame.truth = next_truth_;
        frame.truths = segments;
        next_truth_ += segments;
        frame.payload = payload;
        frame.headers.source_port = is_from_client ? 0 : 1;
        frame.headers.tcp.flags = flags;
        frame.headers.tcp.window = static_cast<uint16_t>(between(1000, 60000));
        frame.headers.tcp.sequence = talk.sequence[side];
        frame.headers.tcp.acknowledgement = (flags & kAck) != 0 ? talk.sequence[1 - side] : 0;
        uint16_t& id = talk.sides[0].ids[side];
        const bool has_id = talk.device.ids != IpIds::kZero;
        frame.headers.ip.identification = has_id ? id : 0U;
        id = static_cast<uint16_t>(id + segments == 0 ? 1 : id + segments);
        // The sender's side sees whole frames where the card cuts them; the other one segments.
        const auto see_at = [&](uint32_t point, int64_t time_ns) {
            if (segments == 1 || point == first) {
                Frame seen = frame;
                if (point == 1 && talk.device.ids == IpIds::kRewritten) {
                    seen.headers.ip.identification =
                        static_cast<uint32_t>(random_.below(65535) + 1);
                }
                see(point, time_ns, talk.sides[point], talk, std::move(seen));
                return;
            }
            for (uint32_t i = 0; i < segments; ++i) {
                Frame part = frame;
                part.truth += i;
                part.truths = 1;
                part.headers.tcp.sequence += i * kMss;
                part.headers.ip.identification =
                    has_id ? (frame.headers.ip.identification + i) & 0xffffU : 0U;
                const auto begin = payload.begin() + i * kMss;
                part.payload.assign(begin, payload.begin() + std::min(bytes, (i + 1) * kMss));
                see(point, time_ns + i * 12'000, talk.sides[point], talk, std::move(part));
            }
        };
        see_at(first, talk.now_ns);
        const int64_t arrival = talk.now_ns + 200'000 + between(0, talk.weather.jitter_ns);
        if (!is_lost) {
            see_at(1 - first, arrival);
            if (happens(talk.weather.doubled_permille)) {
                see_at(1 - first, arrival + between(1'000, 2 * kMs));
            }
        } else {
            talk.now_ns += between(200 * kMs, 400 * kMs);
        }
    }
    talk.sequence[side] += bytes + ((flags & (kSyn | kFin)) != 0 ? 1U : 0U);
}

void Simulation::exchange(Talk& talk) {
    const uint32_t frame_max = talk.device.cuts_frames ? 10 * kMss : kMss;
    const auto stream = [&](bool is_from_client, uint32_t bytes) {
        uint32_t sent = 0;
        while (bytes > 0) {
            const uint32_t now = std::min(bytes, frame_max);
            bytes -= now;
            send(talk, is_from_client, bytes == 0 ? kPsh | kAck : kAck, now);
            if (++sent % 2 == 0 || bytes == 0) {
                send(talk, !is_from_client, kAck, 0);
            }
        }
    };
    send(talk, true, kSyn, 0);
    send(talk, false, kSyn | kAck, 0);
    send(talk, true, kAck, 0);
    for (int64_t turns = between(1, 4); turns > 0; --turns) {
        stream(true, static_cast<uint32_t>(between(50, 3000)));
        talk.now_ns += between(1, 50) * kMs;
        stream(false, static_cast<uint32_t>(between(50, 30000)));
        talk.now_ns += between(1, 500) * kMs;
    }
    send(talk, true, kFin | kAck, 0);
    send(talk, false, kFin | kAck, 0);
    send(talk, true, kAck, 0);
}

void Simulation::converse(uint32_t count, const Device& device, const Weather& weather) {
    for (uint32_t i = 0; i < count; ++i) {
        Talk talk;
        talk.device = device;
        talk.weather = weather;
        talk.conversation = next_conversation_++;
        talk.now_ns = start_ns_ + between(0, 20'000) * kMs;
        Side& a = talk.sides[0];
        a.client = {Ipv4Address::of(10, 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)),
                    Be16::from_host(static_cast<uint16_t>(between(1024, 65535)))};
        a.server = {Ipv4Address::of(192, 0, 2, 1), Be16::from_host(80)};
        Side& b = talk.sides[1];
        b = a;
        if (device.translates_client) {
            b.client.address = Ipv4Address::of(198, 51, 100, 7);
            b.client.port = Be16::from_host(static_cast<uint16_t>(2000 + i));
        }
        if (device.translates_port) {
            b.client.port = Be16::from_host(static_cast<uint16_t>(20000 + i));
        }
        if (device.translates_server) {
            b.server.address = Ipv4Address::of(172, 16, 0, static_cast<uint8_t>(1 + i % 5));
        }
        if (device.shifts_sequences) {
            b.client_shift = static_cast<uint32_t>(random_.next());
            b.server_shift = static_cast<uint32_t>(random_.next());
        }
        for (size_t side = 0; side < 2; ++side) {
            talk.sequence[side] = static_cast<uint32_t>(random_.next());
            a.ids[side] = static_cast<uint16_t>(between(1, 65000));
        }
        exchange(talk);
    }
}

// Of one point alone: the other sees something else.
void Simulation::say(Talk& talk,
                     uint32_t point,
                     bool is_from_client,
                     const std::vector<uint8_t>& bytes) {
    const size_t side = is_from_client ? 0 : 1;
    const uint32_t mss = point == 0 ? 1380 : 1448;
    for (size_t at = 0; at == 0 || at < bytes.size(); at += mss) {
        Frame frame;
        frame.truth = next_truth_++;
        const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        frame.payload.assign(
            begin, bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), at + mss)));
        frame.headers.source_port = is_from_client ? 0 : 1;
        frame.headers.tcp.flags = kAck;
        frame.headers.tcp.sequence = talk.sequence[side];
        frame.headers.tcp.acknowledgement = talk.sequence[1 - side];
        frame.headers.ip.identification = static_cast<uint32_t>(random_.below(65536));
        talk.sequence[side] += static_cast<uint32_t>(frame.payload.size());
        see(point, talk.now_ns, talk.sides[point], talk, std::move(frame));
        talk.now_ns += 2'000;
    }
}

void Simulation::proxy(uint32_t count, Says protocol, const Weather& weather) {
    for (uint32_t i = 0; i < count; ++i) {
        Talk a;
        a.weather = weather;
        a.conversation = next_conversation_++;
        a.now_ns = start_ns_ + between(0, 60'000) * kMs;
        a.sides[0].client = {
            Ipv4Address::of(10, 1, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)),
            Be16::from_host(static_cast<uint16_t>(between(1024, 65535)))};
        a.sides[0].server = {Ipv4Address::of(192, 0, 2, 2), Be16::from_host(443)};
        Talk b = a;
        b.sides[1].client = {Ipv4Address::of(172, 16, 9, 1),
                             Be16::from_host(static_cast<uint16_t>(30000 + i))};
        b.sides[1].server = {Ipv4Address::of(172, 16, 0, 9), Be16::from_host(80)};
        for (size_t side = 0; side < 2; ++side) {
            a.sequence[side] = static_cast<uint32_t>(random_.next());
            b.sequence[side] = static_cast<uint32_t>(random_.next());
        }
        const auto exchange_turn = [&](const std::vector<uint8_t>& request_a,
                                       const std::vector<uint8_t>& request_b,
                                       const std::vector<uint8_t>& response_a,
                                       const std::vector<uint8_t>& response_b) {
            say(a, 0, true, request_a);
            b.now_ns = a.now_ns + between(50'000, 300'000);
            say(b, 1, true, request_b);
            b.now_ns += between(1, 80) * kMs;
            say(b, 1, false, response_b);
            a.now_ns = b.now_ns + between(50'000, 300'000);
            say(a, 0, false, response_a);
            a.now_ns += between(1, 900) * kMs;
        };
        const auto bytes_of = [](const std::string& text) {
            return std::vector<uint8_t>(text.begin(), text.end());
        };
        if (protocol == Says::kTls) {
            std::vector<uint8_t> hello = random_bytes(300);
            hello[0] = 22;
            hello[1] = 3;
            say(a, 0, true, hello);
            a.now_ns += kMs;
            say(a, 0, false, random_bytes(3500));
            a.now_ns += kMs;
            for (int64_t turns = between(3, 6); turns > 0; --turns) {
                const auto request = static_cast<size_t>(between(300, 900));
                const auto response = static_cast<size_t>(between(500, 60'000));
                exchange_turn(random_bytes(request + 29),
                              random_bytes(request + 40),
                              random_bytes(response + 29 * (response / 16384 + 1)),
                              random_bytes(response));
            }
            continue;
        }
        const std::string path = protocol == Says::kSameRequests ? "same" : std::to_string(i % 7);
        const std::string head =
            fmt::format("GET /{} HTTP/1.1\r\nHost: www\r\nUser-Agent: t\r\n", path);
        const std::string forwarded =
            protocol == Says::kForwardedFor
                ? fmt::format("X-Forwarded-For: {}\r\n", to_string(a.sides[0].client.address))
                : "Via: 1.1 proxy\r\n";
        // Of the same requests, some responses tell them apart: as a clock to the others.
        const bool is_same = protocol == Says::kSameRequests && i % 4 != 0;
        const std::vector<uint8_t> response =
            is_same ? std::vector<uint8_t>(5000, 'x')
                    : random_bytes(static_cast<size_t>(between(500, 20'000)));
        exchange_turn(
            bytes_of(head + "\r\n"), bytes_of(head + forwarded + "\r\n"), response, response);
    }
}

Matched Simulation::match(const MatchSettings& settings) {
    std::vector<VantagePoint> points;
    by_number_.assign(2, {nullptr});
    for (size_t p = 0; p < 2; ++p) {
        std::stable_sort(frames_[p].begin(), frames_[p].end(), [](const Frame& a, const Frame& b) {
            return a.time_ns < b.time_ns;
        });
        PointBuilder builder(p == 0 ? "a" : "b", {});
        for (Frame& frame : frames_[p]) {
            frame.headers.payload = frame.payload;
            frame.headers.payload_wire_bytes = static_cast<uint32_t>(frame.payload.size());
            Packet packet;
            packet.number = by_number_[p].size();
            packet.time_ns = frame.time_ns;
            by_number_[p].push_back(&frame);
            builder.add(packet, frame.headers);
        }
        points.push_back(std::move(builder).finish());
    }
    return match_points(std::move(points), settings);
}

Simulation::Score Simulation::score(const Matched& matched) const {
    Score score;
    std::set<uint64_t> seen[2];
    for (size_t p = 0; p < 2; ++p) {
        for (const Frame& frame : frames_[p]) {
            for (uint64_t i = 0; i < frame.truths; ++i) {
                seen[p].insert(frame.truth + i);
            }
        }
    }
    for (const uint64_t one : seen[0]) {
        score.expected += static_cast<uint32_t>(seen[1].count(one));
    }
    std::set<uint64_t> right;
    for (size_t i = 0; i * 2 < matched.matching.cells.size(); ++i) {
        const auto row = matched.matching.row(static_cast<uint32_t>(i));
        if (row[0].sighting == kNoIndex || row[1].sighting == kNoIndex) {
            continue;
        }
        const Frame& a = *by_number_[0][matched.sighting(0, row[0].sighting).number];
        const Frame& b = *by_number_[1][matched.sighting(1, row[1].sighting).number];
        const uint64_t common = std::max(a.truth, b.truth);
        const bool is_right = common < std::min(a.truth + a.truths, b.truth + b.truths);
        if (row[1].is_ambiguous) {
            ++score.ambiguous;
        } else if (is_right) {
            right.insert(common);
        } else {
            ++score.wrong;
        }
    }
    score.right = static_cast<uint32_t>(right.size());
    return score;
}

Simulation::Score Simulation::score_connections(const Matched& matched) const {
    Score score;
    score.expected = static_cast<uint32_t>(next_conversation_ - 1);
    const auto truth = [&](uint32_t point, uint32_t connection) {
        const VantagePoint& seen = matched.points[point];
        const uint32_t number = seen.sightings[seen.of(connection).front()].number;
        return by_number_[point][number]->conversation;
    };
    for (const Conversation& one : matched.matching.conversations) {
        if (one.points_seen() == 2) {
            const bool is_right = truth(0, one.connections[0]) == truth(1, one.connections[1]);
            ++(is_right ? score.right : score.wrong);
        }
    }
    score.ambiguous = static_cast<uint32_t>(matched.matching.ambiguous_connections.size());
    return score;
}

}  // namespace director::diagnostics::matching
