// What `directorctl vrrp` prints.
#include "cli/show_vrrp.h"

#include <gtest/gtest.h>

namespace director::cli {
namespace {

server::VrrpInstanceView instance(const char* name, const char* state) {
    server::VrrpInstanceView view;
    view.name = name;
    view.state = state;
    view.interface = "outside";
    view.router_id = 51;
    view.priority = 150;
    view.configured_priority = 150;
    view.addresses = {"192.168.10.100/24"};
    return view;
}

TEST(ShowVrrpTest, WithoutInstancesSaysSo) {
    EXPECT_EQ(show_vrrp({}, Colour::kNever),
              "no VRRP instance is configured: all addresses are this director's alone\n");
}

TEST(ShowVrrpTest, OneLineForEachInstance) {
    server::VrrpView vrrp;
    vrrp.instances = {instance("VI_1", "MASTER"), instance("VI_2", "BACKUP")};
    server::VrrpInstanceView& backup = vrrp.instances[1];
    backup.interface = "inside";
    backup.router_id = 5;
    backup.priority = 80;
    backup.configured_priority = 100;
    backup.master = "192.168.2.1";
    backup.excluded_addresses = {"192.168.3.100/24 dev dmz"};
    EXPECT_EQ(show_vrrp(vrrp, Colour::kNever),
              "INSTANCE  STATE   PRIORITY     ROUTER ID  INTERFACE  MASTER       ADDRESSES\n"
              "VI_1      MASTER  150                 51  outside    this one     "
              "192.168.10.100/24\n"
              "VI_2      BACKUP  80 (of 100)          5  inside     192.168.2.1  "
              "192.168.10.100/24, 192.168.3.100/24 dev dmz\n");
}

TEST(ShowVrrpTest, FaultsSayWhy) {
    server::VrrpView vrrp;
    vrrp.instances = {instance("VI_1", "FAULT")};
    vrrp.instances[0].fault = "interface outside is down";
    const std::string text = show_vrrp(vrrp, Colour::kNever);
    EXPECT_NE(text.find("VI_1      FAULT  150              51  outside    -       "),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("\n\nVI_1 FAULT: interface outside is down\n"), std::string::npos) << text;
    EXPECT_NE(show_vrrp(vrrp, Colour::kAlways).find("\x1b[31mFAULT\x1b[0m"), std::string::npos);
}

TEST(ShowVrrpTest, GroupsPeersAndTrackers) {
    server::VrrpView vrrp;
    vrrp.instances = {instance("VI_1", "BACKUP")};
    vrrp.instances[0].peers = {{"192.168.10.1", 150, 413.25, 1000, 7120, false},
                               {"192.168.10.9", 90, 65000, 1000, 3, true}};
    vrrp.groups = {{"VG_1", "BACKUP", {"VI_1", "VI_2"}}};
    vrrp.trackers = {{"upstream", "script", "down", 0, 0, 20, 4, 2},
                     {"drain", "file", "up", -20, 0, 0, 0, 0},
                     {"new", "script", "unknown", 0, 0, 0, 0, 0},
                     {"cable", "interface", "up", 0, 0, 0, 0, 0}};
    const std::string text = show_vrrp(vrrp, Colour::kNever);
    EXPECT_NE(text.find("\n\n"
                        "GROUP  STATE   INSTANCES\n"
                        "VG_1   BACKUP  VI_1, VI_2\n"
                        "\n"
                        "PEER          OF    PRIORITY    LAST HEARD  ADVERTS  ADDRESSES\n"
                        "192.168.10.1  VI_1       150  413.2 ms ago     7120  the same\n"
                        "192.168.10.9  VI_1        90      65 s ago        3  differ from ours\n"
                        "\n"
                        "TRACKER   KIND       STATE      RUNS  FAILED  TOO LONG\n"
                        "upstream  script     down         20       4         2\n"
                        "drain     file       value -20     -       -         -\n"
                        "new       script     unknown       0       0         0\n"
                        "cable     interface  up            -       -         -\n"),
              std::string::npos)
        << text;
    EXPECT_EQ(text.find("REFUSED"), std::string::npos);
}

TEST(ShowVrrpTest, RefusalsThatWereNotZero) {
    server::VrrpView vrrp;
    vrrp.instances = {instance("VI_1", "MASTER")};
    vrrp.instances[0].refused = {{"checksum", 3}, {"ttl", 0}, {"unknown_instance", 0}};
    vrrp.refused = {{"ttl", "TTL is not 255", 0},
                    {"checksum", "checksum is wrong", 1},
                    {"unknown_instance", "no instance has this VRID", 12}};
    const std::string text = show_vrrp(vrrp, Colour::kNever);
    EXPECT_NE(text.find("\n\n"
                        "REFUSED           BY    PACKETS  WHY\n"
                        "checksum          -           1  checksum is wrong\n"
                        "checksum          VI_1        3  checksum is wrong\n"
                        "unknown_instance  -          12  no instance has this VRID\n"),
              std::string::npos)
        << text;
}

}  // namespace
}  // namespace director::cli
