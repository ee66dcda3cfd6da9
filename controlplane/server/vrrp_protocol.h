// The answer to "vrrp": who of the directors has which addresses, and why. Part of protocol.h.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace director::server {

// Another router that an instance has heard.
struct VrrpPeerView {
    std::string address;
    uint32_t priority = 0;
    double heard_ms_ago = 0;
    double advert_interval_ms = 0;
    uint64_t adverts = 0;
    bool has_other_addresses = false;  // than the instance: one of the two is set up wrongly
};

struct VrrpInstanceView {
    std::string name;
    std::string interface;
    std::string group;  // empty: none
    std::string family = "ipv4";
    uint32_t version = 2;
    uint32_t router_id = 0;
    std::string state = "INIT";
    std::string fault;      // why FAULT
    uint32_t priority = 0;  // effective: with what trackers or a command made of it
    uint32_t configured_priority = 0;
    double advert_interval_ms = 0;
    double master_interval_ms = 0;  // the master's; version 3 learns it
    double master_down_ms = 0;      // how long a BACKUP waits for its master
    double next_ms = -1;            // until its timer ends; -1: nothing is due
    std::string master;             // whom a BACKUP listens to; empty: nobody
    std::vector<std::string> addresses;
    std::vector<std::string> excluded_addresses;
    std::vector<VrrpPeerView> peers;
    uint64_t adverts_sent = 0;
    uint64_t adverts_received = 0;
    uint64_t goodbyes_sent = 0;
    uint64_t goodbyes_received = 0;
    uint64_t lower_priority_received = 0;
    uint64_t became_master = 0;
    uint64_t left_master = 0;
    uint64_t starved = 0;                         // times it distrusted its own clock
    std::map<std::string, uint64_t> transitions;  // into each state there is
    std::map<std::string, uint64_t> refused;      // by every reason there is
};

struct VrrpGroupView {
    std::string name;
    std::string state = "INIT";
    std::vector<std::string> instances;
};

struct VrrpTrackerView {
    std::string name;
    std::string kind;
    std::string state = "unknown";  // "up", "down"; "unknown": no result yet
    int64_t value = 0;              // of a file
    uint64_t streak = 0;            // of a script: results in a row that speak against the state
    uint64_t runs = 0;
    uint64_t failures = 0;
    uint64_t timeouts = 0;
};

struct VrrpRefusalView {
    std::string name;
    std::string help;
    uint64_t packets = 0;  // that belonged to no instance
};

struct VrrpView {
    std::vector<VrrpInstanceView> instances;
    std::vector<VrrpGroupView> groups;
    std::vector<VrrpTrackerView> trackers;
    std::vector<VrrpRefusalView> refused;  // every reason there is
};

// In "status": a group, or an instance without one.
struct VrrpStateView {
    std::string name;
    std::string state;
    std::string fault;  // why FAULT
};

// NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses here
#define DIRECTOR_DECLARE_JSON(Type)                       \
    void to_json(nlohmann::json& json, const Type& view); \
    void from_json(const nlohmann::json& json, Type& view);
// NOLINTEND(bugprone-macro-parentheses)
DIRECTOR_DECLARE_JSON(VrrpPeerView)
DIRECTOR_DECLARE_JSON(VrrpInstanceView)
DIRECTOR_DECLARE_JSON(VrrpGroupView)
DIRECTOR_DECLARE_JSON(VrrpTrackerView)
DIRECTOR_DECLARE_JSON(VrrpRefusalView)
DIRECTOR_DECLARE_JSON(VrrpView)
DIRECTOR_DECLARE_JSON(VrrpStateView)
#undef DIRECTOR_DECLARE_JSON

}  // namespace director::server
