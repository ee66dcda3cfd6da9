// A simulated transfer, captured at one point between its ends, in virtual time: what was done to
// it on the way is what the analysis counts. 300 conversations from seeds.
//
// The sender sends one window of segments after another and goes on when all of it is acknowledged;
// so each event has its own place in time, and there is exactly one right name for it.
#include <vector>

#include <gmock/gmock.h>

#include "common/random.h"
#include "tests/unit/diagnostics/tcp/conversation.h"

namespace director::diagnostics {
namespace {

struct Done {
    uint64_t timeouts = 0;
    uint64_t fasts = 0;
    uint64_t spurious = 0;
    uint64_t overtaken = 0;
    uint64_t lost_before = 0;  // before the capture: it sees a gap
    uint64_t duplicate_acks = 0;
    uint64_t keep_alives = 0;
    uint64_t unseen = 0;
    uint64_t zero_episodes = 0;
    int64_t zero_ns = 0;
    uint64_t probes = 0;
    uint64_t retransmitted_bytes = 0;
};

// The wire as the capture sees it. The receiver is at distance kAway, the sender too.
class Transfer {
  public:
    explicit Transfer(uint64_t seed) : random_(seed) {
        next_ = static_cast<uint32_t>(random_.next());
        theirs_ = static_cast<uint32_t>(random_.next());
        wire_.client({next_, 0, 0, kSyn});
        wire_.pass(kTrip);
        wire_.server({theirs_, next_ + 1, 0, kSyn | kAck});
        wire_.pass(kTrip);
        ++next_;
        ++theirs_;
        wire_.client({next_, theirs_});
        wire_.pass(kTrip);
    }

    void run(int rounds) {
        for (int i = 0; i < rounds; ++i) {
            switch (random_.below(9)) {
                case 0:
                    lose_behind_and_wait();
                    break;
                case 1:
                    lose_behind_and_resend_at_once();
                    break;
                case 2:
                    send_again_though_acknowledged();
                    break;
                case 3:
                    overtake();
                    break;
                case 4:
                    lose_before();
                    break;
                case 5:
                    keep_alive();
                    break;
                case 6:
                    capture_misses_one();
                    break;
                case 7:
                    close_window();
                    break;
                default:
                    send_window();
                    break;
            }
        }
        wire_.conclude();
    }

    [[nodiscard]] const Done& done() const { return done_; }
    [[nodiscard]] TcpFacts sender() const { return wire_.a(); }
    [[nodiscard]] TcpFacts receiver() const { return wire_.b(); }

  private:
    static constexpr int64_t kTrip = 10 * kMillisecond;
    static constexpr int64_t kTimeout = 300 * kMillisecond;

    void send(uint32_t sequence, uint32_t bytes) {
        wire_.pass(100 * kMicrosecond);
        wire_.client({sequence, theirs_, bytes});
    }
    void acknowledge(uint32_t up_to, uint16_t window = 8192) {
        wire_.server({theirs_, up_to, 0, kAck, window});
        wire_.pass(100 * kMicrosecond);
    }
    void settle() {
        wire_.pass(kTrip);
        acknowledge(next_);
        wire_.pass(10 * kTrip);
    }
    uint32_t some_bytes() { return 100 + static_cast<uint32_t>(random_.below(1300)); }

    void send_window() {
        for (uint64_t i = 0, count = 1 + random_.below(5); i < count; ++i) {
            const uint32_t bytes = some_bytes();
            send(next_, bytes);
            next_ += bytes;
        }
        settle();
    }
    // The last of a window is lost behind the capture: nothing tells but the sender's clock.
    void lose_behind_and_wait() {
        const uint32_t bytes = some_bytes();
        send(next_, bytes);
        wire_.pass(kTimeout);
        send(next_, bytes);
        ++done_.timeouts;
        done_.retransmitted_bytes += bytes;
        next_ += bytes;
        settle();
    }
    // One of the middle is lost: duplicate ACKs tell.
    void lose_behind_and_resend_at_once() {
        const uint32_t lost = next_;
        const uint32_t bytes = some_bytes();
        for (int i = 0; i < 5; ++i) {
            send(next_, bytes);
            next_ += bytes;
        }
        wire_.pass(kTrip);
        for (int i = 0; i < 4; ++i) {
            acknowledge(lost);
        }
        // The first of them repeats the ACK that ended the round before.
        done_.duplicate_acks += 4;
        wire_.pass(kMillisecond);
        send(lost, bytes);
        ++done_.fasts;
        done_.retransmitted_bytes += bytes;
        settle();
    }
    // The ACK was lost behind the capture, between here and the sender.
    void send_again_though_acknowledged() {
        const uint32_t bytes = some_bytes();
        send(next_, bytes);
        const uint32_t again = next_;
        next_ += bytes;
        settle();
        wire_.pass(kTimeout);
        send(again, bytes);
        ++done_.spurious;
        done_.retransmitted_bytes += bytes;
        wire_.pass(kTrip);
        acknowledge(next_);
        ++done_.duplicate_acks;
        wire_.pass(10 * kTrip);
    }
    void overtake() {
        const uint32_t first = some_bytes();
        const uint32_t second = some_bytes();
        send(next_ + first, second);
        send(next_, first);
        next_ += first + second;
        ++done_.overtaken;
        ++done_.lost_before;  // as it looks until the first one comes
        settle();
    }
    // Lost between the sender and the capture, sent again after its timeout.
    void lose_before() {
        const uint32_t first = some_bytes();
        const uint32_t second = some_bytes();
        send(next_ + first, second);
        ++done_.lost_before;
        wire_.pass(kTrip);
        acknowledge(next_);
        ++done_.duplicate_acks;
        wire_.pass(kTimeout);
        send(next_, first);
        ++done_.timeouts;
        done_.retransmitted_bytes += first;
        next_ += first + second;
        settle();
    }
    void keep_alive() {
        wire_.pass(60 * kSecond);
        wire_.client({next_ - 1, theirs_});
        ++done_.keep_alives;
        wire_.pass(kTrip);
        acknowledge(next_);
        wire_.pass(kTrip);
    }
    // The segment arrived; the capture did not see it.
    void capture_misses_one() {
        const uint32_t missed = some_bytes();
        const uint32_t bytes = some_bytes();
        next_ += missed;
        wire_.pass(kTrip);
        acknowledge(next_);
        ++done_.unseen;
        wire_.pass(kTrip);
        send(next_, bytes);
        ++done_.lost_before;
        next_ += bytes;
        wire_.pass(kTrip);
        acknowledge(next_);
        // Of which nothing is known before the next segment in order.
        ++done_.unseen;
        wire_.pass(10 * kTrip);
    }
    void close_window() {
        const uint32_t bytes = some_bytes();
        send(next_, bytes);
        next_ += bytes;
        wire_.pass(kTrip);
        const int64_t begin = wire_.now_ns();
        acknowledge(next_, 0);
        for (uint64_t i = 0, count = 1 + random_.below(3); i < count; ++i) {
            wire_.pass(kTimeout);
            wire_.client({next_, theirs_, 1});
            ++done_.probes;
            wire_.pass(kTrip);
            acknowledge(next_, 0);
        }
        wire_.pass(kTimeout);
        ++done_.zero_episodes;
        done_.zero_ns += wire_.now_ns() - begin;
        acknowledge(next_, 8192);
        wire_.pass(10 * kTrip);
    }

    Random random_;
    Conversation wire_;
    Done done_;
    uint32_t next_ = 0;
    uint32_t theirs_ = 0;
};

class Losses : public testing::TestWithParam<uint64_t> {};

TEST_P(Losses, AreCountedAsTheyWereMade) {
    for (uint64_t seed = GetParam() * 10; seed < GetParam() * 10 + 10; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        Transfer transfer(seed);
        transfer.run(60);
        const Done& done = transfer.done();
        const SequenceFacts& sent = transfer.sender().sequence;
        const SequenceFacts& received = transfer.receiver().sequence;
        EXPECT_EQ(sent.timeout_retransmissions, done.timeouts);
        EXPECT_EQ(sent.fast_retransmissions, done.fasts);
        EXPECT_EQ(sent.spurious_retransmissions, done.spurious);
        EXPECT_EQ(sent.out_of_order, done.overtaken);
        EXPECT_EQ(sent.previous_not_captured, done.lost_before);
        EXPECT_EQ(sent.keep_alives, done.keep_alives);
        EXPECT_EQ(received.keep_alive_acks, done.keep_alives);
        EXPECT_EQ(received.duplicate_acks, done.duplicate_acks);
        EXPECT_EQ(received.acks_of_unseen, done.unseen);
        EXPECT_EQ(sent.retransmitted_bytes, done.retransmitted_bytes);
        EXPECT_EQ(sent.syn_retransmissions, 0U);
        const WindowFacts& window = transfer.receiver().window;
        EXPECT_EQ(window.zero_episodes, done.zero_episodes);
        EXPECT_EQ(window.zero_total_ns, done.zero_ns);
        EXPECT_EQ(window.updates, done.zero_episodes);
        EXPECT_EQ(transfer.sender().window.zero_window_probes, done.probes);
        EXPECT_EQ(window.zero_window_probe_acks, done.probes);
        EXPECT_EQ(transfer.sender().states, kStatesTeardown);
        if (testing::Test::HasFailure()) {
            break;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Losses, testing::Range<uint64_t>(0, 30));

}  // namespace
}  // namespace director::diagnostics
