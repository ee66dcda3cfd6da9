// The packet table: Tranalyzer's columns in the tutorial's order, then those of its MPTCP mode,
// then Director's own. Cells of what a packet has not are empty.
#pragma once

#include "diagnostics/flow/flow_record.h"
#include "diagnostics/report/table.h"

namespace director::diagnostics {

[[nodiscard]] Columns<PacketRecord> packet_columns();

}  // namespace director::diagnostics
