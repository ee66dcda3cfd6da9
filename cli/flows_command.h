// `directorctl flows`: the flows of a capture, without a directord.
#pragma once

#include <string>

#include "cli/commands.h"
#include "diagnostics/flow/settings.h"
#include "diagnostics/report/explain.h"
#include "diagnostics/report/table.h"

namespace director::cli {

struct FlowsRequest {
    std::string file;    // "-" is standard input
    std::string prefix;  // of the files to write; empty: standard output
    std::string filter;
    bool with_packets = false;
    bool is_explained = false;
    uint32_t connections_shown = 40;
    diagnostics::AnalysisSettings analysis;
    diagnostics::TableSettings table;
    diagnostics::ExplainSettings explain;
};

[[nodiscard]] int run_flows(const Settings& settings, const FlowsRequest& request);

}  // namespace director::cli
