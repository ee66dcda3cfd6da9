// Capture files made by hand, in either byte order, for the tests of their reader.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace director::diagnostics {

using Bytes = std::vector<uint8_t>;

enum class Order : uint8_t { kLittle, kBig };

class CaptureBytes {
  public:
    explicit CaptureBytes(Order order) : order_(order) {}

    CaptureBytes& u16(uint16_t value) {
        const auto low = static_cast<uint8_t>(value);
        const auto high = static_cast<uint8_t>(value >> 8);
        bytes.push_back(order_ == Order::kBig ? high : low);
        bytes.push_back(order_ == Order::kBig ? low : high);
        return *this;
    }
    CaptureBytes& u32(uint32_t value) {
        const auto low = static_cast<uint16_t>(value);
        const auto high = static_cast<uint16_t>(value >> 16);
        u16(order_ == Order::kBig ? high : low);
        return u16(order_ == Order::kBig ? low : high);
    }
    CaptureBytes& u64(uint64_t value) {
        const auto low = static_cast<uint32_t>(value);
        const auto high = static_cast<uint32_t>(value >> 32);
        u32(order_ == Order::kBig ? high : low);
        return u32(order_ == Order::kBig ? low : high);
    }
    CaptureBytes& raw(const Bytes& more) {
        bytes.insert(bytes.end(), more.begin(), more.end());
        return *this;
    }
    CaptureBytes& padded(const Bytes& more) {
        raw(more);
        bytes.resize((bytes.size() + 3) & ~size_t{3});
        return *this;
    }

    CaptureBytes& pcap_header(uint32_t magic, uint32_t link, uint32_t snap_length = 262144) {
        return u32(magic).u16(2).u16(4).u32(0).u32(0).u32(snap_length).u32(link);
    }
    CaptureBytes& record(uint32_t seconds, uint32_t fraction, const Bytes& data, uint32_t wire) {
        return u32(seconds)
            .u32(fraction)
            .u32(static_cast<uint32_t>(data.size()))
            .u32(wire)
            .raw(data);
    }

    CaptureBytes& option(uint16_t code, const Bytes& value) {
        return u16(code).u16(static_cast<uint16_t>(value.size())).padded(value);
    }
    // A pcapng block around `body`.
    CaptureBytes& block(uint32_t type, const CaptureBytes& body) {
        const auto length = static_cast<uint32_t>(body.bytes.size() + 12);
        return u32(type).u32(length).raw(body.bytes).u32(length);
    }
    CaptureBytes& section() {
        return block(0x0a0d0d0a,
                     CaptureBytes(order_).u32(0x1a2b3c4d).u16(1).u16(0).u64(UINT64_MAX));
    }
    CaptureBytes& interface(uint16_t link, const Bytes& options = {}, uint32_t snap_length = 0) {
        return block(1, CaptureBytes(order_).u16(link).u16(0).u32(snap_length).raw(options));
    }
    CaptureBytes& packet(uint32_t interface, uint64_t ticks, const Bytes& data, uint32_t wire) {
        return block(6,
                     CaptureBytes(order_)
                         .u32(interface)
                         .u32(static_cast<uint32_t>(ticks >> 32))
                         .u32(static_cast<uint32_t>(ticks))
                         .u32(static_cast<uint32_t>(data.size()))
                         .u32(wire)
                         .padded(data));
    }

    Bytes bytes;

  private:
    Order order_;
};

}  // namespace director::diagnostics
