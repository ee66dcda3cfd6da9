#include "diagnostics/live/capture_blocks.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace director::diagnostics {
namespace {

static_assert(std::endian::native == std::endian::little);  // the section says which it has

constexpr uint32_t kSection = 0x0a0d0d0a;
constexpr uint32_t kInterface = 1;
constexpr uint32_t kStatistics = 5;
constexpr uint32_t kPacket = 6;

constexpr uint16_t kEndOfOptions = 0;
constexpr uint16_t kComment = 1;
constexpr uint16_t kApplication = 4;  // shb_userappl
constexpr uint16_t kName = 2;         // if_name
constexpr uint16_t kDescription = 3;  // if_description
constexpr uint16_t kResolution = 9;   // if_tsresol
constexpr uint16_t kFlags = 2;        // epb_flags
constexpr uint16_t kBeginTime = 2;    // isb_starttime
constexpr uint16_t kEndTime = 3;      // isb_endtime
constexpr uint16_t kReceived = 4;     // isb_ifrecv
constexpr uint16_t kMissed = 5;       // isb_ifdrop
constexpr uint16_t kEthernet = 1;     // link type
constexpr uint8_t kNanoseconds = 9;

[[nodiscard]] std::string_view text_of(std::span<const uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

CaptureBlocks::CaptureBlocks(std::string_view application) {
    begin(kSection);
    add32(0x1a2b3c4d);
    add16(1);
    add16(0);
    add32(UINT32_MAX);  // the section's length is not known
    add32(UINT32_MAX);
    add_option(kApplication, application);
    end();
}

uint32_t CaptureBlocks::add_interface(std::string_view name,
                                      std::string_view description,
                                      uint32_t snap_bytes) {
    begin(kInterface);
    add16(kEthernet);
    add16(0);
    add32(snap_bytes);
    add_option(kName, name);
    add_option(kDescription, description);
    add_option(kResolution, std::string_view(reinterpret_cast<const char*>(&kNanoseconds), 1));
    end();
    return interfaces_++;
}

void CaptureBlocks::add_packet(const CapturedPacket& packet) {
    begin(kPacket);
    add32(packet.interface);
    add_time(packet.time_ns);
    add32(static_cast<uint32_t>(packet.bytes.size()));
    add32(packet.wire_bytes);
    add_padded(text_of(packet.bytes));
    if (packet.direction != CaptureDirection::kUnknown) {
        const std::array<char, 4> flags{static_cast<char>(packet.direction), 0, 0, 0};
        add_option(kFlags, {flags.data(), flags.size()});
    }
    if (!packet.comment.empty()) {
        add_option(kComment, packet.comment);
    }
    end();
}

void CaptureBlocks::add_statistics(const CaptureStatistics& statistics) {
    begin(kStatistics);
    add32(statistics.interface);
    add_time(statistics.end_ns);
    const auto add_moment = [this](uint16_t code, int64_t time_ns) {
        // High word first, as in packets.
        const auto time = static_cast<uint64_t>(time_ns);
        add_number(code, time << 32 | time >> 32);
    };
    add_moment(kBeginTime, statistics.begin_ns);
    add_moment(kEndTime, statistics.end_ns);
    add_number(kReceived, statistics.received);
    add_number(kMissed, statistics.missed);
    if (!statistics.comment.empty()) {
        add_option(kComment, statistics.comment);
    }
    end();
}

void CaptureBlocks::begin(uint32_t type) {
    block_ = bytes_.size();
    add32(type);
    add32(0);  // its length, once that is known
}

void CaptureBlocks::end() {
    add32(kEndOfOptions);
    const auto length = static_cast<uint32_t>(bytes_.size() - block_ + 4);
    add32(length);
    std::memcpy(&bytes_[block_ + 4], &length, sizeof(length));
}

void CaptureBlocks::add16(uint16_t value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void CaptureBlocks::add32(uint32_t value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void CaptureBlocks::add_time(int64_t time_ns) {
    const auto time = static_cast<uint64_t>(std::max<int64_t>(time_ns, 0));
    add32(static_cast<uint32_t>(time >> 32));
    add32(static_cast<uint32_t>(time));
}

void CaptureBlocks::add_padded(std::string_view bytes) {
    bytes_.append(bytes);
    bytes_.append((4 - bytes.size() % 4) % 4, '\0');
}

void CaptureBlocks::add_option(uint16_t code, std::string_view value) {
    value = value.substr(0, UINT16_MAX);
    add16(code);
    add16(static_cast<uint16_t>(value.size()));
    add_padded(value);
}

void CaptureBlocks::add_number(uint16_t code, uint64_t value) {
    add_option(code, std::string_view(reinterpret_cast<const char*>(&value), sizeof(value)));
}

}  // namespace director::diagnostics
