#include "controlplane/daemon/risk_log.h"

#include "common/log.h"

namespace director::daemon {
namespace {

constexpr LogArea kLog{"config"};
constexpr size_t kLinesMax = 20;

}  // namespace

void log_risks(const config::Diagnostics& risks) {
    for (size_t i = 0; i < risks.size() && i < kLinesMax; ++i) {
        const config::Diagnostic& risk = risks[i];
        kLog.warning("risky file={} line={} setting={} message=\"{}\"",
                     risk.file,
                     risk.line,
                     risk.path,
                     risk.message);
    }
    if (risks.size() > kLinesMax) {
        kLog.warning("risky more={} message=\"`directorctl config lint` lists all\"",
                     risks.size() - kLinesMax);
    }
}

}  // namespace director::daemon
