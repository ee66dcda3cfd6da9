// What VRRP wants done: plain data that the daemon carries out in order. Nothing here is a request
// for an answer, and nothing may be skipped: an AddAddresses is undone by a RemoveAddresses, a
// StartScript by its result or an EndScript.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/address.h"
#include "common/time.h"
#include "vrrp/config.h"

namespace director::vrrp {

inline constexpr TimePoint kNever = TimePoint::max();

enum class State : uint8_t { kInit, kBackup, kMaster, kFault };
inline constexpr size_t kStateCount = 4;
// "INIT", "BACKUP", "MASTER", "FAULT".
[[nodiscard]] std::string_view to_string(State state);

// An advert, ahead of all other traffic.
struct SendAdvert {
    std::string instance;
    std::string interface;
    MacAddress source_mac;
    std::optional<MacAddress> destination_mac;  // nullopt: unicast, the neighbour table knows
    IpAddress source;
    IpAddress destination;
    uint8_t priority = 0;
    std::vector<uint8_t> packet;  // whole IP packet
};

// A gratuitous ARP or neighbour advertisement.
struct SendAnnouncement {
    std::string interface;
    IpAddress address;
    std::vector<uint8_t> frame;  // whole Ethernet frame, without VLAN tag
};

// The addresses are this director's from now on, or no longer. On the kernel's interface, and in
// what answers ARP and neighbour solicitations; with `mac` where the instance has a virtual one.
struct AddAddresses {
    std::string instance;
    std::string interface;  // where VirtualAddress does not name one
    std::vector<VirtualAddress> addresses;
    std::optional<MacAddress> mac;
    bool accepts_traffic = true;
};
struct RemoveAddresses {
    std::string instance;
    std::string interface;
    std::vector<VirtualAddress> addresses;
};

// The port's filter takes the virtual MAC, or does so no longer: only while MASTER.
struct AddVirtualMac {
    std::string interface;
    MacAddress mac;
};
struct RemoveVirtualMac {
    std::string interface;
    MacAddress mac;
};

// A notify command. To be run one after the other for the same `name`: keepalived's may overtake
// each other.
struct RunCommand {
    std::string name;  // instance or group
    std::vector<std::string> arguments;
};

// A run of a tracker's script: its end is told by Router::script_ended with the same number.
// EndScript means that it took too long and counts as failed: SIGTERM, then SIGKILL.
struct StartScript {
    std::string tracker;
    uint64_t run = 0;
    std::vector<std::string> command;
};
struct EndScript {
    std::string tracker;
    uint64_t run = 0;
};

enum class Subject : uint8_t { kInstance, kGroup, kTracker, kRouter };

enum class EventKind : uint8_t {
    kState,          // a transition
    kPriority,       // effective priority changed
    kLowerPriority,  // MASTER heard an advert of lower priority
    kStopped,
    kDeleted,  // left the configuration
    kRefused,  // a packet was not believed; first of its kind for a while
    kPeer,     // something about a peer that an administrator should know
    kTracker,
    kTiming,  // starved: yielded or listened once more
};

enum class Severity : uint8_t { kInfo, kWarning };

// One line of the ordered stream: log line, event on the control socket, FIFO line.
struct Event {
    uint64_t sequence = 0;  // rises by one with each event of a Router
    EventKind kind = EventKind::kState;
    Severity severity = Severity::kInfo;
    Subject subject = Subject::kInstance;
    std::string name;
    State state = State::kInit;
    State before = State::kInit;  // kState
    unsigned priority = 0;
    std::string text;  // why, in words
};

// keepalived's words for it, by which administrators search their logs, "(VI_1) Entering MASTER
// STATE"; nullopt for what is no change of state.
[[nodiscard]] std::optional<std::string> log_words(const Event& event);

// keepalived's FIFO line, INSTANCE "VI_1" MASTER 100; nullopt for kinds that it does not tell.
[[nodiscard]] std::optional<std::string> fifo_line(const Event& event);

using Action = std::variant<SendAdvert,
                            SendAnnouncement,
                            AddAddresses,
                            RemoveAddresses,
                            AddVirtualMac,
                            RemoveVirtualMac,
                            RunCommand,
                            StartScript,
                            EndScript,
                            Event>;
using Actions = std::vector<Action>;

}  // namespace director::vrrp
