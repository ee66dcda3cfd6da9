#include "diagnostics/files/pcapng_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/assert.h"
#include "diagnostics/files/pcapng_blocks.h"

namespace director::diagnostics {
namespace {

// Option codes: of every block, of a section, of an interface.
constexpr uint16_t kOptionEnd = 0;
constexpr uint16_t kComment = 1;
constexpr uint16_t kSectionApplication = 4;
constexpr uint16_t kInterfaceName = 2;
constexpr uint16_t kInterfaceDescription = 3;
constexpr uint16_t kInterfaceResolution = 9;
constexpr uint8_t kNanoseconds = 9;

constexpr size_t kOptionBytesMax = 65535;

[[nodiscard]] std::span<const uint8_t> bytes_of(std::string_view text) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): characters are bytes
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

void PcapngWriter::Closer::operator()(std::FILE* file) const {
    if (file != stdout) {
        std::fclose(file);
    }
}

PcapngWriter::PcapngWriter(std::FILE* file, std::string name)
    : file_(file), name_(std::move(name)) {}

Result<PcapngWriter> PcapngWriter::open(const std::string& path, std::string_view application) {
    std::FILE* file = path == "-" ? stdout : std::fopen(path.c_str(), "wbe");
    if (file == nullptr) {
        return failure(fmt::format("{}: {}", path, std::strerror(errno)));
    }
    PcapngWriter writer(file, path == "-" ? "standard output" : path);
    writer.begin(kBlockSection);
    writer.add_u32(kByteOrderMagic);
    writer.add_u16(1);  // version 1.0
    writer.add_u16(0);
    writer.add_u32(0xffffffff);  // length of the section: not told
    writer.add_u32(0xffffffff);
    writer.add_text(kSectionApplication, application);
    writer.add_option(kOptionEnd, {});
    writer.end();
    return writer;
}

uint32_t PcapngWriter::add_interface(std::string_view name,
                                     std::string_view description,
                                     LinkType link,
                                     uint32_t snap_length) {
    begin(kBlockInterface);
    add_u16(static_cast<uint16_t>(link));
    add_u16(0);
    add_u32(snap_length);
    add_text(kInterfaceName, name);
    add_text(kInterfaceDescription, description);
    add_option(kInterfaceResolution, {&kNanoseconds, 1});
    add_option(kOptionEnd, {});
    end();
    return interfaces_++;
}

void PcapngWriter::write(uint32_t interface, const Packet& packet, std::string_view comment) {
    DIRECTOR_ASSERT(interface < interfaces_);
    const uint64_t ticks = static_cast<uint64_t>(std::max<int64_t>(packet.time_ns, 0));
    begin(kBlockPacket);
    add_u32(interface);
    add_u32(static_cast<uint32_t>(ticks >> 32));
    add_u32(static_cast<uint32_t>(ticks));
    add_u32(static_cast<uint32_t>(packet.bytes.size()));
    add_u32(std::max(packet.wire_bytes, static_cast<uint32_t>(packet.bytes.size())));
    add_padded(packet.bytes);
    if (!comment.empty()) {
        add_text(kComment, comment);
        add_option(kOptionEnd, {});
    }
    end();
    ++packets_;
}

Result<void> PcapngWriter::close() {
    const bool is_flushed = std::fflush(file_.get()) == 0;
    if (!is_flushed && fault_.empty()) {
        fault_ = std::strerror(errno);
    }
    file_.reset();
    if (!fault_.empty()) {
        return failure(fmt::format("{}: {}", name_, fault_));
    }
    return {};
}

void PcapngWriter::begin(uint32_t type) {
    block_.clear();
    add_u32(type);
    add_u32(0);  // the length, told by end()
}

void PcapngWriter::add_u16(uint16_t value) {
    block_.push_back(static_cast<uint8_t>(value));
    block_.push_back(static_cast<uint8_t>(value >> 8));
}

void PcapngWriter::add_u32(uint32_t value) {
    add_u16(static_cast<uint16_t>(value));
    add_u16(static_cast<uint16_t>(value >> 16));
}

void PcapngWriter::add_padded(std::span<const uint8_t> bytes) {
    block_.insert(block_.end(), bytes.begin(), bytes.end());
    block_.resize((block_.size() + 3) & ~size_t{3});
}

void PcapngWriter::add_option(uint16_t code, std::span<const uint8_t> value) {
    value = value.first(std::min(value.size(), kOptionBytesMax));
    add_u16(code);
    add_u16(static_cast<uint16_t>(value.size()));
    add_padded(value);
}

void PcapngWriter::add_text(uint16_t code, std::string_view text) {
    if (!text.empty()) {
        add_option(code, bytes_of(text));
    }
}

void PcapngWriter::end() {
    const uint32_t length = static_cast<uint32_t>(block_.size() + 4);
    std::memcpy(block_.data() + 4, &length, sizeof(length));
    add_u32(length);
    if (!fault_.empty()) {
        return;
    }
    if (std::fwrite(block_.data(), 1, block_.size(), file_.get()) != block_.size()) {
        fault_ = std::strerror(errno);
        return;
    }
    bytes_ += block_.size();
}

}  // namespace director::diagnostics
