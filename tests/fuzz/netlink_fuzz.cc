// A datagram from the kernel's netlink socket -> messages -> events -> the mirror's picture.
// Whatever comes: the list of routes is sorted without duplicates, routes and neighbours name
// interfaces that were told, and the same list is not told twice.
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "common/assert.h"
#include "controlplane/kernel/kernel_event.h"
#include "controlplane/kernel/mirror_model.h"
#include "controlplane/kernel/netlink_reader.h"

namespace {

using namespace director::kernel;
using director::dataplane::Interface;
using director::dataplane::InterfaceId;
using director::dataplane::Neighbour;
using director::dataplane::NeighbourKey;
using director::dataplane::PortId;
using director::dataplane::RouteKind;

class CheckingSink final : public MirrorSink {
  public:
    void interface_changed(InterfaceId id, const Interface& interface) override {
        DIRECTOR_ASSERT(index(id) < director::dataplane::kInterfacesMax);
        DIRECTOR_ASSERT(interface.vlan < 4095);
        told_.insert(id);
    }
    void neighbour_changed(const NeighbourKey& key, const Neighbour& /*neighbour*/) override {
        DIRECTOR_ASSERT(told_.contains(key.interface));
    }
    void neighbour_removed(const NeighbourKey& key) override {
        DIRECTOR_ASSERT(told_.contains(key.interface));
    }
    void routes_changed(const std::vector<PrefixRoute>& routes) override {
        for (size_t i = 0; i < routes.size(); ++i) {
            const PrefixRoute& entry = routes[i];
            DIRECTOR_ASSERT(entry.to.address == entry.to.network());
            DIRECTOR_ASSERT(i == 0 || routes[i - 1].to < entry.to);
            const bool is_sent =
                entry.route.kind == RouteKind::kOnLink || entry.route.kind == RouteKind::kGateway;
            DIRECTOR_ASSERT(!is_sent || told_.contains(entry.route.interface));
        }
        ++deliveries;
    }
    void synced() override {}

    int deliveries = 0;

  private:
    std::set<InterfaceId> told_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    MirrorModel model({{2, PortId{0}, InterfaceId{0}}, {3, PortId{1}, InterfaceId{1}}});
    CheckingSink sink;
    // The corpus's messages are about interface 2; let it exist whatever the fuzzer does.
    LinkEvent link;
    link.ifindex = 2;
    link.is_up = link.has_carrier = true;
    model.apply(link, sink);
    std::span<const uint8_t> rest(data, size);
    while (const auto message = take_message(rest)) {
        if (const auto event = parse_kernel_event(*message)) {
            model.apply(*event, sink);
        }
    }
    model.deliver_routes(sink);
    model.deliver_routes(sink);
    DIRECTOR_ASSERT(sink.deliveries == 1);
    for (const auto part : {MirrorModel::Part::kNeighbours, MirrorModel::Part::kRoutes}) {
        model.begin_dump(part);
        model.end_dump(part, sink);
    }
    return 0;
}
