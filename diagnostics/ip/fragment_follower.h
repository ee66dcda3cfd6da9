// Fragments brought to the flow of their datagram. Only the first has ports; a later one that comes
// before it waits here, and both are then told of in the order of time. Also here: what is wrong
// with fragments, and the transport's checksum over all of them. Nothing is put together: data is
// summed up as it passes.
//
// Which bit of ipFlags means what, as far as fragments go:
//   0x0008 below minimum: fewer than 48 bytes, though more follow
//   0x0010 out of range:  ends beyond 65535 bytes
//   0x0100 position:      overlaps what was there, lies behind the end that the last fragment told,
//                         or is no multiple of 8 bytes long though more follow (RFC 791)
//   0x0200 sequence:      does not begin where the one before it ended; or the datagram was given
//                         up before it was whole, or another began under its number
//
// Memory and time are bounded by the settings, whatever is sent.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "common/flat_map.h"
#include "common/hash.h"
#include "diagnostics/packet/headers.h"
#include "diagnostics/packet/packet.h"

namespace director::diagnostics {

struct FragmentSettings {
    size_t datagrams_max = 4096;
    size_t held_packets_max = 1024;
    size_t held_bytes_max = size_t{4} << 20;
    int64_t timeout_ns = 30'000'000'000;  // Linux: net.ipv4.ipfrag_time
    uint32_t small_bytes = 48;            // Tranalyzer's smallest good fragment
};

// What one fragment was found to be.
struct FragmentFinding {
    uint16_t flags = 0;             // IpFlagBit, of the four above
    bool was_held = false;          // told of later than it came
    bool has_ports = false;         // the datagram's first fragment is known
    bool is_whole = false;          // with this one the datagram is complete
    Layer4 layer4 = Layer4::kNone;  // of the datagram
    uint32_t datagram_bytes = 0;    // layer 4 and what it carries; of a complete one
    Checksum reassembled;           // of a complete one
};

// Who takes packets from the follower. What is passed lives until the call returns; the follower
// must not be called meanwhile.
class FragmentSink {
  public:
    virtual ~FragmentSink() = default;
    // `headers` have their ports if `finding.has_ports`.
    virtual void take(const Packet& packet,
                      const Headers& headers,
                      const FragmentFinding& finding) = 0;
    // A datagram was given up: not all of it came. `headers` are of one of its fragments, without
    // spans.
    virtual void see_unfinished(const Headers& headers) = 0;
};

class FragmentFollower {
  public:
    explicit FragmentFollower(const FragmentSettings& settings = {}, HashKey key = {});

    // A packet with headers.ip.is_fragment. It goes to the sink now, or once its first fragment has
    // come, or without ports when it has waited too long.
    void follow(const Packet& packet, const Headers& headers, FragmentSink& sink);
    // To be called as time goes on, before packets of this time are told of otherwise.
    void expire(int64_t now_ns, FragmentSink& sink) {
        if (oldest_ns_ <= now_ns - settings_.timeout_ns) {
            give_up_before(now_ns - settings_.timeout_ns, sink);
        }
    }
    // Gives up all there is: the end of a capture.
    void finish(FragmentSink& sink);

    [[nodiscard]] size_t datagrams() const { return index_.size(); }
    [[nodiscard]] size_t held_packets() const { return held_packets_; }
    [[nodiscard]] size_t held_bytes() const { return held_bytes_; }

  private:
    struct Key {
        std::array<uint64_t, 4> addresses{};
        uint32_t identification = 0;
        uint32_t point = 0;  // the same datagram may be seen at several
        uint16_t vlan = 0;
        uint8_t protocol = 0;
        uint8_t is_ipv6 = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct KeyHash {
        HashKey key;
        size_t operator()(const Key& value) const;
    };
    struct Held {
        Packet packet;
        Headers headers;
        FragmentFinding finding;
        std::vector<uint8_t> bytes;
    };
    // Bytes [begin, end) of the datagram that have come.
    struct Range {
        uint32_t begin = 0;
        uint32_t end = 0;
    };
    static constexpr size_t kRangesMax = 16;
    static constexpr uint32_t kNone = 0xffffffff;
    static constexpr int64_t kNever = INT64_MAX;

    struct Datagram {
        Key key;
        int64_t first_ns = 0;
        uint32_t newer = kNone;  // in the order of first_ns
        uint32_t older = kNone;
        std::array<Range, kRangesMax> ranges{};
        uint8_t range_count = 0;
        bool has_first = false;
        bool has_end = false;
        bool is_complete = false;
        bool can_verify = true;  // nothing cut, nothing odd before the end
        bool is_in_order = true;
        uint32_t end = 0;           // where the last fragment says that it is
        uint32_t next = 0;          // where the one before ended
        uint32_t l4_begin = 0;      // behind IPv6 extension headers within the fragments
        uint16_t claimed = 0;       // UDP's length, UDP-Lite's coverage
        uint64_t sum = 0;           // of all data, in memory order
        uint32_t summed_bytes = 0;  // more than there are: some overlap
        uint32_t crc = 0xffffffff;
        Headers first;  // of the first fragment, or of any until it comes; spans empty
        std::vector<Held> held;
    };

    // How a fragment's bytes lie to those that came before.
    enum class Fit : uint8_t { kNew, kDuplicate, kOverlap };

    [[nodiscard]] static Key key_of(const Packet& packet, const Headers& headers);
    // The slot, and in `finding` that another datagram was given up for it.
    [[nodiscard]] uint32_t find_or_begin(const Packet& packet,
                                         const Headers& headers,
                                         FragmentFinding& finding,
                                         FragmentSink& sink);
    [[nodiscard]] uint32_t begin(const Key& key,
                                 const Packet& packet,
                                 const Headers& headers,
                                 FragmentSink& sink);
    [[nodiscard]] uint16_t place(Datagram& datagram, const Packet& packet, const Headers& headers);
    [[nodiscard]] static Fit add_range(Datagram& datagram, Range range);
    static void see_first(Datagram& datagram, const Packet& packet, const Headers& headers);
    static void add_data(Datagram& datagram, const Packet& packet, const Headers& headers);
    static void complete(Datagram& datagram, FragmentFinding& finding);
    void hold(Datagram& datagram,
              const Packet& packet,
              const Headers& headers,
              const FragmentFinding& finding);
    void make_room_to_hold(size_t bytes, FragmentSink& sink);
    void release(Datagram& datagram, FragmentSink& sink);
    void give_up_before(int64_t time_ns, FragmentSink& sink);
    void give_up(uint32_t slot, FragmentSink& sink);
    void link_newest(uint32_t slot);
    void unlink(uint32_t slot);

    FragmentSettings settings_;
    FlatMap<Key, uint32_t, KeyHash> index_;
    std::vector<Datagram> datagrams_;
    std::vector<uint32_t> free_;
    uint32_t oldest_ = kNone;
    uint32_t newest_ = kNone;
    int64_t oldest_ns_ = kNever;
    size_t held_packets_ = 0;
    size_t held_bytes_ = 0;
};

}  // namespace director::diagnostics
