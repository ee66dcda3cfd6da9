// Captures are read whole, with their times; what is no capture is refused with a reason.
#include "tests/support/pcap_file.h"

#include <gmock/gmock.h>

namespace director::test {
namespace {

using ::testing::HasSubstr;

TEST(PcapFile, BothSidesTogetherAreAllFrames) {
    const auto all = read_pcap_file(test_data("pcaps/lvs-nat-24-frames.pcap"));
    const auto client_side = read_pcap_file(test_data("pcaps/lvs-nat-client-side.pcap"));
    const auto server_side = read_pcap_file(test_data("pcaps/lvs-nat-server-side.pcap"));
    ASSERT_TRUE(all && client_side && server_side);
    EXPECT_EQ(all->size(), 24U);
    EXPECT_EQ(client_side->size(), 12U);
    EXPECT_EQ(server_side->size(), 12U);
    EXPECT_EQ(all->at(2).bytes, client_side->at(2).bytes);
    EXPECT_LT(all->front().time, all->back().time);
    // From the client's SYN to the server's side of it: the report gives 1.299 ms.
    EXPECT_EQ(all->at(5).time - all->at(2).time, std::chrono::microseconds(1299));
}

TEST(PcapFile, SaysWhatIsWrong) {
    const auto missing = read_pcap_file(test_data("pcaps/no-such-file.pcap"));
    ASSERT_FALSE(missing.has_value());
    EXPECT_THAT(missing.error().message, HasSubstr("no-such-file.pcap"));
    EXPECT_FALSE(read_pcap_file(test_data("pcaps/how-made.md")).has_value());
}

}  // namespace
}  // namespace director::test
