#include "cli/ipvsadm_listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "common/address.h"

namespace director::cli {
namespace {

using server::ServerView;
using server::ServiceView;

// Columns that hold a name; a longer one is cut off.
constexpr size_t kServiceWidth = 33;
constexpr size_t kServerWidth = 28;

uint32_t host_order(const std::string& address) {
    const auto parsed = Ipv4Address::parse(address);
    return parsed ? parsed->host() : 0;
}

// ipvsadm subtracts and looks at the sign of the 32 bits that remain, so addresses more than 2^31
// apart come out in reverse: 192.168.0.1 before 10.0.0.1.
int32_t address_difference(const std::string& a, const std::string& b) {
    return static_cast<int32_t>(host_order(a) - host_order(b));
}

int64_t compare(const ServiceView& a, const ServiceView& b) {
    if (a.protocol != b.protocol) {
        return a.protocol == "TCP" ? -1 : 1;  // by IP protocol number: 6 before 17
    }
    const int32_t difference = address_difference(a.address, b.address);
    return difference != 0 ? difference : int64_t{a.port} - b.port;
}

int64_t compare(const ServerView& a, const ServerView& b) {
    const int32_t difference = address_difference(a.address, b.address);
    return difference != 0 ? difference : int64_t{a.port} - b.port;
}

// That comparison is not transitive, so the order depends on the algorithm: this is glibc's qsort
// of Debian 12 (msort.c), a top-down merge sort. std::stable_sort asks for a real order.
template <typename T>
void merge_sort(std::vector<T>& items, size_t begin, size_t end) {
    if (end - begin < 2) {
        return;
    }
    const size_t middle = begin + (end - begin) / 2;
    merge_sort(items, begin, middle);
    merge_sort(items, middle, end);
    std::vector<T> merged;
    merged.reserve(end - begin);
    size_t left = begin;
    size_t right = middle;
    while (left < middle && right < end) {
        const bool is_left_first = compare(items[left], items[right]) <= 0;
        merged.push_back(std::move(is_left_first ? items[left++] : items[right++]));
    }
    for (; left < middle; ++left) {
        merged.push_back(std::move(items[left]));
    }
    for (; right < end; ++right) {
        merged.push_back(std::move(items[right]));
    }
    std::move(merged.begin(), merged.end(), items.begin() + static_cast<ptrdiff_t>(begin));
}

std::string_view forwarding_word(std::string_view method) {
    if (method == "nat") {
        return "Masq";
    }
    if (method == "direct") {
        return "Route";
    }
    if (method == "tunnel") {
        return "Tunnel";
    }
    return method == "local" ? "Local" : method;
}

std::string_view title(ListingKind kind) {
    switch (kind) {
        case ListingKind::kStats:
            return "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes "
                   "OutBytes\n"
                   "  -> RemoteAddress:Port\n";
        case ListingKind::kRates:
            return "Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   "
                   "OutBPS\n"
                   "  -> RemoteAddress:Port\n";
        case ListingKind::kRules:
            break;
    }
    return "Prot LocalAddress:Port Scheduler Flags\n"
           "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n";
}

std::string stats_columns(const server::TrafficStats& stats, Numbers numbers) {
    return large_number(stats.connections, numbers) + large_number(stats.packets_in, numbers) +
           large_number(stats.packets_out, numbers) + large_number(stats.bytes_in, numbers) +
           large_number(stats.bytes_out, numbers) + '\n';
}

std::string service_line(const ServiceView& service, const ListingOptions& options, Names& names) {
    const std::string name =
        fmt::format(
            "{:<4} {}", service.protocol, names.of(service.address, service.port, service.protocol))
            .substr(0, kServiceWidth);
    if (options.kind == ListingKind::kRules) {
        return fmt::format("{} {}{}{}\n",
                           name,
                           service.scheduler,
                           service.flags.empty() ? "" : " ",
                           service.flags);
    }
    const std::string padded = fmt::format("{:<33}", name);
    if (options.kind == ListingKind::kStats) {
        return padded + stats_columns(service.stats, options.numbers);
    }
    const server::TrafficRates& rates = service.rates;
    return padded + large_number(rates.connections, options.numbers) +
           large_number(rates.packets_in, options.numbers) +
           large_number(rates.packets_out, options.numbers) +
           large_number(rates.bytes_in, options.numbers) +
           large_number(rates.bytes_out, options.numbers) + '\n';
}

std::string server_line(const ServerView& server,
                        std::string_view protocol,
                        const ListingOptions& options,
                        Names& names) {
    const std::string name = fmt::format(
        "  -> {:<28}", names.of(server.address, server.port, protocol).substr(0, kServerWidth));
    if (options.kind == ListingKind::kRules) {
        return fmt::format("{} {:<7} {:<6} {:<10} {:<10}\n",
                           name,
                           forwarding_word(server.forwarding),
                           server.weight,
                           server.active,
                           server.inactive);
    }
    if (options.kind == ListingKind::kStats) {
        return name + stats_columns(server.stats, options.numbers);
    }
    // ipvsadm scales a real server's bytes per second and nothing else.
    const server::TrafficRates& rates = server.rates;
    return fmt::format("{} {:8} {:8} {:8}{}{}\n",
                       name,
                       rates.connections,
                       rates.packets_in,
                       rates.packets_out,
                       large_number(rates.bytes_in, options.numbers),
                       large_number(rates.bytes_out, options.numbers));
}

}  // namespace

std::string version_line(uint64_t table_size) {
    return fmt::format("IP Virtual Server version 1.2.1 (size={})\n", table_size);
}

std::string list_services(std::vector<ServiceView> services,
                          const ListingOptions& options,
                          Names& names) {
    std::erase_if(services, [](const ServiceView& service) { return service.is_retired; });
    if (options.order == Order::kSorted) {
        merge_sort(services, 0, services.size());
    }
    std::string out(title(options.kind));
    for (ServiceView& service : services) {
        std::erase_if(service.servers, [](const ServerView& server) { return server.is_retired; });
        if (options.order == Order::kSorted) {
            merge_sort(service.servers, 0, service.servers.size());
        }
        out += service_line(service, options, names);
        for (const ServerView& server : service.servers) {
            out += server_line(server, service.protocol, options, names);
        }
    }
    return out;
}

std::string connections_title() {
    return "IPVS connection entries\n"
           "pro expire state       source             virtual            destination\n";
}

std::string list_connection(const server::ConnectionView& connection, Names& names) {
    const std::string_view protocol = connection.protocol;
    return fmt::format(
        "{:<3} {:<6} {:<11} {:<18} {:<18} {}\n",
        protocol,
        fmt::format(
            "{:02}:{:02}", connection.expires_seconds / 60, connection.expires_seconds % 60),
        connection.state,
        names.of(connection.client_address, connection.client_port, protocol),
        names.of(connection.virtual_address, connection.virtual_port, protocol),
        names.of(connection.real_address, connection.real_port, protocol));
}

std::string large_number(uint64_t value, Numbers numbers) {
    constexpr uint64_t kMillion = 1'000'000;
    constexpr uint64_t kBillion = 1'000 * kMillion;
    if (numbers == Numbers::kExact || value < 100 * kMillion) {
        return fmt::format(" {:8}", value);
    }
    if (value < kBillion) {
        return fmt::format("{:8}K", value / 1000);
    }
    if (value < 100 * kBillion) {
        return fmt::format("{:8}M", value / kMillion);
    }
    if (value < 100'000 * kBillion) {
        return fmt::format("{:8}G", value / kBillion);
    }
    return fmt::format("{:8}T", value / (1000 * kBillion));
}

}  // namespace director::cli
