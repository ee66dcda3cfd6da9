#include "cli/ipvsadm_listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "common/address.h"

namespace director::cli {
namespace {

using server::ServerView;
using server::ServiceView;

// Columns that hold a name; a longer one is cut off.
constexpr size_t kServiceWidth = 33;
constexpr size_t kServerWidth = 28;

// The four numbers that ipvsadm takes an address for; an IPv4 one is the last.
std::array<uint32_t, 4> words_of(const std::string& address) {
    std::array<uint32_t, 4> words{};
    const IpAddress parsed = IpAddress::parse(address).value_or(IpAddress());
    for (size_t i = parsed.is_ipv4() ? 12 : 0; i < parsed.bytes.size(); ++i) {
        words[i / 4] = words[i / 4] << 8 | parsed.bytes[i];
    }
    return words;
}

bool is_ipv6(const std::string& address) {
    return address.find(':') != std::string::npos;
}

// ipvsadm subtracts and looks at the sign of the 32 bits that remain, so addresses more than 2^31
// apart come out in reverse: 192.168.0.1 before 10.0.0.1.
int32_t difference(uint32_t a, uint32_t b) {
    return static_cast<int32_t>(a - b);
}

int32_t address_difference(const std::string& a, const std::string& b) {
    const auto left = words_of(a);
    const auto right = words_of(b);
    for (size_t i = 0; i < left.size(); ++i) {
        if (left[i] != right[i]) {
            return difference(left[i], right[i]);
        }
    }
    return 0;
}

int protocol_number(const std::string& protocol) {
    const std::array<std::pair<std::string_view, Protocol>, 3> known{
        {{"TCP", Protocol::kTcp}, {"UDP", Protocol::kUdp}, {"SCTP", Protocol::kSctp}}};
    for (const auto& [name, number] : known) {
        if (name == protocol) {
            return static_cast<int>(number);
        }
    }
    return 0;
}

int64_t compare(const ServiceView& a, const ServiceView& b) {
    if (a.mark != b.mark) {
        return difference(a.mark, b.mark);
    }
    if (is_ipv6(a.address) != is_ipv6(b.address)) {
        return is_ipv6(a.address) ? 1 : -1;
    }
    if (a.protocol != b.protocol) {
        return protocol_number(a.protocol) - protocol_number(b.protocol);
    }
    const int32_t by_address = address_difference(a.address, b.address);
    return by_address != 0 ? by_address : int64_t{a.port} - b.port;
}

int64_t compare(const ServerView& a, const ServerView& b) {
    const int32_t by_address = address_difference(a.address, b.address);
    return by_address != 0 ? by_address : int64_t{a.port} - b.port;
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
    if (method == "nat" || method == "full-nat") {  // ipvsadm knows no full NAT
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
        case ListingKind::kThresholds:
            return "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n"
                   "  -> RemoteAddress:Port\n";
        case ListingKind::kPersistent:
            return "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn "
                   "\n"
                   "  -> RemoteAddress:Port\n";
        case ListingKind::kTunnels:
            return "Prot LocalAddress:Port Scheduler Flags\n"
                   "  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn "
                   "InActConn\n";
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

// A name in its column: one of IPv4 is cut off there, one of IPv6 moves what follows.
std::string fitted(const std::string& name, const std::string& address, size_t width) {
    return is_ipv6(address) ? name : name.substr(0, width);
}

std::string service_name(const ServiceView& service, Names& names) {
    if (service.mark != 0) {
        return fmt::format("FWM  {}{}", service.mark, is_ipv6(service.address) ? " IPv6" : "");
    }
    return fitted(fmt::format("{:<4} {}",
                              service.protocol,
                              names.of(service.address, service.port, service.protocol)),
                  service.address,
                  kServiceWidth);
}

std::string service_line(const ServiceView& service, const ListingOptions& options, Names& names) {
    const std::string name = service_name(service, names);
    if (options.kind != ListingKind::kStats && options.kind != ListingKind::kRates) {
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
                        const ServiceView& service,
                        const ListingOptions& options,
                        Names& names,
                        const TemplateCount& templates) {
    const std::string name = fmt::format(
        "  -> {:<28}",
        fitted(
            names.of(server.address, server.port, service.protocol), server.address, kServerWidth));
    const std::string counts = fmt::format("{:<10} {:<10}\n", server.active, server.inactive);
    switch (options.kind) {
        case ListingKind::kRules:
            return fmt::format("{} {:<7} {:<6} {}",
                               name,
                               forwarding_word(server.forwarding),
                               server.weight,
                               counts);
        case ListingKind::kThresholds:
            return fmt::format("{} {:<10} {:<10} {}",
                               name,
                               server.upper_threshold,
                               server.lower_threshold,
                               counts);
        case ListingKind::kPersistent:
            return fmt::format(
                "{} {:<9} {:<11} {}", name, server.weight, templates.of(service, server), counts);
        case ListingKind::kTunnels:
            return fmt::format("{} {:<7} {:<13} {:<6} {}",
                               name,
                               forwarding_word(server.forwarding),
                               server.tunnel.empty() ? "n/a" : server.tunnel,
                               server.weight,
                               counts);
        case ListingKind::kStats:
        case ListingKind::kRates:
            break;
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

void sort_as_ipvsadm(std::vector<ServiceView>& services, Order order) {
    std::erase_if(services, [](const ServiceView& service) { return service.is_retired; });
    if (order == Order::kSorted) {
        merge_sort(services, 0, services.size());
    }
    for (ServiceView& service : services) {
        std::erase_if(service.servers,
                      [](const ServerView& server) { return server.is_retired || server.is_out; });
        if (order == Order::kSorted) {
            merge_sort(service.servers, 0, service.servers.size());
        }
    }
}

std::string list_services(std::vector<ServiceView> services,
                          const ListingOptions& options,
                          Names& names,
                          const TemplateCount& templates) {
    sort_as_ipvsadm(services, options.order);
    std::string out(title(options.kind));
    for (const ServiceView& service : services) {
        out += service_line(service, options, names);
        for (const ServerView& server : service.servers) {
            out += server_line(server, service, options, names, templates);
        }
    }
    return out;
}

std::string list_daemons(const server::SyncView& sync) {
    std::string out;
    for (const std::string_view role : {"master", "backup"}) {
        if (sync.role == role || sync.role == "both") {
            out += fmt::format(
                "{} sync daemon (mcast={}, syncid={}, maxlen={}, group={}, port={}, ttl={})\n",
                role,
                sync.interface,
                sync.id,
                sync.message_bytes,
                sync.group,
                sync.port,
                sync.ttl);
        }
    }
    return out;
}

namespace {

std::string template_key(std::string_view protocol,
                         const std::string& virtual_address,
                         uint16_t virtual_port,
                         const std::string& real_address,
                         uint16_t real_port) {
    return fmt::format(
        "{} {} {} {} {}", protocol, virtual_address, virtual_port, real_address, real_port);
}

// The virtual address that IPVS gives templates of match rules: the mark's number (IPv4), or that
// in the first bytes (IPv6).
std::string mark_address(const ServiceView& service) {
    const IpAddress ipv4 = Ipv4Address::from_host(service.mark);
    if (!is_ipv6(service.address)) {
        return to_string(ipv4);
    }
    IpAddress ipv6;
    std::copy(ipv4.bytes.begin() + 12, ipv4.bytes.end(), ipv6.bytes.begin());
    return to_string(ipv6);
}

}  // namespace

void TemplateCount::add(const server::ConnectionView& row) {
    if (row.is_template) {
        ++counts_[template_key(
            row.protocol, row.virtual_address, row.virtual_port, row.real_address, row.real_port)];
    }
}

uint64_t TemplateCount::of(const ServiceView& service, const ServerView& server) const {
    const bool is_by_mark = service.mark != 0;
    const auto count = [&](uint16_t virtual_port, uint16_t real_port) {
        const auto found =
            counts_.find(template_key(is_by_mark ? "IP" : service.protocol,
                                      is_by_mark ? mark_address(service) : service.address,
                                      virtual_port,
                                      server.address,
                                      real_port));
        return found != counts_.end() ? found->second : uint64_t{0};
    };
    // IPVS leaves the ports out where a client's connections may have several: any port, match
    // rules, FTP.
    constexpr uint16_t kFtpPort = 21;
    const uint64_t without_ports =
        service.port == 0 || service.port == kFtpPort ? count(0, 0) : uint64_t{0};
    return without_ports + (service.port != 0 ? count(service.port, server.port) : uint64_t{0});
}

std::string list_timeouts(const server::TimeoutsView& timeouts) {
    return fmt::format(
        "Timeout (tcp tcpfin udp): {} {} {}\n", timeouts.tcp, timeouts.tcp_fin, timeouts.udp);
}

std::string connections_title(ListingKind kind) {
    // Persistence engines fill the additional columns; Director has none.
    return fmt::format(
        "IPVS connection entries\n"
        "pro expire state       source             virtual            destination{}\n",
        kind == ListingKind::kPersistent ? "        pe name          pe_data" : "");
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
