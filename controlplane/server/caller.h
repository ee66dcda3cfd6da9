// Who sent a request, as its handler may know it.
#pragma once

#include <cstdint>
#include <memory>

#include "controlplane/server/event_stream.h"

namespace director::server {

// What the kernel's word on a client entitles it to: an admin may ask for everything, a reader for
// what is marked Access::kReads (protocol.h).
enum class Role : uint8_t { kReader, kAdmin };

// Where events can be sent to: a connection.
class Subscriber {
  public:
    Subscriber() = default;
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;
    virtual ~Subscriber() = default;

    // From the event `since` on; replaces what was subscribed to before.
    virtual void subscribe(uint64_t since, TopicSet topics) = 0;
    virtual void unsubscribe() = 0;
    // The next answer goes with this descriptor, which is the subscriber's from now on.
    virtual void hand_over(int descriptor) = 0;
};

struct Caller {
    Role role = Role::kAdmin;
    uint32_t uid = 0;
    std::weak_ptr<Subscriber> subscriber;  // null: answers are all that can be sent
};

}  // namespace director::server
