#include "cli/flows_command.h"

#include <unistd.h>

#include <utility>

#include "cli/ask.h"
#include "cli/flow_outputs.h"
#include "cli/progress.h"
#include "diagnostics/files/capture_file.h"

namespace director::cli {

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
    if (file->fault()) {
        return complain(kExitFailed, file->fault()->message + "; what is before it was read");
    }
    return kExitOk;
}

}  // namespace director::cli
