#include "controlplane/server/kernel_protocol.h"

#include "controlplane/server/json_fields.h"

namespace director::server {

DIRECTOR_DEFINE_JSON(RouteView, destination, kind, gateway, interface)
DIRECTOR_DEFINE_JSON(RoutesPage, routes, next_cursor)
DIRECTOR_DEFINE_JSON(NeighbourView, address, interface, mac, state)
DIRECTOR_DEFINE_JSON(NeighboursPage, neighbours, next_cursor)

}  // namespace director::server
