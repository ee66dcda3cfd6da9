// Changes to a running configuration, one command at a time: what ipvsadm does to the kernel's
// table. Pure: a Model goes in, a changed Model or a refusal comes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "config/model.h"
#include "config/validate.h"

namespace director::config {

// Which service is meant: by address and port, or by mark and family.
struct ServiceKey {
    Endpoint endpoint;
    Protocol protocol = Protocol::kTcp;
    uint32_t mark = 0;
    Family family = Family::kIpv4;  // of a mark

    friend bool operator==(const ServiceKey&, const ServiceKey&) = default;
};

// What ipvsadm says of a service; the rest of a VirtualService stays as the configuration has it.
struct ServiceRule {
    ServiceKey key;
    std::string scheduler = "wlc";
    std::vector<SchedulerFlag> flags;
    uint32_t persistence_timeout = 0;  // seconds; 0: not persistent
    uint8_t persistence_prefix = 0;    // bits; 0: all
    bool one_packet = false;

    friend bool operator==(const ServiceRule&, const ServiceRule&) = default;
};

// What ipvsadm says of a real server.
struct ServerRule {
    ServiceKey key;
    Endpoint endpoint;
    ForwardingMethod forwarding = ForwardingMethod::kDirect;
    uint32_t weight = 1;
    uint32_t upper_threshold = 0;
    uint32_t lower_threshold = 0;
    Tunnel tunnel;

    friend bool operator==(const ServerRule&, const ServerRule&) = default;
};

struct AddService {
    ServiceRule rule;
};
struct EditService {
    ServiceRule rule;
};
struct DeleteService {
    ServiceKey key;
};
struct Clear {};
struct AddServer {
    ServerRule rule;
};
struct EditServer {
    ServerRule rule;
};
struct DeleteServer {
    ServiceKey key;
    Endpoint endpoint;
};
// Seconds; 0: unchanged.
struct SetTimeouts {
    uint32_t tcp = 0;
    uint32_t tcp_fin = 0;
    uint32_t udp = 0;
};

// `ipvsadm --start-daemon`: the role comes on; what is nothing stays as the configuration has it.
struct StartDaemon {
    SyncRole role = SyncRole::kMaster;  // kMaster or kBackup
    std::string interface;
    uint8_t id = 0;
    std::optional<IpAddress> group;
    std::optional<uint16_t> port;
    std::optional<uint8_t> ttl;
    std::optional<uint16_t> message_bytes;
};
struct StopDaemon {
    SyncRole role = SyncRole::kMaster;
};

using Edit = std::variant<AddService,
                          EditService,
                          DeleteService,
                          Clear,
                          AddServer,
                          EditServer,
                          DeleteServer,
                          SetTimeouts,
                          StartDaemon,
                          StopDaemon>;

// Why an edit was refused, as far as ipvsadm tells reasons apart.
enum class EditRefusal {
    kServiceExists,
    kNoService,
    kServerExists,
    kNoServer,
    kNoScheduler,
    kLowerAboveUpper,
    kDaemonRuns,
    kNoDaemon,
    kInvalid,  // the message says why
};

struct EditError {
    size_t index = 0;  // of the edit that was refused
    EditRefusal refusal = EditRefusal::kInvalid;
    std::string message;
};

// All edits in turn, or none: the first refusal ends it. The result is valid as a whole
// (validate()), or the refusal is the last edit's.
[[nodiscard]] tl::expected<Model, EditError> edited(const Model& model,
                                                    const std::vector<Edit>& edits,
                                                    const Vocabulary& vocabulary);

// One edit of a model that need not be valid yet: for whoever puts one together edit by edit. A
// refusal leaves it as it was.
[[nodiscard]] tl::expected<void, EditError> apply(const Edit& edit,
                                                  const Vocabulary& vocabulary,
                                                  Model& model);

// "TCP 192.0.2.1:80", "FWM 7".
[[nodiscard]] std::string to_string(const ServiceKey& key);
[[nodiscard]] ServiceKey key_of(const VirtualService& service);

}  // namespace director::config
