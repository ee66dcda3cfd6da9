#include "controlplane/sync/ipvs_message.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "common/assert.h"
#include "controlplane/sync/ipvs_states.h"

namespace director::sync {
namespace {

constexpr size_t kHeaderBytesV0 = 4;
constexpr size_t kHeaderBytesV1 = 8;
constexpr size_t kRecordBytesV0 = 24;
constexpr size_t kRecordBytesIpv4 = 36;
constexpr size_t kRecordBytesIpv6 = 72;
constexpr size_t kSequencesBytes = 24;
constexpr size_t kEngineDataMax = 255;
constexpr size_t kEngineNameMax = 16;
constexpr uint8_t kTypeIpv6 = 1;  // STYPE_F_INET6, a bit

// Options (IPVS_OPT_*); the bit says that who does not know one may pass over it.
constexpr uint8_t kOptionSequences = 1;
constexpr uint8_t kOptionEngineData = 2;
constexpr uint8_t kOptionEngineName = 3;
constexpr uint8_t kOptionIsOptional = 0x40;

constexpr size_t padded(size_t size) {
    return (size + 3) & ~size_t{3};
}

[[nodiscard]] IpvsSequence read_sequence(ByteReader& reader) {
    IpvsSequence sequence;
    sequence.initial = reader.number<uint32_t>();
    sequence.delta = reader.number<uint32_t>();
    sequence.previous_delta = reader.number<uint32_t>();
    return sequence;
}

void write_sequence(ByteWriter& writer, const IpvsSequence& sequence) {
    writer.number(sequence.initial);
    writer.number(sequence.delta);
    writer.number(sequence.previous_delta);
}

// Version 0 sends the sender's memory as it is: on a machine of the other byte order, nonsense.
[[nodiscard]] IpvsSequence host_order(const IpvsSequence& sequence) {
    const auto swap = [](uint32_t value) { return __builtin_bswap32(value); };
    return {swap(sequence.initial), swap(sequence.delta), swap(sequence.previous_delta)};
}

// What a parser may do next.
enum class Outcome : uint8_t { kTaken, kSkipped, kCut };

struct Verdict {
    Outcome outcome = Outcome::kTaken;
    Refusal why = Refusal::kCount;
};

constexpr Verdict cut(Refusal why) {
    return {Outcome::kCut, why};
}
constexpr Verdict skip(Refusal why) {
    return {Outcome::kSkipped, why};
}

// What a record must be apart from its layout.
[[nodiscard]] Verdict check(const IpvsRecord& record) {
    const bool is_template = record.has(ipvs_flag::kTemplate);
    const uint16_t states = ipvs_state_count(record.protocol);
    if (!is_template && states == 0) {
        return skip(Refusal::kUnknownProtocol);
    }
    if (!is_template && record.state >= states) {
        return skip(Refusal::kUnknownState);
    }
    if (is_template && record.has(ipvs_flag::kNoClientPort)) {
        return skip(Refusal::kBadFlags);
    }
    if (record.has(ipvs_flag::kOnePacket)) {
        return skip(Refusal::kBadFlags);
    }
    const Family family = record.client.address.family();
    if (record.virtual_service.address.family() != family ||
        record.real_server.address.family() != family) {
        return skip(Refusal::kBadAddress);  // ::ffff:a.b.c.d, which is on no wire
    }
    return {};
}

[[nodiscard]] std::string text_of(std::span<const uint8_t> bytes) {
    return {bytes.begin(), bytes.end()};
}

// One option's data into the record.
[[nodiscard]] Verdict take_option(uint8_t type, std::span<const uint8_t> data, IpvsRecord& record) {
    switch (type & ~kOptionIsOptional) {
        case kOptionSequences: {
            if (data.size() != kSequencesBytes) {
                return cut(Refusal::kOptionLength);
            }
            if (record.sequences) {
                return cut(Refusal::kOptionTwice);
            }
            ByteReader reader(data);
            const IpvsSequence in = read_sequence(reader);
            record.sequences = {in, read_sequence(reader)};
            return {};
        }
        case kOptionEngineData:
            if (!record.engine_data.empty()) {
                return cut(Refusal::kOptionTwice);
            }
            record.engine_data = text_of(data);
            return {};
        case kOptionEngineName:
            if (data.size() > kEngineNameMax) {
                return cut(Refusal::kOptionLength);
            }
            if (!record.engine_name.empty()) {
                return cut(Refusal::kOptionTwice);
            }
            record.engine_name = text_of(data);
            return {};
        default:
            return (type & kOptionIsOptional) != 0 ? Verdict{} : skip(Refusal::kMandatoryOption);
    }
}

[[nodiscard]] Verdict read_options(std::span<const uint8_t> bytes, IpvsRecord& record) {
    Verdict worst;
    while (!bytes.empty()) {
        if (bytes.size() < 2) {
            return cut(Refusal::kOptionCut);
        }
        const uint8_t type = bytes[0];
        const size_t length = bytes[1];
        if (length == 0 || length > bytes.size() - 2) {
            return cut(Refusal::kOptionCut);
        }
        const Verdict verdict = take_option(type, bytes.subspan(2, length), record);
        if (verdict.outcome != Outcome::kTaken) {
            return verdict;
        }
        bytes = bytes.subspan(2 + length);
    }
    if (!record.engine_data.empty() && record.engine_name.empty()) {
        worst = skip(Refusal::kEngineWithoutName);
    }
    return worst;
}

// `bytes` are the record's with its options, without padding.
[[nodiscard]] Verdict read_record_v1(std::span<const uint8_t> bytes, IpvsRecord& record) {
    const bool is_ipv6 = (bytes[0] & kTypeIpv6) != 0;
    if (!is_ipv6 && bytes[0] != 0) {
        return cut(Refusal::kUnknownType);
    }
    const size_t fixed = is_ipv6 ? kRecordBytesIpv6 : kRecordBytesIpv4;
    if (bytes.size() < fixed) {
        return cut(Refusal::kRecordCut);
    }
    ByteReader reader(bytes);
    static_cast<void>(reader.number<uint8_t>());  // type
    record.protocol = reader.number<uint8_t>();
    static_cast<void>(reader.number<uint16_t>());  // version and size
    record.flags = reader.number<uint32_t>() & (ipvs_flag::kTaken | ipvs_flag::kOnePacket);
    record.state = reader.number<uint16_t>();
    record.client.port = reader.port();
    record.virtual_service.port = reader.port();
    record.real_server.port = reader.port();
    record.mark = reader.number<uint32_t>();
    record.timeout_seconds = reader.number<uint32_t>();
    const Family family = is_ipv6 ? Family::kIpv6 : Family::kIpv4;
    record.client.address = reader.address(family);
    record.virtual_service.address = reader.address(family);
    record.real_server.address = reader.address(family);
    const Verdict options = read_options(bytes.subspan(fixed), record);
    if (options.outcome != Outcome::kTaken) {
        return options;
    }
    const bool is_mapped =
        is_ipv6 && (record.client.address.is_ipv4() || record.virtual_service.address.is_ipv4() ||
                    record.real_server.address.is_ipv4());
    return is_mapped ? skip(Refusal::kBadAddress) : check(record);
}

// Puts a record's fate into the message. False: nothing behind it counts.
[[nodiscard]] bool settle(IpvsMessage& message, const Verdict& verdict, IpvsRecord& record) {
    switch (verdict.outcome) {
        case Outcome::kTaken:
            message.records.push_back(std::move(record));
            return true;
        case Outcome::kSkipped:
            message.skipped.push_back(verdict.why);
            return true;
        case Outcome::kCut:
            message.cut = verdict.why;
            return false;
    }
    return false;
}

void read_records_v1(std::span<const uint8_t> bytes, uint8_t count, IpvsMessage& message) {
    size_t at = kHeaderBytesV1;
    for (uint32_t i = 0; i < count; ++i) {
        // Also of an IPv6 record as much as an IPv4 one has must be there (the kernel's order).
        if (at > bytes.size() || bytes.size() - at < kRecordBytesIpv4) {
            message.cut = Refusal::kRecordCut;
            return;
        }
        const uint32_t version_and_size = uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
        const size_t size = version_and_size & 0xfff;
        if (size > bytes.size() - at) {
            message.cut = Refusal::kRecordCut;
            return;
        }
        if (version_and_size >> 12 != 0) {
            message.cut = Refusal::kRecordVersion;
            return;
        }
        if (size < kRecordBytesIpv4) {
            message.cut = Refusal::kRecordCut;
            return;
        }
        IpvsRecord record;
        const Verdict verdict = read_record_v1(bytes.subspan(at, size), record);
        if (!settle(message, verdict, record)) {
            return;
        }
        at += padded(size);
    }
}

void read_records_v0(std::span<const uint8_t> bytes, uint8_t count, IpvsMessage& message) {
    ByteReader reader(bytes.subspan(kHeaderBytesV0));
    for (uint32_t i = 0; i < count; ++i) {
        if (reader.left() < kRecordBytesV0) {
            message.cut = Refusal::kRecordCut;
            return;
        }
        IpvsRecord record;
        static_cast<void>(reader.number<uint8_t>());  // reserved
        record.protocol = reader.number<uint8_t>();
        record.client.port = reader.port();
        record.virtual_service.port = reader.port();
        record.real_server.port = reader.port();
        record.client.address = reader.address(Family::kIpv4);
        record.virtual_service.address = reader.address(Family::kIpv4);
        record.real_server.address = reader.address(Family::kIpv4);
        record.flags = reader.number<uint16_t>() & (ipvs_flag::kTaken | ipvs_flag::kOnePacket);
        record.state = reader.number<uint16_t>();
        if (record.has(ipvs_flag::kSequences)) {
            if (reader.left() < kSequencesBytes) {
                message.cut = Refusal::kOptionCut;
                return;
            }
            const IpvsSequence in = host_order(read_sequence(reader));
            record.sequences = {in, host_order(read_sequence(reader))};
        }
        const Verdict verdict = check(record);
        if (!settle(message, verdict, record)) {
            return;
        }
    }
}

void write_option(ByteWriter& writer, uint8_t type, std::string_view data) {
    writer.number(type);
    writer.number(static_cast<uint8_t>(data.size()));
    writer.bytes({reinterpret_cast<const uint8_t*>(data.data()), data.size()});
}

// Sequences, engine's data, engine's name: the order of Linux.
void write_options(ByteWriter& writer, const IpvsRecord& record) {
    if (record.sequences) {
        writer.number(kOptionSequences);
        writer.number(static_cast<uint8_t>(kSequencesBytes));
        write_sequence(writer, record.sequences->in);
        write_sequence(writer, record.sequences->out);
    }
    if (!record.engine_data.empty()) {
        write_option(writer, kOptionEngineData, record.engine_data);
        write_option(writer, kOptionEngineName, record.engine_name);
    }
}

[[nodiscard]] size_t options_bytes(const IpvsRecord& record) {
    const size_t engine =
        record.engine_data.empty() ? 0 : 4 + record.engine_data.size() + record.engine_name.size();
    return engine + (record.sequences ? 2 + kSequencesBytes : 0);
}

[[nodiscard]] size_t record_bytes_v1(const IpvsRecord& record) {
    const bool is_ipv4 = record.client.address.is_ipv4();
    return (is_ipv4 ? kRecordBytesIpv4 : kRecordBytesIpv6) + options_bytes(record);
}

void write_record_v1(ByteWriter& writer, const IpvsRecord& record) {
    const bool is_ipv4 = record.client.address.is_ipv4();
    writer.number(is_ipv4 ? uint8_t{0} : kTypeIpv6);
    writer.number(record.protocol);
    writer.number(static_cast<uint16_t>(record_bytes_v1(record)));
    writer.number(record.flags & ~ipvs_flag::kHashed);
    writer.number(record.state);
    writer.port(record.client.port);
    writer.port(record.virtual_service.port);
    writer.port(record.real_server.port);
    writer.number(record.mark);
    writer.number(record.timeout_seconds);
    writer.address(record.client.address);
    writer.address(record.virtual_service.address);
    writer.address(record.real_server.address);
    write_options(writer, record);
}

[[nodiscard]] size_t record_bytes_v0(const IpvsRecord& record) {
    return kRecordBytesV0 + (record.has(ipvs_flag::kSequences) ? kSequencesBytes : 0);
}

void write_record_v0(ByteWriter& writer, const IpvsRecord& record) {
    writer.number(uint8_t{0});
    writer.number(record.protocol);
    writer.port(record.client.port);
    writer.port(record.virtual_service.port);
    writer.port(record.real_server.port);
    writer.address(record.client.address);
    writer.address(record.virtual_service.address);
    writer.address(record.real_server.address);
    writer.number(static_cast<uint16_t>(record.flags & ~ipvs_flag::kHashed));
    writer.number(record.state);
    if (record.has(ipvs_flag::kSequences)) {
        const IpvsSequences sequences = record.sequences.value_or(IpvsSequences{});
        write_sequence(writer, host_order(sequences.in));
        write_sequence(writer, host_order(sequences.out));
    }
}

}  // namespace

tl::expected<IpvsMessage, Refusal> parse_ipvs_message(std::span<const uint8_t> bytes,
                                                      uint8_t accepted_id) {
    if (bytes.size() < kHeaderBytesV0) {
        return tl::unexpected(Refusal::kTooShort);
    }
    if ((uint32_t{bytes[2]} << 8 | bytes[3]) != bytes.size()) {
        return tl::unexpected(Refusal::kWrongSize);
    }
    IpvsMessage message;
    message.sync_id = bytes[1];
    if (accepted_id != 0 && message.sync_id != accepted_id) {
        return tl::unexpected(Refusal::kOtherSyncId);
    }
    const bool is_v1 = bytes.size() >= kHeaderBytesV1 && bytes[0] == 0 && bytes[5] == 1 &&
                       bytes[6] == 0 && bytes[7] == 0;
    if (is_v1) {
        message.version = 1;
        read_records_v1(bytes, bytes[4], message);
    } else if (bytes[0] == 0 && bytes.size() > kHeaderBytesV0) {
        // To a kernel, a message of version 0 without connections: what later versions look like.
        return tl::unexpected(Refusal::kUnknownVersion);
    } else {
        read_records_v0(bytes, bytes[0], message);
    }
    return message;
}

IpvsMessageWriter::IpvsMessageWriter(IpvsVersion version, uint8_t sync_id, size_t bytes_max)
    : version_(version), sync_id_(sync_id), bytes_max_(std::min<size_t>(bytes_max, 0xffff)) {
    start();
}

void IpvsMessageWriter::start() {
    bytes_.clear();
    bytes_.resize(version_ == IpvsVersion::kOne ? kHeaderBytesV1 : kHeaderBytesV0);
    count_ = 0;
}

bool IpvsMessageWriter::can_carry(IpvsVersion version, const IpvsRecord& record) {
    const Family family = record.client.address.family();
    const bool is_one_family = record.virtual_service.address.family() == family &&
                               record.real_server.address.family() == family;
    const bool has_engine = !record.engine_data.empty() || !record.engine_name.empty();
    if (version == IpvsVersion::kZero) {
        return is_one_family && family == Family::kIpv4 && record.mark == 0 && !has_engine &&
               record.flags <= 0xffff;
    }
    return is_one_family && record.engine_data.size() <= kEngineDataMax &&
           record.engine_name.size() <= kEngineNameMax &&
           record.engine_data.empty() == record.engine_name.empty();
}

bool IpvsMessageWriter::add(const IpvsRecord& record) {
    DIRECTOR_ASSERT(can_carry(version_, record));
    const bool is_one = version_ == IpvsVersion::kOne;
    // The padding before a record is part of the message, not of a record.
    const size_t begin = is_one ? padded(bytes_.size()) : bytes_.size();
    const size_t size = is_one ? record_bytes_v1(record) : record_bytes_v0(record);
    if (count_ == kRecordsMax || begin + size > bytes_max_) {
        return false;
    }
    ByteWriter writer(bytes_);
    writer.zeros(begin - bytes_.size());
    if (is_one) {
        write_record_v1(writer, record);
    } else {
        write_record_v0(writer, record);
    }
    ++count_;
    return true;
}

Bytes IpvsMessageWriter::finish() {
    ByteWriter(bytes_).put16(2, static_cast<uint16_t>(bytes_.size()));
    bytes_[1] = sync_id_;
    if (version_ == IpvsVersion::kOne) {
        bytes_[4] = static_cast<uint8_t>(count_);
        bytes_[5] = 1;
    } else {
        bytes_[0] = static_cast<uint8_t>(count_);
    }
    Bytes message = std::exchange(bytes_, {});
    start();
    return message;
}

}  // namespace director::sync
