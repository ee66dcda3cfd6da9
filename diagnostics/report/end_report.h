// What is printed when all packets are read: the aggregated report, after Tranalyzer's, and the
// same as JSON.
#pragma once

#include <string>

#include "diagnostics/flow/flow_record.h"
#include "diagnostics/flow/settings.h"
#include "diagnostics/report/table.h"

namespace director::diagnostics {

[[nodiscard]] std::string show_end_report(const EndReport& report,
                                          const AnalysisSettings& settings);

// One object, without a line's end.
void write_end_report_json(TextBuffer& out, const EndReport& report);

}  // namespace director::diagnostics
