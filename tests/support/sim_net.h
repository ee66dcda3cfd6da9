// Clients and servers around a WorkerFleet: small TCP and UDP endpoints with behaviour, so that
// scenarios can say what happens and look at what each client lived through.
//
//   SimNet net(fleet);
//   net.add_server(at(kServer108, 80));
//   auto& client = net.connect(at(kClient, 40000), at(kVip, 80));
//   net.settle();                 // frames travel until nobody has anything to say
//   client.say("hello"); net.settle();
//   REQUIRE(client.heard == "192.168.0.108:80 hello|");
//
// Links lose nothing; what the director drops is not sent again unless the test says so. A server
// answers each message with its own name, the message and a bar. Frames of different connections
// travel together, in bursts as large as the fleet makes them; an answer never travels together
// with what it answers.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "tests/support/nat_lab.h"
#include "tests/support/packet_reader.h"
#include "tests/support/worker_fleet.h"

namespace director::test {

class SimNet;

// One client's TCP connection.
class SimClient {
  public:
    enum class State : uint8_t { kConnecting, kEstablished, kClosing, kClosed, kReset };

    SimClient(SimNet& net, const Endpoint& own, const Endpoint& service)
        : endpoint(own), peer(service), net_(net) {}

    const Endpoint endpoint;
    const Endpoint peer;
    State state = State::kConnecting;
    std::string heard;

    // The server that speaks to this client, as it names itself; empty before it has spoken.
    [[nodiscard]] std::string server() const { return heard.substr(0, heard.find(' ')); }

    void send_syn();  // again, when the first was dropped
    void say(std::string_view text);
    void close();  // FIN
    void abort();  // RST
    void receive(const DecodedFrame& frame);

  private:
    void transmit(uint8_t flags, std::string_view text = {});

    SimNet& net_;
    uint32_t next_out_ = 1000;
    uint32_t next_in_ = 0;
};

class SimNet {
  public:
    explicit SimNet(WorkerFleet& fleet) : fleet_(&fleet) {}

    // Another director takes the addresses over: all frames go through it from now on.
    void move_to(WorkerFleet& fleet) { fleet_ = &fleet; }

    // A TCP and UDP server inside; its neighbour entry must be there.
    void add_server(const Endpoint& server);

    // Opens a connection. References stay valid.
    SimClient& connect(const Endpoint& client, const Endpoint& service);
    [[nodiscard]] SimClient& client(const Endpoint& endpoint);
    // The client's connection is over and its port free for another.
    void forget_client(const Endpoint& endpoint);
    [[nodiscard]] size_t client_count() const { return clients_.size(); }

    void send_udp(const Endpoint& client, const Endpoint& service, std::string_view text);
    // ICMP that came to clients, and to servers.
    std::vector<DecodedFrame> icmp_to_clients;
    std::vector<DecodedFrame> icmp_to_servers;
    // What UDP clients were answered, by client.
    std::map<Endpoint, std::string> udp_heard;

    // Carries frames until none is left.
    void settle();
    // Carries what is waiting now, and leaves the answers waiting.
    void carry();
    // Puts a frame of a test's own among those that wait.
    void add_frame(FrameIn frame) { waiting_.push_back(std::move(frame)); }

    // What the director did not deliver.
    uint64_t dropped = 0;
    uint64_t punted = 0;
    // Connections that servers know of, by server.
    [[nodiscard]] std::map<Endpoint, uint32_t> server_connections() const;

  private:
    friend class SimClient;

    // A server's end of a connection.
    struct Served {
        uint32_t next_out = 5000;
        uint32_t next_in = 0;
        bool is_closing = false;
    };

    void deliver(dataplane::PortId port, const Frame& frame);
    void deliver_to_server(const DecodedFrame& frame);
    void deliver_to_client(const DecodedFrame& frame);
    void serve_tcp(const DecodedFrame& frame);
    void from_server(const Endpoint& server,
                     const Endpoint& client,
                     const Served& served,
                     uint8_t flags,
                     std::string_view text = {});

    WorkerFleet* fleet_;
    std::vector<FrameIn> waiting_;
    std::map<Endpoint, std::map<Endpoint, Served>> servers_;  // server, client
    std::map<Endpoint, SimClient> clients_;
};

}  // namespace director::test
