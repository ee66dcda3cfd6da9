#include "controlplane/server/diagnostics_protocol.h"

#include "controlplane/server/json_fields.h"

namespace director::server {

DIRECTOR_DEFINE_JSON(StreamView, format)
DIRECTOR_DEFINE_JSON(HealthEndView,
                     packets,
                     bytes,
                     sent_again,
                     sent_again_share,
                     zero_windows,
                     resets,
                     round_trips,
                     round_trip_mean_seconds,
                     round_trip_max_seconds)
DIRECTOR_DEFINE_JSON(HealthServerView,
                     service,
                     server,
                     connections,
                     opened,
                     unanswered,
                     unfinished,
                     scans,
                     clients,
                     itself)
DIRECTOR_DEFINE_JSON(HealthVerdictView, service, server, blame, severity, text)
DIRECTOR_DEFINE_JSON(HealthView, observed_seconds, packets, missed, verdicts, servers)

}  // namespace director::server
