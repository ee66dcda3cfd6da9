// Messages of IPVS's connection sync protocol, as Linux's director pairs speak it: version 1, and
// version 0 for old kernels (net/netfilter/ipvs/ip_vs_sync.c). Bytes to values and back, no sockets
// and no clock. The rules of what is refused are ip_vs_process_message()'s and
// ip_vs_proc_sync_conn()'s.
//
//   IpvsMessageWriter writer(IpvsVersion::kOne, sync_id, 1472);
//   if (!writer.add(record)) { send(writer.finish()); ... }
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "common/address.h"
#include "controlplane/sync/byte_stream.h"

namespace director::sync {

// include/net/ip_vs.h and include/uapi/linux/ip_vs.h: IP_VS_CONN_F_*.
namespace ipvs_flag {
inline constexpr uint32_t kMethodMask = 0x7;
inline constexpr uint32_t kSync = 0x20;      // created by sync
inline constexpr uint32_t kHashed = 0x40;    // the kernel's own; on no wire
inline constexpr uint32_t kNoOutput = 0x80;  // the server's answers are not seen
inline constexpr uint32_t kInactive = 0x100;
inline constexpr uint32_t kOutSequence = 0x200;  // what the server sends is renumbered
inline constexpr uint32_t kInSequence = 0x400;   // what the client sends is renumbered
inline constexpr uint32_t kSequences = kOutSequence | kInSequence;
inline constexpr uint32_t kNoClientPort = 0x800;
inline constexpr uint32_t kTemplate = 0x1000;
inline constexpr uint32_t kOnePacket = 0x2000;
// What a receiver takes over of version 1 (IP_VS_CONN_F_BACKUP_MASK).
inline constexpr uint32_t kTaken =
    kMethodMask | kNoOutput | kInactive | kSequences | kNoClientPort | kTemplate;
}  // namespace ipvs_flag

// struct ip_vs_seq: how one direction's numbers are shifted.
struct IpvsSequence {
    uint32_t initial = 0;
    uint32_t delta = 0;
    uint32_t previous_delta = 0;

    friend constexpr bool operator==(const IpvsSequence&, const IpvsSequence&) = default;
};

struct IpvsSequences {
    IpvsSequence in;   // the client's
    IpvsSequence out;  // the server's

    friend constexpr bool operator==(const IpvsSequences&, const IpvsSequences&) = default;
};

// One connection or template. Version 0 has neither mark, timeout, IPv6 nor persistence engine.
struct IpvsRecord {
    uint8_t protocol = 0;  // 0 for templates of firewall marks
    uint32_t flags = 0;
    uint16_t state = 0;  // ipvs_states.h
    Endpoint client;     // the three are of one family
    Endpoint virtual_service;
    Endpoint real_server;
    uint32_t mark = 0;
    uint32_t timeout_seconds = 0;  // 0: the state's own
    std::optional<IpvsSequences> sequences;
    std::string engine_name;  // of a persistence engine, such as "sip"; at most 16
    std::string engine_data;  // at most 255; empty: none

    [[nodiscard]] bool has(uint32_t flag) const { return (flags & flag) != 0; }
    friend bool operator==(const IpvsRecord&, const IpvsRecord&) = default;
};

// X(enumerator, name). The first group refuses a message whole, the second what is left of it from
// that record on, the third one record.
#define DIRECTOR_SYNC_REFUSALS(X)                \
    X(kTooShort, "too_short")                    \
    X(kWrongSize, "wrong_size")                  \
    X(kOtherSyncId, "other_sync_id")             \
    X(kUnknownVersion, "unknown_version")        \
    X(kRecordCut, "record_cut")                  \
    X(kRecordVersion, "record_version")          \
    X(kUnknownType, "unknown_type")              \
    X(kOptionCut, "option_cut")                  \
    X(kOptionLength, "option_length")            \
    X(kOptionTwice, "option_twice")              \
    X(kMandatoryOption, "mandatory_option")      \
    X(kUnknownProtocol, "unknown_protocol")      \
    X(kUnknownState, "unknown_state")            \
    X(kEngineWithoutName, "engine_without_name") \
    X(kBadFlags, "bad_flags")                    \
    X(kBadAddress, "bad_address")

enum class Refusal : uint8_t {
#define X(enumerator, name) enumerator,
    DIRECTOR_SYNC_REFUSALS(X)
#undef X
        kCount
};

inline constexpr size_t kRefusalCount = static_cast<size_t>(Refusal::kCount);

inline constexpr std::array<std::string_view, kRefusalCount> kRefusalNames{
#define X(enumerator, name) name,
    DIRECTOR_SYNC_REFUSALS(X)
#undef X
};

[[nodiscard]] constexpr std::string_view to_string(Refusal refusal) {
    return kRefusalNames[static_cast<size_t>(refusal)];
}

struct IpvsMessage {
    uint8_t sync_id = 0;
    uint8_t version = 0;
    std::vector<IpvsRecord> records;
    std::vector<Refusal> skipped;  // one for each record left out
    std::optional<Refusal> cut;    // why records behind the last one are missing
};

// `accepted_id` 0 takes every sync id.
[[nodiscard]] tl::expected<IpvsMessage, Refusal> parse_ipvs_message(std::span<const uint8_t> bytes,
                                                                    uint8_t accepted_id);

enum class IpvsVersion : uint8_t { kZero = 0, kOne = 1 };

// Collects records into a message of at most `bytes_max` bytes: what fits a datagram.
class IpvsMessageWriter {
  public:
    // The count of a message is one byte.
    static constexpr uint32_t kRecordsMax = 255;

    IpvsMessageWriter(IpvsVersion version, uint8_t sync_id, size_t bytes_max);

    // Whether the version can say what the record says (version 0: IPv4, no mark, no engine).
    [[nodiscard]] static bool can_carry(IpvsVersion version, const IpvsRecord& record);

    // False: no room. A record that can_carry() denies must not come here.
    [[nodiscard]] bool add(const IpvsRecord& record);
    [[nodiscard]] uint32_t count() const { return count_; }
    // The message; the writer is empty again.
    [[nodiscard]] Bytes finish();

  private:
    void start();

    IpvsVersion version_;
    uint8_t sync_id_;
    size_t bytes_max_;
    Bytes bytes_;
    uint32_t count_ = 0;
};

}  // namespace director::sync
