#include "cli/flows_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "cli/ask.h"
#include "cli/flow_outputs.h"
#include "cli/progress.h"
#include "diagnostics/files/capture_file.h"

namespace director::cli {

namespace {

// A capture that misses packets shows losses that there were none of: who reads has to know.
void tell_missed(const std::vector<diagnostics::CapturePoint>& points) {
    for (const diagnostics::CapturePoint& point : points) {
        if (point.packets_missed.value_or(0) == 0) {
            continue;
        }
        // The file's word, which a terminal is not to be given as it is.
        std::string name = point.name;
        std::replace_if(
            name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; }, '.');
        fmt::print(stderr,
                   "directorctl: interface '{}': {} packets read, {} missed by the capture\n",
                   name,
                   point.packets,
                   *point.packets_missed);
    }
}

}  // namespace

int run_flows(const Settings& settings, const FlowsRequest& request) {
    if (request.file.empty()) {
        return complain(kExitUsage, "flows: which file? -r FILE, or `directorctl flows --help`");
    }
    auto file = diagnostics::CaptureFile::open(request.file, request.filter);
    if (!file) {
        return complain(kExitUsage, file.error().message);
    }
    auto output = make_flow_output(settings, request);
    if (!output) {
        return complain(kExitFailed, output.error().message);
    }
    diagnostics::AnalysisSettings analysis = request.analysis;
    analysis.with_packets = request.with_packets;
    diagnostics::Analyzer analyzer(analysis, **output);
    {
        const SteadyClock clock;
        Progress progress(clock, isatty(STDERR_FILENO) != 0, file->bytes_total());
        constexpr uint64_t kBetweenLooks = 1 << 14;  // packets: some milliseconds
        uint64_t packets = 0;
        while (const diagnostics::Packet* packet = file->next()) {
            analyzer.see_soon(*packet);
            if (++packets % kBetweenLooks == 0) {
                progress.show(packets, file->bytes_read());
            }
        }
    }
    analyzer.finish();
    const auto finished = (*output)->finish(analyzer.report());
    if (!finished) {
        return complain(kExitFailed, finished.error().message);
    }
    tell_missed(file->points());
    if (file->fault()) {
        return complain(kExitFailed, file->fault()->message + "; what is before it was read");
    }
    return kExitOk;
}

}  // namespace director::cli
