// What a person sees of `directorctl flows`: the connections that are worst off, as a table or with
// the reasons, and the report. Holds only as many as it shows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/flow_outputs.h"
#include "cli/table.h"
#include "cli/text_file.h"

namespace director::cli {

class FlowScreen final : public FlowOutput {
  public:
    FlowScreen(const Settings& settings, const FlowsRequest& request, TextFile file);

    void take_packet(const diagnostics::PacketRecord& record) override;
    [[nodiscard]] Result<void> finish(const diagnostics::EndReport& report) override;

  protected:
    void add_flow(const diagnostics::FlowRecord& /*record*/) override {}
    void add_connection(const diagnostics::FlowRecord& a,
                        const diagnostics::FlowRecord* b) override;

  private:
    struct Shown {
        double cost_s = 0;
        uint64_t flow = 0;
        std::vector<Cell> row;    // of the table
        std::string explanation;  // if wanted

        // Whether it is to stand above the other.
        [[nodiscard]] bool is_above(const Shown& other) const {
            return cost_s != other.cost_s ? cost_s > other.cost_s : flow < other.flow;
        }
    };

    const Settings& settings_;
    const FlowsRequest& request_;
    TextFile file_;
    std::vector<Shown> shown_;  // a heap; the one that gives way first lies in front
    uint64_t connections_ = 0;
    bool has_packet_header_ = false;
};

}  // namespace director::cli
