// Conversations seen on both sides of a device, with the truth beside them: which packet at one
// point is which at the other. Seeded; no bytes on a wire, headers are made directly.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "common/random.h"
#include "tests/unit/diagnostics/match/matched.h"

namespace director::diagnostics::matching {

enum class IpIds : uint8_t { kCounted, kZero, kRewritten };

struct Device {
    bool translates_client = false;  // address
    bool translates_port = false;    // the client's
    bool translates_server = false;  // address
    bool shifts_sequences = false;
    bool cuts_frames = false;  // the first point sees frames before TSO
    IpIds ids = IpIds::kCounted;
};

struct Weather {
    uint32_t lost_permille = 0;     // between the points; sent again with another IP ID
    uint32_t doubled_permille = 0;  // between the points
    int64_t jitter_ns = 0;          // more than the gap between packets: reordering
    int64_t offset_ns = 0;          // of the second clock
    double drift_ppm = 0;
};

class Simulation {
  public:
    explicit Simulation(uint64_t seed) : random_(seed) {}

    // `count` connections of some clients to one service, requests and responses of random size.
    void converse(uint32_t count, const Device& device, const Weather& weather);
    // The same through a full proxy: connections of its own, what is said in `protocol` survives.
    enum class Says : uint8_t { kForwardedFor, kSameRequests, kTls };
    void proxy(uint32_t count, Says protocol, const Weather& weather);

    [[nodiscard]] Matched match(const MatchSettings& settings = {});

    struct Score {
        uint32_t expected = 0;  // packets that both points saw
        uint32_t right = 0;
        uint32_t wrong = 0;      // told as sure, and not the same packet
        uint32_t ambiguous = 0;  // told as ambiguous
    };
    // Of match()'s outcome.
    [[nodiscard]] Score score(const Matched& matched) const;
    // Of connections: right, and wrong.
    [[nodiscard]] Score score_connections(const Matched& matched) const;

  private:
    struct Frame {
        int64_t time_ns = 0;
        Headers headers;
        std::vector<uint8_t> payload;
        uint64_t truth = 0;   // the packet; segments of a frame count up from its own
        uint64_t truths = 1;  // how many segments it is
        uint64_t conversation = 0;
    };
    struct Side {
        Endpoint client;
        Endpoint server;
        uint32_t client_shift = 0;
        uint32_t server_shift = 0;
        uint16_t ids[2] = {1, 1};
    };
    struct Talk;

    void send(Talk& talk, bool is_from_client, uint16_t flags, uint32_t bytes);
    void see(uint32_t point, int64_t time_ns, const Side& side, const Talk& talk, Frame frame);
    void exchange(Talk& talk);
    void say(Talk& talk, uint32_t point, bool is_from_client, const std::vector<uint8_t>& bytes);
    [[nodiscard]] std::vector<uint8_t> random_bytes(size_t count);
    [[nodiscard]] bool happens(uint32_t permille) { return random_.below(1000) < permille; }
    [[nodiscard]] int64_t between(int64_t low, int64_t high) {
        return low + static_cast<int64_t>(random_.below(static_cast<uint64_t>(high - low + 1)));
    }

    Random random_;
    std::vector<Frame> frames_[2];
    std::vector<std::vector<const Frame*>> by_number_;
    uint64_t next_truth_ = 1;
    uint64_t next_conversation_ = 1;
    int64_t start_ns_ = 1'700'000'000'000'000'000;
};

}  // namespace director::diagnostics::matching
