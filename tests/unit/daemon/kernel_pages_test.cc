// Pages of routes: each row once, also when the table changes between them. Neighbours of an empty
// mirror; the laboratory asks for real ones (tests/lab/cases/ctl.sh).
#include "controlplane/daemon/kernel_pages.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

namespace director::daemon {
namespace {

using dataplane::InterfaceId;
using dataplane::Route;
using dataplane::RouteKind;
using nlohmann::json;

std::string name_of(InterfaceId id) {
    return id == InterfaceId{1} ? "outside" : "";
}

kernel::PrefixRoute to(const char* prefix, RouteKind kind, const char* gateway = "0.0.0.0") {
    return {*IpPrefix::parse(prefix), Route{kind, InterfaceId{1}, *IpAddress::parse(gateway)}};
}

std::vector<kernel::PrefixRoute> table() {
    return {to("0.0.0.0/0", RouteKind::kGateway, "192.0.2.1"),
            to("10.0.0.0/8", RouteKind::kDiscard),
            to("10.0.0.0/16", RouteKind::kNone),
            to("192.0.2.0/24", RouteKind::kOnLink),
            to("192.0.2.2/32", RouteKind::kLocal)};
}

TEST(RoutesPageTest, SaysWhatEachDoes) {
    const auto page = routes_page(table(), name_of, "", 100);
    ASSERT_TRUE(page);
    EXPECT_EQ(page->next_cursor, "");
    std::string text;
    for (const server::RouteView& route : page->routes) {
        text += route.destination + " " + route.kind + " " + route.gateway + " " + route.interface +
                "\n";
    }
    EXPECT_EQ(text,
              "0.0.0.0/0 gateway 192.0.2.1 outside\n"
              "10.0.0.0/8 discard  \n"
              "10.0.0.0/16 none  \n"
              "192.0.2.0/24 on-link  outside\n"
              "192.0.2.2/32 local  \n");
}

TEST(RoutesPageTest, PagesHoldEachRowOnce) {
    auto routes = table();
    std::vector<std::string> seen;
    std::string cursor;
    do {
        const auto page = routes_page(routes, name_of, cursor, 2);
        ASSERT_TRUE(page);
        for (const server::RouteView& route : page->routes) {
            seen.push_back(route.destination);
        }
        cursor = page->next_cursor;
        routes.erase(routes.begin());  // the kernel goes on meanwhile
    } while (!cursor.empty());
    EXPECT_EQ(seen,
              (std::vector<std::string>{
                  "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "192.0.2.0/24", "192.0.2.2/32"}));
}

TEST(RoutesPageTest, WhatIsRefused) {
    EXPECT_FALSE(routes_page(table(), name_of, "nonsense", 2));
    const kernel::MirrorModel empty({});
    EXPECT_FALSE(neighbours_page(empty, name_of, "nonsense", 2));
    EXPECT_FALSE(neighbours_page(empty, name_of, "1 nobody", 2));
    EXPECT_TRUE(neighbours_page(empty, name_of, "1 192.0.2.1", 2)->neighbours.empty());
    EXPECT_TRUE(page_request(json::object()));
    const auto many = page_request(json{{"limit", 100000U}});
    ASSERT_TRUE(many);
    EXPECT_EQ(many->limit, 1000U);
    EXPECT_FALSE(page_request({{"limit", 0U}}));
    EXPECT_FALSE(page_request({{"cursor", 7}}));
}

}  // namespace
}  // namespace director::daemon
