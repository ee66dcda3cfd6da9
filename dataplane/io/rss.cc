#include "dataplane/io/rss.h"

#include "dataplane/core/shard.h"

namespace director::dataplane::io {
namespace {

constexpr uint64_t kTcpUdp = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP;
constexpr uint64_t kSourceOnly = RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY;
constexpr uint64_t kDestinationOnly = RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY;
constexpr size_t kKeyBytes = 40;

// Periodic in 16 bits, so an address or port has the same hash wherever it stands in the input.
std::vector<uint8_t> symmetric_key(size_t bytes) {
    std::vector<uint8_t> key(bytes);
    for (size_t i = 0; i < bytes; ++i) {
        key[i] = static_cast<uint8_t>(i % 2 == 0 ? kShardKeyWord >> 8 : kShardKeyWord);
    }
    return key;
}

}  // namespace

std::vector<RssPlan> rss_plans(PortSide side, const rte_eth_dev_info& device, uint16_t queues) {
    std::vector<RssPlan> plans;
    if (queues > 1) {
        const uint64_t offered = device.flow_type_rss_offloads & kTcpUdp;
        // A table of fewer buckets cannot express the owner, a larger one repeats it.
        const bool can_express_owner = device.hash_key_size >= kKeyBytes &&
                                       device.reta_size >= kShardBuckets &&
                                       device.reta_size % kShardBuckets == 0;
        if (side != PortSide::kBoth && can_express_owner && offered == kTcpUdp) {
            const uint64_t part = side == PortSide::kClients ? kSourceOnly : kDestinationOnly;
            plans.push_back({kTcpUdp | part, true, symmetric_key(device.hash_key_size)});
        }
        if (offered != 0) {
            plans.push_back({offered, false, {}});
        }
    }
    plans.push_back({});
    return plans;
}

std::vector<uint16_t> indirection_by_owner(uint16_t entries, uint16_t queues) {
    std::vector<uint16_t> table(entries);
    for (uint16_t i = 0; i < entries; ++i) {
        table[i] = static_cast<uint16_t>(i % kShardBuckets % queues);
    }
    return table;
}

bool set_indirection(uint16_t device_port, uint16_t entries, uint16_t queues) {
    const std::vector<uint16_t> table = indirection_by_owner(entries, queues);
    constexpr uint16_t kGroup = RTE_ETH_RETA_GROUP_SIZE;
    std::vector<rte_eth_rss_reta_entry64> groups((entries + kGroup - 1U) / kGroup);
    for (uint16_t i = 0; i < entries; ++i) {
        groups[i / kGroup].mask |= uint64_t{1} << (i % kGroup);
        groups[i / kGroup].reta[i % kGroup] = table[i];
    }
    return rte_eth_dev_rss_reta_update(device_port, groups.data(), entries) == 0;
}

}  // namespace director::dataplane::io
