// Two or three directors that tell each other of their connections over a simulated network, under
// virtual time: each a packet path (WorkerFleet), a sync::Sender and a sync::Receiver, and the bulk
// transfer's two machines on a stream that stalls where the network is cut. One of them carries the
// clients' traffic. A seed decides how they are configured and what clients do; the world watches
// that no director ever installs a record that is older than what it knows, and that what was lost
// is counted. The first thing found wrong is kept in `wrong`.
//
// What stands for a connection's true history are the records that its director's packet path gave:
// each has a version, which is found again by what the record says when its message is made.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/random.h"
#include "controlplane/sync/bulk.h"
#include "controlplane/sync/receiver.h"
#include "controlplane/sync/sender.h"
#include "tests/support/sim_network.h"
#include "tests/support/sync_twins.h"

namespace director::test {

struct SyncPlan {
    unsigned directors = 2;
    sync::Wire wire = sync::Wire::kBoth;
    dataplane::SyncPolicy policy;
    bool has_key = false;
    bool duplicates = false;    // the network does
    bool has_full_nat = false;  // one service's connections; IPVS has no words for them
    unsigned clients = 10;
    uint32_t messages_per_second = 4000;
};

[[nodiscard]] SyncPlan draw_sync_plan(uint64_t seed);
[[nodiscard]] std::string to_string(const SyncPlan& plan);

class SyncWorld {
  public:
    static constexpr uint8_t kSyncId = 7;

    SyncWorld(const SyncPlan& plan, uint64_t seed);

    std::string wrong;  // empty: nothing so far
    TimePoint now{std::chrono::hours(1)};
    SimNetwork network;
    uint64_t trace_hash = 0xcbf29ce484222325U;
    bool keeps_trace = false;
    std::string trace;  // one event a line
    uint64_t installed = 0;
    uint64_t older_refused = 0;
    uint64_t tables_fetched = 0;
    uint64_t taken_over = 0;  // connections that lived on

    void run_for(Duration duration);

    // --- what can happen ---
    void start(unsigned director);  // empty: it knows nothing
    void crash(unsigned director);
    void let_carry(unsigned director) { carrier_ = director; }
    void cut(unsigned director);  // off the others
    void mend_all();
    void silence_clients(bool are_silent = true) { are_clients_silent_ = are_silent; }

    // --- what is so ---
    [[nodiscard]] bool is_alive(unsigned director) const {
        return nodes_[director].fleet != nullptr;
    }
    [[nodiscard]] unsigned carrier() const { return carrier_; }
    // Every connection that the carrier has told since `since`, or has in its table where a table
    // can be fetched, is at the others as it is there.
    void check_convergence(TimePoint since);
    // Nobody has any connection left, and the books say so.
    void check_empty();
    // What was lost is noticed and fetched. IPVS's messages have no numbers: one that comes twice
    // makes up for one that does not come.
    [[nodiscard]] bool repairs() const {
        return plan_.wire == sync::Wire::kDirector ||
               (plan_.wire == sync::Wire::kBoth && !plan_.duplicates);
    }
    [[nodiscard]] uint64_t lost_counted() const;

  private:
    using Key = std::tuple<Endpoint, Endpoint, bool>;
    // Of whom, which of its records, and what it says.
    struct Version {
        uint64_t source = 0;  // incarnation
        uint64_t number = 0;
        dataplane::ConnState state{};
    };
    struct Told {
        std::deque<Version> unsent;
        Version last;
        TimePoint at{};
    };
    // A twin's numbers as they should be counted.
    struct Heard {
        uint64_t incarnation = 0;
        uint64_t first = 0;
        uint64_t highest = 0;
        uint64_t taken = 0;
        uint64_t messages = 0;     // that the receiver has counted
        uint64_t lost_before = 0;  // with earlier incarnations
    };
    struct Node {
        std::unique_ptr<WorkerFleet> fleet;  // nullptr: dead
        std::unique_ptr<SyncTwins> twins;
        std::unique_ptr<sync::Sender> sender;
        std::unique_ptr<sync::Receiver> receiver;
        uint64_t incarnation = 0;
        TimePoint started{};
        std::map<Key, Told> told;
        std::map<Key, Version> known;
        std::map<unsigned, Heard> heard;
        std::deque<unsigned> wants;  // tables to be fetched
    };
    // One joiner's fetch of one source's table.
    struct Fetch {
        unsigned joiner = 0;
        unsigned source = 0;
        sync::BulkJoiner joining;
        sync::BulkSource serving;
        uint64_t joiner_incarnation = 0;
        uint64_t source_incarnation = 0;
        TimePoint moved_at{};
        struct Chunk {
            TimePoint at;
            sync::Bytes bytes;
        };
        std::deque<Chunk> to_joiner;
        std::deque<Chunk> to_source;
        std::map<Key, std::deque<Version>> versions;  // of what the pages say, the last first
    };
    struct Client {
        enum class State : uint8_t { kIdle, kOpen };
        State state = State::kIdle;
        Endpoint endpoint;
        uint16_t port = 80;  // of the service
        Endpoint server;
        Endpoint local;  // the client as the server sees it
        TimePoint next{};
        unsigned director = 0;  // that carried its last packet
    };

    [[nodiscard]] static Key key_of(const dataplane::SyncRecord& record);
    [[nodiscard]] Duration up_to(Duration longest);
    void note(std::string_view what);
    void fail(std::string what);
    void tick();
    void send_all(unsigned director);
    void deliver(const SimNetwork::Delivery& delivery);
    void check_numbers(unsigned to, unsigned from, std::span<const uint8_t> bytes);
    void install(unsigned director,
                 const std::vector<dataplane::SyncRecord>& records,
                 const std::map<Key, std::deque<Version>>& versions);
    void move_fetches();
    void begin_fetch(unsigned joiner, unsigned source);
    [[nodiscard]] bool move(Fetch& fetch);
    void give_page(Fetch& fetch, uint64_t cursor);
    void act(Client& client);
    bool say(Client& client, uint8_t flags, bool is_from_server = false);
    void open(Client& client);

    SyncPlan plan_;
    Random random_;
    sync::Authenticator authenticator_;
    std::vector<Node> nodes_;
    std::vector<Client> clients_;
    std::vector<std::unique_ptr<Fetch>> fetches_;
    std::set<unsigned> cut_;
    // By the datagram's hash: the versions that it tells.
    std::map<uint64_t, std::map<Key, std::deque<Version>>> datagrams_;
    std::map<Key, TimePoint> born_;  // connections
    unsigned carrier_ = 0;
    uint64_t incarnations_ = 0;
    uint64_t nonces_ = 0;
    uint16_t next_port_ = 1024;
    bool are_clients_silent_ = false;
    TimePoint next_tick_{};
};

}  // namespace director::test
