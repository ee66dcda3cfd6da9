// The answer to "explain": what would become of a packet, and why. Part of protocol.h.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace director::server {

// As it was understood; what was left out is filled in.
struct ExplainQuestionView {
    std::string protocol;
    std::string source;
    std::string destination;
    std::string direction;  // "in", "out"
    std::string interface;
};

// One thing that the packet meets, for people.
struct ExplainStepView {
    std::string name;
    std::string text;
    bool is_good = true;  // it does not stand against the packet
};

struct ExplainServiceView {
    std::string name;  // "TCP 192.0.2.1:80"
    std::string scheduler;
    std::string flags;
    uint32_t mark = 0;
    std::string rule;  // the match rule that applied; empty: by address and port
    uint32_t persistence_seconds = 0;
    bool is_retired = false;
    bool is_under_attack = false;  // the SYN proxy is on
};

struct ExplainConnectionView {
    std::string state;
    std::string client;
    std::string virtual_service;
    std::string local;  // the client as the real server sees it
    std::string real_server;
    uint32_t expires_seconds = 0;
    uint32_t timeout_seconds = 0;  // after each packet, in this state
    bool server_is_gone = false;
};

struct ExplainServerView {
    std::string address;
    uint16_t port = 0;
    std::string forwarding;
    uint32_t weight = 0;
    std::string chosen_by;  // "connection", "template", "scheduler"
};

// `active` and `total` are connections of all workers, as the asked one knows them, and only for
// schedulers and thresholds that go by them.
struct ExplainCandidateView {
    std::string address;
    uint16_t port = 0;
    uint32_t weight = 0;
    uint32_t active = 0;
    uint32_t total = 0;
    bool is_overloaded = false;
    bool is_out = false;
    bool is_draining = false;
    std::string note;  // "chosen", or why it is not to be
};

// The packet as it leaves.
struct ExplainSentView {
    std::string source;  // "a port of pool outside" instead of one that is not chosen yet
    std::string destination;
    std::string encapsulation;  // "", "ipip", "gue:6080:-c", ...
    std::string outer_source;
    std::string outer_destination;
    std::string interface;
    uint32_t mtu = 0;
    std::string next_hop;
    std::string source_mac;
    std::string destination_mac;  // empty: to be asked for by ARP or neighbour discovery
};

struct ExplainVrrpView {
    std::string instance;
    std::string state;
};

struct ExplainView {
    ExplainQuestionView question;
    uint32_t worker = 0;
    std::string verdict;  // "forward", "drop", "kernel", "answer", "route"; empty of an address
    std::string reason;   // of a drop
    std::string summary;
    std::vector<ExplainStepView> steps;
    std::optional<ExplainServiceView> service;
    std::optional<ExplainConnectionView> connection;
    std::optional<ExplainServerView> server;
    std::vector<ExplainCandidateView> candidates;
    std::optional<ExplainSentView> sent;
    std::vector<std::string> services;  // of an address alone
    std::optional<ExplainVrrpView> vrrp;
};

void to_json(nlohmann::json& json, const ExplainView& value);
void from_json(const nlohmann::json& json, ExplainView& value);

}  // namespace director::server
