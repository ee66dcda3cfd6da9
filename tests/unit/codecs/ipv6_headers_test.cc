// The walk over IPv6 extension headers: packets built at random beside the answer that they should
// get, each fault by a packet that has nothing else wrong, and every cut of a packet.
#include "dataplane/core/codecs/ipv6_headers.h"

#include <initializer_list>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"

namespace director::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

// An IPv6 packet put together header by header.
class Chain {
  public:
    Chain() : bytes_(40, 0) { bytes_[0] = 0x60; }

    // `header`'s first byte is filled in by the next one.
    Chain& add(uint8_t protocol, Bytes header) {
        bytes_[next_at_] = protocol;
        next_at_ = bytes_.size();
        bytes_.insert(bytes_.end(), header.begin(), header.end());
        return *this;
    }
    Chain& options(uint8_t protocol, uint8_t units) {
        Bytes header(8 + units * 8U, 0);
        header[1] = units;
        return add(protocol, header);
    }
    Chain& fragment(uint16_t offset_bytes, bool more, uint32_t id = 0x01020304) {
        const uint16_t field = static_cast<uint16_t>(offset_bytes | (more ? 1 : 0));
        return add(kIpv6Fragment,
                   {0,
                    0,
                    static_cast<uint8_t>(field >> 8),
                    static_cast<uint8_t>(field),
                    static_cast<uint8_t>(id >> 24),
                    static_cast<uint8_t>(id >> 16),
                    static_cast<uint8_t>(id >> 8),
                    static_cast<uint8_t>(id)});
    }
    Chain& routing(uint8_t type, uint8_t segments_left) {
        return add(kIpv6Routing, {0, 0, type, segments_left, 0, 0, 0, 0});
    }
    Chain& end(uint8_t protocol, size_t payload_bytes) {
        bytes_[next_at_] = protocol;
        l4_offset_ = bytes_.size();
        bytes_.resize(bytes_.size() + payload_bytes, 0xee);
        const size_t payload = bytes_.size() - 40;
        bytes_[4] = static_cast<uint8_t>(payload >> 8);
        bytes_[5] = static_cast<uint8_t>(payload);
        return *this;
    }
    [[nodiscard]] size_t next_at() const { return next_at_; }
    [[nodiscard]] size_t l4_offset() const { return l4_offset_; }
    [[nodiscard]] const Bytes& bytes() const { return bytes_; }
    [[nodiscard]] Ipv6Walk walk() const {
        return walk_ipv6(bytes_.data(),
                         static_cast<uint32_t>(bytes_.size()),
                         static_cast<uint32_t>(bytes_.size()));
    }

  private:
    Bytes bytes_;
    size_t next_at_ = 6;
    size_t l4_offset_ = 40;
};

TEST(Ipv6Headers, PlainPacketHasItsTransportBehindTheHeader) {
    const Ipv6Walk walk = Chain().end(6, 20).walk();
    EXPECT_TRUE(walk.is_good);
    EXPECT_EQ(walk.protocol, 6);
    EXPECT_EQ(walk.l4_offset, 40);
    EXPECT_EQ(walk.next_header_at, 6);
    EXPECT_FALSE(walk.is_fragment);
    EXPECT_EQ(walk.fragment_data_offset, 0);
}

TEST(Ipv6Headers, RandomChainsAreWalkedToWhatTheyWereBuiltWith) {
    Random random(20);
    for (int round = 0; round < 20000; ++round) {
        Chain chain;
        bool segments = false;
        bool has_fragment = false;
        uint16_t offset = 0;
        bool more = false;
        uint32_t id = 0;
        size_t fragment_data = 0;
        const uint64_t headers = random.below(9);
        for (uint64_t i = 0; i < headers && offset == 0; ++i) {
            const uint64_t kind = random.below(5);
            if (kind == 0 && i == 0) {
                chain.options(kIpv6HopByHop, static_cast<uint8_t>(random.below(4)));
            } else if (kind == 1) {
                const uint8_t left = static_cast<uint8_t>(random.below(3));
                segments = segments || left != 0;
                chain.routing(4, left);
            } else if (kind == 2 && !has_fragment) {
                has_fragment = true;
                offset = static_cast<uint16_t>(random.below(2) * random.below(7000) * 8);
                more = random.below(2) != 0;
                id = static_cast<uint32_t>(random.next());
                chain.fragment(offset, more, id);
                fragment_data = chain.bytes().size();
            } else if (kind == 3) {
                Bytes header(8 + random.below(6) * 4, 0);
                header[1] = static_cast<uint8_t>(header.size() / 4 - 2);
                chain.add(kIpv6Authentication, header);
            } else {
                chain.options(kIpv6DestinationOptions, static_cast<uint8_t>(random.below(4)));
            }
        }
        const uint8_t protocol =
            std::initializer_list<uint8_t>{6, 17, 132, 58, 59, 50, 4}.begin()[random.below(7)];
        chain.end(protocol, 0);
        // Whole units for a fragment with more to come.
        const size_t behind = has_fragment ? chain.bytes().size() - fragment_data : 0;
        const size_t l4 = chain.l4_offset();
        chain.end(protocol, (8 - behind % 8) % 8 + random.below(20) * 8);
        const Ipv6Walk walk = chain.walk();
        ASSERT_TRUE(walk.is_good) << "round " << round;
        EXPECT_EQ(walk.fault, Ipv6Fault::kNone);
        EXPECT_EQ(walk.protocol, protocol);
        EXPECT_EQ(walk.l4_offset, l4);
        EXPECT_EQ(walk.next_header_at, chain.next_at());
        EXPECT_EQ(walk.is_fragment, offset != 0 || more);
        EXPECT_EQ(walk.fragment_offset_bytes, offset);
        EXPECT_EQ(walk.more_fragments, more);
        EXPECT_EQ(walk.fragment_id, id);
        EXPECT_EQ(walk.fragment_data_offset, fragment_data);
        EXPECT_EQ(walk.has_segments_left, segments);
    }
}

TEST(Ipv6Headers, DataOfALaterFragmentIsNotTakenForHeaders) {
    const Ipv6Walk walk = Chain().fragment(8, false).end(kIpv6DestinationOptions, 3).walk();
    EXPECT_TRUE(walk.is_good);
    EXPECT_EQ(walk.protocol, kIpv6DestinationOptions);
    EXPECT_EQ(walk.l4_offset, 48);
}

TEST(Ipv6Headers, AtomicFragmentIsAWholePacket) {
    const Ipv6Walk walk = Chain().fragment(0, false, 7).end(17, 9).walk();
    EXPECT_TRUE(walk.is_good);
    EXPECT_FALSE(walk.is_fragment);
    EXPECT_EQ(walk.fragment_id, 7U);
    EXPECT_EQ(walk.l4_offset, 48);
}

TEST(Ipv6Headers, EveryCutIsFound) {
    Chain chain;
    chain.options(kIpv6HopByHop, 1).routing(4, 0).options(kIpv6DestinationOptions, 2);
    chain.add(kIpv6Authentication, Bytes(8, 0)).fragment(0, true).end(6, 24);
    const Bytes& whole = chain.bytes();
    for (size_t available = 0; available <= whole.size(); ++available) {
        // A block of this size, so that AddressSanitizer sees a read behind it.
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(available));
        const auto fault_at = [&](size_t ip_length) {
            return walk_ipv6(cut.data(),
                             static_cast<uint32_t>(available),
                             static_cast<uint32_t>(ip_length))
                .fault;
        };
        const bool is_enough = available >= chain.l4_offset();
        EXPECT_EQ(fault_at(whole.size()), is_enough ? Ipv6Fault::kNone : Ipv6Fault::kNotAvailable);
        if (!is_enough) {
            EXPECT_EQ(fault_at(available), Ipv6Fault::kBeyondPacket);
        }
    }
}

TEST(Ipv6Headers, EightHeadersAreWalkedAndNineAreNot) {
    Chain chain;
    for (int i = 0; i < 8; ++i) {
        chain.options(kIpv6DestinationOptions, 0);
    }
    EXPECT_TRUE(Chain(chain).end(6, 20).walk().is_good);
    chain.options(kIpv6DestinationOptions, 0).end(6, 20);
    EXPECT_EQ(chain.walk().fault, Ipv6Fault::kTooManyHeaders);
    EXPECT_FALSE(chain.walk().is_good);
}

TEST(Ipv6Headers, HopByHopOptionsComeFirstOrNotAtAll) {
    Chain chain;
    chain.options(kIpv6DestinationOptions, 0).options(kIpv6HopByHop, 0).end(6, 20);
    EXPECT_EQ(chain.walk().fault, Ipv6Fault::kLateHopByHop);
}

TEST(Ipv6Headers, SourceRoutesOfTypeZeroAreRefusedWhileTheyLast) {
    EXPECT_EQ(Chain().routing(0, 1).end(6, 20).walk().fault, Ipv6Fault::kSourceRoute);
    EXPECT_TRUE(Chain().routing(0, 0).end(6, 20).walk().is_good);
    EXPECT_TRUE(Chain().routing(2, 1).end(6, 20).walk().has_segments_left);
}

TEST(Ipv6Headers, FragmentHeadersAreChecked) {
    EXPECT_EQ(Chain().fragment(0, true).end(6, 23).walk().fault, Ipv6Fault::kBadFragment);
    EXPECT_TRUE(Chain().fragment(8, false).end(6, 23).walk().is_good);
    EXPECT_EQ(Chain().fragment(0, false).fragment(0, false).end(6, 24).walk().fault,
              Ipv6Fault::kRepeatedFragment);
    // 65528 + 7 is the last byte that fits.
    EXPECT_TRUE(Chain().fragment(65528, false).end(6, 7).walk().is_good);
    EXPECT_EQ(Chain().fragment(65528, false).end(6, 8).walk().fault, Ipv6Fault::kBadFragment);
    // Headers before the fragment header count, its own 8 bytes do not.
    Chain chain;
    chain.options(kIpv6DestinationOptions, 0).fragment(65528, false).end(6, 1);
    EXPECT_EQ(chain.walk().fault, Ipv6Fault::kBadFragment);
    // RFC 7112: the first fragment has all headers.
    EXPECT_EQ(Chain().fragment(0, true).end(kIpv6DestinationOptions, 0).walk().fault,
              Ipv6Fault::kBeyondPacket);
}

TEST(Ipv6Headers, RandomBytesAreWalkedWithinTheirBounds) {
    Random random(21);
    constexpr uint8_t kKinds[] = {0, 43, 44, 51, 60, 6};
    for (int round = 0; round < 50000; ++round) {
        Bytes bytes(random.below(160));
        for (uint8_t& byte : bytes) {
            byte = random.below(2) != 0 ? kKinds[random.below(6)]
                                        : static_cast<uint8_t>(random.below(3));
        }
        const uint32_t size = static_cast<uint32_t>(bytes.size());
        const uint32_t ip_length = static_cast<uint32_t>(random.below(200));
        const Ipv6Walk walk = walk_ipv6(bytes.data(), size, ip_length);
        EXPECT_EQ(walk.is_good, walk.fault == Ipv6Fault::kNone);
        if (walk.is_good) {
            EXPECT_LE(walk.l4_offset, std::min(size, ip_length));
        }
    }
}

}  // namespace
}  // namespace director::dataplane
