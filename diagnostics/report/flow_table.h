// The flow table: Tranalyzer's columns in the tutorial's order (basicStats between l4Proto and
// tcpFStat), then Director's own. docs/diagnostics.md explains each.
#pragma once

#include "diagnostics/flow/flow_record.h"
#include "diagnostics/report/table.h"

namespace director::diagnostics {

[[nodiscard]] Columns<FlowRecord> flow_columns();

// "SYN", "connect" ...; nothing of kNone.
[[nodiscard]] std::string_view scan_name(ScanKind kind);

}  // namespace director::diagnostics
