// ipvsadm's command line: popt's glueing, legality, messages and exit codes (measured with 1.31).
#include "cli/ipvsadm_command.h"

#include <gtest/gtest.h>

namespace director::cli {
namespace {

using Words = std::vector<std::string>;

IpvsadmCommand accepted(const Words& words) {
    const auto command = parse_ipvsadm("ipvsadm", words);
    EXPECT_TRUE(command.has_value()) << (command ? "" : command.error().message);
    return command.value_or(IpvsadmCommand{});
}

TEST(IpvsadmCommandTest, NothingListsEverythingWithNames) {
    const auto command = accepted({});
    EXPECT_EQ(command.action, IpvsadmAction::kList);
    EXPECT_EQ(command.names, NameStyle::kNames);
    EXPECT_EQ(command.listing.kind, ListingKind::kRules);
}

TEST(IpvsadmCommandTest, ShortOptionsMayBeGlued) {
    for (const Words& words : {Words{"-L", "-n", "-c"},
                               {"-Lnc"},
                               {"-lnc"},
                               {"-L", "-cn"},
                               {"--list", "--numeric", "--connection"}}) {
        const auto command = accepted(words);
        EXPECT_EQ(command.action, IpvsadmAction::kListConnections);
        EXPECT_EQ(command.names, NameStyle::kNumeric);
    }
}

TEST(IpvsadmCommandTest, ServiceTakesItsValueInEveryForm) {
    for (const Words& words : {Words{"-L", "-t", "1.2.3.4:80"},
                               {"-Lt", "1.2.3.4:80"},
                               {"-Lnt1.2.3.4:80"},
                               {"-L", "-t=1.2.3.4:80"},
                               {"-L", "--tcp-service", "1.2.3.4:80"},
                               {"-L", "--tcp-service=1.2.3.4:80"}}) {
        const auto command = accepted(words);
        ASSERT_TRUE(command.service.has_value());
        EXPECT_EQ(command.service->text, "1.2.3.4:80");
        EXPECT_EQ(command.service->protocol, Protocol::kTcp);
    }
    EXPECT_EQ(accepted({"-L", "-u", "x"}).service->protocol, Protocol::kUdp);
}

TEST(IpvsadmCommandTest, ListingOptions) {
    EXPECT_EQ(accepted({"-L", "--stats"}).listing.kind, ListingKind::kStats);
    EXPECT_EQ(accepted({"-L", "--rate"}).listing.kind, ListingKind::kRates);
    EXPECT_EQ(accepted({"-L", "--rate", "--stats"}).listing.kind, ListingKind::kStats);
    EXPECT_EQ(accepted({"-L", "--stats", "--rate"}).listing.kind, ListingKind::kStats);
    EXPECT_EQ(accepted({"-L", "--exact"}).listing.numbers, Numbers::kExact);
    EXPECT_EQ(accepted({"-L", "--nosort"}).listing.order, Order::kAsTold);
    EXPECT_EQ(accepted({"-L", "--sort"}).listing.order, Order::kSorted);
    EXPECT_EQ(accepted({"-h"}).action, IpvsadmAction::kHelp);
    EXPECT_EQ(accepted({"--version"}).action, IpvsadmAction::kVersion);
}

struct Refusal {
    Words words;
    int exit_code;
    std::string message;
};

class RefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, SaysWhatIpvsadmSays) {
    const auto command = parse_ipvsadm("/usr/sbin/ipvsadm", GetParam().words);
    ASSERT_FALSE(command.has_value());
    EXPECT_EQ(command.error().exit_code, GetParam().exit_code);
    EXPECT_EQ(command.error().message, GetParam().message);
}

const std::string kHint =
    "Try `/usr/sbin/ipvsadm -h' or '/usr/sbin/ipvsadm --help' for more information.";

INSTANTIATE_TEST_SUITE_P(
    Measured,
    RefusalTest,
    testing::Values(
        Refusal{{"-n", "-L"}, 255, kHint},
        Refusal{{"xyz"}, 255, kHint},
        Refusal{{"-L", "--bogus"}, 255, "--bogus: unknown option"},
        Refusal{{"-L", "-t"}, 255, "-t: missing argument"},
        Refusal{{"-L", "foo"}, 2, "unexpected argument foo"},
        Refusal{{"-L", "-c", "--stats"}, 2, "options conflicts in the list command"},
        Refusal{{"-L", "-c", "-t", "192.168.201.15:80"},
                2,
                "The option 'service-address' conflicts with the 'connection' option in the 'list' "
                "command"},
        Refusal{{"-L", "-w", "3"}, 2, "Illegal 'weight' option with the 'list' command"},
        Refusal{{"-L", "-t", "1.2.3.4:80", "-u", "1.2.3.4:80"},
                2,
                "multiple 'service-address' options specified"},
        Refusal{{"-L", "-6"}, 2, "-6 used before -f\n"},
        Refusal{{"-L", "-A"}, 2, "invalid option `-A'"}));

}  // namespace
}  // namespace director::cli
