// "events", "subscribe" and "unsubscribe".
#pragma once

#include "controlplane/server/event_stream.h"
#include "controlplane/server/request_table.h"

namespace director::server {

// `stream` outlives the table.
void add_event_requests(RequestTable& table, const EventStream& stream);

}  // namespace director::server
