#include "tests/support/sim_net.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace director::test {

namespace {

[[noreturn]] void complain(std::string_view what, const DecodedFrame& frame) {
    throw std::logic_error(fmt::format(
        "{}: {} > {}", what, to_string(frame.source()), to_string(frame.destination())));
}

[[nodiscard]] std::string text_of(const DecodedFrame& frame) {
    return {frame.payload.begin(), frame.payload.end()};
}

}  // namespace

// --- SimClient
// ------------------------------------------------------------------------------------

void SimClient::transmit(uint8_t flags, std::string_view text) {
    net_.add_frame({.port = nat_lab::kOutside,
                    .bytes = nat_lab::from_client(endpoint.address, peer.address)
                                 .tcp(endpoint.port.host(), peer.port.host())
                                 .tcp_flags(flags)
                                 .seq(next_out_)
                                 .ack((flags & kTcpAck) != 0 ? next_in_ : 0)
                                 .payload(text)
                                 .build()});
    next_out_ += static_cast<uint32_t>(text.size()) + ((flags & (kTcpSyn | kTcpFin)) != 0 ? 1 : 0);
}

void SimClient::send_syn() {
    next_out_ = 1000;
    transmit(kTcpSyn);
}

void SimClient::say(std::string_view text) {
    if (state != State::kEstablished) {
        throw std::logic_error("a client that is not connected says something");
    }
    transmit(kTcpPsh | kTcpAck, text);
}

void SimClient::close() {
    transmit(kTcpFin | kTcpAck);
    state = State::kClosing;
}

void SimClient::abort() {
    transmit(kTcpRst | kTcpAck);
    state = State::kClosed;
}

void SimClient::receive(const DecodedFrame& frame) {
    if (frame.source() != peer) {
        complain("a client hears from a stranger", frame);
    }
    const TcpPart& tcp = *frame.tcp;
    if ((tcp.flags & kTcpRst) != 0) {
        if (state == State::kEstablished && tcp.seq != next_in_) {
            transmit(kTcpAck);  // RFC 5961 section 3.2
        } else {
            state = State::kReset;
        }
        return;
    }
    if ((tcp.flags & kTcpSyn) != 0) {
        if (state == State::kConnecting) {
            next_in_ = tcp.seq + 1;
            state = State::kEstablished;
            transmit(kTcpAck);
        }
        return;
    }
    if (frame.payload.empty() && (tcp.flags & kTcpFin) == 0) {
        if (state == State::kEstablished && tcp.seq != next_in_) {
            transmit(kTcpAck);  // RFC 9293 section 3.10.7.4
        }
        return;
    }
    if (tcp.seq != next_in_) {
        complain("a client hears another sequence number than its server's next", frame);
    }
    heard += text_of(frame);
    next_in_ += static_cast<uint32_t>(frame.payload.size());
    if ((tcp.flags & kTcpFin) != 0) {
        next_in_ += 1;
        state = State::kClosed;
    }
    transmit(kTcpAck);
}

// --- SimNet
// ---------------------------------------------------------------------------------------

void SimNet::add_server(const Endpoint& server) {
    servers_.try_emplace(server);
}

SimClient& SimNet::connect(const Endpoint& client, const Endpoint& service) {
    const auto [found, is_new] = clients_.try_emplace(client, *this, client, service);
    if (!is_new) {
        throw std::logic_error("two connections of one client endpoint");
    }
    found->second.send_syn();
    return found->second;
}

SimClient& SimNet::client(const Endpoint& endpoint) {
    return clients_.at(endpoint);
}

void SimNet::forget_client(const Endpoint& endpoint) {
    clients_.erase(endpoint);
}

void SimNet::send_udp(const Endpoint& client, const Endpoint& service, std::string_view text) {
    add_frame({.port = nat_lab::kOutside,
               .bytes = nat_lab::from_client(client.address, service.address)
                            .udp(client.port.host(), service.port.host())
                            .payload(text)
                            .build()});
}

void SimNet::settle() {
    while (!waiting_.empty()) {
        carry();
    }
}

void SimNet::carry() {
    const std::vector<FrameIn> frames = std::exchange(waiting_, {});
    for (const Outcome& outcome : fleet_->send(frames)) {
        switch (outcome.verdict) {
            case dataplane::Verdict::kForward:
                deliver(outcome.out_port, outcome.bytes);
                break;
            case dataplane::Verdict::kDrop:
                ++dropped;
                break;
            default:
                ++punted;
                break;
        }
    }
    for (const FrameIn& made : fleet_->take_made_frames()) {
        deliver(made.port, made.bytes);
    }
}

void SimNet::deliver(dataplane::PortId port, const Frame& frame) {
    if (port == nat_lab::kInside) {
        deliver_to_server(decode(frame));
    } else {
        deliver_to_client(decode(frame));
    }
}

void SimNet::deliver_to_client(const DecodedFrame& frame) {
    if (frame.icmp) {
        icmp_to_clients.push_back(frame);
        return;
    }
    if (frame.udp) {
        udp_heard[frame.destination()] += text_of(frame);
        return;
    }
    const auto client = clients_.find(frame.destination());
    if (client != clients_.end()) {  // one that is gone says nothing: its port is filtered
        client->second.receive(frame);
    }
}

void SimNet::deliver_to_server(const DecodedFrame& frame) {
    if (frame.icmp) {
        icmp_to_servers.push_back(frame);
        return;
    }
    const auto server = servers_.find(frame.destination());
    if (server == servers_.end()) {
        complain("a frame goes to a server that does not exist", frame);
    }
    if (frame.udp) {
        add_frame(
            {.port = nat_lab::kInside,
             .bytes = nat_lab::from_server(frame.destination_address(), frame.source_address())
                          .udp(frame.udp->destination_port, frame.udp->source_port)

                          .payload(fmt::format("{} {}|", to_string(server->first), text_of(frame)))
                          .build()});
        return;
    }
    serve_tcp(frame);
}

void SimNet::serve_tcp(const DecodedFrame& frame) {
    const Endpoint server = frame.destination();
    const Endpoint client = frame.source();
    auto& connections = servers_.at(server);
    const TcpPart& tcp = *frame.tcp;
    const auto known = connections.find(client);
    if ((tcp.flags & kTcpRst) != 0) {
        if (known != connections.end() && tcp.seq != known->second.next_in) {
            from_server(server, client, known->second, kTcpAck);  // RFC 5961 section 3.2
        } else {
            connections.erase(client);
        }
        return;
    }
    if ((tcp.flags & kTcpSyn) != 0) {
        Served& served = connections[client];
        served = {};
        served.next_in = tcp.seq + 1;
        from_server(server, client, served, kTcpSyn | kTcpAck);
        served.next_out += 1;
        return;
    }
    const auto found = connections.find(client);
    if (found == connections.end()) {
        from_server(server, client, {tcp.ack, tcp.seq, false}, kTcpRst);
        return;
    }
    Served& served = found->second;
    if (served.is_closing) {
        connections.erase(found);  // the client's last ACK
        return;
    }
    if (frame.payload.empty() && (tcp.flags & kTcpFin) == 0) {
        if (tcp.seq != served.next_in) {
            from_server(server, client, served, kTcpAck);  // RFC 9293 section 3.10.7.4
        }
        return;
    }
    if (tcp.seq != served.next_in) {
        complain("a server hears another sequence number than its client's next", frame);
    }
    served.next_in += static_cast<uint32_t>(frame.payload.size());
    if (!frame.payload.empty()) {
        const std::string answer = fmt::format("{} {}|", to_string(server), text_of(frame));
        from_server(server, client, served, kTcpPsh | kTcpAck, answer);
        served.next_out += static_cast<uint32_t>(answer.size());
    }
    if ((tcp.flags & kTcpFin) != 0) {
        served.next_in += 1;
        from_server(server, client, served, kTcpFin | kTcpAck);
        served.next_out += 1;
        served.is_closing = true;
    }
}

void SimNet::from_server(const Endpoint& server,
                         const Endpoint& client,
                         const Served& served,
                         uint8_t flags,
                         std::string_view text) {
    add_frame({.port = nat_lab::kInside,
               .bytes = nat_lab::from_server(server.address, client.address)
                            .tcp(server.port.host(), client.port.host())
                            .tcp_flags(flags)
                            .seq(served.next_out)
                            .ack(served.next_in)
                            .payload(text)
                            .build()});
}

std::map<Endpoint, uint32_t> SimNet::server_connections() const {
    std::map<Endpoint, uint32_t> counts;
    for (const auto& [server, connections] : servers_) {
        counts[server] = static_cast<uint32_t>(connections.size());
    }
    return counts;
}

}  // namespace director::test
