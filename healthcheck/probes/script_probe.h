// Runs a program and judges its exit code. At the deadline the probe has failed at once; the
// program dies without anybody waiting for it.
#pragma once

#include <string>

#include "healthcheck/probes/probe.h"
#include "healthcheck/probes/process.h"

namespace director::healthcheck {

class ScriptProbe final : public Probe {
  public:
    using Probe::Probe;
    ~ScriptProbe() override;
    ScriptProbe(const ScriptProbe&) = delete;
    ScriptProbe& operator=(const ScriptProbe&) = delete;
    void begin(TimePoint now) override;
    void on_ready(int fd, Readiness readiness, TimePoint now) override;
    void on_deadline(TimePoint now) override;

  private:
    Process process_;
    std::string output_;
    TimePoint last_;  // now, as last seen: cancelling has no other
};

}  // namespace director::healthcheck
