#include "controlplane/server/vrrp_protocol.h"

#include "controlplane/server/json_fields.h"

namespace director::server {

DIRECTOR_DEFINE_JSON(
    VrrpPeerView, address, priority, heard_ms_ago, advert_interval_ms, adverts, has_other_addresses)
DIRECTOR_DEFINE_JSON(VrrpInstanceView,
                     name,
                     interface,
                     group,
                     family,
                     version,
                     router_id,
                     state,
                     fault,
                     priority,
                     configured_priority,
                     advert_interval_ms,
                     master_interval_ms,
                     master_down_ms,
                     next_ms,
                     master,
                     addresses,
                     excluded_addresses,
                     peers,
                     adverts_sent,
                     adverts_received,
                     goodbyes_sent,
                     goodbyes_received,
                     lower_priority_received,
                     became_master,
                     left_master,
                     starved,
                     transitions,
                     refused)
DIRECTOR_DEFINE_JSON(VrrpGroupView, name, state, instances)
DIRECTOR_DEFINE_JSON(VrrpTrackerView, name, kind, state, value, streak, runs, failures, timeouts)
DIRECTOR_DEFINE_JSON(VrrpRefusalView, name, help, packets)
DIRECTOR_DEFINE_JSON(VrrpView, instances, groups, trackers, refused)
DIRECTOR_DEFINE_JSON(VrrpStateView, name, state, fault)

}  // namespace director::server
