// Shows which hash a port is asked for, and that hardware which does as asked delivers every packet
// to the worker that owner_of() names. The hardware is a Toeplitz hash written bit by bit.
#include "dataplane/io/rss.h"

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/shard.h"

namespace director::test {
namespace {

using namespace dataplane::io;
using dataplane::WorkerId;

rte_eth_dev_info able_device() {
    rte_eth_dev_info info{};
    info.flow_type_rss_offloads = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP;
    info.hash_key_size = 40;
    info.reta_size = 128;
    return info;
}

uint32_t toeplitz(const std::vector<uint8_t>& key, const std::vector<uint8_t>& input) {
    uint32_t hash = 0;
    const auto key_bit = [&key](size_t i) { return uint32_t{key[i / 8]} >> (7 - i % 8) & 1U; };
    for (size_t bit = 0; bit < input.size() * 8; ++bit) {
        if ((input[bit / 8] >> (7 - bit % 8) & 1) != 0) {
            for (size_t i = 0; i < 32; ++i) {
                hash ^= key_bit(bit + i) << (31 - i);
            }
        }
    }
    return hash;
}

TEST(RssTest, HashesByClientOnlyWhereASideIsNamed) {
    const rte_eth_dev_info device = able_device();
    EXPECT_TRUE(rss_plans(PortSide::kClients, device, 4)[0].is_by_client);
    EXPECT_EQ(rss_plans(PortSide::kClients, device, 4)[0].hash_functions,
              device.flow_type_rss_offloads | RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY);
    EXPECT_EQ(rss_plans(PortSide::kServers, device, 4)[0].hash_functions,
              device.flow_type_rss_offloads | RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY);
    EXPECT_FALSE(rss_plans(PortSide::kBoth, device, 4)[0].is_by_client);
}

TEST(RssTest, LastPlanAlwaysIsNoHash) {
    EXPECT_EQ(rss_plans(PortSide::kClients, able_device(), 4).back().hash_functions, 0U);
    EXPECT_EQ(rss_plans(PortSide::kClients, able_device(), 1).size(), 1U);
    EXPECT_EQ(rss_plans(PortSide::kClients, rte_eth_dev_info{}, 4).size(), 1U);
}

TEST(RssTest, DeviceThatCannotExpressTheOwnerIsNotAskedTo) {
    rte_eth_dev_info small_table = able_device();
    small_table.reta_size = 64;
    EXPECT_FALSE(rss_plans(PortSide::kClients, small_table, 4)[0].is_by_client);
    rte_eth_dev_info short_key = able_device();
    short_key.hash_key_size = 16;
    EXPECT_FALSE(rss_plans(PortSide::kClients, short_key, 4)[0].is_by_client);
}

TEST(RssTest, HardwareDeliversToTheOwner) {
    Random random(1);
    for (const uint16_t entries : {uint16_t{128}, uint16_t{512}}) {
        for (const uint16_t workers : {uint16_t{2}, uint16_t{3}, uint16_t{4}}) {
            const auto key = rss_plans(PortSide::kClients, able_device(), workers)[0].key;
            const auto table = indirection_by_owner(entries, workers);
            for (int i = 0; i < 500; ++i) {
                const auto address = static_cast<uint32_t>(random.next());
                const auto port = static_cast<uint16_t>(random.next());
                const std::vector<uint8_t> input{static_cast<uint8_t>(address >> 24),
                                                 static_cast<uint8_t>(address >> 16),
                                                 static_cast<uint8_t>(address >> 8),
                                                 static_cast<uint8_t>(address),
                                                 static_cast<uint8_t>(port >> 8),
                                                 static_cast<uint8_t>(port)};
                const WorkerId delivered{table[toeplitz(key, input) % entries]};
                const Endpoint client{Ipv4Address::from_host(address), Be16::from_host(port)};
                EXPECT_EQ(delivered, dataplane::owner_of(client, workers));
            }
        }
    }
}

}  // namespace
}  // namespace director::test
