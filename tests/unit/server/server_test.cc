// The control socket over a real Unix socket in a directory of its own. The test turns the loop by
// hand (io_context::poll), at most kTurnsMax times per expectation; nothing waits for time to pass.
#include "controlplane/server/server.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "controlplane/server/peer.h"

namespace director::server {
namespace {

using Json = nlohmann::json;

constexpr int kTurnsMax = 20'000;

// A program at the other end: non-blocking, so that test and server share one thread.
class Client {
  public:
    explicit Client(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        is_connected_ =
            ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
        fcntl(socket_, F_SETFL, O_NONBLOCK);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() { hang_up(); }

    [[nodiscard]] bool is_connected() const { return is_connected_; }
    // How many bytes the socket took.
    size_t send(std::string_view bytes) const {
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        return sent < 0 ? 0 : static_cast<size_t>(sent);
    }
    void shut_down_sending() const { ::shutdown(socket_, SHUT_WR); }
    void hang_up() {
        if (socket_ >= 0) {
            ::close(std::exchange(socket_, -1));
        }
    }
    // Takes what has come. False once the server has closed.
    bool receive() {
        char bytes[65536];
        ssize_t count = 0;
        while ((count = ::recv(socket_, bytes, sizeof(bytes), 0)) > 0) {
            received_.append(bytes, static_cast<size_t>(count));
        }
        return count < 0 && errno == EAGAIN;
    }
    std::optional<std::string> take_line() {
        receive();
        const size_t end = received_.find('\n');
        if (end == std::string::npos) {
            return std::nullopt;
        }
        const std::string line = received_.substr(0, end);
        received_.erase(0, end + 1);
        return line;
    }

  private:
    int socket_;
    bool is_connected_ = false;
    std::string received_;
};

class ServerTest : public testing::Test {
  protected:
    ServerTest() {
        char name[] = "/tmp/director-server-test-XXXXXX";
        directory_ = mkdtemp(name);
        path_ = directory_ + "/control.sock";
    }
    ~ServerTest() override {
        server_.reset();
        std::filesystem::remove_all(directory_);
    }

    RequestTable table() {
        RequestTable table;
        table.add({kStatus, [](const Json&, const Reply& reply) { reply(Json("fine")); }});
        table.add(
            {kReload, [this](const Json&, Reply reply) { kept_.push_back(std::move(reply)); }});
        table.add({kDrops, [this](const Json&, const Reply& reply) {
                       reply(Json(std::string(big_, 'x')));
                   }});
        return table;
    }
    void listen(ServerOptions options = {}) {
        options.path = path_;
        auto server = Server::listen(io_, options, table());
        ASSERT_TRUE(server.has_value()) << server.error().message;
        server_ = std::move(*server);
    }
    bool turn_until(const std::function<bool()>& is_reached) {
        for (int i = 0; i < kTurnsMax; ++i) {
            if (is_reached()) {
                return true;
            }
            io_.restart();
            io_.poll();
        }
        return false;
    }
    Json answer(Client& client) {
        std::optional<std::string> line;
        turn_until([&] { return (line = client.take_line()).has_value(); });
        return line ? Json::parse(*line) : Json("no answer");
    }
    static std::string call(std::string_view method, int id = 1) {
        return Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}}.dump() + "\n";
    }

    asio::io_context io_{1};
    std::string directory_;
    std::string path_;
    std::vector<Reply> kept_;
    size_t big_ = 0;
    std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersARequest) {
    listen();
    Client client(path_);
    client.send(call("status", 5));
    EXPECT_EQ(answer(client), Json::parse(R"({"jsonrpc":"2.0","id":5,"result":"fine"})"));
}

TEST_F(ServerTest, HelloNamesVersionAndRequests) {
    listen();
    Client client(path_);
    client.send(call("hello"));
    const auto hello = answer(client)["result"].get<HelloView>();
    EXPECT_EQ(hello.program, "directord");
    EXPECT_EQ(hello.version, DIRECTOR_VERSION);
    EXPECT_EQ(hello.protocol_version, kProtocolVersion);
    std::vector<std::string> names;
    for (const MethodView& method : hello.methods) {
        names.push_back(method.name);
    }
    EXPECT_EQ(names, (std::vector<std::string>{"hello", "status", "reload", "drops"}));
}

TEST_F(ServerTest, SocketIsForOwnerAndGroupAndGoesWithTheServer) {
    const mode_t before = umask(0077);
    listen();
    umask(before);
    struct stat status {};
    ASSERT_EQ(stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0660U);
    server_.reset();
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ServerTest, ReplacesASocketThatNobodyAnswersOn) {
    {
        const int dead = socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
        ASSERT_EQ(bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
        close(dead);
    }
    ASSERT_TRUE(std::filesystem::exists(path_));
    listen();
    Client client(path_);
    client.send(call("status"));
    EXPECT_EQ(answer(client)["result"], "fine");
}

TEST_F(ServerTest, LeavesALivingSocketAlone) {
    listen();
    auto second = Server::listen(io_, {.path = path_}, table());
    ASSERT_FALSE(second.has_value());
    EXPECT_NE(second.error().message.find("another process answers"), std::string::npos);
    Client client(path_);
    client.send(call("status"));
    EXPECT_EQ(answer(client)["result"], "fine");
}

TEST_F(ServerTest, LeavesAPlainFileAlone) {
    std::ofstream(path_) << "precious";
    auto server = Server::listen(io_, {.path = path_}, table());
    ASSERT_FALSE(server.has_value());
    EXPECT_EQ(std::filesystem::file_size(path_), 8U);
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
    const auto missing = Server::listen(io_, {.path = directory_ + "/none/control.sock"}, table());
    ASSERT_FALSE(missing.has_value());
    EXPECT_NE(missing.error().message.find("No such file"), std::string::npos)
        << missing.error().message;
    EXPECT_FALSE(Server::listen(io_, {.path = std::string(200, 'x')}, table()).has_value());
}

TEST_F(ServerTest, DoesNotRemoveASuccessorsSocket) {
    listen();
    std::filesystem::remove(path_);
    std::ofstream(path_) << "successor";
    server_.reset();
    EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ServerTest, HalfARequestHoldsNothingUp) {
    listen();
    Client slow(path_);
    Client quick(path_);
    slow.send(R"({"jsonrpc":"2.0","id":1,)");
    quick.send(call("status"));
    EXPECT_EQ(answer(quick)["result"], "fine");
    slow.send(R"("method":"status"})"
              "\n");
    EXPECT_EQ(answer(slow)["result"], "fine");
}

TEST_F(ServerTest, ByteByByteIsARequestToo) {
    listen();
    Client client(path_);
    for (const char byte : call("status")) {
        client.send({&byte, 1});
        io_.restart();
        io_.poll();
    }
    EXPECT_EQ(answer(client)["result"], "fine");
}

TEST_F(ServerTest, GarbageIsAnsweredAndTheClientStays) {
    listen();
    Client client(path_);
    client.send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(answer(client)["error"]["code"], -32700);
    client.send(call("status"));
    EXPECT_EQ(answer(client)["result"], "fine");
}

TEST_F(ServerTest, OverlongRequestIsAnsweredAndItsClientClosed) {
    listen({.message_bytes_max = 1000, .admin_message_bytes_max = 1000});
    Client other(path_);
    Client client(path_);
    client.send(call("status") + std::string(1001, 'x'));
    EXPECT_EQ(answer(client)["result"], "fine");
    EXPECT_EQ(answer(client)["error"]["code"], -32600);
    EXPECT_TRUE(turn_until([&] { return !client.receive(); }));
    EXPECT_EQ(server_->clients(), 1U);
    other.send(call("status"));
    EXPECT_EQ(answer(other)["result"], "fine");
}

TEST_F(ServerTest, LaterReplyReachesTheClient) {
    listen();
    Client client(path_);
    client.send(call("reload", 1) + call("status", 2));
    EXPECT_EQ(answer(client)["id"], 2);
    ASSERT_EQ(kept_.size(), 1U);
    kept_[0](Json("done"));
    EXPECT_EQ(answer(client), Json::parse(R"({"jsonrpc":"2.0","id":1,"result":"done"})"));
}

TEST_F(ServerTest, LaterReplyToAClientThatLeftDoesNothing) {
    listen();
    {
        Client client(path_);
        client.send(call("reload"));
        ASSERT_TRUE(turn_until([&] { return kept_.size() == 1; }));
    }
    kept_[0](Json("done"));
    EXPECT_TRUE(turn_until([&] { return server_->clients() == 0; }));
}

TEST_F(ServerTest, LaterReplyToAStoppedServerDoesNothing) {
    listen();
    Client client(path_);
    client.send(call("reload"));
    ASSERT_TRUE(turn_until([&] { return kept_.size() == 1; }));
    server_.reset();
    kept_[0](Json("done"));
    EXPECT_TRUE(turn_until([&] { return !client.receive(); }));
    EXPECT_FALSE(client.take_line().has_value());
}

TEST_F(ServerTest, ClientThatStopsSendingStillGetsItsAnswers) {
    listen();
    Client client(path_);
    client.send(call("reload"));
    client.shut_down_sending();
    ASSERT_TRUE(turn_until([&] { return kept_.size() == 1; }));
    kept_[0](Json("done"));
    EXPECT_EQ(answer(client)["result"], "done");
    EXPECT_TRUE(turn_until([&] { return !client.receive(); }));
    EXPECT_EQ(server_->clients(), 0U);
}

TEST_F(ServerTest, NumberOfClientsIsLimited) {
    listen({.clients_max = 2});
    Client first(path_);
    Client second(path_);
    ASSERT_TRUE(turn_until([&] { return server_->clients() == 2; }));
    {
        Client third(path_);
        EXPECT_EQ(answer(third)["error"]["code"], -32000);
        EXPECT_TRUE(turn_until([&] { return !third.receive(); }));
    }
    first.hang_up();
    ASSERT_TRUE(turn_until([&] { return server_->clients() == 1; }));
    Client fourth(path_);
    fourth.send(call("status"));
    EXPECT_EQ(answer(fourth)["result"], "fine");
}

// Throttled by the server, not closed: every request is answered once the client reads.
TEST_F(ServerTest, ManyRequestsAtOnceAreAllAnswered) {
    listen();
    big_ = 10'000;
    Client client(path_);
    const int count = 2000;
    std::string requests;
    for (int id = 0; id < count; ++id) {
        requests += call("drops", id);
    }
    size_t sent = 0;
    int answered = 0;
    EXPECT_TRUE(turn_until([&] {
        sent += client.send(std::string_view(requests).substr(sent));
        while (const auto line = client.take_line()) {
            EXPECT_EQ(Json::parse(*line)["id"], answered);
            ++answered;
        }
        return answered == count;
    })) << answered;
}

TEST_F(ServerTest, SlowReaderIsClosedBeforeItFillsTheMemory) {
    listen({.unread_bytes_max = 100'000});
    big_ = 80'000;
    Client slow(path_);
    Client other(path_);
    std::string requests;
    for (int i = 0; i < 32; ++i) {
        requests += call("reload");
    }
    slow.send(requests);
    ASSERT_TRUE(turn_until([&] { return kept_.size() == 32; }));
    for (const Reply& reply : kept_) {
        reply(Json(std::string(big_, 'x')));
    }
    EXPECT_TRUE(turn_until([&] { return server_->clients() == 1; }));
    other.send(call("status"));
    EXPECT_EQ(answer(other)["result"], "fine");
}

TEST_F(ServerTest, CallsUnderWayAreLimited) {
    listen();
    Client client(path_);
    std::string requests;
    for (int i = 0; i < 100; ++i) {
        requests += call("reload", i);
    }
    client.send(requests);
    EXPECT_FALSE(turn_until([&] { return kept_.size() > 32; }));
    EXPECT_EQ(kept_.size(), 32U);
    size_t next = 0;
    EXPECT_TRUE(turn_until([&] {
        while (next < kept_.size()) {
            const Reply reply = kept_[next++];
            reply(Json("done"));
        }
        return next == 100;
    }));
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(answer(client)["id"], i);
    }
}

TEST(PeerTest, WhoMayDoWhat) {
    const AccessRules rules{
        .own_uid = 100, .own_gid = 200, .admin_group = 300, .reader_group = 400};
    const auto role = [&rules](uid_t uid, std::vector<gid_t> groups) {
        return role_of({.pid = 1, .uid = uid, .groups = std::move(groups)}, rules);
    };
    EXPECT_EQ(role(0, {5}), Role::kAdmin);
    EXPECT_EQ(role(100, {5}), Role::kAdmin);
    EXPECT_EQ(role(7, {5, 200}), Role::kAdmin);
    EXPECT_EQ(role(7, {5, 300}), Role::kAdmin);
    EXPECT_EQ(role(7, {5, 400}), Role::kReader);
    EXPECT_EQ(role(7, {400, 300}), Role::kAdmin);
    EXPECT_EQ(role(7, {5, 100}), std::nullopt);
    EXPECT_EQ(role(7, {}), std::nullopt);
    const AccessRules closed{.own_uid = 100, .own_gid = 200, .admin_group = {}, .reader_group = {}};
    EXPECT_EQ(role_of({.pid = 1, .uid = 7, .groups = {0, 300, 400}}, closed), std::nullopt);
}

TEST(PeerTest, GroupsAreFoundByName) {
    EXPECT_EQ(find_group("root").value_or(99), 0U);
    EXPECT_FALSE(find_group("no-such-group-here").has_value());
}

// As another user for one connection: the kernel notes who connects.
class AsUser {
  public:
    AsUser(uid_t uid, gid_t gid) {
        is_done_ = setgroups(0, nullptr) == 0 && setegid(gid) == 0 && seteuid(uid) == 0;
    }
    AsUser(const AsUser&) = delete;
    AsUser& operator=(const AsUser&) = delete;
    ~AsUser() { EXPECT_TRUE(seteuid(0) == 0 && setegid(0) == 0); }
    [[nodiscard]] bool is_done() const { return is_done_; }

  private:
    bool is_done_ = false;
};

TEST_F(ServerTest, AReaderReadsAndChangesNothing) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "takes root to be somebody else";
    }
    const auto readers = find_group("daemon");
    ASSERT_TRUE(readers.has_value());
    std::filesystem::permissions(directory_, std::filesystem::perms(0755));
    listen({.reader_group = "daemon"});
    struct stat status {};
    ASSERT_EQ(stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0666U) << "credentials decide";
    const auto connect_as = [this](gid_t group) {
        const AsUser user(12345, group);
        EXPECT_TRUE(user.is_done());
        return std::make_unique<Client>(path_);
    };
    const auto reader = connect_as(*readers);
    reader->send(call("status"));
    EXPECT_EQ(answer(*reader)["result"], "fine");
    reader->send(call("hello"));
    EXPECT_EQ(answer(*reader)["result"]["role"], "reader");
    reader->send(call("reload"));
    EXPECT_EQ(answer(*reader)["error"]["code"], -32001);
    EXPECT_TRUE(kept_.empty()) << "the handler was asked";
    const auto stranger = connect_as(65534);
    EXPECT_EQ(answer(*stranger)["error"]["code"], -32000);
    Client admin(path_);
    admin.send(call("hello"));
    EXPECT_EQ(answer(admin)["result"]["role"], "admin");
    admin.send(call("reload"));
    EXPECT_TRUE(turn_until([&] { return kept_.size() == 1; }));
}

TEST_F(ServerTest, TheAdminGroupGetsTheSocketFile) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "takes root to give files away";
    }
    listen({.admin_group = "daemon"});
    struct stat status {};
    ASSERT_EQ(stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0660U);
    EXPECT_EQ(status.st_gid, find_group("daemon").value_or(0));
}

TEST_F(ServerTest, AnUnknownGroupIsAFailure) {
    const auto server =
        Server::listen(io_, {.path = path_, .admin_group = "no-such-group-here"}, table());
    ASSERT_FALSE(server.has_value());
    EXPECT_NE(server.error().message.find("there is no group"), std::string::npos);
}

class EventServerTest : public ServerTest {
  protected:
    void listen_with_events() {
        ServerOptions options;
        options.events = &events_;
        listen(options);
    }
    void happen(const std::string& subject, Topic topic = Topic::kServer) {
        events_.publish(
            {.topic = topic, .name = "up", .subject = subject, .message = "", .data = {}});
    }
    Json ask(Client& client, const Json& call) {
        client.send(call.dump() + "\n");
        return answer(client);
    }
    static Json subscribe(const Json& params) {
        return {{"jsonrpc", "2.0"}, {"id", 1}, {"method", "subscribe"}, {"params", params}};
    }

    EventStream events_{[] { return uint64_t{0}; }, 100};
};

TEST_F(EventServerTest, SubscribersHearWhatHappens) {
    listen_with_events();
    happen("before");
    Client client(path_);
    EXPECT_EQ(ask(client, subscribe(Json::object()))["result"]["next"], 2);
    happen("one");
    happen("two");
    const Json first = answer(client);
    EXPECT_EQ(first["method"], "event");
    EXPECT_FALSE(first.contains("id"));
    EXPECT_EQ(first["params"]["subject"], "one");
    EXPECT_EQ(answer(client)["params"]["sequence"], 3);
    client.send(call("unsubscribe"));
    EXPECT_TRUE(answer(client)["result"].is_object());
    happen("three");
    client.send(call("status", 9));
    EXPECT_EQ(answer(client)["id"], 9);
}

TEST_F(EventServerTest, ASubscriptionMayBeginInThePastAndChooseItsTopics) {
    listen_with_events();
    happen("a");
    happen("b", Topic::kVrrpRouter);
    happen("c");
    Client client(path_);
    ask(client, subscribe({{"since", 1}, {"topics", {"vrrp", "drain"}}}));
    EXPECT_EQ(answer(client)["params"]["subject"], "b");
    happen("d");
    happen("e", Topic::kDraining);
    EXPECT_EQ(answer(client)["params"]["subject"], "e");
    EXPECT_EQ(ask(client, subscribe({{"topics", {"weather"}}}))["error"]["code"], -32602);
}

// One that does not read costs what it has not read, up to a bound, and hears how much it missed.
TEST_F(EventServerTest, ASlowSubscriberHoldsNothingUpAndIsToldWhatItLost) {
    listen_with_events();
    Client slow(path_);
    ask(slow, subscribe(Json::object()));
    Client quick(path_);
    constexpr uint64_t kEvents = 20'000;
    for (uint64_t i = 0; i < kEvents; ++i) {
        happen(std::string(400, 'x'));
        if (i % 50 == 0) {
            io_.restart();
            io_.poll();
        }
    }
    quick.send(call("status"));
    EXPECT_EQ(answer(quick)["result"], "fine");
    uint64_t seen = 0;
    uint64_t lost = 0;
    uint64_t sequence = 0;
    ASSERT_TRUE(turn_until([&] {
        while (const auto line = slow.take_line()) {
            const Json message = Json::parse(*line);
            if (message["method"] == "events-lost") {
                lost += message["params"]["lost"].get<uint64_t>();
                continue;
            }
            ++seen;
            EXPECT_GT(message["params"]["sequence"], sequence);
            sequence = message["params"]["sequence"];
        }
        return sequence == kEvents;
    }));
    EXPECT_EQ(seen + lost, kEvents);
    EXPECT_GT(lost, 0U);
    EXPECT_LT(seen, 5'000U) << "it was kept waiting for in memory";
}

TEST_F(EventServerTest, EventsOutliveTheirServer) {
    listen_with_events();
    Client client(path_);
    ask(client, subscribe(Json::object()));
    happen("one");
    server_.reset();
    happen("two");
    io_.restart();
    io_.poll();
}

TEST(PeerTest, KernelTellsWhoConnected) {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const auto peer = peer_credentials(pair[0]);
    close(pair[0]);
    close(pair[1]);
    ASSERT_TRUE(peer.has_value());
    EXPECT_EQ(peer->pid, getpid());
    EXPECT_EQ(peer->uid, geteuid());
    ASSERT_FALSE(peer->groups.empty());
    EXPECT_EQ(peer->groups.front(), getegid());
    EXPECT_FALSE(peer_credentials(-1).has_value());
}

}  // namespace
}  // namespace director::server
