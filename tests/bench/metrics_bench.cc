// The metrics page with 10,000 real servers in 1,000 services: how long a scrape takes, with each
// server's own series and with those of a service together.
//
// Prints times and their ratio. The page is made by the HTTP server's thread from what the control
// plane published last: no worker is asked, whatever a scrape costs.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "controlplane/metrics/metrics.h"

namespace {

using director::metrics::Metrics;
using director::metrics::Snapshot;

constexpr int kServices = 1000;
constexpr int kServersPerService = 10;
constexpr int kScrapes = 5;
constexpr double kMsMax = 100;

Snapshot example(uint32_t servers_max) {
    Snapshot snapshot;
    snapshot.servers_max = servers_max;
    for (int i = 0; i < kServices; ++i) {
        director::server::ServiceView service;
        service.protocol = "TCP";
        service.address = fmt::format("198.51.{}.{}", i / 250, i % 250);
        service.port = 80;
        service.stats = {123456, 12345678, 12345678, 1234567890, 1234567890};
        director::server::CheckedServiceView checked;
        checked.protocol = service.protocol;
        checked.address = service.address;
        checked.port = service.port;
        for (int j = 0; j < kServersPerService; ++j) {
            director::server::ServerView server;
            server.address = fmt::format("10.{}.{}.{}", i / 250, i % 250, j + 1);
            server.port = 8080;
            server.weight = 10;
            server.active = 123;
            server.inactive = 456;
            server.stats = service.stats;
            director::server::CheckedServerView health;
            health.address = server.address;
            health.port = server.port;
            checked.servers.push_back(health);
            service.servers.push_back(std::move(server));
        }
        snapshot.services.services.push_back(std::move(service));
        snapshot.checks.services.push_back(std::move(checked));
    }
    return snapshot;
}

struct Scrape {
    double ms = 0;
    size_t bytes = 0;
    size_t lines = 0;
};

Scrape scrape(uint32_t servers_max) {
    Metrics metrics;
    Scrape best{.ms = 1e9};
    for (int i = 0; i < kScrapes; ++i) {
        metrics.publish(example(servers_max));
        const auto start = std::chrono::steady_clock::now();
        const std::string page = metrics.text();
        const std::chrono::duration<double, std::milli> took =
            std::chrono::steady_clock::now() - start;
        best.ms = std::min(best.ms, took.count());
        best.bytes = page.size();
        best.lines = static_cast<size_t>(std::count(page.begin(), page.end(), '\n'));
    }
    return best;
}

}  // namespace

int main() {
    const Scrape each = scrape(kServices * kServersPerService);
    const Scrape sums = scrape(0);
    for (const auto& [what, one] : {std::pair("each server", each), std::pair("summed up", sums)}) {
        fmt::print("{:<12} {:8.1f} ms {:9} lines {:9} bytes\n", what, one.ms, one.lines, one.bytes);
    }
    fmt::print("ratio        {:8.2f}\n", each.ms / sums.ms);
    fmt::print("{}: a scrape of 10,000 real servers takes {} {} ms\n",
               each.ms < kMsMax ? "ok" : "TOO SLOW",
               each.ms < kMsMax ? "less than" : "more than",
               kMsMax);
    return each.ms < kMsMax ? 0 : 1;
}
