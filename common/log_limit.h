// How many log lines of one kind may be written: a peer that triggers a message a million times a
// second must not fill a disk. Pure: the time is an argument.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace director {

class LogLimiter {
  public:
    static constexpr uint64_t kBurst = 500;  // lines of one kind at once
    static constexpr uint64_t kPerSecond = 50;

    struct Suppressed {
        std::string_view area;
        std::string_view format;
        uint64_t lines = 0;
    };

    // Whether a line may be written at `now_ms`. A kind is an area with a format: both must be
    // literals, for they are kept.
    [[nodiscard]] bool allows(std::string_view area, std::string_view format, uint64_t now_ms) {
        Bucket& bucket = buckets_[{area.data(), format.data()}];
        bucket.area = area;
        bucket.format = format;
        const uint64_t gained = (now_ms - bucket.at_ms) * kPerSecond / 1000;
        if (gained > 0) {
            bucket.used = bucket.used > gained ? bucket.used - gained : 0;
            bucket.at_ms = now_ms;
        }
        if (bucket.used >= kBurst) {
            ++bucket.suppressed;
            return false;
        }
        ++bucket.used;
        return true;
    }

    // What was not written since the last call.
    [[nodiscard]] std::vector<Suppressed> take_suppressed() {
        std::vector<Suppressed> all;
        for (auto& [key, bucket] : buckets_) {
            if (bucket.suppressed > 0) {
                all.push_back({bucket.area, bucket.format, std::exchange(bucket.suppressed, 0)});
            }
        }
        return all;
    }

  private:
    struct Bucket {
        std::string_view area;
        std::string_view format;
        uint64_t used = 0;
        uint64_t at_ms = 0;
        uint64_t suppressed = 0;
    };
    std::map<std::pair<const char*, const char*>, Bucket> buckets_;
};

}  // namespace director
