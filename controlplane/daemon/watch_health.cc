#include "controlplane/daemon/watch_health.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/random.h"

namespace director::daemon {

using diagnostics::AnalysisSettings;
using diagnostics::FlowKey;
using diagnostics::FlowRecord;
using diagnostics::kSecond;

namespace {

FlowKey reversed(const FlowKey& key) {
    FlowKey other = key;
    std::swap(other.source, other.destination);
    std::swap(other.source_port, other.destination_port);
    return other;
}

}  // namespace

size_t WatchServers::KeyHash::operator()(const FlowKey& key) const {
    std::array<uint64_t, 4> words{};
    std::memcpy(words.data(), key.source.bytes.data(), 16);
    std::memcpy(words.data() + 2, key.destination.bytes.data(), 16);
    uint64_t hash = uint64_t{key.source_port} << 32 | uint64_t{key.destination_port} << 16 |
                    uint64_t{key.protocol};
    for (const uint64_t word : words) {
        hash = keyed_hash(secret, hash ^ word);
    }
    return hash;
}

// Clients choose their addresses and ports: the hash has a secret.
WatchServers::WatchServers(uint8_t tap, const AnalysisSettings& settings)
    : WatchFlows(tap, settings), owners_(0, KeyHash{{system_random(), system_random()}}) {}

// After the packet's flow began, and one of the same addresses and ports before it has gone: each
// owner here is of a flow that the analyzer holds. A fragment's flow may never begin.
void WatchServers::note(const dataplane::MirrorRecord& record,
                        const diagnostics::Headers& headers) {
    if (!headers.is_ip() || headers.ip.is_fragment || record.server == dataplane::kNoRealServer) {
        return;
    }
    const FlowKey key{headers.ip.source,
                      headers.ip.destination,
                      headers.source_port,
                      headers.destination_port,
                      headers.vlan_count != 0 ? headers.vlans[0] : uint16_t{0},
                      headers.ip.protocol};
    owners_.try_emplace(record.has(dataplane::kMirrorFromClient) ? key : reversed(key),
                        Key{index(record.service), index(record.server)});
}

void WatchServers::take_flow(const FlowRecord& record) {
    if (pending_) {
        const FlowRecord first = *pending_;
        pending_.reset();
        add(first, &record);
    } else if (record.has_opposite) {
        pending_ = record;
    } else {
        add(record, nullptr);
    }
}

void WatchServers::add(const FlowRecord& record, const FlowRecord* opposite) {
    if (const auto owner = take_owner(record.key)) {
        facts_[owner->key].add(owner->is_from_client ? &record : opposite,
                               owner->is_from_client ? opposite : &record,
                               now_ns_);
    }
}

std::optional<WatchServers::Owner> WatchServers::take_owner(const FlowKey& key) {
    auto found = owners_.find(key);
    const bool is_from_client = found != owners_.end();
    found = is_from_client ? found : owners_.find(reversed(key));
    if (found == owners_.end()) {
        return std::nullopt;
    }
    const Owner owner{found->second, is_from_client};
    owners_.erase(found);
    return owner;
}

std::vector<diagnostics::ObservedServer> WatchServers::named(const Facts& facts) const {
    std::vector<diagnostics::ObservedServer> servers;
    servers.reserve(facts.size());
    for (const auto& [key, each] : facts) {
        servers.push_back({names().service(dataplane::ServiceId{key.first}),
                           names().server(dataplane::RealServerId{key.second}),
                           each});
    }
    return servers;
}

WatchHealth::WatchHealth(uint8_t tap,
                         const AnalysisSettings& settings,
                         int64_t duration_ns,
                         Tell tell)
    : WatchServers(tap, settings), duration_ns_(duration_ns), tell_(std::move(tell)) {}

void WatchHealth::turn(int64_t now_ns) {
    set_time(now_ns);
    began_ns_ = began_ns_ == 0 ? now_ns : began_ns_;
}

bool WatchHealth::is_over(int64_t now_ns) {
    return began_ns_ != 0 && now_ns - began_ns_ >= duration_ns_;
}

void WatchHealth::finish(int64_t now_ns, const TapCounts& counts) {
    set_time(now_ns);
    end_flows();
    HealthReport report;
    report.observed_s = static_cast<double>(now_ns - began_ns_) / 1e9;
    report.packets = packets();
    report.counts = counts;
    report.servers = named(take_facts());
    tell_(std::move(report));
}

// A handshake, or what was lost, shows within seconds; what goes on longer is told in pieces.
AnalysisSettings WatchHealthAlways::settings(size_t flows_max) {
    AnalysisSettings settings;
    settings.flows_max = flows_max;
    settings.active_timeout_ns = 10 * kSecond;
    settings.new_timeout_ns = 10 * kSecond;
    settings.established_timeout_ns = 10 * kSecond;
    settings.closing_timeout_ns = 10 * kSecond;
    settings.closed_timeout_ns = 2 * kSecond;
    return settings;
}

WatchHealthAlways::WatchHealthAlways(uint8_t tap, size_t flows_max, Tell tell)
    : WatchServers(tap, settings(flows_max)), tell_(std::move(tell)) {}

void WatchHealthAlways::turn(int64_t now_ns) {
    set_time(now_ns);
    stepped_ns_ = stepped_ns_ == 0 ? now_ns : stepped_ns_;
    pass_time(now_ns);
    if (now_ns - stepped_ns_ >= kHealthStepNs) {
        tell_step();
    }
}

void WatchHealthAlways::finish(int64_t now_ns, const TapCounts& /*counts*/) {
    set_time(now_ns);
    end_flows();
    tell_step();
}

void WatchHealthAlways::tell_step() {
    HealthStep step;
    steps_.emplace_back(now_ns() - stepped_ns_, take_facts());
    stepped_ns_ = now_ns();
    for (const auto& [key, facts] : steps_.back().second) {
        step.servers.push_back(
            {dataplane::ServiceId{key.first}, dataplane::RealServerId{key.second}, facts});
    }
    if (steps_.size() > kHealthSteps) {
        steps_.pop_front();
    }
    Facts minute;
    int64_t observed_ns = 0;
    for (const auto& [duration_ns, facts] : steps_) {
        observed_ns += duration_ns;
        for (const auto& [key, each] : facts) {
            minute[key].add(each);
        }
    }
    step.observed_s = static_cast<double>(observed_ns) / 1e9;
    step.verdicts = diagnostics::judge(named(minute), step.observed_s);
    step.verdicts_in_all = step.verdicts.size();
    step.verdicts.resize(std::min(step.verdicts.size(), kVerdictsMax));
    step.flows = analyzer().flows_in_memory();
    const uint64_t evicted = analyzer().report().flows_evicted;
    step.flows_evicted = evicted - std::exchange(evicted_before_, evicted);
    tell_(std::move(step));
}

}  // namespace director::daemon
