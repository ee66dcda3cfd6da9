// Adding to the EndReport: packet by packet, and flow by flow.
#pragma once

#include "diagnostics/flow/flow_record.h"

namespace director::diagnostics {

void count_packet(EndReport& report, const Packet& packet, const Headers& headers);
void count_flow(EndReport& report, const FlowRecord& record);

}  // namespace director::diagnostics
