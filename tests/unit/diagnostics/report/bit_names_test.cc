// The meaning of each bit of each column: the values that Tranalyzer's tutorial prints, taken
// apart.
#include "diagnostics/report/bit_names.h"

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace director::diagnostics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> texts_of(std::string_view question) {
    const BitQuestion read = read_bit_question(question);
    EXPECT_EQ(read.error, "");
    std::vector<std::string> texts;
    for (const BitMeanings& answer : read.answers) {
        for (const BitName& name : answer.set) {
            texts.emplace_back(name.text);
        }
    }
    return texts;
}

TEST(BitNames, TakesTheTutorialsAnomaliesApart) {
    EXPECT_THAT(texts_of("tcpAnomaly=0x02cc"),
                ElementsAre("TCP SEQ fast retransmission",
                            "TCP duplicate ACK",
                            "TCP SEQ out of order",
                            "TCP SEQ mess, rather spurious SEQ retransmission",
                            "TCP previous packet not captured"));
}

TEST(BitNames, PrintsThemAsTawkDoes) {
    const BitQuestion question = read_bit_question("ipflags=0x0820");
    ASSERT_EQ(question.answers.size(), 1U);
    EXPECT_EQ(show_meanings(question.answers.front()),
              "The ipFlags column with value 0x0820 is to be interpreted as follows:\n"
              "\n"
              "   bit | ipFlags | Description\n"
              "   =========================================================\n"
              "     5 | 0x0020  | More fragments bit\n"
              "    11 | 0x0800  | L4 checksum error\n");
}

TEST(BitNames, NamesEachTcpOptionOfTheTutorialsSyn) {
    const BitQuestion question = read_bit_question("tcpOptions=0x4000011e");
    ASSERT_EQ(question.answers.size(), 1U);
    std::vector<uint64_t> bits;
    for (const BitName& name : question.answers.front().set) {
        bits.push_back(name.value);
    }
    EXPECT_THAT(bits, ElementsAre(2U, 4U, 8U, 16U, 256U, 0x40000000U));
}

TEST(BitNames, EcnIsTheHeadersAndNotASysctls) {
    EXPECT_THAT(texts_of("ipToS=0xbb"),
                ElementsAre("ECN 11: congestion experienced, CE",
                            "EF: critical, expedited forwarding (RFC 3246)"));
    EXPECT_THAT(texts_of("ipToS=2"),
                ElementsAre("ECN 10: ECN-capable transport, ECT(0)", "CS0: best effort (default)"));
}

TEST(BitNames, RouterAlertIsTwoFieldsInOneColumn) {
    EXPECT_THAT(texts_of("ipOptCpCl_Num=0x10_0x00100000"),
                ElementsAre("Copied, control", "Router alert (20)"));
}

TEST(BitNames, AcceptsEverySpellingOfTheDocumentation) {
    for (const char* name : {"tcpMPdssF", "tcpMPdDSSF", "tcpMPDSSF", "tcpmpdssf"}) {
        EXPECT_EQ(find_bit_field(name), find_bit_field("tcpMPdssF")) << name;
    }
}

TEST(BitNames, BitsWithoutANameAreNotHidden) {
    const BitQuestion question = read_bit_question("tcpAnomaly=0x0c01");
    ASSERT_EQ(question.answers.size(), 1U);
    EXPECT_EQ(question.answers.front().unnamed, 0x0c00U);
    EXPECT_THAT(show_meanings(question.answers.front()), HasSubstr("0x0c00     | (no meaning)"));
}

TEST(BitNames, AMistakeSaysWhatThereIs) {
    EXPECT_THAT(read_bit_question("tcpAnomalies=1").error, HasSubstr("tcpAnomaly, tcpOptions"));
    EXPECT_THAT(read_bit_question("tcpAnomaly").error, HasSubstr("FIELD=VALUE"));
    EXPECT_THAT(read_bit_question("ipToS=0x100").error, HasSubstr("2 hexadecimal digits"));
    EXPECT_THAT(read_bit_question("ipFlags=zero").error, HasSubstr("not a number"));
    EXPECT_THAT(read_bit_question("ipOptCpCl_Num=0x10").error, HasSubstr("joined by"));
    EXPECT_TRUE(read_bit_question("tcpAnomalies=1").answers.empty());
}

// A name twice, or a bit twice, would be a slip of the table.
TEST(BitNames, EachBitHasOneName) {
    for (const BitField& field : bit_fields()) {
        std::set<std::pair<uint64_t, uint64_t>> places;
        std::set<std::string_view> texts;
        for (const BitName& name : field.names) {
            EXPECT_TRUE(places.emplace(name.mask, name.value).second) << field.name << name.text;
            EXPECT_TRUE(texts.insert(name.text).second) << field.name << name.text;
            EXPECT_EQ(name.value & ~name.mask, 0U);
            EXPECT_TRUE(field.hex_digits == 16 || name.mask >> (4 * field.hex_digits) == 0);
        }
    }
}

}  // namespace
}  // namespace director::diagnostics
