#include "tests/bench/yardstick.h"

#include <algorithm>
#include <cstring>

#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "common/assert.h"
#include "common/checksum.h"
#include "dataplane/core/codecs/frame.h"

namespace director::bench {

namespace core = dataplane;

namespace {

constexpr uint32_t kBurst = core::kBurstMax;
constexpr uint16_t kTtlDelta = 0xfffe;
constexpr uint32_t kIdleTicks = 6706;

uint64_t allocated_bytes() {
    rte_malloc_socket_stats stats{};
    rte_malloc_get_socket_stats(0, &stats);
    return stats.heap_allocsz_bytes;
}

}  // namespace

struct RteHashBalancer::Key {
    uint32_t source = 0;
    uint32_t destination = 0;
    uint16_t source_port = 0;
    uint16_t destination_port = 0;
    uint32_t protocol = 0;
};

struct alignas(64) RteHashBalancer::Entry {
    uint64_t packets;
    uint64_t bytes;
    uint32_t address;
    uint16_t port;
    uint16_t ip_delta;
    uint16_t l4_delta;
    uint16_t out_port;
    uint32_t deadline;
    std::array<uint8_t, 12> macs;
    bool replaces_source;
};

struct RteHashBalancer::Parsed {
    uint8_t* data = nullptr;
    uint32_t l4_offset = 0;
    uint16_t ip_length = 0;
    uint8_t tcp_flags = 0;
    bool is_good = false;
    Key key;
};

RteHashBalancer::RteHashBalancer(const Scene& scene) : scene_(scene) {
    static_assert(sizeof(Key) == 16 && sizeof(Entry) == 64);
    servers_of_flows.resize(scene.connections);
    const uint64_t before = allocated_bytes();
    rte_hash_parameters parameters{};
    parameters.name = "yardstick";
    parameters.entries = std::max(scene.connections, 64U) / 2 * 5;  // load 0.48 at powers of ten
    parameters.key_len = sizeof(Key);
    parameters.hash_func = rte_hash_crc;
    hash_ = rte_hash_create(&parameters);
    entries_ = static_cast<Entry*>(
        rte_zmalloc(nullptr, size_t{2} * scene.connections * sizeof(Entry), sizeof(Entry)));
    DIRECTOR_ASSERT(hash_ != nullptr && entries_ != nullptr);
    table_bytes_ = allocated_bytes() - before;
}

RteHashBalancer::~RteHashBalancer() {
    rte_hash_free(hash_);
    rte_free(entries_);
}

RteHashBalancer::Entry& RteHashBalancer::add(const Key& key,
                                             const Endpoint& before,
                                             const Endpoint& after) {
    Entry& entry = entries_[entries_used_++];
    const uint64_t old_address = before.address.ipv4().bits.raw;
    const uint64_t new_address = after.address.ipv4().bits.raw;
    entry.address = after.address.ipv4().bits.raw;
    entry.port = after.port.raw;
    entry.ip_delta = checksum_delta(old_address, new_address);
    entry.l4_delta = checksum_delta(old_address + before.port.raw, new_address + after.port.raw);
    entry.macs = {2, 0, 0, 0, 1, 0x77, 2, 0, 0, 0, 1, 1};
    DIRECTOR_ASSERT(rte_hash_add_key_data(hash_, &key, &entry) == 0);
    return entry;
}

// A client's SYN: the next server in turn, an entry per direction.
RteHashBalancer::Entry& RteHashBalancer::open(const Parsed& packet) {
    const Endpoint server = server_endpoint(next_server_);
    next_server_ = next_server_ + 1 < scene_.servers ? next_server_ + 1 : 0;
    const Endpoint service{Ipv4Address{Be32{packet.key.destination}},
                           Be16{packet.key.destination_port}};
    const Key back{server.address.ipv4().bits.raw,
                   packet.key.source,
                   server.port.raw,
                   packet.key.source_port,
                   packet.key.protocol};
    add(back, server, service).replaces_source = true;
    return add(packet.key, service, server);
}

// The same checks that Director makes.
void RteHashBalancer::parse(Parsed& packet) {
    const uint8_t* const ip = packet.data + kEthernetBytes;
    const uint32_t header_bytes = uint32_t{ip[0]} % 16 * 4;
    packet.ip_length = core::load_be16(ip + core::kIpLengthOffset);
    packet.l4_offset = kEthernetBytes + header_bytes;
    packet.is_good =
        core::load_be16(packet.data + kEtherTypeOffset) == kEtherTypeIpv4 && ip[0] >> 4 == 4 &&
        header_bytes >= core::kIpv4Bytes && packet.ip_length >= header_bytes + core::kTcpBytes &&
        packet.ip_length <= FramePool::kFrameBytes - kEthernetBytes &&
        ip[core::kIpProtocolOffset] == static_cast<uint8_t>(Protocol::kTcp) &&
        (core::load_be16(ip + core::kIpFragmentOffset) & core::kIpFragmentMask) == 0 &&
        ip[core::kIpTtlOffset] > 1 && checksum_fold(checksum_add(0, ip, header_bytes)) == 0xffff;
    const uint8_t* const l4 = packet.data + packet.l4_offset;
    packet.tcp_flags = l4[core::kTcpFlagsOffset];
    std::memcpy(&packet.key.source, ip + core::kIpSourceOffset, 8);
    std::memcpy(&packet.key.source_port, l4, 4);
    packet.key.protocol = ip[core::kIpProtocolOffset];
}

void RteHashBalancer::translate(const Parsed& packet, Entry& entry) {
    ++entry.packets;
    entry.bytes += packet.ip_length;
    entry.deadline = tick_ + kIdleTicks;
    uint8_t* const ip = packet.data + kEthernetBytes;
    uint8_t* const l4 = packet.data + packet.l4_offset;
    std::memcpy(ip + (entry.replaces_source ? core::kIpSourceOffset : core::kIpDestinationOffset),
                &entry.address,
                4);
    std::memcpy(l4 + (entry.replaces_source ? 0 : 2), &entry.port, 2);
    --ip[core::kIpTtlOffset];
    uint8_t* const ip_checksum = ip + core::kIpChecksumOffset;
    core::store_raw16(
        ip_checksum,
        checksum_apply(checksum_apply(core::load_raw16(ip_checksum), entry.ip_delta), kTtlDelta));
    uint8_t* const l4_checksum = l4 + core::kTcpChecksumOffset;
    core::store_raw16(l4_checksum, checksum_apply(core::load_raw16(l4_checksum), entry.l4_delta));
    std::memcpy(packet.data, entry.macs.data(), entry.macs.size());
    ++forwarded_;
}

void RteHashBalancer::process_burst(const Batch& batch, size_t start, uint32_t count) {
    std::array<Parsed, kBurst> packets;
    std::array<const void*, kBurst> keys;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    for (uint32_t i = 0; i < count; ++i) {
        packets[i].data = batch.frames[start + i];
        rte_prefetch0(packets[i].data);
    }
    for (uint32_t i = 0; i < count; ++i) {
        parse(packets[i]);
        keys[i] = &packets[i].key;
    }
    uint64_t hits = 0;
    std::array<void*, kBurst> found;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    rte_hash_lookup_bulk_data(hash_, keys.data(), count, &hits, found.data());
    for (uint32_t i = 0; i < count; ++i) {
        if ((hits >> i & 1) != 0) {
            rte_prefetch0(found[i]);
        }
    }
    for (uint32_t i = 0; i < count; ++i) {
        const Parsed& packet = packets[i];
        if (!packet.is_good) {
            continue;
        }
        if ((hits >> i & 1) != 0) {
            translate(packet, *static_cast<Entry*>(found[i]));
        } else if (packet.tcp_flags == kSyn) {
            translate(packet, open(packet));
        }
    }
}

void RteHashBalancer::process(const Batch& batch) {
    for (size_t start = 0; start < batch.size(); start += kBurst) {
        process_burst(
            batch, start, static_cast<uint32_t>(std::min<size_t>(kBurst, batch.size() - start)));
        ++tick_;
    }
}

}  // namespace director::bench
