#include "dataplane/core/codecs/rebuild_arrival.h"

#include <cstring>

#include "common/checksum.h"
#include "common/ethernet.h"
#include "dataplane/core/codecs/frame.h"

namespace director::dataplane {
namespace {

// A 16-bit word of the frame changes, and with it the sums that are over it (RFC 1624 equation 3).
class Changes {
  public:
    explicit Changes(uint8_t* frame) : frame_(frame) {}

    void store(uint32_t offset, uint16_t after) {
        const uint16_t before = load_raw16(frame_ + offset);
        delta_ += uint32_t{static_cast<uint16_t>(~before)} + after;
        store_raw16(frame_ + offset, after);
    }
    void store32(uint32_t offset, uint32_t after) {
        store(offset, static_cast<uint16_t>(after));
        store(offset + 2, static_cast<uint16_t>(after >> 16));
    }
    void apply_to(uint32_t offset) const {
        store_raw16(frame_ + offset, checksum_apply(load_raw16(frame_ + offset), delta_));
    }

  private:
    uint8_t* frame_;
    uint32_t delta_ = 0;
};

}  // namespace

void rebuild_arrival(const MirrorRecord& record, std::span<uint8_t> frame) {
    constexpr uint32_t kIp = kEthernetBytes;
    if (frame.size() < kIp + kIpv4Bytes || frame[kIp] >> 4 != 4) {
        return;
    }
    std::memcpy(frame.data(), record.before.macs.data(), record.before.macs.size());
    uint8_t* const ip = frame.data() + kIp;
    Changes addresses(frame.data());
    addresses.store32(kIp + kIpSourceOffset, record.before.source);
    addresses.store32(kIp + kIpDestinationOffset, record.before.destination);
    Changes header = addresses;
    const uint16_t protocol = static_cast<uint16_t>(ip[kIpProtocolOffset] << 8);
    header.store(kIp + kIpTtlOffset, static_cast<uint16_t>(protocol | record.ttl));
    header.apply_to(kIp + kIpChecksumOffset);

    const uint32_t l4 = kIp + (ip[0] & 0xfU) * 4;
    const bool is_udp = ip[kIpProtocolOffset] == static_cast<uint8_t>(Protocol::kUdp);
    const uint32_t checksum = l4 + (is_udp ? kUdpChecksumOffset : kTcpChecksumOffset);
    if (frame.size() < l4 + 4) {
        return;
    }
    addresses.store(l4, record.before.source_port);
    addresses.store(l4 + kL4DestinationOffset, record.before.destination_port);
    if (frame.size() < checksum + 2 || (is_udp && load_raw16(&frame[checksum]) == 0)) {
        return;  // RFC 768: 0 is none, and stays so
    }
    addresses.apply_to(checksum);
    if (is_udp && load_raw16(&frame[checksum]) == 0) {
        store_raw16(&frame[checksum], 0xffff);
    }
}

}  // namespace director::dataplane
