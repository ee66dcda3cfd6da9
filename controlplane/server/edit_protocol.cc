#include "controlplane/server/edit_protocol.h"

#include "controlplane/server/json_fields.h"

namespace director::server {

DIRECTOR_DEFINE_JSON(EditKey, protocol, address, port, mark, is_ipv6)
DIRECTOR_DEFINE_JSON(EditDaemon, role, interface, id, group, port, ttl, message_bytes)
DIRECTOR_DEFINE_JSON(EditRequest,
                     action,
                     service,
                     scheduler,
                     flags,
                     persistence_seconds,
                     persistence_prefix,
                     one_packet,
                     server,
                     server_port,
                     forwarding,
                     weight,
                     upper_threshold,
                     lower_threshold,
                     tunnel,
                     tunnel_port,
                     tunnel_checksum,
                     tcp,
                     tcp_fin,
                     udp,
                     daemon)
DIRECTOR_DEFINE_JSON(EditRefusalView, index, reason)

}  // namespace director::server
