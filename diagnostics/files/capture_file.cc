#include "diagnostics/files/capture_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace director::diagnostics {
namespace {

// pcap's first four bytes, in the writer's order (draft-ietf-opsawg-pcap section 4).
constexpr uint32_t kMagicMicroseconds = 0xa1b2c3d4;
constexpr uint32_t kMagicNanoseconds = 0xa1b23c4d;
constexpr size_t kPcapHeaderBytes = 24;
constexpr size_t kRecordHeaderBytes = 16;
// Above the link type's 28 bits lies what is known of the frame check sequence.
constexpr uint32_t kLinkTypeMask = 0x0fffffff;

// No link has longer packets; a larger number is not a length.
constexpr uint32_t kPacketBytesMax = ByteStream::kWindowMax - 4096;
constexpr size_t kPointsMax = 65536;
constexpr uint32_t kOpenBsdRaw = 14;

[[nodiscard]] uint32_t raw_number(const uint8_t* at) {
    uint32_t raw = 0;
    std::memcpy(&raw, at, sizeof(raw));
    return raw;
}

[[nodiscard]] LinkType link_type(uint32_t number) {
    return number == kOpenBsdRaw ? LinkType::kRaw : static_cast<LinkType>(number);
}

}  // namespace

CaptureFile::CaptureFile(ByteStream stream, std::string name, const std::string& filter)
    : stream_(std::move(stream)), name_(std::move(name)), filter_(filter) {}

Result<CaptureFile> CaptureFile::open(const std::string& path, const std::string& filter) {
    auto stream = ByteStream::open(path);
    if (!stream) {
        return Failure(stream.error());
    }
    CaptureFile file(std::move(*stream), path == "-" ? "standard input" : path, filter);
    auto begun = file.begin();
    return begun ? Result<CaptureFile>(std::move(file)) : Failure(begun.error());
}

Result<CaptureFile> CaptureFile::open_memory(std::span<const uint8_t> bytes,
                                             const std::string& name,
                                             const std::string& filter) {
    CaptureFile file(ByteStream(bytes), name, filter);
    auto begun = file.begin();
    return begun ? Result<CaptureFile>(std::move(file)) : Failure(begun.error());
}

Result<void> CaptureFile::begin() {
    if (!stream_.want(4)) {
        const std::string why = !stream_.fault().empty()   ? stream_.fault()
                                : stream_.available() == 0 ? std::string("is empty")
                                                           : std::string("is no capture");
        return failure(fmt::format("{}: {}", name_, why));
    }
    if (raw_number(stream_.data()) != kBlockSection) {
        return begin_pcap();
    }
    is_pcapng_ = true;
    // On to the first packet, so that a filter that makes no sense fails here.
    Step step = Step::kOther;
    while (step == Step::kOther) {
        step = read_block();
    }
    has_pending_packet_ = step == Step::kPacket;
    if (step == Step::kEnd && fault_ && points_.empty()) {
        return Failure(*fault_);
    }
    return {};
}

Result<void> CaptureFile::begin_pcap() {
    const uint32_t magic = raw_number(stream_.data());
    const uint32_t turned = __builtin_bswap32(magic);
    is_swapped_ = turned == kMagicMicroseconds || turned == kMagicNanoseconds;
    const uint32_t meant = is_swapped_ ? turned : magic;
    if (meant != kMagicMicroseconds && meant != kMagicNanoseconds) {
        return failure(fmt::format(
            "{}: is no capture: neither pcap nor pcapng begins with 0x{:08x}", name_, turned));
    }
    if (!stream_.want(kPcapHeaderBytes)) {
        return failure(fmt::format("{}: ends within the header of a pcap file", name_));
    }
    tick_ns_ = meant == kMagicNanoseconds ? 1 : 1000;
    CapturePoint point;
    point.snap_length = number(stream_.data() + 16);
    point.link = link_type(number(stream_.data() + 20) & kLinkTypeMask);
    stream_.step(kPcapHeaderBytes);
    if (!add_point(std::move(point))) {
        return Failure(*fault_);
    }
    return {};
}

const Packet* CaptureFile::next() {
    while (!is_at_end_) {
        const Step step = std::exchange(has_pending_packet_, false) ? Step::kPacket
                          : is_pcapng_                              ? read_block()
                                                                    : read_pcap();
        if (step == Step::kPacket && filter_.lets_through(packet_)) {
            return &packet_;
        }
    }
    return nullptr;
}

CaptureFile::Step CaptureFile::read_pcap() {
    stream_.step(std::exchange(pending_bytes_, 0));
    if (!stream_.want(kRecordHeaderBytes)) {
        return stop_cut("a packet's header", kRecordHeaderBytes);
    }
    const uint32_t kept = number(stream_.data() + 8);
    if (kept > kPacketBytesMax) {
        return stop(fmt::format(
            "packet {} says that it has {} bytes: the file is damaged", packet_.number + 1, kept));
    }
    if (!stream_.want(kRecordHeaderBytes + kept)) {
        return stop_cut("a packet", kRecordHeaderBytes + kept);
    }
    const uint8_t* header = stream_.data();
    packet_.time_ns =
        int64_t{number(header)} * 1'000'000'000 + int64_t{number(header + 4)} * tick_ns_;
    packet_.bytes = {header + kRecordHeaderBytes, kept};
    packet_.wire_bytes = std::max(kept, number(header + 12));
    packet_.link = points_[0].link;
    ++packet_.number;
    ++points_[0].packets;
    pending_bytes_ = kRecordHeaderBytes + kept;
    return Step::kPacket;
}

CaptureFile::Step CaptureFile::read_block() {
    stream_.step(std::exchange(pending_bytes_, 0));
    if (!stream_.want(kBlockBytesMin)) {
        return stop_cut("a block", kBlockBytesMin);
    }
    const uint32_t type = number(stream_.data());
    if (type == kBlockSection) {
        return read_section();
    }
    const uint32_t length = number(stream_.data() + 4);
    if (length < kBlockBytesMin || length % 4 != 0) {
        return stop(fmt::format("a block of {} bytes: the file is damaged", length));
    }
    if (length > ByteStream::kWindowMax) {
        const bool is_packet = type == kBlockPacket || type == kBlockSimplePacket ||
                               type == kBlockPacketObsolete || type == kBlockInterface;
        if (is_packet) {
            return stop(fmt::format("a packet's block of {} bytes: the file is damaged", length));
        }
        // Names, keys and others' own blocks may be of any length.
        return stream_.skip(length) ? Step::kOther : stop_cut("a block", length);
    }
    if (!stream_.want(length)) {
        return stop_cut("a block", length);
    }
    pending_bytes_ = length;
    return take_block(type, {stream_.data(), length});
}

CaptureFile::Step CaptureFile::read_section() {
    if (!stream_.want(kSectionBytesMin)) {
        return stop_cut("a section's header", kSectionBytesMin);
    }
    const uint32_t magic = raw_number(stream_.data() + 8);
    is_swapped_ = magic == __builtin_bswap32(kByteOrderMagic);
    if (!is_swapped_ && magic != kByteOrderMagic) {
        return stop("a section without pcapng's byte order mark: the file is damaged");
    }
    const uint32_t length = number(stream_.data() + 4);
    if (length < kSectionBytesMin || length % 4 != 0) {
        return stop(fmt::format("a section's header of {} bytes: the file is damaged", length));
    }
    section_points_ = points_.size();
    return stream_.skip(length) ? Step::kOther : stop_cut("a section's header", length);
}

CaptureFile::Step CaptureFile::take_block(uint32_t type, std::span<const uint8_t> block) {
    const BlockReader reader(block, is_swapped_);
    switch (type) {
        case kBlockInterface:
            return take_interface(reader);
        case kBlockPacket:
        case kBlockSimplePacket:
        case kBlockPacketObsolete:
            return take_packet(type, reader);
        case kBlockStatistics:
            take_statistics(reader);
            return Step::kOther;
        default:
            return Step::kOther;
    }
}

CaptureFile::Step CaptureFile::take_interface(const BlockReader& reader) {
    auto found = reader.interface_block();
    if (!found) {
        return stop("an interface's block that is too short: the file is damaged");
    }
    const auto scale = TickScale::of(found->resolution);
    if (!scale) {
        return stop(fmt::format("interface {}: times in units of {}^-{} cannot be read",
                                points_.size(),
                                (found->resolution & 0x80) != 0 ? 2 : 10,
                                found->resolution & 0x7f));
    }
    CapturePoint point{std::move(found->name),
                       std::move(found->description),
                       link_type(found->link),
                       found->snap_length,
                       *scale,
                       0,
                       std::nullopt};
    point.scale.offset_s = found->offset_s;
    return add_point(std::move(point)) ? Step::kOther : Step::kEnd;
}

CaptureFile::Step CaptureFile::take_packet(uint32_t type, const BlockReader& reader) {
    const bool has_interface = section_points_ < points_.size();
    const uint32_t snap_length = has_interface ? points_[section_points_].snap_length : 0;
    const auto found = type == kBlockPacket         ? reader.packet()
                       : type == kBlockSimplePacket ? reader.simple_packet(snap_length)
                                                    : reader.obsolete_packet();
    if (!found) {
        return stop(fmt::format("packet {} is longer than its block: the file is damaged",
                                packet_.number + 1));
    }
    if (found->interface >= points_.size() - section_points_) {
        return stop(fmt::format("packet {} is of interface {}, which the file does not describe",
                                packet_.number + 1,
                                found->interface));
    }
    const size_t place = section_points_ + found->interface;
    CapturePoint& point = points_[place];
    packet_.time_ns = found->has_time ? point.scale.nanoseconds(found->ticks) : 0;
    packet_.bytes = found->bytes;
    packet_.wire_bytes = found->wire_bytes;
    packet_.link = point.link;
    packet_.point = static_cast<uint32_t>(place);
    ++packet_.number;
    ++point.packets;
    return Step::kPacket;
}

void CaptureFile::take_statistics(const BlockReader& reader) {
    const auto found = reader.statistics();
    if (found && found->dropped && found->interface < points_.size() - section_points_) {
        points_[section_points_ + found->interface].packets_missed = found->dropped;
    }
}

bool CaptureFile::add_point(CapturePoint point) {
    if (points_.size() == kPointsMax) {
        stop(fmt::format("more than {} interfaces: the file is damaged", kPointsMax));
        return false;
    }
    if (auto prepared = filter_.prepare(point.link); !prepared) {
        stop(prepared.error().message);
        return false;
    }
    points_.push_back(std::move(point));
    return true;
}

CaptureFile::Step CaptureFile::stop(std::string message) {
    is_at_end_ = true;
    if (!fault_) {
        fault_ = Error{fmt::format("{}: {}", name_, message)};
    }
    return Step::kEnd;
}

CaptureFile::Step CaptureFile::stop_cut(const char* what, uint64_t wanted) {
    is_at_end_ = true;
    if (!stream_.fault().empty()) {
        return stop(stream_.fault());
    }
    if (stream_.available() == 0 && wanted <= kRecordHeaderBytes) {
        return Step::kEnd;  // the end, where an end may be
    }
    return stop(fmt::format("is cut: behind packet {}, {} ends after {} of {} bytes",
                            packet_.number,
                            what,
                            stream_.available(),
                            wanted));
}

uint32_t CaptureFile::number(const uint8_t* at) const {
    const uint32_t raw = raw_number(at);
    return is_swapped_ ? __builtin_bswap32(raw) : raw;
}

}  // namespace director::diagnostics
