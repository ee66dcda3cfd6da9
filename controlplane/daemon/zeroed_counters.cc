#include "controlplane/daemon/zeroed_counters.h"

#include <fmt/format.h>

#include "common/address.h"

namespace director::daemon {

using server::ServerView;
using server::ServicesView;
using server::ServiceView;
using server::TrafficStats;

namespace {

std::string name_of(const ServiceView& service, const ServerView& server) {
    return fmt::format("{} -> {} {}", daemon::name_of(service), server.address, server.port);
}

void take_away(TrafficStats& stats,
               const std::map<std::string, TrafficStats>& zeros,
               const std::string& name) {
    const auto found = zeros.find(name);
    if (found == zeros.end()) {
        return;
    }
    const TrafficStats& zero = found->second;
    const bool began_anew = stats.connections < zero.connections ||
                            stats.packets_in < zero.packets_in ||
                            stats.packets_out < zero.packets_out;
    if (began_anew) {
        return;
    }
    stats.connections -= zero.connections;
    stats.packets_in -= zero.packets_in;
    stats.packets_out -= zero.packets_out;
    stats.bytes_in -= zero.bytes_in;
    stats.bytes_out -= zero.bytes_out;
}

}  // namespace

std::string name_of(const ServiceView& service) {
    if (service.mark != 0) {
        return fmt::format("FWM {}{}", service.mark, service.address == "::" ? " IPv6" : "");
    }
    const auto address = IpAddress::parse(service.address).value_or(IpAddress());
    return service.protocol + " " + to_string(Endpoint{address, Be16::from_host(service.port)});
}

bool ZeroedCounters::zero(const ServicesView& now, const std::string& service) {
    bool is_known = service.empty();
    if (service.empty()) {
        zeros_.clear();
    }
    for (const ServiceView& each : now.services) {
        if (!service.empty() && name_of(each) != service) {
            continue;
        }
        is_known = true;
        zeros_[name_of(each)] = each.stats;
        for (const ServerView& server : each.servers) {
            zeros_[name_of(each, server)] = server.stats;
        }
    }
    return is_known;
}

void ZeroedCounters::subtract(ServicesView& view) const {
    for (ServiceView& service : view.services) {
        take_away(service.stats, zeros_, name_of(service));
        for (ServerView& server : service.servers) {
            take_away(server.stats, zeros_, name_of(service, server));
        }
    }
}

}  // namespace director::daemon
