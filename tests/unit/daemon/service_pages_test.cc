// Which services a page has, and what is no wish.
#include "controlplane/daemon/service_pages.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "tests/unit/daemon/daemon_lab.h"

namespace director::daemon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the laboratory
using Json = nlohmann::json;

class ServicePagesTest : public testing::Test {
  protected:
    ServicePagesTest() { serve({80, 81, 82, 83, 84}); }

    void serve(const std::vector<uint16_t>& ports) {
        std::vector<config::VirtualService> services;
        services.reserve(ports.size());
        for (const uint16_t port : ports) {
            services.push_back(service_at(port, {machine(107)}));
        }
        lab_.apply(model_of(services));
    }
    // Ports, the last page's cursor kept for the next.
    std::string page(size_t limit) {
        const ServicesPage page =
            services_page(lab_.services.catalogue(), {.cursor = cursor_, .limit = limit});
        std::string ports;
        for (const plan::ServiceEntry* const service : page.services) {
            ports += std::to_string(service->settings.endpoint.port.host()) + " ";
        }
        cursor_ = page.next_cursor;
        return ports;
    }

    DaemonLab lab_;
    std::string cursor_;
};

TEST_F(ServicePagesTest, GoOnBehindTheLastOne) {
    EXPECT_EQ(page(2), "80 81 ");
    EXPECT_EQ(page(2), "82 83 ");
    EXPECT_EQ(page(2), "84 ");
    EXPECT_EQ(cursor_, "");
    EXPECT_EQ(page(5), "80 81 82 83 84 ");
    EXPECT_EQ(cursor_, "") << "nothing is behind a page that all fit on";
    EXPECT_EQ(page(0), "80 81 82 83 84 ") << "no limit";
}

// What is retired is still listed, by its own key.
TEST_F(ServicePagesTest, AServiceThatComesInBetweenCostsNobodyAnother) {
    EXPECT_EQ(page(2), "80 81 ");
    serve({79, 80, 81, 82, 83, 84});
    EXPECT_EQ(page(9), "82 83 84 ");
}

TEST_F(ServicePagesTest, AreAskedForByAddressAndPort) {
    const auto wanted = services_wanted({{"address", "170.210.122.104"}, {"port", 82U}});
    ASSERT_TRUE(wanted);
    EXPECT_EQ(services_page(lab_.services.catalogue(), *wanted).services.size(), 1U);
    const auto other = services_wanted({{"mark", 82U}});
    ASSERT_TRUE(other);
    EXPECT_TRUE(services_page(lab_.services.catalogue(), *other).services.empty());
}

TEST_F(ServicePagesTest, AnythingElseIsRefused) {
    const Json wrong[] = {{{"limit", 0}},
                          {{"limit", -1}},
                          {{"limit", "all"}},
                          {{"cursor", 7}},
                          {{"cursor", "0 192.0.2.1 80"}},
                          {{"cursor", "0 192.0.2.1 80 6 "}},
                          {{"cursor", "0 192.0.2.1 80 256"}},
                          {{"cursor", "-1 192.0.2.1 80 6"}},
                          {{"address", "web1"}, {"port", 80U}},
                          {{"address", "192.0.2.1"}, {"port", 65536U}},
                          {{"mark", 4294967296U}},
                          {{"mark", 1U}, {"address", "192.0.2.1"}}};
    for (const Json& params : wrong) {
        const auto wanted = services_wanted(params);
        ASSERT_FALSE(wanted) << params;
        EXPECT_EQ(wanted.error().message.find("expected "), 0U) << params;
    }
    EXPECT_TRUE(services_wanted({{"cursor", "0 192.0.2.1 80 6"}}));
    EXPECT_TRUE(services_wanted({{"cursor", "1 :: 0 17"}}));
}

}  // namespace
}  // namespace director::daemon
