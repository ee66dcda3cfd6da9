// The kernel's links, routes and neighbours as far as they concern us, and the differences that an
// event makes. State and logic only: KernelMirror (mirror.h) feeds it what the socket says; tests
// feed it events by hand.
//
// What of the kernel's routing reaches the workers:
//   - routes of the tables local, main and default. Policy rules (`ip rule`), TOS routes and other
//     tables are the kernel's alone.
//   - for one destination the kernel's order decides: table local, then main by rising metric, then
//     default. A route in table default counts only where table main has nothing that covers it.
//   - of a multipath route the first usable next hop through an interface of ours.
//   - local and broadcast addresses of every interface, loopback included: kLocal.
//   - blackhole, unreachable, prohibit: kDiscard.
//   - a unicast route through an interface that is not ours (a management NIC): a worker cannot
//   send
//     there, and handing such traffic to the kernel would make it forward around the packet path.
//     So it is kNone (dropped as no_route) and is listed, so that a shorter prefix of ours does not
//     swallow its destinations. Where a route of ours to the same destination exists besides, that
//     one is taken whatever its metric: a default route through the management NIC does not cut
//     off the clients.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/address.h"
#include "common/ethernet.h"
#include "controlplane/kernel/kernel_event.h"
#include "dataplane/api/forwarding.h"
#include "dataplane/api/ids.h"

namespace director::kernel {

// A kernel interface that stands beside a port, or beside one of its VLANs.
struct TapLink {
    uint32_t ifindex = 0;
    dataplane::PortId port{};
    dataplane::InterfaceId interface {};
    VlanTags vlan{};
};

struct PrefixRoute {
    IpPrefix to;
    dataplane::Route route;

    friend bool operator==(const PrefixRoute&, const PrefixRoute&) = default;
};

// Takes the differences. Called from within MirrorModel's (or KernelMirror's) functions; must not
// call back into them.
class MirrorSink {
  public:
    MirrorSink(const MirrorSink&) = delete;
    MirrorSink& operator=(const MirrorSink&) = delete;
    virtual ~MirrorSink() = default;

    // A new interface or a changed one. One that vanished is told as not up; its id stays with its
    // (port, VLAN) and is given to another VLAN only when no fresh id is left.
    virtual void interface_changed(dataplane::InterfaceId id,
                                   const dataplane::Interface& interface) = 0;
    virtual void neighbour_changed(const dataplane::NeighbourKey& key,
                                   const dataplane::Neighbour& neighbour) = 0;
    virtual void neighbour_removed(const dataplane::NeighbourKey& key) = 0;
    // The whole list, one entry a destination, sorted by address and length.
    virtual void routes_changed(const std::vector<PrefixRoute>& routes) = 0;
    // The first picture is complete: interfaces, then routes, then neighbours were told. Once.
    virtual void synced() = 0;

  protected:
    MirrorSink() = default;
};

class MirrorModel {
  public:
    // What one dump of the kernel covers.
    enum class Part : uint8_t { kLinks, kAddresses, kRoutes, kNeighbours };

    explicit MirrorModel(const std::vector<TapLink>& taps);

    // Takes in one event. Changes of interfaces and neighbours are told to `sink` at once; those of
    // routes wait for deliver_routes().
    void apply(const KernelEvent& event, MirrorSink& sink);

    // Between the two, apply() is given everything that the kernel has of `part` (events that come
    // in between may be mixed in); what was not mentioned is gone.
    void begin_dump(Part part);
    void end_dump(Part part, MirrorSink& sink);

    // Whether routes changed since the last deliver_routes().
    [[nodiscard]] bool are_routes_changed() const { return are_routes_changed_; }
    // Whether the kernel may have dropped routes without saying so, which it does when a link goes
    // down or an address goes: a dump of routes is due.
    [[nodiscard]] bool are_routes_uncertain() const { return are_routes_uncertain_; }
    // Tells `sink` the whole list, if it differs from the one told last.
    void deliver_routes(MirrorSink& sink);

    // The kernel's index of an interface; nullopt while it does not exist.
    [[nodiscard]] std::optional<uint32_t> ifindex_of(dataplane::InterfaceId id) const;

    // As they were told last.
    [[nodiscard]] const std::vector<PrefixRoute>& routes() const { return delivered_; }
    // At most `limit` of those behind `last` (nothing: from the first), by interface and address.
    [[nodiscard]] std::vector<std::pair<dataplane::NeighbourKey, dataplane::Neighbour>>
    neighbours_after(const std::optional<dataplane::NeighbourKey>& last, size_t limit) const;

  private:
    struct OwnAddress {
        IpAddress address;
        uint32_t generation = 0;
        bool is_deprecated = false;
    };

    struct Link {
        bool is_up = false;
        bool has_carrier = false;
        uint32_t generation = 0;
        std::optional<dataplane::InterfaceId> ours;
        std::vector<OwnAddress> addresses;  // in the kernel's order
    };

    // An interface that we gave an id, whether it exists in the kernel now or not.
    struct OurInterface {
        uint32_t ifindex = 0;  // 0 = does not exist now
        bool is_tap = false;
        bool is_told = false;
        dataplane::Interface interface {};
    };

    enum class Table : uint8_t { kLocal, kMain, kDefault };

    struct RouteKey {
        IpAddress address;
        uint8_t length = 0;
        Table table = Table::kMain;
        uint32_t metric = 0;

        friend bool operator<(const RouteKey& a, const RouteKey& b) {
            return std::tie(a.address, a.length, a.table, a.metric) <
                   std::tie(b.address, b.length, b.table, b.metric);
        }
    };

    struct KernelRoute {
        RouteAction action = RouteAction::kUnicast;
        std::vector<NextHop> next_hops;
        uint32_t generation = 0;
    };

    struct NeighbourOrder {
        bool operator()(const dataplane::NeighbourKey& a, const dataplane::NeighbourKey& b) const {
            return std::tie(a.interface, a.address) < std::tie(b.interface, b.address);
        }
    };

    struct KnownNeighbour {
        dataplane::Neighbour neighbour;
        uint32_t generation = 0;
    };

    using Routes = std::map<RouteKey, std::vector<KernelRoute>>;

    void apply_link(const LinkEvent& event, MirrorSink& sink);
    void apply_address(const AddressEvent& event, MirrorSink& sink);
    void apply_route(const RouteEvent& event);
    void apply_neighbour(const NeighbourEvent& event, MirrorSink& sink);

    void remove_link(uint32_t ifindex, MirrorSink& sink);
    std::optional<dataplane::InterfaceId> claim(const LinkEvent& event);
    std::optional<dataplane::InterfaceId> claim_vlan(dataplane::PortId port, uint16_t vlan);
    void update_interface(dataplane::InterfaceId id, const LinkEvent& event, MirrorSink& sink);
    void update_addresses(const Link& link, MirrorSink& sink);
    void forget_neighbours(dataplane::InterfaceId id, MirrorSink& sink);

    void sweep_links(MirrorSink& sink);
    void sweep_addresses(MirrorSink& sink);
    void sweep_routes();
    void sweep_neighbours(MirrorSink& sink);

    [[nodiscard]] dataplane::Route resolve(const KernelRoute& route) const;
    [[nodiscard]] bool is_covered_before_default(const RouteKey& key) const;
    [[nodiscard]] std::vector<PrefixRoute> build_routes() const;

    std::vector<OurInterface> interfaces_;  // by InterfaceId
    std::unordered_map<uint32_t, Link> links_;
    Routes routes_;
    std::map<dataplane::NeighbourKey, KnownNeighbour, NeighbourOrder> neighbours_;
    std::vector<PrefixRoute> delivered_;
    uint32_t generation_ = 0;
    bool are_routes_changed_ = false;
    bool are_routes_uncertain_ = false;
    bool is_ever_delivered_ = false;
};

}  // namespace director::kernel
