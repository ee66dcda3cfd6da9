#include "controlplane/daemon/census.h"

#include <cmath>

namespace director::daemon {

using dataplane::CountersReport;
using dataplane::RealServerId;
using dataplane::ServerCounters;
using dataplane::ServiceId;
using server::TrafficRates;
using server::TrafficStats;

namespace {

std::array<uint64_t, 5> as_array(const TrafficStats& stats) {
    return {
        stats.connections, stats.packets_in, stats.packets_out, stats.bytes_in, stats.bytes_out};
}

void add(TrafficStats& total, const TrafficStats& part) {
    total.connections += part.connections;
    total.packets_in += part.packets_in;
    total.packets_out += part.packets_out;
    total.bytes_in += part.bytes_in;
    total.bytes_out += part.bytes_out;
}

TrafficStats stats_of(const ServerCounters& counters) {
    return {counters.connections,
            counters.packets_in,
            counters.packets_out,
            counters.bytes_in,
            counters.bytes_out};
}

}  // namespace

void RateEstimator::sample(const TrafficStats& totals) {
    const auto now = as_array(totals);
    const auto before = as_array(last_);
    constexpr double kSeconds = std::chrono::duration<double>(kPeriod).count();
    for (size_t i = 0; is_primed_ && i < now.size(); ++i) {
        const double rate = static_cast<double>(now[i] - before[i]) / kSeconds;
        averages_[i] += (rate - averages_[i]) / 4;
    }
    last_ = totals;
    is_primed_ = true;
}

TrafficRates RateEstimator::rates() const {
    const auto rounded = [this](size_t i) {
        return static_cast<uint64_t>(std::llround(averages_[i]));
    };
    return {rounded(0), rounded(1), rounded(2), rounded(3), rounded(4)};
}

Census::Census(Fleet& fleet, const plan::Catalogue& catalogue)
    : fleet_(fleet), catalogue_(catalogue) {}

void Census::take(std::function<void(const Reports&)> done) {
    if (answers_missing_ > 0) {
        late_.push_back(std::move(done));
        return;
    }
    waiting_.push_back(std::move(done));
    start_round();
}

void Census::start_round() {
    round_.clear();
    answers_missing_ = fleet_.size();
    for (uint16_t worker = 0; worker < fleet_.size(); ++worker) {
        auto report = std::make_shared<CountersReport>();
        report->services.resize(catalogue_.services_end());
        report->servers.resize(catalogue_.real_servers_end());
        report->pools.resize(
            catalogue_.pools().empty() ? 0 : catalogue_.pools().rbegin()->first + size_t{1});
        round_.push_back(report);
        fleet_.ask<CountersReport>(
            dataplane::WorkerId{worker}, report, [this](CountersReport& /*answer*/) {
                if (--answers_missing_ > 0) {
                    return;
                }
                const Reports reports = std::move(round_);
                const auto callers = std::move(waiting_);
                waiting_ = std::move(late_);
                late_.clear();
                for (const auto& done : callers) {
                    done(reports);
                }
                if (!waiting_.empty() && answers_missing_ == 0) {
                    start_round();
                }
            });
    }
}

ServerCounters Census::server_total(const Reports& reports, RealServerId id) {
    ServerCounters total;
    for (const auto& report : reports) {
        if (index(id) >= report->servers.size()) {
            continue;  // the slot is younger than the question
        }
        const ServerCounters& part = report->servers[index(id)];
        total.connections += part.connections;
        total.packets_in += part.packets_in;
        total.packets_out += part.packets_out;
        total.bytes_in += part.bytes_in;
        total.bytes_out += part.bytes_out;
        total.active += part.active;
        total.inactive += part.inactive;
        total.unanswered += part.unanswered;
        total.resets += part.resets;
    }
    return total;
}

TrafficStats Census::service_total(const Reports& reports,
                                   const plan::ServiceEntry& service) const {
    TrafficStats total;
    if (const auto departed = departed_.find(service.id); departed != departed_.end()) {
        total = departed->second;
    }
    for (const plan::RealServerEntry& server : service.servers) {
        add(total, stats_of(server_total(reports, server.id)));
    }
    return total;
}

TrafficRates Census::server_rates(RealServerId id) const {
    const auto found = server_rates_.find(id);
    return found != server_rates_.end() ? found->second.rates() : TrafficRates{};
}

TrafficRates Census::service_rates(ServiceId id) const {
    const auto found = service_rates_.find(id);
    return found != service_rates_.end() ? found->second.rates() : TrafficRates{};
}

uint64_t Census::service_connections(const Reports& reports, ServiceId id) {
    return service_gauges(reports, id).connections;
}

dataplane::ServiceCounters Census::service_gauges(const Reports& reports, ServiceId id) {
    dataplane::ServiceCounters total;
    for (const auto& report : reports) {
        if (index(id) < report->services.size()) {
            const dataplane::ServiceCounters& part = report->services[index(id)];
            total.connections += part.connections;
            total.half_open += part.half_open;
            total.is_under_attack |= part.is_under_attack;
        }
    }
    return total;
}

void Census::sample_rates(const Reports& reports) {
    for (const plan::ServiceEntry* const service : catalogue_.services()) {
        service_rates_[service->id].sample(service_total(reports, *service));
        for (const plan::RealServerEntry& server : service->servers) {
            server_rates_[server.id].sample(stats_of(server_total(reports, server.id)));
        }
    }
}

void Census::keep_departed(const Reports& reports, ServiceId service, RealServerId server) {
    add(departed_[service], stats_of(server_total(reports, server)));
    server_rates_.erase(server);
}

void Census::drop_service(ServiceId service) {
    departed_.erase(service);
    service_rates_.erase(service);
}

}  // namespace director::daemon
