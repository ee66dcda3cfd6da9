// ipvsadm 1.31's listings, byte for byte: widths, trailing blanks, scaling and order. Scripts and
// eyes have been trained on them for twenty years.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/names.h"
#include "controlplane/server/protocol.h"

namespace director::cli {

enum class ListingKind { kRules, kStats, kRates, kThresholds, kPersistent, kTunnels };
enum class Numbers { kScaled, kExact };  // --exact
enum class Order { kSorted, kAsTold };   // --nosort

struct ListingOptions {
    ListingKind kind = ListingKind::kRules;
    Numbers numbers = Numbers::kScaled;
    Order order = Order::kSorted;
};

// The first line of a full listing.
[[nodiscard]] std::string version_line(uint64_t table_size);

// Templates by real server, for ListingKind::kPersistent: how many connections of `rows` are such.
class TemplateCount {
  public:
    void add(const server::ConnectionView& row);
    [[nodiscard]] uint64_t of(const server::ServiceView& service,
                              const server::ServerView& server) const;

  private:
    std::map<std::string, uint64_t> counts_;
};

// What the kernel's tables would have: without what is retired or taken out, in ipvsadm's order.
void sort_as_ipvsadm(std::vector<server::ServiceView>& services, Order order = Order::kSorted);

// Title lines and one block per service. Services and servers that are retired are left out: the
// kernel's tables would not have them any more.
[[nodiscard]] std::string list_services(std::vector<server::ServiceView> services,
                                        const ListingOptions& options,
                                        Names& names,
                                        const TemplateCount& templates = {});

// `ipvsadm -L --timeout`.
[[nodiscard]] std::string list_timeouts(const server::TimeoutsView& timeouts);

// `ipvsadm -L --daemon`: nothing if none runs.
[[nodiscard]] std::string list_daemons(const server::SyncView& sync);

// `ipvsadm -L -c`, also with --persistent-conn.
[[nodiscard]] std::string connections_title(ListingKind kind = ListingKind::kRules);
[[nodiscard]] std::string list_connection(const server::ConnectionView& connection, Names& names);

// A counter as `ipvsadm --stats` prints it: nine characters, at least.
[[nodiscard]] std::string large_number(uint64_t value, Numbers numbers);

}  // namespace director::cli
