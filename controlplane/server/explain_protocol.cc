#include "controlplane/server/explain_protocol.h"

#include "controlplane/server/json_fields.h"

namespace director::server {

DIRECTOR_DEFINE_JSON(ExplainQuestionView, protocol, source, destination, direction, interface)
DIRECTOR_DEFINE_JSON(ExplainStepView, name, text, is_good)
DIRECTOR_DEFINE_JSON(ExplainServiceView,
                     name,
                     scheduler,
                     flags,
                     mark,
                     rule,
                     persistence_seconds,
                     is_retired,
                     is_under_attack)
DIRECTOR_DEFINE_JSON(ExplainConnectionView,
                     state,
                     client,
                     virtual_service,
                     local,
                     real_server,
                     expires_seconds,
                     timeout_seconds,
                     server_is_gone)
DIRECTOR_DEFINE_JSON(ExplainServerView, address, port, forwarding, weight, chosen_by)
DIRECTOR_DEFINE_JSON(ExplainCandidateView,
                     address,
                     port,
                     weight,
                     active,
                     total,
                     is_overloaded,
                     is_out,
                     is_draining,
                     note)
DIRECTOR_DEFINE_JSON(ExplainSentView,
                     source,
                     destination,
                     encapsulation,
                     outer_source,
                     outer_destination,
                     interface,
                     mtu,
                     next_hop,
                     source_mac,
                     destination_mac)
DIRECTOR_DEFINE_JSON(ExplainVrrpView, instance, state)
DIRECTOR_DEFINE_JSON(ExplainView,
                     question,
                     worker,
                     verdict,
                     reason,
                     summary,
                     steps,
                     service,
                     connection,
                     server,
                     candidates,
                     sent,
                     services,
                     vrrp)

}  // namespace director::server
