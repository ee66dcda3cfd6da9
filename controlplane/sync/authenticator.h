// Proof that a message comes from the twin: HMAC-SHA256 (RFC 2104) over it, the first 128 bits of
// which go along (RFC 4868 section 2.1.1), and a window that takes each message once (RFC 4303
// section 3.4.3).
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace director::sync {

inline constexpr size_t kTagBytes = 16;
using Tag = std::array<uint8_t, kTagBytes>;

class Authenticator {
  public:
    // An empty key: nothing is signed and everything believed.
    explicit Authenticator(std::string_view key) : key_(key) {}

    [[nodiscard]] bool is_on() const { return !key_.empty(); }
    [[nodiscard]] Tag tag_of(std::span<const uint8_t> bytes) const;
    // In a time that does not tell how much of it is right.
    [[nodiscard]] bool is_right(std::span<const uint8_t> bytes, std::span<const uint8_t> tag) const;

  private:
    std::string key_;
};

// Which of a sender's numbered messages have come. A sender that starts anew has a greater
// incarnation and counts from 1 again.
class ReplayWindow {
  public:
    // A message may come so many later than one that was sent after it.
    static constexpr uint64_t kWidth = 1024;

    enum class Answer : uint8_t {
        kNew,
        kLate,            // and new
        kTwice,           // or so late that nobody knows
        kOldIncarnation,  // of the sender before its last start
    };
    [[nodiscard]] Answer take(uint64_t incarnation, uint64_t sequence);

    // Messages that have not come, though later ones have; one that comes late is no longer lost.
    [[nodiscard]] uint64_t lost() const { return lost_; }
    [[nodiscard]] uint64_t incarnation() const { return incarnation_; }
    [[nodiscard]] uint64_t highest() const { return highest_; }

  private:
    uint64_t incarnation_ = 0;
    uint64_t first_ = 0;  // heard
    uint64_t highest_ = 0;
    uint64_t lost_ = 0;
    std::bitset<kWidth> seen_;  // by sequence modulo the width
};

}  // namespace director::sync
