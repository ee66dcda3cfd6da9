// Fills the answers of the control socket from what the daemon knows. Pure functions over reports;
// the same views feed the metrics.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "controlplane/daemon/census.h"
#include "controlplane/daemon/service_control.h"
#include "controlplane/daemon/service_pages.h"
#include "controlplane/plan/catalogue.h"
#include "controlplane/server/protocol.h"
#include "dataplane/api/job.h"
#include "dataplane/io/engine.h"

namespace director::daemon {

// "TCP 192.0.2.1:80", "FWM 1".
[[nodiscard]] std::string name_of(const plan::ServiceEntry& service);
[[nodiscard]] std::string_view name_of(dataplane::ForwardingMethod method);
// What ipvsadm prints after the scheduler's name.
[[nodiscard]] std::string ipvsadm_flags(const config::VirtualService& service);
// As `ipvsadm --tun-info` prints it; empty of a server without a tunnel.
[[nodiscard]] std::string tunnel_info(const config::RealServer& server);

[[nodiscard]] server::ServicesView services_view(const Reports& reports,
                                                 const plan::Catalogue& catalogue,
                                                 const Census& census,
                                                 const ServicesWanted& wanted = {});
// Real servers whose connections have reached their upper threshold.
[[nodiscard]] uint64_t overloaded_servers(const Reports& reports, const plan::Catalogue& catalogue);

// Their names: "TCP 192.0.2.1:80".
[[nodiscard]] std::vector<std::string> services_under_attack(const Reports& reports,
                                                             const plan::Catalogue& catalogue);
[[nodiscard]] std::vector<server::ServiceTimeoutView> service_timeouts(
    const plan::Catalogue& catalogue);
[[nodiscard]] server::DropsView drops_view(const Reports& reports,
                                           const plan::Catalogue& catalogue);
// `before` are the loops' counters at the last sample: shares and averages are since then.
[[nodiscard]] server::WorkersView workers_view(
    const Reports& reports,
    const dataplane::io::Engine& engine,
    const config::Dataplane& settings,
    const std::vector<dataplane::io::LoopCounters>& before);
[[nodiscard]] server::FullTablesView full_tables_view(const Reports& reports,
                                                      dataplane::io::SharedTableCounters shared);
[[nodiscard]] server::PacketTotals packet_totals(const Reports& reports);
[[nodiscard]] std::vector<server::PortView> port_views(const dataplane::io::Engine& engine,
                                                       size_t ports);
[[nodiscard]] std::vector<server::PoolView> pool_views(const Reports& reports,
                                                       const plan::Catalogue& catalogue);
[[nodiscard]] std::vector<server::DrainView> drain_views(const Reports& reports,
                                                         const ServiceControl& services,
                                                         TimePoint now);
[[nodiscard]] server::ConnectionView connection_view(const dataplane::ConnectionRow& row);

}  // namespace director::daemon
