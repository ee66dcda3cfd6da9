// A TCP conversation by hand: segments given to the analysis one by one, each with its time.
#pragma once

#include <optional>

#include "diagnostics/tcp/tcp_connection.h"

namespace director::diagnostics {

struct Segment {
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;
    uint32_t payload = 0;
    uint16_t flags = kAck;
    uint16_t window = 8192;
};

class Conversation {
  public:
    explicit Conversation(const AnalysisSettings& settings = {}) : settings_(settings) {}

    void pass(int64_t ns) { now_ns_ += ns; }
    // What the next segments carry besides.
    TcpHeader& options() { return options_; }
    bool& has_broken_options() { return has_broken_options_; }
    bool& is_fragment() { return is_fragment_; }

    TcpFinding client(const Segment& segment) { return see(Direction::kA, segment); }
    TcpFinding server(const Segment& segment) { return see(Direction::kB, segment); }

    // Client 100, server 500; each SYN with a shift if given.
    void open(std::optional<uint8_t> client_shift = {}, std::optional<uint8_t> server_shift = {}) {
        offer(client_shift);
        client({100, 0, 0, kSyn});
        pass(20 * kMillisecond);
        offer(server_shift);
        server({500, 101, 0, kSyn | kAck});
        pass(5 * kMillisecond);
        offer({});
        client({101, 501});
        pass(kMillisecond);
    }
    void conclude() { is_over_ = true; }
    [[nodiscard]] TcpFacts a() const { return facts(0); }
    [[nodiscard]] TcpFacts b() const { return facts(1); }
    [[nodiscard]] const TcpPair& pair() const { return pair_; }
    [[nodiscard]] int64_t now_ns() const { return now_ns_; }

  private:
    [[nodiscard]] TcpFacts facts(size_t side) const {
        if (!is_over_ || !has_[side]) {
            return facts_so_far(halves_[side], rares_);
        }
        const TcpHalf* const peer = has_[1 - side] ? &halves_[1 - side] : nullptr;
        return diagnostics::conclude(pair_, halves_[side], peer, rares_);
    }
    void offer(std::optional<uint8_t> shift) {
        options_.has_window_shift = shift.has_value();
        options_.window_shift = shift.value_or(0);
        options_.option_count = shift ? 1 : 0;
    }
    TcpFinding see(Direction direction, const Segment& made) {
        TcpHeader header = options_;
        header.sequence = made.sequence;
        header.acknowledgement = made.acknowledgement;
        header.flags = made.flags;
        header.window = made.window;
        const TcpSegment segment{&header, now_ns_, made.payload, is_fragment_, has_broken_options_};
        const auto self = static_cast<size_t>(direction);
        has_[self] = true;
        return see_segment(pair_,
                           halves_[self],
                           has_[1 - self] ? &halves_[1 - self] : nullptr,
                           direction,
                           segment,
                           {settings_, rares_});
    }

    AnalysisSettings settings_;
    TcpRares rares_;
    bool is_over_ = false;
    TcpPair pair_;
    std::array<TcpHalf, 2> halves_;
    std::array<bool, 2> has_{};
    TcpHeader options_;
    bool has_broken_options_ = false;
    bool is_fragment_ = false;
    int64_t now_ns_ = 1'700'000'000 * kSecond;
};

}  // namespace director::diagnostics
