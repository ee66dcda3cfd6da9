// What two Directors tell each other beyond IPVS's protocol, by datagrams to the same port: all of
// a connection (full NAT, IPv6 to IPv4, everything a helper has changed), servers' state and
// counters, and with each message its number, so that losses are seen. A kernel takes such a
// message for one of version 0 without connections, and passes over it in silence.
//
//   0  0            as IPVS's version 1: no connections to a reader of version 0
//   1  sync id
//   2  size         of the whole message
//   4  kind         MessageKind; bit 7: a tag of 16 bytes ends the message
//   5  0xd1
//   6  count        of records
//   8  incarnation  64 bits, greater after each start of the sender
//   16 sequence     64 bits, from 1
//   24 IPVS messages that the sender has sent, modulo 2^32
//   28 age          milliseconds that the oldest record has waited
//   32 records
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "common/address.h"
#include "controlplane/sync/authenticator.h"
#include "controlplane/sync/byte_stream.h"
#include "dataplane/api/sync.h"

namespace director::sync {

inline constexpr uint8_t kDirectorVersion = 0xd1;
inline constexpr size_t kDirectorHeaderBytes = 32;

enum class MessageKind : uint8_t {
    kBeat = 0,  // no records: here I am, and this is how many messages you should have
    kConnections = 1,
    kServers = 2,
};

// A real server as its director sees it.
struct ServerReport {
    Protocol protocol = Protocol::kTcp;
    bool is_up = true;  // by its checks
    Endpoint virtual_service;
    uint32_t mark = 0;
    Endpoint real_server;
    uint32_t weight = 0;
    uint32_t active = 0;
    uint32_t inactive = 0;
    uint64_t connections = 0;
    uint64_t packets_in = 0;
    uint64_t packets_out = 0;
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;

    friend constexpr bool operator==(const ServerReport&, const ServerReport&) = default;
};

struct DirectorHeader {
    MessageKind kind = MessageKind::kBeat;
    uint8_t sync_id = 0;
    uint64_t incarnation = 0;
    uint64_t sequence = 0;
    uint32_t ipvs_sent = 0;
    uint32_t age_ms = 0;

    friend constexpr bool operator==(const DirectorHeader&, const DirectorHeader&) = default;
};

struct DirectorMessage {
    DirectorHeader header;
    std::vector<dataplane::SyncRecord> connections;
    std::vector<ServerReport> servers;
};

enum class DirectorRefusal : uint8_t {
    kTooShort,
    kWrongSize,
    kOtherSyncId,
    kNoTag,     // a key is configured here, not there
    kWrongTag,  // another key, or not the twin's
    kUnknownKind,
    kBadRecord,
    kCount
};
[[nodiscard]] std::string_view to_string(DirectorRefusal refusal);

// Whether a datagram is one of these, rather than IPVS's.
[[nodiscard]] bool is_director_message(std::span<const uint8_t> bytes);

// All of it or nothing: a message with a bad record is not the twin's.
[[nodiscard]] tl::expected<DirectorMessage, DirectorRefusal> parse_director_message(
    std::span<const uint8_t> bytes, uint8_t accepted_id, const Authenticator& authenticator);

// Records on their own, as the bulk transfer has them too. read_*() answer nullopt for nonsense.
void write_connection(ByteWriter& writer, const dataplane::SyncRecord& record);
[[nodiscard]] std::optional<dataplane::SyncRecord> read_connection(ByteReader& reader);
void write_server(ByteWriter& writer, const ServerReport& report);
[[nodiscard]] std::optional<ServerReport> read_server(ByteReader& reader);

// Collects records of one kind into a message of at most `bytes_max` bytes.
class DirectorMessageWriter {
  public:
    DirectorMessageWriter(MessageKind kind, size_t bytes_max, const Authenticator& authenticator);

    // False: no room.
    [[nodiscard]] bool add(const dataplane::SyncRecord& record);
    [[nodiscard]] bool add(const ServerReport& report);
    [[nodiscard]] uint32_t count() const { return count_; }
    // The message; the writer is empty again. The header's kind is the writer's.
    [[nodiscard]] Bytes finish(const DirectorHeader& header);

  private:
    template <typename Write>
    bool append(const Write& write);

    MessageKind kind_;
    size_t bytes_max_;
    const Authenticator& authenticator_;
    Bytes bytes_;
    uint32_t count_ = 0;
};

}  // namespace director::sync
