// Messages come out whole however the stream is cut.
#include "controlplane/server/message_reader.h"

#include <vector>

#include <gtest/gtest.h>

namespace director::server {
namespace {

std::vector<std::string> read_all(MessageReader& reader) {
    std::vector<std::string> messages;
    while (const auto message = reader.next()) {
        messages.emplace_back(*message);
    }
    return messages;
}

TEST(MessageReaderTest, SplitsLinesAtEveryCut) {
    const std::string stream = "one\n\n  \r\ntwo\r\nthree\nrest";
    for (size_t cut = 0; cut <= stream.size(); ++cut) {
        MessageReader reader(10);
        reader.append(std::string_view(stream).substr(0, cut));
        std::vector<std::string> messages = read_all(reader);
        reader.append(std::string_view(stream).substr(cut));
        for (std::string& message : read_all(reader)) {
            messages.push_back(std::move(message));
        }
        EXPECT_EQ(messages, (std::vector<std::string>{"one", "two\r", "three"})) << cut;
        EXPECT_FALSE(reader.is_overlong());
    }
}

TEST(MessageReaderTest, LengthLimitIsExact) {
    MessageReader reader(4);
    reader.append("1234\n");
    EXPECT_EQ(reader.next(), "1234");
    reader.append("1234");
    EXPECT_EQ(reader.next(), std::nullopt);
    EXPECT_FALSE(reader.is_overlong());
    reader.append("5");
    EXPECT_EQ(reader.next(), std::nullopt);
    EXPECT_TRUE(reader.is_overlong());
}

TEST(MessageReaderTest, NothingFollowsAnOverlongMessage) {
    MessageReader reader(4);
    reader.append("ok\n12345\nok\n");
    EXPECT_EQ(reader.next(), "ok");
    EXPECT_EQ(reader.next(), std::nullopt);
    EXPECT_TRUE(reader.is_overlong());
    reader.append("\nok\n");
    EXPECT_EQ(reader.next(), std::nullopt);
}

}  // namespace
}  // namespace director::server
