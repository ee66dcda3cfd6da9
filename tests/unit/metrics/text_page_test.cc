// The text format, compared with prometheus-cpp's own serializer, which is slower.
#include "controlplane/metrics/text_page.h"

#include <limits>

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "controlplane/metrics/metric.h"

namespace director::metrics {
namespace {

using prometheus::MetricFamily;

std::vector<MetricFamily> families() {
    MetricFamily counter{"requests_total", "What was asked.", kCounter, {}};
    Samples(counter).add({{"path", "a \"quoted\"\\path\nof two lines"}, {"code", "200"}},
                         9007199254740991U);
    Samples(counter).add({}, 0);
    MetricFamily gauge{"level", "How high.", kGauge, {}};
    for (const double value : {0.25, -3.0, -0.5, 1e6, 123456789.0}) {
        Samples(gauge).add({{"which", std::to_string(value)}}, value);
    }
    Samples(gauge).add({{"which", "infinite"}}, std::numeric_limits<double>::infinity());
    Samples(gauge).add({{"which", "negative"}}, -std::numeric_limits<double>::infinity());
    MetricFamily histogram{"duration_seconds", "How long.", kHistogram, {}};
    Samples(histogram).add_histogram(
        {{"type", "http"}}, std::vector{0.5, 1.0, 2.0}, std::vector<uint64_t>{1, 2, 0, 4}, 9.5);
    Samples(histogram).add_histogram({}, std::vector{0.5}, std::vector<uint64_t>{3, 0}, 0.75);
    return {counter, gauge, histogram};
}

TEST(TextPageTest, IsAsPrometheusCppWritesIt) {
    EXPECT_EQ(text_page(families()), prometheus::TextSerializer().Serialize(families()));
}

TEST(TextPageTest, NumbersAreShortAndExact) {
    MetricFamily gauge{"level", "", kGauge, {}};
    for (const double value : {0.1, 2.5e-7, 1.0 / 3.0}) {
        Samples(gauge).add({}, value);
    }
    EXPECT_EQ(text_page({gauge}),
              "# HELP level \n# TYPE level gauge\n"
              "level 0.1\nlevel 2.5e-07\nlevel 0.3333333333333333\n");
}

}  // namespace
}  // namespace director::metrics
