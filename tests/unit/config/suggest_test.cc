#include "config/suggest.h"

#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

TEST(Suggest, FindsTheNameThatWasMeant) {
    const std::vector<std::string> known{"scheduler", "address", "mtu", "id"};
    EXPECT_EQ(nearest("schedular", known), "scheduler");
    EXPECT_EQ(nearest("Address", known), "address");
    EXPECT_EQ(nearest("adress", known), "address");
    EXPECT_EQ(nearest("mut", known), std::nullopt);  // two substitutions of three letters
    EXPECT_EQ(nearest("mtuu", known), "mtu");
    EXPECT_EQ(nearest("colour", known), std::nullopt);
    EXPECT_EQ(nearest(std::string(100000, 'a'), known), std::nullopt);
    EXPECT_EQ(nearest("x", {}), std::nullopt);
}

TEST(Suggest, JoinsNames) {
    EXPECT_EQ(joined({}), "");
    EXPECT_EQ(joined({"rr"}), "rr");
    EXPECT_EQ(joined({"rr", "wrr"}), "rr, wrr");
}

}  // namespace
}  // namespace director::config
