// One TCP connection through the director of nat_lab.h, by hand and byte for byte: each side's
// stream is put together by sequence number as its receiver does, and every byte that comes twice
// has to be the same one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/nat_lab.h"
#include "tests/support/packet_reader.h"
#include "tests/support/worker_fleet.h"

namespace director::test {

// A family and a method: where a helper that adjusts streams has to work.
struct Way {
    std::string name;
    IpAddress client;
    IpAddress vip;
    IpAddress server;
    dataplane::ForwardingMethod forwarding;
};

[[nodiscard]] inline std::vector<Way> ways() {
    using nat_lab::kClient, nat_lab::kClient6, nat_lab::kServer107, nat_lab::kServer107v6;
    using nat_lab::kVip, nat_lab::kVip6;
    constexpr auto kNat = dataplane::ForwardingMethod::kNat;
    constexpr auto kFullNat = dataplane::ForwardingMethod::kFullNat;
    return {{"IPv4, NAT", kClient, kVip, kServer107, kNat},
            {"IPv6, NAT", kClient6, kVip6, kServer107v6, kNat},
            {"IPv4, full NAT", kClient, kVip, kServer107, kFullNat},
            {"IPv6, full NAT", kClient6, kVip6, kServer107v6, kFullNat},
            {"IPv6 to IPv4", kClient6, kVip6, kServer107, kFullNat}};
}

// What a receiver got: bytes by their place behind the SYN.
class ReceivedStream {
  public:
    void take(const DecodedFrame& frame) {
        REQUIRE(frame.tcp);
        if ((frame.tcp->flags & kTcpSyn) != 0) {
            first_ = frame.tcp->seq + 1;
            return;
        }
        for (size_t i = 0; i < frame.payload.size(); ++i) {
            const uint32_t place = frame.tcp->seq + static_cast<uint32_t>(i) - first_;
            const auto [at, is_new] = bytes_.try_emplace(place, frame.payload[i]);
            REQUIRE(at->second == frame.payload[i]);
        }
        if ((frame.tcp->flags & kTcpFin) != 0) {
            const auto length = static_cast<uint32_t>(frame.payload.size());
            REQUIRE(frame.tcp->seq + length - first_ == bytes_.size());
        }
    }
    // All of it from the first byte on; fails when something is missing.
    [[nodiscard]] std::string text() const {
        std::string all;
        for (const auto& [place, byte] : bytes_) {
            REQUIRE(place == all.size());
            all += static_cast<char>(byte);
        }
        return all;
    }
    [[nodiscard]] bool is_empty() const { return bytes_.empty(); }

  private:
    uint32_t first_ = 0;
    std::map<uint32_t, uint8_t> bytes_;
};

// What a segment says beside its ends.
struct Said {
    uint8_t flags = kTcpAck;
    uint32_t seq = 0;
    uint32_t ack = 0;
    std::string text = {};
    std::vector<uint8_t> options = {};
};

class AdjustedConnection {
  public:
    static constexpr uint32_t kClientIsn = 0xfffffff0;  // numbers wrap within the first bytes
    static constexpr uint32_t kServerIsn = 5000;

    AdjustedConnection(WorkerFleet& fleet, const Endpoint& own, const Endpoint& peer)
        : client(own), service(peer), fleet_(&fleet) {}

    // Another director takes the addresses over.
    void move_to(WorkerFleet& fleet) { fleet_ = &fleet; }

    const Endpoint client;
    const Endpoint service;
    Endpoint server;         // once the SYN has arrived there
    Endpoint inside_client;  // as the server sees it
    ReceivedStream to_server;
    ReceivedStream to_client;

    [[nodiscard]] PacketBuilder client_frame(const Said& said) const {
        return nat_lab::from_client(client.address, service.address)
            .tcp(client.port.host(), service.port.host())
            .tcp_flags(said.flags)
            .seq(said.seq)
            .ack(said.ack)
            .tcp_options(said.options)
            .payload(said.text);
    }
    [[nodiscard]] PacketBuilder server_frame(const Said& said) const {
        return nat_lab::from_server(server.address, inside_client.address)
            .tcp(server.port.host(), inside_client.port.host())
            .tcp_flags(said.flags)
            .seq(said.seq)
            .ack(said.ack)
            .tcp_options(said.options)
            .payload(said.text);
    }
    // Sends a segment and answers it as it arrived at the other end.
    DecodedFrame say(const Said& said) {
        const Outcome out = fleet_->send_one(nat_lab::kOutside, client_frame(said).build());
        INFO(describe(out.bytes));
        REQUIRE(out.verdict == dataplane::Verdict::kForward);
        REQUIRE(out.out_port == nat_lab::kInside);
        DecodedFrame frame = decode(out.bytes);
        if ((said.flags & kTcpSyn) != 0) {
            server = frame.destination();
            inside_client = frame.source();
        }
        REQUIRE(frame.destination() == server);
        REQUIRE(frame.source() == inside_client);
        to_server.take(frame);
        return frame;
    }
    DecodedFrame answer(const Said& said) {
        const Outcome out = fleet_->send_one(nat_lab::kInside, server_frame(said).build());
        INFO(describe(out.bytes));
        REQUIRE(out.verdict == dataplane::Verdict::kForward);
        REQUIRE(out.out_port == nat_lab::kOutside);
        REQUIRE_FALSE(out.answered);
        DecodedFrame frame = decode(out.bytes);
        REQUIRE(frame.source() == service);
        REQUIRE(frame.destination() == client);
        to_client.take(frame);
        return frame;
    }
    // The client's first number, and the server's.
    static constexpr uint32_t kOut = kClientIsn + 1;
    static constexpr uint32_t kIn = kServerIsn + 1;

    void shake_hands() {
        say({.flags = kTcpSyn, .seq = kClientIsn});
        answer({.flags = kTcpSyn | kTcpAck, .seq = kServerIsn, .ack = kOut});
        say({.seq = kOut, .ack = kIn});
    }

  private:
    WorkerFleet* fleet_;
};

}  // namespace director::test
