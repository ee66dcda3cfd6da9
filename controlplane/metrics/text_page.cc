#include "controlplane/metrics/text_page.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <string_view>

#include "common/assert.h"

namespace director::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// About as much as a real server's sample takes.
constexpr size_t kSampleBytes = 150;

// Above, doubles have no place for units.
constexpr double kWholeMax = 9007199254740992.0;

std::string_view name_of(MetricType type) {
    switch (type) {
        case MetricType::Counter:
            return "counter";
        case MetricType::Gauge:
            return "gauge";
        case MetricType::Histogram:
            return "histogram";
        default:
            break;
    }
    DIRECTOR_ASSERT(false);  // the page has no metric of another type
    return "";
}

void append_escaped(std::string& page, std::string_view value) {
    if (value.find_first_of("\\\"\n") == std::string_view::npos) {
        page += value;
        return;
    }
    for (const char c : value) {
        if (c == '\\' || c == '"') {
            page += '\\';
            page += c;
        } else if (c == '\n') {
            page += "\\n";
        } else {
            page += c;
        }
    }
}

void append_number(std::string& page, double value) {
    if (std::isinf(value)) {
        page += value > 0 ? "+Inf" : "-Inf";
    } else if (std::isnan(value)) {
        page += "Nan";
    } else if (value == std::floor(value) && std::abs(value) < kWholeMax) {
        const fmt::format_int digits(static_cast<int64_t>(value));
        page.append(digits.data(), digits.size());
    } else {
        fmt::format_to(std::back_inserter(page), FMT_COMPILE("{}"), value);
    }
}

void append_label(std::string& page, char before, std::string_view name, std::string_view value) {
    page += before;
    page += name;
    page += "=\"";
    append_escaped(page, value);
    page += '"';
}

// `bound` is of a histogram's bucket.
void append_name(std::string& page,
                 std::string_view name,
                 std::string_view suffix,
                 const ClientMetric& sample,
                 const double* bound = nullptr) {
    page += name;
    page += suffix;
    char before = '{';
    for (const ClientMetric::Label& label : sample.label) {
        append_label(page, before, label.name, label.value);
        before = ',';
    }
    if (bound != nullptr) {
        page += before;
        page += "le=\"";
        append_number(page, *bound);
        page += '"';
        before = ',';
    }
    page += before == ',' ? "} " : " ";
}

void append_sample(std::string& page,
                   std::string_view name,
                   std::string_view suffix,
                   const ClientMetric& sample,
                   double value) {
    append_name(page, name, suffix, sample);
    append_number(page, value);
    page += '\n';
}

void append_histogram(std::string& page, std::string_view name, const ClientMetric& sample) {
    const ClientMetric::Histogram& histogram = sample.histogram;
    append_sample(page, name, "_count", sample, static_cast<double>(histogram.sample_count));
    append_sample(page, name, "_sum", sample, histogram.sample_sum);
    for (const ClientMetric::Bucket& bucket : histogram.bucket) {
        append_name(page, name, "_bucket", sample, &bucket.upper_bound);
        append_number(page, static_cast<double>(bucket.cumulative_count));
        page += '\n';
    }
}

void append_family(std::string& page, const MetricFamily& family) {
    fmt::format_to(std::back_inserter(page),
                   "# HELP {} {}\n# TYPE {} {}\n",
                   family.name,
                   family.help,
                   family.name,
                   name_of(family.type));
    for (const ClientMetric& sample : family.metric) {
        if (family.type == MetricType::Histogram) {
            append_histogram(page, family.name, sample);
        } else {
            append_sample(
                page,
                family.name,
                "",
                sample,
                family.type == MetricType::Counter ? sample.counter.value : sample.gauge.value);
        }
    }
}

}  // namespace

std::string text_page(const std::vector<MetricFamily>& families) {
    size_t samples = 0;
    for (const MetricFamily& family : families) {
        samples += family.metric.size();
    }
    std::string page;
    page.reserve(samples * kSampleBytes);
    for (const MetricFamily& family : families) {
        append_family(page, family);
    }
    return page;
}

}  // namespace director::metrics
