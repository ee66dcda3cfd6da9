#include "controlplane/sync/director_message.h"

#include <array>
#include <utility>

namespace director::sync {

using dataplane::ConnState;
using dataplane::ForwardingMethod;
using dataplane::SyncRecord;
using dataplane::SyncSequence;

namespace {

constexpr uint8_t kHasTag = 0x80;

// What follows in a connection's record.
constexpr uint8_t kOutsideIpv6 = 1;
constexpr uint8_t kInsideIpv6 = 2;
constexpr uint8_t kHasLocal = 4;
constexpr uint8_t kHasAdjustment = 8;
constexpr uint8_t kIsTemplate = 16;
constexpr uint8_t kIsLongLived = 32;
constexpr uint8_t kIsOwn = 64;
constexpr uint8_t kKnownBits = 127;

// What is set of an adjustment.
constexpr uint8_t kClientIsSet = 1;
constexpr uint8_t kServerIsSet = 2;

[[nodiscard]] Family family_of(bool is_ipv6) {
    return is_ipv6 ? Family::kIpv6 : Family::kIpv4;
}

void write_endpoint(ByteWriter& writer, const Endpoint& endpoint) {
    writer.address(endpoint.address);
    writer.port(endpoint.port);
}

[[nodiscard]] Endpoint read_endpoint(ByteReader& reader, Family family) {
    Endpoint endpoint;
    endpoint.address = reader.address(family);
    endpoint.port = reader.port();
    return endpoint;
}

void write_sequence(ByteWriter& writer, const SyncSequence& sequence) {
    writer.number(sequence.initial);
    writer.number(static_cast<uint32_t>(sequence.delta));
    writer.number(static_cast<uint32_t>(sequence.previous_delta));
}

[[nodiscard]] SyncSequence read_sequence(ByteReader& reader, bool is_set) {
    SyncSequence sequence;
    sequence.initial = reader.number<uint32_t>();
    sequence.delta = static_cast<int32_t>(reader.number<uint32_t>());
    sequence.previous_delta = static_cast<int32_t>(reader.number<uint32_t>());
    sequence.is_set = is_set;
    return sequence;
}

void write_adjustment(ByteWriter& writer, const dataplane::SyncAdjustment& adjustment) {
    writer.number(static_cast<uint8_t>((adjustment.client.is_set ? kClientIsSet : 0) |
                                       (adjustment.server.is_set ? kServerIsSet : 0)));
    writer.number(static_cast<uint8_t>(adjustment.window_shift));
    write_sequence(writer, adjustment.client);
    write_sequence(writer, adjustment.server);
    writer.number(adjustment.timestamp_delta);
    writer.number(adjustment.server_sequence);
}

[[nodiscard]] dataplane::SyncAdjustment read_adjustment(ByteReader& reader) {
    dataplane::SyncAdjustment adjustment;
    const auto set = reader.number<uint8_t>();
    adjustment.window_shift = static_cast<int8_t>(reader.number<uint8_t>());
    adjustment.client = read_sequence(reader, (set & kClientIsSet) != 0);
    adjustment.server = read_sequence(reader, (set & kServerIsSet) != 0);
    adjustment.timestamp_delta = reader.number<uint32_t>();
    adjustment.server_sequence = reader.number<uint32_t>();
    return adjustment;
}

// Addresses of the family that the record claims: none in another's clothes.
[[nodiscard]] bool are_of(const Endpoint& endpoint, bool is_ipv6) {
    return endpoint.address.is_ipv4() != is_ipv6;
}

[[nodiscard]] bool are_families_right(const SyncRecord& record, uint8_t bits) {
    const bool is_outside_ipv6 = (bits & kOutsideIpv6) != 0;
    const bool is_inside_ipv6 = (bits & kInsideIpv6) != 0;
    const bool is_local_ipv6 = (bits & kHasLocal) != 0 ? is_inside_ipv6 : is_outside_ipv6;
    return are_of(record.client, is_outside_ipv6) &&
           are_of(record.virtual_service, is_outside_ipv6) &&
           are_of(record.real_server, is_inside_ipv6) && are_of(record.local, is_local_ipv6);
}

constexpr uint8_t kServerIpv6 = 1;
constexpr uint8_t kServiceIpv6 = 2;
constexpr uint8_t kIsUp = 4;

}  // namespace

std::string_view to_string(DirectorRefusal refusal) {
    static constexpr std::array<std::string_view, static_cast<size_t>(DirectorRefusal::kCount)>
        kNames{"too_short",
               "wrong_size",
               "other_sync_id",
               "no_tag",
               "wrong_tag",
               "unknown_kind",
               "bad_record"};
    return kNames[static_cast<size_t>(refusal)];
}

bool is_director_message(std::span<const uint8_t> bytes) {
    return bytes.size() > 5 && bytes[0] == 0 && bytes[5] == kDirectorVersion;
}

void write_connection(ByteWriter& writer, const SyncRecord& record) {
    const bool has_local = !(record.local == record.client);
    const auto bits = static_cast<uint8_t>(
        (record.client.address.is_ipv4() ? 0 : kOutsideIpv6) |
        (record.real_server.address.is_ipv4() ? 0 : kInsideIpv6) | (has_local ? kHasLocal : 0) |
        (record.has_adjustment ? kHasAdjustment : 0) | (record.is_template ? kIsTemplate : 0) |
        (record.is_long_lived ? kIsLongLived : 0) | (record.is_own ? kIsOwn : 0));
    writer.number(bits);
    writer.number(static_cast<uint8_t>(record.protocol));
    writer.number(static_cast<uint8_t>(record.state));
    writer.number(static_cast<uint8_t>(record.forwarding));
    writer.number(record.mark);
    writer.number(record.timeout_seconds);
    write_endpoint(writer, record.client);
    write_endpoint(writer, record.virtual_service);
    write_endpoint(writer, record.real_server);
    if (has_local) {
        write_endpoint(writer, record.local);
    }
    if (record.has_adjustment) {
        write_adjustment(writer, record.adjustment);
    }
}

std::optional<SyncRecord> read_connection(ByteReader& reader) {
    SyncRecord record;
    const auto bits = reader.number<uint8_t>();
    record.protocol = static_cast<Protocol>(reader.number<uint8_t>());
    const auto state = reader.number<uint8_t>();
    const auto forwarding = reader.number<uint8_t>();
    record.mark = reader.number<uint32_t>();
    record.timeout_seconds = reader.number<uint32_t>();
    const Family outside = family_of((bits & kOutsideIpv6) != 0);
    const Family inside = family_of((bits & kInsideIpv6) != 0);
    record.client = read_endpoint(reader, outside);
    record.virtual_service = read_endpoint(reader, outside);
    record.real_server = read_endpoint(reader, inside);
    record.local = (bits & kHasLocal) != 0 ? read_endpoint(reader, inside) : record.client;
    if ((bits & kHasAdjustment) != 0) {
        record.adjustment = read_adjustment(reader);
    }
    record.has_adjustment = (bits & kHasAdjustment) != 0;
    record.is_template = (bits & kIsTemplate) != 0;
    record.is_long_lived = (bits & kIsLongLived) != 0;
    record.is_own = (bits & kIsOwn) != 0;
    record.state = static_cast<ConnState>(state);
    record.forwarding = static_cast<ForwardingMethod>(forwarding);
    const bool is_known = (bits & ~kKnownBits) == 0 && state < dataplane::kConnStateCount &&
                          forwarding <= static_cast<uint8_t>(ForwardingMethod::kLocal);
    if (!reader.is_good() || !is_known || !are_families_right(record, bits)) {
        return std::nullopt;
    }
    return record;
}

void write_server(ByteWriter& writer, const ServerReport& report) {
    writer.number(
        static_cast<uint8_t>((report.real_server.address.is_ipv4() ? 0 : kServerIpv6) |
                             (report.virtual_service.address.is_ipv4() ? 0 : kServiceIpv6) |
                             (report.is_up ? kIsUp : 0)));
    writer.number(static_cast<uint8_t>(report.protocol));
    writer.number(report.mark);
    writer.number(report.weight);
    writer.number(report.active);
    writer.number(report.inactive);
    writer.number(report.connections);
    writer.number(report.packets_in);
    writer.number(report.packets_out);
    writer.number(report.bytes_in);
    writer.number(report.bytes_out);
    write_endpoint(writer, report.virtual_service);
    write_endpoint(writer, report.real_server);
}

std::optional<ServerReport> read_server(ByteReader& reader) {
    ServerReport report;
    const auto bits = reader.number<uint8_t>();
    report.is_up = (bits & kIsUp) != 0;
    report.protocol = static_cast<Protocol>(reader.number<uint8_t>());
    report.mark = reader.number<uint32_t>();
    report.weight = reader.number<uint32_t>();
    report.active = reader.number<uint32_t>();
    report.inactive = reader.number<uint32_t>();
    report.connections = reader.number<uint64_t>();
    report.packets_in = reader.number<uint64_t>();
    report.packets_out = reader.number<uint64_t>();
    report.bytes_in = reader.number<uint64_t>();
    report.bytes_out = reader.number<uint64_t>();
    report.virtual_service = read_endpoint(reader, family_of((bits & kServiceIpv6) != 0));
    report.real_server = read_endpoint(reader, family_of((bits & kServerIpv6) != 0));
    const bool is_known = (bits & ~(kServerIpv6 | kServiceIpv6 | kIsUp)) == 0 &&
                          are_of(report.virtual_service, (bits & kServiceIpv6) != 0) &&
                          are_of(report.real_server, (bits & kServerIpv6) != 0);
    return reader.is_good() && is_known ? std::optional(report) : std::nullopt;
}

namespace {

// Each record behind its length, so that a later version may say more at its end.
template <typename T, typename Read>
[[nodiscard]] bool read_records(ByteReader& reader,
                                uint32_t count,
                                const Read& read,
                                std::vector<T>& records) {
    for (uint32_t i = 0; i < count; ++i) {
        const auto size = reader.number<uint16_t>();
        ByteReader one(reader.take(size));
        const std::optional<T> record = read(one);
        if (!reader.is_good() || !record) {
            return false;
        }
        records.push_back(*record);
    }
    return true;
}

}  // namespace

tl::expected<DirectorMessage, DirectorRefusal> parse_director_message(
    std::span<const uint8_t> bytes, uint8_t accepted_id, const Authenticator& authenticator) {
    if (bytes.size() < kDirectorHeaderBytes) {
        return tl::unexpected(DirectorRefusal::kTooShort);
    }
    ByteReader reader(bytes);
    static_cast<void>(reader.number<uint8_t>());
    DirectorMessage message;
    message.header.sync_id = reader.number<uint8_t>();
    if (reader.number<uint16_t>() != bytes.size()) {
        return tl::unexpected(DirectorRefusal::kWrongSize);
    }
    if (accepted_id != 0 && message.header.sync_id != accepted_id) {
        return tl::unexpected(DirectorRefusal::kOtherSyncId);
    }
    const auto kind = reader.number<uint8_t>();
    const bool has_tag = (kind & kHasTag) != 0;
    if (has_tag && bytes.size() < kDirectorHeaderBytes + kTagBytes) {
        return tl::unexpected(DirectorRefusal::kTooShort);
    }
    if (authenticator.is_on()) {
        if (!has_tag) {
            return tl::unexpected(DirectorRefusal::kNoTag);
        }
        const size_t signed_bytes = bytes.size() - kTagBytes;
        if (!authenticator.is_right(bytes.first(signed_bytes), bytes.subspan(signed_bytes))) {
            return tl::unexpected(DirectorRefusal::kWrongTag);
        }
    }
    static_cast<void>(reader.number<uint8_t>());  // version: is_director_message()
    const auto count = reader.number<uint16_t>();
    message.header.kind = static_cast<MessageKind>(kind & ~kHasTag);
    message.header.incarnation = reader.number<uint64_t>();
    message.header.sequence = reader.number<uint64_t>();
    message.header.ipvs_sent = reader.number<uint32_t>();
    message.header.age_ms = reader.number<uint32_t>();
    ByteReader records(bytes.subspan(
        kDirectorHeaderBytes, bytes.size() - kDirectorHeaderBytes - (has_tag ? kTagBytes : 0)));
    bool is_good = true;
    switch (message.header.kind) {
        case MessageKind::kBeat:
            is_good = count == 0;
            break;
        case MessageKind::kConnections:
            is_good = read_records(records, count, read_connection, message.connections);
            break;
        case MessageKind::kServers:
            is_good = read_records(records, count, read_server, message.servers);
            break;
        default:
            return tl::unexpected(DirectorRefusal::kUnknownKind);
    }
    if (!is_good || records.left() != 0) {
        return tl::unexpected(DirectorRefusal::kBadRecord);
    }
    return message;
}

DirectorMessageWriter::DirectorMessageWriter(MessageKind kind,
                                             size_t bytes_max,
                                             const Authenticator& authenticator)
    : kind_(kind),
      bytes_max_(bytes_max - (authenticator.is_on() ? kTagBytes : 0)),
      authenticator_(authenticator),
      bytes_(kDirectorHeaderBytes) {}

template <typename Write>
bool DirectorMessageWriter::append(const Write& write) {
    const size_t before = bytes_.size();
    ByteWriter writer(bytes_);
    writer.number(uint16_t{0});
    write(writer);
    if (bytes_.size() > bytes_max_ || count_ == 0xffff) {
        bytes_.resize(before);
        return false;
    }
    writer.put16(before, static_cast<uint16_t>(bytes_.size() - before - 2));
    ++count_;
    return true;
}

bool DirectorMessageWriter::add(const SyncRecord& record) {
    return append([&record](ByteWriter& writer) { write_connection(writer, record); });
}

bool DirectorMessageWriter::add(const ServerReport& report) {
    return append([&report](ByteWriter& writer) { write_server(writer, report); });
}

Bytes DirectorMessageWriter::finish(const DirectorHeader& header) {
    const bool has_tag = authenticator_.is_on();
    Bytes front;
    ByteWriter writer(front);
    writer.number(uint8_t{0});
    writer.number(header.sync_id);
    writer.number(static_cast<uint16_t>(bytes_.size() + (has_tag ? kTagBytes : 0)));
    writer.number(static_cast<uint8_t>(static_cast<uint8_t>(kind_) | (has_tag ? kHasTag : 0)));
    writer.number(kDirectorVersion);
    writer.number(static_cast<uint16_t>(count_));
    writer.number(header.incarnation);
    writer.number(header.sequence);
    writer.number(header.ipvs_sent);
    writer.number(header.age_ms);
    Bytes message = std::exchange(bytes_, Bytes(kDirectorHeaderBytes));
    std::copy(front.begin(), front.end(), message.begin());
    if (has_tag) {
        const Tag tag = authenticator_.tag_of(message);
        message.insert(message.end(), tag.begin(), tag.end());
    }
    count_ = 0;
    return message;
}

}  // namespace director::sync
