// The requests about the configuration, from their JSON to the answer and the file.
#include "controlplane/daemon/config_requests.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "common/log.h"

namespace director::daemon {
namespace {

using Json = nlohmann::json;

constexpr const char* kPort =
    "ports = ( { name = \"p\"; device = \"net_null0\"; addresses = [ \"192.0.2.1/24\" ]; } );\n";

class ConfigRequestsTest : public testing::Test {
  protected:
    ConfigRequestsTest() {
        char name[] = "/tmp/director-config-test-XXXXXX";
        folder_ = mkdtemp(name);
        file_ = folder_ + "/director.conf";
        write(std::string(kPort) + "sync = { key = \"sesame\"; };\n");
        model_ = *config::parse_file(file_, vocabulary_);
        requests_.add_to(table_);
    }
    ~ConfigRequestsTest() override {
        std::filesystem::remove_all(folder_);
        set_log_level(LogLevel::kInfo);
    }

    void write(const std::string& text) const { std::ofstream(file_) << text; }
    [[nodiscard]] std::string read(const std::string& path) const {
        std::ifstream stream(path);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    Json ask(std::string_view method,
             const Json& params = Json::object(),
             server::Role role = server::Role::kAdmin) {
        const Json call = {{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
        Json answer;
        table_.dispatch(call.dump(),
                        server::Caller{.role = role, .uid = 1000, .subscriber = {}},
                        [&](const std::string& text) { answer = Json::parse(text); });
        return answer;
    }
    std::string last_event() {
        const auto events = stream_.read(0, 1000, server::TopicSet::all()).events;
        return events.empty() ? "" : events.back().topic + " " + events.back().name;
    }

    std::string folder_;
    std::string file_;
    config::Vocabulary vocabulary_{{"rr", "wrr"}, 64};
    config::Model model_;
    std::string cannot_;  // why try_out() and apply() refuse
    server::EventStream stream_{[] { return uint64_t{0}; }};
    Happenings happenings_{stream_};
    ConfigRequests requests_{{.file = file_,
                              .model = [this]() -> const config::Model& { return model_; },
                              .try_out = [this](const config::Model&) -> Result<void> {
                                  return cannot_.empty() ? Result<void>() : failure(cannot_);
                              },
                              .apply = [this](const config::Model& next) -> Result<std::string> {
                                  if (!cannot_.empty()) {
                                      return failure(cannot_);
                                  }
                                  model_ = next;
                                  return std::string("applied");
                              },
                              .happenings = happenings_,
                              .vocabulary = vocabulary_}};
    server::RequestTable table_;
};

TEST_F(ConfigRequestsTest, ShowIsTextThatMeansTheSame) {
    for (const bool defaults : {false, true}) {
        const Json answer = ask("config_show", {{"defaults", defaults}});
        const auto text = answer["result"]["text"].get<std::string>();
        const auto back = config::parse_text(text, "shown", vocabulary_);
        ASSERT_TRUE(back) << text;
        EXPECT_TRUE(*back == model_);
        EXPECT_EQ(text.find("udp = 300") != std::string::npos, defaults);
    }
    EXPECT_EQ(ask("config_show", {{"defaults", "yes"}})["error"]["code"], -32602);
}

TEST_F(ConfigRequestsTest, ReadersSeeNoSecrets) {
    EXPECT_NE(ask("config_show").dump().find("sesame"), std::string::npos);
    EXPECT_EQ(ask("config_show", Json::object(), server::Role::kReader).dump().find("sesame"),
              std::string::npos);
    model_.sync.key = "another sesame";
    EXPECT_EQ(ask("config_diff", Json::object(), server::Role::kReader).dump().find("sesame"),
              std::string::npos);
}

TEST_F(ConfigRequestsTest, DiffShowsDriftBothWays) {
    EXPECT_TRUE(ask("config_diff")["result"]["is_same"].get<bool>());
    model_.timeouts.udp = 7;  // as by an edit
    write(std::string(kPort) + "sync = { key = \"sesame\"; };\ntimeouts = { tcp_close = 11; };\n");
    const auto diff = ask("config_diff")["result"].get<server::ConfigDiffView>();
    EXPECT_FALSE(diff.is_same);
    EXPECT_EQ(diff.file, file_);
    ASSERT_EQ(diff.changes.size(), 2U);
    EXPECT_EQ(diff.text,
              "- timeouts.tcp_close = 11\n+ timeouts.tcp_close = 10\n"
              "- timeouts.udp = 300\n+ timeouts.udp = 7\n");
    EXPECT_EQ(diff.changes[1].path, "timeouts.udp");
    EXPECT_EQ(diff.changes[1].running, "7");
    EXPECT_EQ(diff.changes[1].file, "300");
    write("nonsense");
    EXPECT_EQ(ask("config_diff")["error"]["code"], -32000);
}

TEST_F(ConfigRequestsTest, CheckChangesNothing) {
    const std::string good = std::string(kPort) + "timeouts = { udp = 8; };\n";
    const auto view =
        ask("config_check", {{"text", good}})["result"].get<server::ConfigCheckView>();
    EXPECT_TRUE(view.is_valid);
    EXPECT_EQ(view.message, "2 settings would change") << "the key goes, too";
    EXPECT_EQ(model_.timeouts.udp, 300U);
    cannot_ = "the list of ports cannot change";
    EXPECT_EQ(ask("config_check", {{"text", good}})["result"]["message"],
              "cannot be applied: the list of ports cannot change");
    const auto bad = ask("config_check", {{"text", "timeouts = { upd = 8; };\n"}})["result"]
                         .get<server::ConfigCheckView>();
    EXPECT_FALSE(bad.is_valid);
    ASSERT_FALSE(bad.mistakes.empty());
    EXPECT_EQ(bad.mistakes[0].line, 1);
    EXPECT_EQ(ask("config_check", Json::object(), server::Role::kReader)["error"]["code"], -32001);
    EXPECT_EQ(ask("config_check")["error"]["code"], -32602);
}

TEST_F(ConfigRequestsTest, ApplyIsAllOrNothingAndLeavesTheFile) {
    const std::string before = read(file_);
    const std::string good = std::string(kPort) + "timeouts = { udp = 8; };\n";
    EXPECT_EQ(ask("config_apply", {{"text", good}})["result"]["message"], "applied");
    EXPECT_EQ(model_.timeouts.udp, 8U);
    EXPECT_EQ(last_event(), "config apply");
    EXPECT_EQ(read(file_), before);
    const Json refused = ask("config_apply", {{"text", good + "timeouts.udp = 9;"}});
    EXPECT_EQ(refused["error"]["code"], -32000);
    EXPECT_FALSE(refused["error"]["data"]["mistakes"].empty());
    EXPECT_EQ(last_event(), "config refused");
    EXPECT_EQ(model_.timeouts.udp, 8U);
}

TEST_F(ConfigRequestsTest, SaveMakesAFreshStartTheSame) {
    model_.timeouts.udp = 7;
    const std::string before = read(file_);
    const auto saved = ask("config_save")["result"].get<server::ConfigSaveView>();
    EXPECT_EQ(saved.file, file_);
    EXPECT_EQ(read(saved.backup), before);
    const auto fresh = config::parse_file(file_, vocabulary_);
    ASSERT_TRUE(fresh);
    EXPECT_TRUE(*fresh == model_);
    EXPECT_TRUE(ask("config_diff")["result"]["is_same"].get<bool>());
    EXPECT_EQ(last_event(), "config save");
}

TEST_F(ConfigRequestsTest, LogLevelsAreReadAndSet) {
    EXPECT_EQ(ask("log_levels")["result"]["level"], "info");
    EXPECT_FALSE(is_logged(LogLevel::kDebug, "vrrp"));
    const Json answer = ask("log_level", {{"level", "debug"}, {"area", "vrrp"}});
    EXPECT_EQ(answer["result"]["areas"][0]["area"], "vrrp");
    EXPECT_TRUE(is_logged(LogLevel::kDebug, "vrrp"));
    EXPECT_FALSE(is_logged(LogLevel::kDebug, "sync"));
    EXPECT_EQ(ask("log_level", {{"level", "error"}})["result"]["level"], "error");
    EXPECT_FALSE(is_logged(LogLevel::kWarning, "vrrp")) << "no area has its own any more";
    EXPECT_EQ(ask("log_level", {{"level", "loud"}})["error"]["code"], -32602);
    EXPECT_EQ(ask("log_level", {{"level", "info"}}, server::Role::kReader)["error"]["code"],
              -32001);
    EXPECT_EQ(last_event(), "config log-level");
}

}  // namespace
}  // namespace director::daemon
