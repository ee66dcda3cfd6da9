// The arguments of "edit": changes to services, servers and timeouts while directord runs, in the
// words that ipvsadm has for them. Part of protocol.h.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace director::server {

// Which service: address and port, or mark and family.
struct EditKey {
    std::string protocol = "tcp";  // tcp, udp, sctp
    std::string address;
    uint16_t port = 0;
    uint32_t mark = 0;
    bool is_ipv6 = false;  // of a mark
};

// A sync daemon; an empty or zero field leaves what the configuration says.
struct EditDaemon {
    std::string role;  // master, backup
    std::string interface;
    uint32_t id = 0;
    std::string group;
    uint16_t port = 0;
    uint32_t ttl = 0;
    uint32_t message_bytes = 0;
};

// One change. `action` says which of the fields count:
//   add-service, edit-service: service, scheduler, flags, persistence_seconds, persistence_prefix,
//                              one_packet
//   delete-service:            service
//   add-server, edit-server:   service, server, server_port, forwarding, weight, upper_threshold,
//                              lower_threshold, tunnel, tunnel_port, tunnel_checksum
//   delete-server:             service, server, server_port
//   clear:                     nothing
//   set-timeouts:              tcp, tcp_fin, udp (seconds; 0: as it is)
//   start-daemon, stop-daemon: daemon
struct EditRequest {
    std::string action;
    EditKey service;
    std::string scheduler = "wlc";
    std::vector<std::string> flags;
    uint32_t persistence_seconds = 0;
    uint32_t persistence_prefix = 0;
    bool one_packet = false;
    std::string server;
    uint16_t server_port = 0;
    std::string forwarding = "direct";  // nat, direct, tunnel, full-nat, local
    uint32_t weight = 1;
    uint32_t upper_threshold = 0;
    uint32_t lower_threshold = 0;
    std::string tunnel = "ipip";  // ipip, gue, gre
    uint16_t tunnel_port = 0;
    std::string tunnel_checksum = "none";  // none, full, remote
    uint32_t tcp = 0;
    uint32_t tcp_fin = 0;
    uint32_t udp = 0;
    EditDaemon daemon;
};

// The most that one request may hold.
inline constexpr size_t kEditsMax = 256;

// "data" of the error that answers a refused "edit": which edit it was, and why.
struct EditRefusalView {
    uint64_t index = 0;
    // service-exists, no-service, server-exists, no-server, no-scheduler, lower-above-upper,
    // invalid
    std::string reason;
};

void to_json(nlohmann::json& json, const EditKey& value);
void from_json(const nlohmann::json& json, EditKey& value);
void to_json(nlohmann::json& json, const EditDaemon& value);
void from_json(const nlohmann::json& json, EditDaemon& value);
void to_json(nlohmann::json& json, const EditRequest& value);
void from_json(const nlohmann::json& json, EditRequest& value);
void to_json(nlohmann::json& json, const EditRefusalView& value);
void from_json(const nlohmann::json& json, EditRefusalView& value);

}  // namespace director::server
