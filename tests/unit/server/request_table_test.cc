// JSON-RPC 2.0 as its specification says (section 5 and the examples of section 7), on bytes alone.
#include "controlplane/server/request_table.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include <gtest/gtest.h>

namespace director::server {
namespace {

using Json = nlohmann::json;

class RequestTableTest : public testing::Test {
  protected:
    RequestTableTest() {
        table_.add(
            {{"echo", "{\"any\": value}", ""}, [this](const Json& params, const Reply& reply) {
                 ++runs_;
                 reply(params);
             }});
        table_.add({{"plain", "", ""}, [](const Json&, const Reply& reply) { reply(Json(1)); }});
        table_.add({{"fail", "", ""},
                    [](const Json&, const Reply& reply) { reply(failure("no such thing")); }});
        table_.add({{"throw", "", ""},
                    [](const Json&, const Reply&) { throw std::runtime_error("boom"); }});
        table_.add({{"forget", "", ""}, [](const Json&, const Reply&) {}});
        table_.add({{"wrong", "{}", ""},
                    [](const Json&, const Reply& reply) { reply.invalid_params("a number"); }});
        table_.add({{"twice", "", ""}, [](const Json&, const Reply& reply) {
                        reply(Json("first"));
                        reply(Json("second"));
                    }});
        table_.add({{"later", "", ""},
                    [this](const Json&, Reply reply) { kept_.push_back(std::move(reply)); }});
    }

    // The answer as text; nullopt while there is none.
    std::optional<std::string> raw(std::string_view message) {
        answer_.reset();
        table_.dispatch(message, [this](std::string response) {
            EXPECT_FALSE(answer_.has_value()) << "answered twice";
            answer_ = std::move(response);
        });
        return answer_;
    }
    Json answer(std::string_view message) {
        const auto text = raw(message);
        return text ? Json::parse(*text) : Json("no answer");
    }
    int error_code(std::string_view message) {
        const Json json = answer(message);
        return json.contains("error") ? json["error"]["code"].get<int>() : 0;
    }

    RequestTable table_;
    int runs_ = 0;
    std::vector<Reply> kept_;
    std::optional<std::string> answer_;
};

TEST_F(RequestTableTest, AnswersWithResultAndTheSameId) {
    EXPECT_EQ(answer(R"({"jsonrpc":"2.0","id":7,"method":"echo","params":{"a":[1,null]}})"),
              Json::parse(R"({"jsonrpc":"2.0","id":7,"result":{"a":[1,null]}})"));
    EXPECT_EQ(answer(R"({"jsonrpc":"2.0","id":"x","method":"plain"})"),
              Json::parse(R"({"jsonrpc":"2.0","id":"x","result":1})"));
    EXPECT_EQ(answer(R"({"jsonrpc":"2.0","id":null,"method":"plain"})"),
              Json::parse(R"({"jsonrpc":"2.0","id":null,"result":1})"));
}

TEST_F(RequestTableTest, ParamsMayBeLeftOutOrEmpty) {
    for (const char* params : {"", R"(,"params":{})", R"(,"params":[])"}) {
        EXPECT_EQ(answer(std::string(R"({"jsonrpc":"2.0","id":1,"method":"echo")") + params + "}"),
                  Json::parse(R"({"jsonrpc":"2.0","id":1,"result":{}})"))
            << params;
    }
}

TEST_F(RequestTableTest, NamesWhatIsWrong) {
    EXPECT_EQ(error_code("{"), -32700);
    EXPECT_EQ(error_code("\xff\xfe\x00"), -32700);
    EXPECT_EQ(error_code("1"), -32600);
    EXPECT_EQ(error_code("[]"), -32600);
    EXPECT_EQ(error_code(R"({"id":1,"method":"plain"})"), -32600);
    EXPECT_EQ(error_code(R"({"jsonrpc":"1.0","id":1,"method":"plain"})"), -32600);
    EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":1,"method":5})"), -32600);
    EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":{},"method":"plain"})"), -32600);
    EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":1,"method":"plain","params":3})"), -32600);
    EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":1,"method":"absent"})"), -32601);
    EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":1,"method":"echo","params":[1]})"), -32602);
    EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":1,"method":"plain","params":{"a":1}})"), -32602);
    EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":1,"method":"wrong"})"), -32602);
    EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":1,"method":"throw"})"), -32603);
    EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":1,"method":"forget"})"), -32603);
    EXPECT_EQ(error_code(R"({"jsonrpc":"2.0","id":1,"method":"fail"})"), -32000);
    EXPECT_EQ(answer(R"({"jsonrpc":"2.0","id":1,"method":"fail"})")["error"]["message"],
              "no such thing");
    // An id that could be read is given back, one that could not is null.
    EXPECT_EQ(answer(R"({"id":4,"method":"plain"})")["id"], 4);
    EXPECT_EQ(answer(R"({"id":[4],"method":"plain"})")["id"], nullptr);
}

TEST_F(RequestTableTest, NotificationsRunAndAreNotAnswered) {
    EXPECT_EQ(raw(R"({"jsonrpc":"2.0","method":"echo"})"), "");
    EXPECT_EQ(runs_, 1);
    EXPECT_EQ(raw(R"({"jsonrpc":"2.0","method":"absent"})"), "");
    EXPECT_EQ(raw(R"({"jsonrpc":"2.0","method":"throw"})"), "");
    EXPECT_EQ(raw(R"([{"jsonrpc":"2.0","method":"echo"},{"jsonrpc":"2.0","method":"echo"}])"), "");
    EXPECT_EQ(runs_, 3);
}

TEST_F(RequestTableTest, BatchIsAnsweredAsOneArray) {
    const Json answers = answer(
        R"([{"jsonrpc":"2.0","id":1,"method":"plain"}, 5, {"jsonrpc":"2.0","method":"echo"},)"
        R"({"jsonrpc":"2.0","id":2,"method":"absent"}])");
    ASSERT_EQ(answers.size(), 3U);
    EXPECT_EQ(answers[0]["result"], 1);
    EXPECT_EQ(answers[1]["error"]["code"], -32600);
    EXPECT_EQ(answers[2]["id"], 2);
}

TEST_F(RequestTableTest, BatchWaitsForItsSlowestCall) {
    EXPECT_EQ(raw(R"([{"jsonrpc":"2.0","id":1,"method":"later"},)"
                  R"({"jsonrpc":"2.0","id":2,"method":"plain"}])"),
              std::nullopt);
    ASSERT_EQ(kept_.size(), 1U);
    kept_[0](Json("at last"));
    ASSERT_TRUE(answer_.has_value());
    const Json answers = Json::parse(*answer_);
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0]["id"], 2);
    EXPECT_EQ(answers[1]["result"], "at last");
}

TEST_F(RequestTableTest, OverlongBatchIsRefusedWhole) {
    Json batch = Json::array();
    for (size_t i = 0; i <= kBatchCallsMax; ++i) {
        batch.push_back({{"jsonrpc", "2.0"}, {"id", i}, {"method", "echo"}});
    }
    EXPECT_EQ(error_code(batch.dump()), -32600);
    EXPECT_EQ(runs_, 0);
    batch.erase(0);
    EXPECT_EQ(answer(batch.dump()).size(), kBatchCallsMax);
}

TEST_F(RequestTableTest, FirstReplyCounts) {
    EXPECT_EQ(answer(R"({"jsonrpc":"2.0","id":1,"method":"twice"})")["result"], "first");
}

TEST_F(RequestTableTest, ReplyLetGoIsAnsweredForTheHandler) {
    EXPECT_EQ(raw(R"({"jsonrpc":"2.0","id":1,"method":"later"})"), std::nullopt);
    kept_.clear();
    ASSERT_TRUE(answer_.has_value());
    EXPECT_EQ(Json::parse(*answer_)["error"]["code"], -32603);
}

TEST_F(RequestTableTest, BytesThatAreNotUtf8DoNotBreakTheAnswer) {
    table_.add(
        {{"latin1", "", ""}, [](const Json&, const Reply& reply) { reply(Json("caf\xe9")); }});
    EXPECT_EQ(answer(R"({"jsonrpc":"2.0","id":1,"method":"latin1"})")["result"], "caf\xef\xbf\xbd");
}

// Handlers may copy what they are given, and copying recurses: without a limit, one message of a
// megabyte of brackets would overflow the stack.
TEST_F(RequestTableTest, DeepNestingIsRefused) {
    const auto nested = [](size_t depth) {
        return std::string(depth, '[') + R"("]}\\\"[[[")" + std::string(depth, ']');
    };
    const auto call = [&nested](size_t depth) {
        return R"({"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":)" + nested(depth) + "}}";
    };
    EXPECT_EQ(error_code(call(400'000)), -32600);
    EXPECT_EQ(error_code(std::string(400'000, '[')), -32600);
    EXPECT_EQ(error_code(call(31)), -32600);
    EXPECT_EQ(runs_, 0);
    EXPECT_TRUE(answer(call(30)).contains("result"));
    EXPECT_EQ(runs_, 1);
}

}  // namespace
}  // namespace director::server
