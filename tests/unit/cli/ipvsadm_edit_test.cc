// ipvsadm's changing commands, held to what ipvsadm 1.31 printed (tests/data/ipvsadm/how-made.md).
#include "cli/ipvsadm_edit.h"

#include <cerrno>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/unit/cli/listing_scenario.h"
#include "tests/unit/cli/numeric_resolve.h"

namespace director::cli {
namespace {

using Words = std::vector<std::string>;

Words split(const std::string& line) {
    std::istringstream stream(line);
    Words words;
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    return words;
}

// "$ ipvsadm -A ...", what it printed, "rc=2".
struct Case {
    std::string command;
    std::string printed;
    int exit_code = 0;
};
std::vector<Case> cases_of(const std::string& name, const std::string& mark) {
    std::ifstream file(std::string(DIRECTOR_TEST_DATA "/ipvsadm/") + name);
    EXPECT_TRUE(file.good()) << name;
    std::vector<Case> cases;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(mark)) {
            cases.push_back({line.substr(mark.size()), "", -1});
        } else if (line.starts_with("rc=") && !cases.empty()) {
            cases.back().exit_code = std::stoi(line.substr(3));
        } else if (!cases.empty()) {
            cases.back().printed += line + "\n";
        }
    }
    return cases;
}

TEST(IpvsadmEdit, CommandLinesAreJudgedAsIpvsadmDoes) {
    const auto cases = cases_of("errors.txt", "$ ipvsadm ");
    ASSERT_GT(cases.size(), 80U);
    for (const Case& one : cases) {
        SCOPED_TRACE(one.command);
        if (one.printed == "No such service\n") {
            continue;  // directord says so, not the command line
        }
        const auto command = parse_ipvsadm("/usr/sbin/ipvsadm", split(one.command));
        const auto request =
            command
                ? edit_request(*command, numeric_resolve)
                : tl::expected<server::EditRequest, IpvsadmError>(tl::unexpected(command.error()));
        EXPECT_EQ(request ? 0 : request.error().exit_code, one.exit_code);
        if (!request) {
            EXPECT_EQ(request.error().message + "\n", one.printed);
        }
    }
}

TEST(IpvsadmEdit, RefusalsHaveTheKernelsWords) {
    // "errno 17: ipvsadm -A -t 10.0.0.1:80": why directord refuses it.
    const std::map<std::pair<int, std::string>, std::string> reasons{
        {{EEXIST, "-A"}, "service-exists"},
        {{ENOENT, "-A"}, "no-scheduler"},
        {{ESRCH, "-E"}, "no-service"},
        {{ESRCH, "-D"}, "no-service"},
        {{ESRCH, "-a"}, "no-service"},
        {{EEXIST, "-a"}, "server-exists"},
        {{ENOENT, "-e"}, "no-server"},
        {{ENOENT, "-d"}, "no-server"},
        {{ESRCH, "-d"}, "no-service"},
        {{EINVAL, "-a"}, "invalid"},
        {{EINVAL, "-A"}, "invalid"},
        {{ERANGE, "-a"}, "lower-above-upper"},
        {{ESRCH, "-Z"}, "no-service"},
        {{EEXIST, "--start-daemon"}, "daemon-runs"},
        {{ESRCH, "--stop-daemon"}, "no-daemon"}};
    size_t seen = 0;
    for (const Case& one : cases_of("kernel-errors.txt", "errno ")) {
        const int error = std::stoi(one.command);
        const Words words = split(one.command.substr(one.command.find("ipvsadm ") + 8));
        const auto reason = reasons.find({error, words.front()});
        if (reason == reasons.end()) {
            continue;  // nothing of Director's refuses so
        }
        ++seen;
        SCOPED_TRACE(one.command);
        const auto command = parse_ipvsadm("ipvsadm", words);
        ASSERT_TRUE(command) << command.error().message;
        const IpvsadmError said = kernel_error(command->action, reason->second, "why");
        EXPECT_EQ(said.exit_code, one.exit_code);
        const bool has_more = reason->second == "invalid";
        EXPECT_EQ(said.message + "\n", one.printed + (has_more ? "why\n" : ""));
    }
    EXPECT_EQ(seen, reasons.size());
}

server::EditRequest request_of(const std::string& line) {
    const auto command = parse_ipvsadm("ipvsadm", split(line));
    EXPECT_TRUE(command) << line;
    const auto request = edit_request(command.value_or(IpvsadmCommand{}), numeric_resolve);
    EXPECT_TRUE(request) << line;
    return request.value_or(server::EditRequest{});
}

TEST(IpvsadmEdit, ServicesSayAllThatTheyHave) {
    const auto request =
        request_of("-A -t 10.0.0.1:80 -s mh -p 300 -M 255.255.255.0 -b mh-port,flag-1");
    EXPECT_EQ(request.action, "add-service");
    EXPECT_EQ(request.service.protocol, "tcp");
    EXPECT_EQ(request.service.address, "10.0.0.1");
    EXPECT_EQ(request.service.port, 80);
    EXPECT_EQ(request.scheduler, "mh");
    EXPECT_EQ(request.persistence_seconds, 300U);
    EXPECT_EQ(request.persistence_prefix, 24U);
    EXPECT_EQ(request.flags, (Words{"hash-port", "hash-fallback"}));
    EXPECT_EQ(request_of("-A -t 10.0.0.1:80").scheduler, "wlc");
    EXPECT_EQ(request_of("-A -t 10.0.0.1:80 -p").persistence_seconds, 360U);
    EXPECT_EQ(request_of("-A -t 10.0.0.1:80 -M 255.255.255.0").persistence_seconds, 0U);
    EXPECT_TRUE(request_of("-A -u 10.0.0.1:80 -o").one_packet);
    EXPECT_EQ(request_of("-E -f 3 -6").service.mark, 3U);
    EXPECT_TRUE(request_of("-E -f 3 -6").service.is_ipv6);
}

TEST(IpvsadmEdit, DirectRoutingAndTunnelsTakeTheServicesPort) {
    EXPECT_EQ(request_of("-a -t 10.0.0.1:80 -r 10.1.1.1:8080").server_port, 80);
    EXPECT_EQ(request_of("-a -t 10.0.0.1:80 -r 10.1.1.1:8080").forwarding, "direct");
    EXPECT_EQ(request_of("-a -t 10.0.0.1:80 -r 10.1.1.1:8080 -i").server_port, 80);
    EXPECT_EQ(request_of("-a -t 10.0.0.1:80 -r 10.1.1.1:8080 -m").server_port, 8080);
    EXPECT_EQ(request_of("-d -t 10.0.0.1:80 -r 10.1.1.1:8080").server_port, 8080);
    EXPECT_EQ(request_of("-a -f 1 -r 10.1.1.1:8080").server_port, 8080);
}

TEST(IpvsadmEdit, ShortOptionsMayBeGluedToTheirValues) {
    const auto request = request_of("-at10.0.0.1:80 -r10.1.1.1 -mw5 -x=9 -y 3");
    EXPECT_EQ(request.weight, 5U);
    EXPECT_EQ(request.forwarding, "nat");
    EXPECT_EQ(request.upper_threshold, 9U);
    EXPECT_EQ(request.lower_threshold, 3U);
    EXPECT_EQ(request_of("-At 10.0.0.1:80 -p300").persistence_seconds, 300U);
    EXPECT_EQ(request_of("-At 10.0.0.1:80 --persistent=300").persistence_seconds, 300U);
}

TEST(IpvsadmEdit, DaemonsSayWhatIsGivenAlone) {
    const auto request = request_of("--start-daemon master --mcast-interface eth1 --syncid 51");
    EXPECT_EQ(request.action, "start-daemon");
    EXPECT_EQ(request.daemon.role, "master");
    EXPECT_EQ(request.daemon.interface, "eth1");
    EXPECT_EQ(request.daemon.id, 51U);
    EXPECT_EQ(request.daemon.port, 0);
    EXPECT_EQ(request_of("--set 100 0 30").tcp, 100U);
}

// The same table as the listings', saved: but for the persistence engine, which Director lacks.
TEST(IpvsadmEdit, SavesWhatIpvsadmSaves) {
    std::ifstream file(DIRECTOR_TEST_DATA "/ipvsadm/save.txt");
    std::ostringstream expected;
    expected << file.rdbuf();
    NumericNames names;
    auto services = listing_scenario();
    for (server::ServiceView& service : services) {
        for (server::ServerView& server : service.servers) {
            server.upper_threshold = 0;  // ipvsadm forgets them
            server.lower_threshold = 0;
        }
    }
    EXPECT_EQ(save_services(services, names), expected.str());
    EXPECT_NE(save_services(listing_scenario(), names).find("-m -w 1 -x 200 -y 150\n"),
              std::string::npos);
}

TEST(IpvsadmEdit, RestoreSkipsTheProgramsName) {
    EXPECT_EQ(restore_words("ipvsadm ipvsadm -A  -t 1.2.3.4:80"),
              (Words{"-A", "-t", "1.2.3.4:80"}));
    EXPECT_TRUE(restore_words("   ").empty());
}

}  // namespace
}  // namespace director::cli
