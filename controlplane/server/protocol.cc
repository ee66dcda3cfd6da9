#include "controlplane/server/protocol.h"

#include <nlohmann/json.hpp>

namespace director::server {

// One list of fields serves both directions.
#define DIRECTOR_DEFINE_JSON(Type, ...)                                                         \
    void to_json(nlohmann::json& nlohmann_json_j, const Type& nlohmann_json_t) {                \
        NLOHMANN_JSON_EXPAND(NLOHMANN_JSON_PASTE(NLOHMANN_JSON_TO, __VA_ARGS__))                \
    }                                                                                           \
    void from_json(const nlohmann::json& nlohmann_json_j, Type& nlohmann_json_t) {              \
        const Type nlohmann_json_default_obj{};                                                 \
        NLOHMANN_JSON_EXPAND(NLOHMANN_JSON_PASTE(NLOHMANN_JSON_FROM_WITH_DEFAULT, __VA_ARGS__)) \
    }

DIRECTOR_DEFINE_JSON(MethodView, name, arguments, help)
DIRECTOR_DEFINE_JSON(HelloView, program, version, protocol_version, methods)
DIRECTOR_DEFINE_JSON(PortView,
                     name,
                     driver,
                     mac,
                     mtu,
                     link_up,
                     rx_queues,
                     tx_queues,
                     received,
                     sent,
                     missed,
                     no_buffers)
DIRECTOR_DEFINE_JSON(PacketTotals, received, forwarded, punted, dropped)
DIRECTOR_DEFINE_JSON(PoolView, name, addresses, ports, ports_all, ports_held, exhausted)
DIRECTOR_DEFINE_JSON(FullTablesView,
                     connections_refused,
                     connections_evicted,
                     stateless_packets,
                     local_ports_exhausted,
                     ftp_refused,
                     fragments_refused,
                     templates_refused,
                     clients_uncounted,
                     templates_evicted)
DIRECTOR_DEFINE_JSON(TimeoutsView, tcp, tcp_fin, udp)
DIRECTOR_DEFINE_JSON(DrainView, service, server, connections, seconds_left)
DIRECTOR_DEFINE_JSON(StatusView,
                     version,
                     pid,
                     uptime_seconds,
                     workers,
                     memory_kind,
                     ports,
                     services,
                     real_servers,
                     connections,
                     connections_max,
                     packets,
                     config_file,
                     last_reload,
                     timeouts,
                     pools,
                     drains,
                     overloaded,
                     full_tables,
                     under_attack)
DIRECTOR_DEFINE_JSON(TrafficStats, connections, packets_in, packets_out, bytes_in, bytes_out)
DIRECTOR_DEFINE_JSON(TrafficRates, connections, packets_in, packets_out, bytes_in, bytes_out)
DIRECTOR_DEFINE_JSON(ServerView,
                     address,
                     port,
                     forwarding,
                     weight,
                     active,
                     inactive,
                     is_retired,
                     stats,
                     rates,
                     upper_threshold,
                     lower_threshold,
                     is_overloaded,
                     is_draining,
                     tunnel,
                     is_out)
DIRECTOR_DEFINE_JSON(ServiceView,
                     protocol,
                     address,
                     port,
                     scheduler,
                     flags,
                     is_retired,
                     stats,
                     rates,
                     servers,
                     mark,
                     persistence_seconds,
                     persistence_prefix,
                     one_packet,
                     half_open,
                     is_under_attack)
DIRECTOR_DEFINE_JSON(ServicesView, services)
DIRECTOR_DEFINE_JSON(ConnectionView,
                     protocol,
                     state,
                     expires_seconds,
                     client_address,
                     client_port,
                     virtual_address,
                     virtual_port,
                     real_address,
                     real_port,
                     forwarding,
                     is_template,
                     local_address,
                     local_port)
DIRECTOR_DEFINE_JSON(ConnectionsPage, rows, next_cursor)
DIRECTOR_DEFINE_JSON(ServiceDrops, service, packets)
DIRECTOR_DEFINE_JSON(DropReasonView, name, help, packets, services)
DIRECTOR_DEFINE_JSON(DropsView,
                     received,
                     handed_in,
                     answered,
                     cut,
                     handed_out,
                     forwarded,
                     punted,
                     dropped,
                     held,
                     resumed,
                     stateless,
                     reasons)
DIRECTOR_DEFINE_JSON(NamedCount, name, count)
DIRECTOR_DEFINE_JSON(SyncPeerView,
                     address,
                     heard_ms_ago,
                     director_messages,
                     ipvs_messages,
                     records,
                     lost,
                     ipvs_lost,
                     late,
                     replayed,
                     restarts,
                     lag_ms)
DIRECTOR_DEFINE_JSON(SyncView,
                     role,
                     protocol,
                     id,
                     destination,
                     marked,
                     postponed,
                     records_sent,
                     messages_sent,
                     send_errors,
                     dropped_new,
                     dropped_long_lived,
                     unsayable,
                     waiting,
                     lag_ms,
                     peers,
                     outcomes,
                     refusals,
                     not_allowed,
                     kept_for_later,
                     overflowed,
                     mismatches,
                     tables_given,
                     table_records_given,
                     tables_fetched,
                     table_records_fetched,
                     fetches_failed)
DIRECTOR_DEFINE_JSON(WorkerView,
                     id,
                     cpu,
                     busy_share,
                     packets,
                     bursts,
                     ns_per_packet,
                     packets_per_burst,
                     received,
                     forwarded,
                     punted,
                     dropped,
                     handed_in,
                     handed_out,
                     connections,
                     connections_max,
                     connections_created,
                     connections_expired,
                     connections_evicted,
                     sleeps,
                     answered,
                     held,
                     resumed,
                     stateless,
                     cut)
DIRECTOR_DEFINE_JSON(WorkersView, workers)
DIRECTOR_DEFINE_JSON(CheckView,
                     type,
                     target,
                     state,
                     state_seconds,
                     is_probing,
                     passed,
                     failed,
                     unable,
                     transitions,
                     last_failure,
                     weight)
DIRECTOR_DEFINE_JSON(
    CheckedServerView, address, port, is_up, state_seconds, weight, passive_is_ignored, checks)
DIRECTOR_DEFINE_JSON(CheckedServiceView,
                     protocol,
                     address,
                     port,
                     mark,
                     quorum,
                     has_quorum,
                     sorry_server,
                     sorry_server_is_used,
                     servers)
DIRECTOR_DEFINE_JSON(ProbesView, type, checks, down, passed, failed, unable, seconds, took)
DIRECTOR_DEFINE_JSON(ChecksView, services, probes, waiting)
DIRECTOR_DEFINE_JSON(ReloadView, message)

}  // namespace director::server
