// Where `directorctl flows` puts what the analysis finds: files of tables, JSON lines, or what a
// person reads on a terminal.
#pragma once

#include <memory>

#include "cli/flows_command.h"
#include "common/result.h"
#include "diagnostics/flow/analyzer.h"

namespace director::cli {

// Flow records come a direction at a time; a connection is both.
class FlowOutput : public diagnostics::RecordSink {
  public:
    void take_flow(const diagnostics::FlowRecord& record) final;
    // All is read: what is still to be written. Fails if anything could not be.
    [[nodiscard]] virtual Result<void> finish(const diagnostics::EndReport& report) = 0;

  protected:
    virtual void add_flow(const diagnostics::FlowRecord& record) = 0;
    // `b` is null where nothing came back.
    virtual void add_connection(const diagnostics::FlowRecord& a,
                                const diagnostics::FlowRecord* b) = 0;

  private:
    diagnostics::FlowRecord first_;  // of a pair whose second is to come
    bool has_first_ = false;
};

// As the request and the settings say.
[[nodiscard]] Result<std::unique_ptr<FlowOutput>> make_flow_output(const Settings& settings,
                                                                   const FlowsRequest& request);

}  // namespace director::cli
