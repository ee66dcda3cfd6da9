// A director in one process: some workers, fed by hand under virtual time.
//
//   WorkerFleet fleet({.workers = 2});
//   configure_lvs_nat(fleet);                     // nat_lab.h
//   const auto outcomes = fleet.send({{PortId{0}, syn}});
//   EXPECT_EQ(outcomes[0].verdict, Verdict::kForward);
//
// Frames are polled by the workers in turn, a burst each, and what belongs to another worker is
// handed over before the next burst is polled. After every send the fleet holds the dataplane to
// its promises and throws std::logic_error when one is broken:
//   - every frame has one verdict, and every worker's counters say exactly what was decided
//     (received + handed_in + answered = forwarded + punted + dropped + handed_out);
//   - nothing is lost or made between workers;
//   - a frame that came in with right checksums goes out with right checksums, one that came in
//     wrong goes out wrong;
//   - a frame that is handed over, punted for the kernel or dropped before translation is not
//     touched.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/address.h"
#include "dataplane/api/job.h"
#include "dataplane/core/worker.h"
#include "tests/support/frame_burst.h"
#include "tests/support/sim_clock.h"
#include "tests/support/static_routes.h"

namespace director::test {

struct FleetSettings {
    uint16_t workers = 1;
    uint32_t burst = dataplane::kBurstMax;  // frames per poll
    dataplane::WorkerSettings worker = {};  // `id` and `worker_count` are the fleet's
    bool checks_frames = true;              // off where millions of frames make it slow
    uint32_t tailroom_bytes = 0;            // behind each frame: what answers to senders need
    uint32_t templates_max = 0;             // of all workers; 0: no service is persistent
    uint32_t limited_clients_max = 0;       // of all workers; 0: no service has limits
};

struct FrameIn {
    dataplane::PortId port{};
    Frame bytes;
    // Changes what the port says about the frame (checksum flags, pieces), if anything.
    std::function<void(dataplane::Packet&)> touch = {};
};

struct Outcome {
    dataplane::Verdict verdict{};
    dataplane::DropReason drop_reason{};
    dataplane::PortId in_port{};
    dataplane::PortId out_port{};
    dataplane::InterfaceId out_interface{};
    IpAddress next_hop;
    dataplane::WorkerId worker{};  // who decided
    // The frame is an answer (ICMP error, reset) to one that was dropped for this reason.
    std::optional<dataplane::DropReason> answered = {};
    bool was_handed_over = false;
    uint16_t fragment_mtu = 0;  // to be sent in fragments for this MTU; 0: as it is
    Frame bytes;
    bool is_urgent = false;  // punted ahead of all others
};

// A real server as a test names it.
struct ServerIn {
    Endpoint endpoint;
    uint32_t weight = 1;
    dataplane::ForwardingMethod forwarding = dataplane::ForwardingMethod::kNat;
    dataplane::Tunnel tunnel = {};
    uint32_t connections_upper = 0;
    uint32_t connections_lower = 0;
    uint64_t quic_id = 0;
};

// Counters of all workers added up.
struct FleetReport {
    dataplane::WorkerCounters totals;
    std::vector<dataplane::ServiceCounters> services;
    std::vector<dataplane::ServerCounters> servers;
    uint64_t local_ports_held = 0;  // of all pools
};

class WorkerFleet {
  public:
    explicit WorkerFleet(const FleetSettings& settings);
    ~WorkerFleet();
    WorkerFleet(const WorkerFleet&) = delete;
    WorkerFleet& operator=(const WorkerFleet&) = delete;

    SimClock clock;

    // --- The control plane's part -------------------------------------------------------------

    // Defines the next interface; ids count up from 0.
    dataplane::InterfaceId add_interface(const dataplane::Interface& facts);
    void change_interface(dataplane::InterfaceId id, const dataplane::Interface& facts);
    void put_neighbour(dataplane::InterfaceId interface,
                       const IpAddress& address,
                       const MacAddress& mac,
                       dataplane::NeighbourState state = dataplane::NeighbourState::kReachable);
    void remove_neighbour(dataplane::InterfaceId interface, const IpAddress& address);
    void put_routes(std::vector<StaticRoute> routes);
    void put_timeouts(const dataplane::ConnTimeouts& timeouts);

    // Installs or replaces a service. `servers` in LVS's order (the newest first). The same key
    // always gets the same slot, and so does a server of the service: its counters go on.
    dataplane::ServiceId put_service(const dataplane::ServiceKey& key,
                                     std::string_view scheduler,
                                     std::vector<ServerIn> servers,
                                     const dataplane::ServiceOptions& options = {});
    // Gives each worker the ports of `addresses` that are its own. Replaces the pool of this
    // number.
    void put_local_pool(uint16_t number,
                        std::vector<IpAddress> addresses,
                        uint16_t port_first = 1024,
                        uint16_t port_last = 65535);
    // Match rules, source NAT and prefix lists; the indexes are built here.
    void put_tables(const dataplane::Tables& tables);
    void end_connections(dataplane::RealServerId server, dataplane::WhenServerGone how);
    void retire_service(dataplane::ServiceId service);
    // False when a worker refused.
    [[nodiscard]] bool forget_service(dataplane::ServiceId service);
    void set_weight(dataplane::ServiceId service, const Endpoint& server, uint32_t weight);
    [[nodiscard]] bool forget_server(dataplane::RealServerId server);
    [[nodiscard]] dataplane::RealServerId server_id(dataplane::ServiceId service,
                                                    const Endpoint& server) const;

    // The slot of a service; nullopt: put_service() has not had this key.
    [[nodiscard]] std::optional<dataplane::ServiceId> service_id(
        const dataplane::ServiceKey& key) const;
    // The servers of a service as put_service() had them.
    [[nodiscard]] const std::vector<ServerIn>& servers(dataplane::ServiceId service) const {
        return service_servers_.at(index(service));
    }

    // Gives a worker a job and polls it until the job is done.
    void run(size_t worker, dataplane::Job& job) { run_job(*workers_.at(worker), job); }

    // Sends a command to every worker; true when none refused it.
    bool apply(const dataplane::Command& command);

    // --- Traffic ------------------------------------------------------------------------------

    std::vector<Outcome> send(std::span<const FrameIn> frames);
    std::vector<Outcome> send(std::initializer_list<FrameIn> frames) {
        return send(std::span<const FrameIn>(frames.begin(), frames.size()));
    }
    Outcome send_one(dataplane::PortId port, const Frame& frame);

    // For millions of frames: the burst is processed where it lies, and what is handed over at its
    // owner; verdicts are booked and the counters held to them, the frames are not looked at.
    void send_in_place(dataplane::Burst& burst);

    // Frames of the workers' own, since the last call.
    [[nodiscard]] std::vector<FrameIn> take_made_frames() { return std::exchange(made_, {}); }

    // Polls every worker with nothing received.
    void poll();
    // Lets time pass and polls, in steps of at most a second, until all that was due is done.
    void run_for(Duration duration);
    // Polls until all that is due now is done.
    void settle();

    // --- Looking ------------------------------------------------------------------------------

    [[nodiscard]] uint16_t workers() const { return static_cast<uint16_t>(workers_.size()); }
    [[nodiscard]] dataplane::Worker& worker(size_t i) { return *workers_.at(i)->worker; }
    [[nodiscard]] FleetReport report();
    [[nodiscard]] dataplane::ServerCounters server_counters(dataplane::ServiceId service,
                                                            const Endpoint& server);
    [[nodiscard]] uint64_t dropped(dataplane::DropReason reason) const;
    [[nodiscard]] std::vector<dataplane::ConnectionRow> connections(size_t page_rows = 1000);
    // Settles; throws when gauges and the connection table disagree.
    void check_gauges();

  private:
    // A frame on its way through the workers.
    enum class Arrival : uint8_t { kReceived, kHandedOver, kToFollow, kResumed };
    struct Errand {
        size_t place = 0;  // of its outcome; SIZE_MAX: held since an earlier send()
        FrameIn in;
        Arrival arrival = Arrival::kReceived;
        uint32_t hand_overs = 0;  // behind the first
        dataplane::FragmentPorts fragment;
        bool is_outbound = false;
    };

    // One worker and what the fleet saw it decide.
    struct Member {
        std::unique_ptr<dataplane::Worker> worker;
        dataplane::WorkerCounters seen;
        std::set<dataplane::Job*> done;
        uint32_t refused = 0;
        std::map<uint16_t, Errand> held;  // by slot
    };

    void run_burst(size_t member, std::span<const Errand> errands, std::vector<Outcome>& outcomes);
    [[nodiscard]] bool deliver_mail(std::vector<Outcome>& outcomes);
    void carry_out_frame_operations(size_t number,
                                    std::span<const Errand> errands,
                                    const FrameBurst& burst);
    static void book(Member& member, const dataplane::Packet& packet);
    void collect_made_frames(Member& member);
    void check_frame(const FrameIn& in, const Outcome& out) const;
    void check_counters() const;
    void collect_events(Member& member);
    void run_job(Member& member, dataplane::Job& job);
    [[nodiscard]] uint64_t ended() const;

    FleetSettings settings_;
    std::unique_ptr<dataplane::TemplateTable> templates_;
    std::unique_ptr<dataplane::LoadBoard> loads_;
    std::unique_ptr<dataplane::ConnectionLimits> limits_;
    std::vector<std::unique_ptr<Member>> workers_;
    std::vector<FrameIn> made_;                   // `port` is where it leaves
    std::vector<std::vector<Errand>> mailboxes_;  // by owner: handed over or resumed, in order
    size_t next_poller_ = 0;
    uint32_t sequence_ = 0;
    uint16_t interfaces_ = 0;
    bool has_ftp_ = false;  // answers may then be handed over once more: ftp_connections.h
    std::map<const dataplane::ServiceTable*, std::unique_ptr<dataplane::ServiceTable>> tables_;
    std::map<const dataplane::LocalPool*, std::unique_ptr<dataplane::LocalPool>> pools_;
    std::vector<std::unique_ptr<dataplane::Tables>> lookup_tables_;
    std::vector<std::unique_ptr<StaticRoutes>> routes_;
    std::vector<dataplane::ServiceKey> service_keys_;                     // by service slot
    std::vector<std::pair<dataplane::ServiceId, Endpoint>> server_keys_;  // by server slot
    std::vector<std::vector<ServerIn>> service_servers_;                  // by service slot
};

}  // namespace director::test
