// The client against a socket whose other end the test plays: it answers before it is asked, so
// that nothing waits. And the program itself, where nobody listens: exit codes and advice.
#include "cli/client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "cli/names.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;

class ClientTest : public testing::Test {
  protected:
    ClientTest() {
        char name[] = "/tmp/director-client-test-XXXXXX";
        directory_ = mkdtemp(name);
        path_ = directory_ + "/control.sock";
        listener_ = socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
        EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
        EXPECT_EQ(listen(listener_, 4), 0);
    }
    ~ClientTest() override {
        close(listener_);
        std::filesystem::remove_all(directory_);
    }

    // A call that is answered with `bytes`, after which the server closes.
    tl::expected<Json, CallError> call_answered_with(const std::string& bytes) {
        return answered_with(bytes, [](Client& client) {
            return client.call("status", Json{{"a", 1}});
        });
    }
    template <typename Call>
    tl::expected<Json, CallError> answered_with(const std::string& bytes, const Call& call) {
        auto client = Client::connect(path_);
        EXPECT_TRUE(client.has_value());
        const int peer = accept(listener_, nullptr, nullptr);
        EXPECT_EQ(send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
        shutdown(peer, SHUT_WR);
        auto result = call(*client);
        char received[1000];
        const ssize_t count = recv(peer, received, sizeof(received), 0);
        request_.assign(received, static_cast<size_t>(count));
        close(peer);
        return result;
    }

    std::string directory_;
    std::string path_;
    std::string request_;
    int listener_;
};

TEST_F(ClientTest, SendsAJsonRpcCallAndTakesItsResult) {
    const auto result = call_answered_with(R"({"jsonrpc":"2.0","id":1,"result":{"x":[1]}})"
                                           "\n");
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(*result, Json::parse(R"({"x":[1]})"));
    EXPECT_EQ(request_.back(), '\n');
    EXPECT_EQ(Json::parse(request_),
              Json::parse(R"({"jsonrpc":"2.0","id":1,"method":"status","params":{"a":1}})"));
}

TEST_F(ClientTest, ErrorsAreTold) {
    const auto refused =
        call_answered_with(R"({"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}})"
                           "\n");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, CallFailure::kRefused);
    EXPECT_EQ(refused.error().message, "no");
    for (const char* bytes : {"",
                              "half an answer",
                              "not json\n",
                              "[]\n",
                              "{}\n",
                              R"({"jsonrpc":"2.0","id":2,"result":1})"
                              "\n"}) {
        const auto result = call_answered_with(bytes);
        ASSERT_FALSE(result.has_value()) << bytes;
        EXPECT_EQ(result.error().kind, CallFailure::kUnreachable) << bytes;
    }
}

TEST_F(ClientTest, PagesBecomeOneAnswer) {
    const std::string first =
        R"({"jsonrpc":"2.0","id":1,"result":{"next_cursor":"b","probes":7,"services":[1,2]}})"
        "\n";
    const std::string last =
        R"({"jsonrpc":"2.0","id":2,"result":{"next_cursor":"","probes":8,"services":[3]}})"
        "\n";
    const auto ask = [](Client& client) { return client.call_in_pages("services"); };
    const auto whole = answered_with(first + last, ask);
    ASSERT_TRUE(whole.has_value());
    EXPECT_EQ(*whole, Json::parse(R"({"next_cursor":"","probes":7,"services":[1,2,3]})"));
    const size_t end = request_.find('\n');
    EXPECT_FALSE(Json::parse(request_.substr(0, end))["params"].contains("cursor"));
    EXPECT_EQ(Json::parse(request_.substr(end + 1))["params"]["cursor"], "b");
    EXPECT_FALSE(answered_with(first, ask).has_value()) << "half an answer is none";
}

TEST_F(ClientTest, SaysWhatToDoWhereNobodyListens) {
    const auto missing = Client::connect(directory_ + "/none.sock");
    ASSERT_FALSE(missing.has_value());
    EXPECT_NE(missing.error().message.find("is directord running"), std::string::npos);
    EXPECT_NE(missing.error().message.find(directory_ + "/none.sock"), std::string::npos);
    EXPECT_FALSE(Client::connect("").has_value());
    EXPECT_FALSE(Client::connect(std::string(300, 'x')).has_value());
}

// The built program, run without a directord.
struct Outcome {
    int exit_code = -1;
    std::string output;
};

Outcome run(const std::string& arguments, const std::string& program = "") {
    const char* directorctl = std::getenv("DIRECTORCTL");
    EXPECT_NE(directorctl, nullptr) << "DIRECTORCTL names the program; meson test sets it";
    const std::string command =
        (program.empty() ? directorctl : program) + " " + arguments + " 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    Outcome outcome;
    std::array<char, 4096> chunk{};
    size_t count = 0;
    while ((count = fread(chunk.data(), 1, chunk.size(), pipe)) > 0) {
        outcome.output.append(chunk.data(), count);
    }
    const int status = pclose(pipe);
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
}

TEST_F(ClientTest, ProgramsExitCodes) {
    const std::string nowhere = "--socket " + directory_ + "/none.sock ";
    for (const char* command : {"status",
                                "drops --all",
                                "workers",
                                "worker list",
                                "service",
                                "services",
                                "service list",
                                "service show 192.0.2.1:80",
                                "service add udp/192.0.2.1:53 --scheduler mh --flags hash-port",
                                "service set mark/7 --persistence 10m --no-one-packet",
                                "server list 192.0.2.1:80",
                                "server set 192.0.2.1:80 10.0.0.1 --weight 0",
                                "server drain 10.0.0.1 --deadline 10m",
                                "drain 10.0.0.1:80 --service udp/192.0.2.1:53",
                                "check",
                                "checks",
                                "check list",
                                "check show 10.0.0.1",
                                "vrrp show VI_1",
                                "sync show",
                                "sync status",
                                "reload",
                                "ipvsadm -Ln",
                                "ipvsadm -L -n -c",
                                "ipvsadm",
                                "--json status"}) {
        const Outcome outcome = run(nowhere + command);
        EXPECT_EQ(outcome.exit_code, 3) << command << ": " << outcome.output;
        EXPECT_NE(outcome.output.find("is directord running"), std::string::npos) << command;
    }
    EXPECT_EQ(run("status " + nowhere).exit_code, 3);
    for (const char* command : {"",
                                "bogus",
                                "status bogus",
                                "--bogus",
                                "check list bogus",
                                "check show",
                                "service show nonsense",
                                "service set",
                                "service add 192.0.2.1:80 --scheduler bogus",
                                "service add 192.0.2.1:80 --flags bogus",
                                "server set 192.0.2.1:80 nonsense --weight 1",
                                "server set 192.0.2.1:80 10.0.0.1 --weight 65536",
                                "server drain 10.0.0.1 --deadline soon",
                                "service bogus"}) {
        EXPECT_EQ(run(command).exit_code, 2) << command;
    }
    EXPECT_EQ(run("ipvsadm -L bogus").exit_code, 2);
    EXPECT_EQ(run("ipvsadm --bogus").exit_code, 255);
    const Outcome help = run("--help");
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_NE(help.output.find("Examples:"), std::string::npos);
    EXPECT_EQ(run("--version").output, "directorctl " DIRECTOR_VERSION "\n");
    EXPECT_NE(run("ipvsadm -h").output.find("Usage:\n  directorctl ipvsadm -A"), std::string::npos);
}

TEST_F(ClientTest, ProgramNamedIpvsadmIsIpvsadm) {
    const char* directorctl = std::getenv("DIRECTORCTL");
    ASSERT_NE(directorctl, nullptr);
    const std::string ipvsadm = directory_ + "/ipvsadm";
    std::filesystem::create_symlink(directorctl, ipvsadm);
    const Outcome wrong = run("-n -L", ipvsadm);
    EXPECT_EQ(wrong.exit_code, 255);
    EXPECT_EQ(wrong.output,
              "Try `" + ipvsadm + " -h' or '" + ipvsadm + " --help' for more information.\n");
}

TEST(ResolveServiceTest, NumbersAndNames) {
    EXPECT_EQ(resolve_service("10.0.0.1:80", Protocol::kTcp), Endpoint::parse("10.0.0.1:80"));
    EXPECT_EQ(resolve_service("localhost:80", Protocol::kTcp), Endpoint::parse("127.0.0.1:80"));
    const auto portless = resolve_service("10.0.0.1", Protocol::kUdp);
    ASSERT_TRUE(portless.has_value());
    EXPECT_EQ(portless->port.host(), 0);
    for (const char* text : {"",
                             "80",
                             "10.0.0.1:",
                             "10.0.0.1:65536",
                             "10.0.0.1:999999999999",
                             "10.0.0.1:no-such-service",
                             ":80"}) {
        EXPECT_FALSE(resolve_service(text, Protocol::kTcp).has_value()) << text;
    }
}

}  // namespace
}  // namespace director::cli
