// The fragment table: a session of fragments, built or raw, and of time that passes. No hold slot
// is given twice and none is lost. (That each answer is the right one is what the unit test's model
// shows.)
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "common/assert.h"
#include "dataplane/core/tables/fragment_table.h"

namespace {

using namespace director;
using namespace director::dataplane;

constexpr uint8_t kSctp = 132;

class Session {
  public:
    Session() : table_(settings(), plain_table_memory()) {}

    void run(const uint8_t* data, size_t size) {
        while (size >= 4) {
            const std::array<uint8_t, 4> step = {data[0], data[1], data[2], data[3]};
            data += 4;
            size -= 4;
            if (step[0] < 0x80) {
                add(built(step));
            } else if (step[0] < 0xa0) {
                now_ += std::chrono::milliseconds(step[1] * step[2]);
                table_.expire(now_, step[3]);
            } else {
                const size_t taken = std::min<size_t>(size, step[1]);
                add_raw(data, static_cast<uint32_t>(taken), step);
                data += taken;
                size -= taken;
            }
            drain();
        }
        now_ += std::chrono::hours(1);
        table_.expire(now_, 1000);
        drain();
        DIRECTOR_ASSERT(held_.empty() && table_.datagrams() == 0 && table_.held() == 0);
    }

  private:
    static FragmentTableSettings settings() {
        FragmentTableSettings settings;
        settings.datagrams_max = 6;
        settings.held_max = 9;
        settings.held_per_datagram_max = 5;
        return settings;
    }

    // Of one of eight datagrams, in units of 8 bytes.
    static Fragment built(const std::array<uint8_t, 4>& step) {
        Fragment fragment;
        fragment.source = *IpAddress::parse((step[0] & 8) != 0 ? "2001:db8::1" : "192.0.2.1");
        fragment.destination = fragment.source;
        fragment.protocol = (step[3] & 2) != 0 ? kSctp : uint8_t{17};
        fragment.id = step[0] & 7U;
        fragment.offset_bytes = static_cast<uint16_t>(step[1] * 8);
        fragment.data_bytes = static_cast<uint16_t>((step[2] + 1) * 8);
        fragment.is_last = (step[3] & 1) != 0;
        return fragment;
    }

    // A packet as the parse stage would hand it on.
    void add_raw(const uint8_t* data, uint32_t size, const std::array<uint8_t, 4>& step) {
        std::vector<uint8_t> packet(data, data + size);
        const uint32_t length = size + step[2] * 8U;
        if (size >= 20 && packet[0] >> 4 == 4 && packet[0] % 16 >= 5 &&
            packet[0] % 16U * 4 <= size) {
            if (is_ipv4_fragment(packet.data())) {
                add(parse_ipv4_fragment(packet.data(), size, length));
            }
        } else if (size >= 40 && packet[0] >> 4 == 6) {
            const Ipv6Walk walk = walk_ipv6(packet.data(), size, length);
            if (walk.is_good && walk.is_fragment) {
                add(parse_ipv6_fragment(packet.data(), size, length, walk));
            }
        }
    }

    void add(const Fragment& fragment) {
        const FragmentResult result = table_.add(fragment, now_);
        if (fragment.fault != FragmentFault::kNone) {
            DIRECTOR_ASSERT(result.verdict == FragmentVerdict::kDrop);
        }
        switch (result.verdict) {
            case FragmentVerdict::kHold:
                DIRECTOR_ASSERT(!fragment.is_first() || fragment.protocol == kSctp);
                DIRECTOR_ASSERT(held_.insert(result.slot).second);
                break;
            case FragmentVerdict::kPass:
                DIRECTOR_ASSERT(result.fault == FragmentFault::kNone);
                break;
            case FragmentVerdict::kDrop:
                DIRECTOR_ASSERT(result.fault != FragmentFault::kNone);
                break;
        }
        bool is_next_first = true;
        while (const auto held = table_.take_released()) {
            // Of SCTP, the last fragment releases as well, and itself.
            DIRECTOR_ASSERT(fragment.is_first() ? result.verdict == FragmentVerdict::kPass
                                                : result.verdict == FragmentVerdict::kHold &&
                                                      result.protocol == kSctp);
            DIRECTOR_ASSERT(held->is_first == (is_next_first && !fragment.is_first()));
            is_next_first = false;
            DIRECTOR_ASSERT(held_.erase(held->slot) == 1);
        }
    }

    void drain() {
        while (const auto held = table_.take_dropped()) {
            DIRECTOR_ASSERT(held->fault != FragmentFault::kNone);
            DIRECTOR_ASSERT(held_.erase(held->slot) == 1);
        }
        DIRECTOR_ASSERT(held_.size() == table_.held());
        DIRECTOR_ASSERT(table_.datagrams() <= settings().datagrams_max);
    }

    FragmentTable table_;
    TimePoint now_{std::chrono::hours(1)};
    std::set<uint16_t> held_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Session().run(data, size);
    return 0;
}
