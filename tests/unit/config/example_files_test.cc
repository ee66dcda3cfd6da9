// The configurations that users start from.
#include <algorithm>
#include <filesystem>

#include "config/print.h"
#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

TEST(ExampleFiles, AllParse) {
    size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(source_root() / "config/examples")) {
        ++count;
        EXPECT_THAT(lines_of(parse_file(entry.path().string(), test_vocabulary())),
                    testing::IsEmpty())
            << entry.path();
    }
    EXPECT_GE(count, 2U);
}

TEST(ExampleFiles, LvsNatIsTheLaboratoryOfTheReport) {
    const auto model =
        parse_file((source_root() / "config/examples/lvs-nat.conf").string(), test_vocabulary());
    ASSERT_TRUE(model);
    ASSERT_EQ(model->ports.size(), 2U);
    EXPECT_EQ(to_string(model->ports[0].addresses.at(0)), "170.210.122.104/25");
    EXPECT_EQ(to_string(model->ports[1].addresses.at(0)), "192.168.0.104/25");
    ASSERT_EQ(model->virtual_services.size(), 1U);
    const VirtualService& service = model->virtual_services[0];
    EXPECT_EQ(to_string(service.endpoint), "170.210.122.104:80");
    EXPECT_EQ(service.scheduler, "rr");
    ASSERT_EQ(service.real_servers.size(), 2U);
    EXPECT_EQ(to_string(service.real_servers[0].endpoint), "192.168.0.108:80");
    EXPECT_EQ(to_string(service.real_servers[1].endpoint), "192.168.0.107:80");
}

TEST(ExampleFiles, FullShowsEverySetting) {
    const std::string text = read_whole_file(source_root() / "config/examples/full.conf");
    for (const SettingDescription& setting : describe_settings()) {
        EXPECT_NE(text.find(setting.name + " = "), std::string::npos)
            << setting.group << "." << setting.name;
    }
}

}  // namespace
}  // namespace director::config
