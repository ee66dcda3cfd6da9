// The whole table from one director to another: complete, paced, resumed where it broke off, and
// with a key believed from nobody else.
#include "controlplane/sync/bulk.h"

#include <gtest/gtest.h>

#include "tests/unit/sync/sync_samples.h"

namespace director::sync {
namespace {

const Authenticator kOpen("");
const Authenticator kKeyed("key");
constexpr Nonce kJoinerNonce{1, 2, 3};
constexpr Nonce kSourceNonce{4, 5, 6};

// A table of `size` connections, whose cursor is the position.
struct Transfer {
    uint32_t size = 2000;
    uint32_t page = kBulkRecordsMax;
    TimePoint now{std::chrono::seconds(5)};
    std::vector<dataplane::SyncRecord> arrived = {};
    uint32_t pages = 0;
    size_t chunk = 1000;  // bytes that travel together

    void give(BulkSource& source) {
        const auto cursor = source.wanted_page(now);
        if (!cursor) {
            return;
        }
        std::vector<dataplane::SyncRecord> records;
        auto at = static_cast<uint32_t>(*cursor);
        for (; at < size && records.size() < page; ++at) {
            records.push_back(sample(at));
        }
        ++pages;
        source.give_page(records, at, at >= size, now);
    }
    // One round trip; false when nothing moved.
    bool turn(BulkJoiner& joiner, BulkSource& source) {
        const Bytes up = joiner.take_output();
        source.on_bytes(up, now);
        give(source);
        const Bytes down = source.take_output();
        for (size_t i = 0; i < down.size(); i += chunk) {
            const auto some = std::span(down).subspan(i, std::min(chunk, down.size() - i));
            const auto records = joiner.on_bytes(some);
            arrived.insert(arrived.end(), records.begin(), records.end());
        }
        return !up.empty() || !down.empty();
    }
    void run(BulkJoiner& joiner, BulkSource& source) {
        for (int i = 0; i < 10000 && joiner.end() == BulkEnd::kNone; ++i) {
            if (!turn(joiner, source)) {
                now += std::chrono::milliseconds(1);
            }
        }
    }
    void expect_all() const {
        ASSERT_EQ(arrived.size(), size);
        for (uint32_t i = 0; i < size; ++i) {
            ASSERT_EQ(arrived[i], sample(i));
        }
    }
};

class Bulk : public ::testing::TestWithParam<bool> {
  protected:
    const Authenticator& key() const { return GetParam() ? kKeyed : kOpen; }
    BulkJoiner joiner(const BulkProgress& progress = {}) const {
        return {7, kJoinerNonce, progress, key()};
    }
    BulkSource source(uint64_t incarnation = 1) const {
        return {{.sync_id = 7, .incarnation = incarnation}, kSourceNonce, key()};
    }
};
INSTANTIATE_TEST_SUITE_P(Keys, Bulk, ::testing::Bool());

TEST_P(Bulk, EverythingArrives) {
    Transfer transfer;
    BulkJoiner to = joiner();
    BulkSource from = source();
    transfer.run(to, from);
    EXPECT_EQ(to.end(), BulkEnd::kDone);
    EXPECT_EQ(from.end(), BulkEnd::kDone);
    EXPECT_EQ(to.progress().records, 2000U);
    transfer.expect_all();
}

TEST_P(Bulk, AnEmptyTable) {
    Transfer transfer{.size = 0};
    BulkJoiner to = joiner();
    BulkSource from = source();
    transfer.run(to, from);
    EXPECT_EQ(to.end(), BulkEnd::kDone);
}

TEST_P(Bulk, ByteByByte) {
    Transfer transfer{.size = 300, .chunk = 1};
    BulkJoiner to = joiner();
    BulkSource from = source();
    transfer.run(to, from);
    transfer.expect_all();
}

TEST_P(Bulk, GoesOnWhereItBrokeOff) {
    Transfer transfer;
    BulkJoiner first = joiner();
    {
        BulkSource from = source();
        for (int i = 0; i < 200 && first.progress().records < 700; ++i) {
            static_cast<void>(transfer.turn(first, from));
            transfer.now += std::chrono::milliseconds(10);
        }
    }
    ASSERT_GE(transfer.arrived.size(), 700U);
    ASSERT_LT(transfer.arrived.size(), 2000U);
    BulkJoiner second = joiner(first.progress());
    BulkSource again = source();
    transfer.run(second, again);
    EXPECT_EQ(second.end(), BulkEnd::kDone);
    transfer.expect_all();
}

TEST_P(Bulk, AnotherStartOfTheSourceIsAnotherTable) {
    Transfer transfer{.size = 600};
    BulkJoiner to = joiner({.incarnation = 1, .cursor = 500, .records = 500});
    BulkSource from = source(2);
    transfer.run(to, from);
    transfer.expect_all();
}

TEST_P(Bulk, IsPaced) {
    Transfer transfer{.size = 5120, .page = 256};
    BulkJoiner to = joiner();
    BulkSource from(
        {.sync_id = 7, .incarnation = 1, .records_per_second = 2560}, kSourceNonce, key());
    const TimePoint start = transfer.now;
    transfer.run(to, from);
    EXPECT_EQ(to.end(), BulkEnd::kDone);
    EXPECT_GE(transfer.now - start, std::chrono::milliseconds(1890));
    EXPECT_LE(transfer.now - start, std::chrono::milliseconds(2100));
}

TEST_P(Bulk, WaitsForAcknowledgements) {
    Transfer transfer;
    BulkJoiner to = joiner();
    BulkSource from = source();
    from.on_bytes(to.take_output(), transfer.now);
    static_cast<void>(to.on_bytes(from.take_output()));
    from.on_bytes(to.take_output(), transfer.now);
    for (int i = 0; i < 100; ++i) {
        transfer.now += std::chrono::seconds(1);
        transfer.give(from);
    }
    EXPECT_EQ(transfer.pages, kBulkWindow);
    EXPECT_EQ(from.deadline(), TimePoint::max());
}

TEST(BulkKeys, AnotherKeyEndsIt) {
    Transfer transfer;
    for (const auto* joiner_key : {&kOpen, &kKeyed}) {
        const Authenticator other("another");
        BulkJoiner to(7, kJoinerNonce, {}, *joiner_key);
        BulkSource from({.sync_id = 7, .incarnation = 1}, kSourceNonce, other);
        transfer.run(to, from);
        EXPECT_NE(to.end() == BulkEnd::kNone ? from.end() : to.end(), BulkEnd::kNone);
        EXPECT_TRUE(transfer.arrived.empty());
    }
}

// A recorded session is of no use against a source with a new nonce.
TEST(BulkKeys, NothingCanBeReplayed) {
    BulkJoiner to(7, kJoinerNonce, {}, kKeyed);
    BulkSource from({.sync_id = 7, .incarnation = 1}, kSourceNonce, kKeyed);
    const Bytes hello = to.take_output();
    from.on_bytes(hello, {});
    static_cast<void>(to.on_bytes(from.take_output()));
    const Bytes want = to.take_output();
    BulkSource later({.sync_id = 7, .incarnation = 1}, Nonce{9}, kKeyed);
    later.on_bytes(hello, {});
    later.on_bytes(want, {});
    EXPECT_EQ(later.end(), BulkEnd::kWrongTag);
}

TEST(BulkRefusals, HelloMustFit) {
    BulkSource other_id({.sync_id = 8, .incarnation = 1}, kSourceNonce, kOpen);
    BulkJoiner to(7, kJoinerNonce, {}, kOpen);
    const Bytes hello = to.take_output();
    other_id.on_bytes(hello, {});
    EXPECT_EQ(other_id.end(), BulkEnd::kOtherSyncId);
    BulkSource from({.sync_id = 7, .incarnation = 1}, kSourceNonce, kOpen);
    Bytes http{'G', 'E', 'T', ' ', '/', ' ', 'H', 'T', 'T', 'P'};
    from.on_bytes(http, {});
    EXPECT_EQ(from.end(), BulkEnd::kBadFrame);
    Bytes other_version = hello;
    other_version[8] ^= 1;
    BulkSource again({.sync_id = 7, .incarnation = 1}, kSourceNonce, kOpen);
    again.on_bytes(other_version, {});
    EXPECT_EQ(again.end(), BulkEnd::kOtherVersion);
}

TEST(BulkRefusals, NonsenseNeverHangsNorBreaks) {
    Random random(99);
    for (int round = 0; round < 2000; ++round) {
        BulkSource from({.sync_id = 0, .incarnation = 1}, kSourceNonce, kOpen);
        BulkJoiner to(7, kJoinerNonce, {}, kOpen);
        Bytes bytes = to.take_output();
        for (int i = 0; i < 40; ++i) {
            bytes.push_back(static_cast<uint8_t>(random.below(7)));
        }
        bytes[random.below(bytes.size())] = static_cast<uint8_t>(random.next());
        from.on_bytes(bytes, {});
        static_cast<void>(to.on_bytes(bytes));
        static_cast<void>(to.on_bytes(from.take_output()));
    }
}

}  // namespace
}  // namespace director::sync
