// Somebody who looks at mirrored packets: a capture, a stream of flow records, the health of
// services. Made by the control plane, then the diagnostics thread's until that says it is over.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dataplane/io/engine.h"

namespace director::daemon {

// What slots and ports are called. Made by the control plane, anew every few seconds.
struct WatchNames {
    std::unordered_map<uint32_t, std::string> services;  // "tcp 192.0.2.1:80"
    std::unordered_map<uint32_t, std::string> servers;   // "10.0.0.1:80"
    std::vector<std::string> ports;

    [[nodiscard]] std::string service(dataplane::ServiceId id) const;
    [[nodiscard]] std::string server(dataplane::RealServerId id) const;
    [[nodiscard]] std::string port(uint8_t port) const;
};

// The daemon's end of a stream socket to a client, which may read as slowly as it likes: what does
// not fit is for the watch to count.
class WatchOutput {
  public:
    // Takes the descriptor over; -1: there is no client.
    explicit WatchOutput(int descriptor) : descriptor_(descriptor) {}
    WatchOutput(const WatchOutput&) = delete;
    WatchOutput& operator=(const WatchOutput&) = delete;
    ~WatchOutput();

    // False when too much waits for the client already: nothing was added then.
    [[nodiscard]] bool add(std::string_view bytes);
    // The last words, which always fit.
    void add_last(std::string_view bytes) { waiting_.append(bytes); }
    // Gives the kernel what it takes.
    void flush();
    // The client wants no more, or is gone.
    [[nodiscard]] bool has_ended();
    [[nodiscard]] bool is_gone() const { return is_gone_; }
    [[nodiscard]] bool is_empty() const { return sent_ == waiting_.size(); }

  private:
    int descriptor_;
    std::string waiting_;
    size_t sent_ = 0;
    bool is_gone_ = false;
};

// How many packets a tap has told of, and of how many it could not. As of now, of all workers.
struct TapCounts {
    uint64_t told = 0;
    uint64_t missed = 0;   // the ring was full
    uint64_t limited = 0;  // above the rate

    friend TapCounts operator+(const TapCounts& a, const TapCounts& b) {
        return {a.told + b.told, a.missed + b.missed, a.limited + b.limited};
    }
    friend TapCounts operator-(const TapCounts& a, const TapCounts& b) {
        return {a.told - b.told, a.missed - b.missed, a.limited - b.limited};
    }
};

class Watch {
  public:
    explicit Watch(uint8_t tap) : tap_(tap) {}
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    virtual ~Watch() = default;

    [[nodiscard]] uint8_t tap() const { return tap_; }

    // A packet that the tap chose; `time_ns` is since 1970. All but tap() is called by the
    // diagnostics thread.
    virtual void see(const dataplane::io::MirroredPacket& packet,
                     uint16_t worker,
                     int64_t time_ns) = 0;
    // After each round of packets, and a thousand times a second at least.
    virtual void turn(int64_t now_ns) = 0;
    // Nothing more will be seen: says what is left to say.
    virtual void finish(int64_t now_ns, const TapCounts& counts) = 0;
    // Whether it wants no more packets.
    [[nodiscard]] virtual bool is_over(int64_t now_ns) = 0;
    // After finish(): whether all is said.
    [[nodiscard]] virtual bool is_done() = 0;

    void set_names(std::shared_ptr<const WatchNames> names) { names_ = std::move(names); }

  protected:
    [[nodiscard]] const WatchNames& names() const { return *names_; }

  private:
    uint8_t tap_;
    std::shared_ptr<const WatchNames> names_ = std::make_shared<WatchNames>();
};

}  // namespace director::daemon
