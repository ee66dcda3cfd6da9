// The answers to "routes" and "neighbours": what the workers know of the kernel's tables. Part of
// protocol.h.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace director::server {

struct RouteView {
    std::string destination;  // "0.0.0.0/0"
    std::string
        kind;  // "gateway", "on-link", "local", "discard", "none" (through no interface of ours)
    std::string gateway;    // of "gateway"
    std::string interface;  // of "gateway" and "on-link"
};

// Sorted by destination. An empty `next_cursor` says that this was the last page.
struct RoutesPage {
    std::vector<RouteView> routes;
    std::string next_cursor;
};

struct NeighbourView {
    std::string address;
    std::string interface;
    std::string mac;    // empty when it is not known
    std::string state;  // "reachable", "failed" (does not answer)
};

struct NeighboursPage {
    std::vector<NeighbourView> neighbours;
    std::string next_cursor;
};

// NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses here
#define DIRECTOR_DECLARE_JSON(Type)                       \
    void to_json(nlohmann::json& json, const Type& view); \
    void from_json(const nlohmann::json& json, Type& view);
// NOLINTEND(bugprone-macro-parentheses)
DIRECTOR_DECLARE_JSON(RouteView)
DIRECTOR_DECLARE_JSON(RoutesPage)
DIRECTOR_DECLARE_JSON(NeighbourView)
DIRECTOR_DECLARE_JSON(NeighboursPage)
#undef DIRECTOR_DECLARE_JSON

}  // namespace director::server
