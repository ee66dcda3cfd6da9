#include "cli/flow_outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "cli/flow_screen.h"
#include "cli/text_file.h"
#include "diagnostics/report/column_texts.h"
#include "diagnostics/report/end_report.h"
#include "diagnostics/report/flow_table.h"
#include "diagnostics/report/packet_table.h"

namespace director::cli {
namespace {

using diagnostics::append;
using diagnostics::EndReport;
using diagnostics::Explanation;
using diagnostics::FlowRecord;
using diagnostics::PacketRecord;
using diagnostics::TextBuffer;

// {"flowInd":7,"verdict":"client","cost":2.1,"findings":[{"blame":...,"cost":...,"text":...}]}
void write_explanation_json(TextBuffer& out, const FlowRecord& a, const Explanation& explanation) {
    const auto put = std::back_inserter(out);
    fmt::format_to(put,
                   R"({{"flowInd":{},"verdict":"{}","cost":{:.7g},"findings":[)",
                   a.flow,
                   blame_name(explanation.blame),
                   explanation.cost_s);
    bool is_first = true;
    for (const diagnostics::Finding& finding : explanation.findings) {
        fmt::format_to(put,
                       R"({}{{"blame":"{}","cost":{:.7g},"text":")",
                       is_first ? "" : ",",
                       blame_name(finding.blame),
                       finding.cost_s);
        diagnostics::append_json_text(out, finding.text);
        append(out, "\"}");
        is_first = false;
    }
    append(out, "]}");
}

// PREFIX_flows.txt and its like; as JSON, PREFIX_flows.json and so on, an object a line.
class FilesOutput final : public FlowOutput {
  public:
    FilesOutput(const FlowsRequest& request, bool is_json) : request_(request), is_json_(is_json) {}

    [[nodiscard]] Result<void> open() {
        const std::pair<std::optional<TextFile>*, const char*> wanted[] = {
            {&flows_, "flows"},
            {request_.with_packets ? &packets_ : nullptr, "packets"},
            {request_.is_explained ? &explanations_ : nullptr, "explain"},
            {&report_, "report"},
            {is_json_ ? nullptr : &headers_, "headers"},
        };
        for (const auto& [file, name] : wanted) {
            if (file == nullptr) {
                continue;
            }
            auto made = TextFile::create(
                fmt::format("{}_{}.{}", request_.prefix, name, is_json_ ? "json" : "txt"));
            if (!made) {
                return failure(made.error().message);
            }
            file->emplace(std::move(*made));
        }
        if (!is_json_) {
            append(headers_->buffer(), diagnostics::show_columns());
            write_header(flows_->buffer(), diagnostics::flow_columns());
            if (packets_) {
                write_header(packets_->buffer(), diagnostics::packet_columns());
            }
        }
        return {};
    }
    void take_packet(const PacketRecord& record) override {
        if (packets_) {
            write(*packets_, diagnostics::packet_columns(), record);
        }
    }
    [[nodiscard]] Result<void> finish(const EndReport& report) override {
        TextBuffer& out = report_->buffer();
        if (is_json_) {
            write_end_report_json(out, report);
            out.push_back('\n');
        } else {
            append(out, show_end_report(report, request_.analysis));
        }
        for (std::optional<TextFile>* file :
             {&flows_, &packets_, &explanations_, &report_, &headers_}) {
            if (file->has_value()) {
                auto closed = (*file)->close();
                if (!closed) {
                    return closed;
                }
            }
        }
        return {};
    }

  protected:
    void add_flow(const FlowRecord& record) override {
        write(*flows_, diagnostics::flow_columns(), record);
    }
    void add_connection(const FlowRecord& a, const FlowRecord* b) override {
        if (!explanations_) {
            return;
        }
        const Explanation explanation = explain(a, b, request_.explain);
        TextBuffer& out = explanations_->buffer();
        if (is_json_) {
            write_explanation_json(out, a, explanation);
            out.push_back('\n');
        } else {
            append(out, show_explanation(a, b, explanation));
        }
        explanations_->flush_if_full();
    }

  private:
    template <typename Record>
    void write(TextFile& file, diagnostics::Columns<Record> columns, const Record& record) {
        if (is_json_) {
            write_json(file.buffer(), columns, record, request_.table);
            file.buffer().push_back('\n');
        } else {
            write_row(file.buffer(), columns, record, request_.table);
        }
        file.flush_if_full();
    }

    const FlowsRequest& request_;
    bool is_json_;
    std::optional<TextFile> flows_;
    std::optional<TextFile> packets_;
    std::optional<TextFile> explanations_;
    std::optional<TextFile> report_;
    std::optional<TextFile> headers_;
};

// To standard output, an object a line, each with one member that tells what it is: {"flow":{...}}.
class JsonLinesOutput final : public FlowOutput {
  public:
    JsonLinesOutput(const FlowsRequest& request, TextFile file)
        : request_(request), file_(std::move(file)) {}

    void take_packet(const PacketRecord& record) override {
        add("packet", [&](TextBuffer& out) {
            write_json(out, diagnostics::packet_columns(), record, request_.table);
        });
    }
    [[nodiscard]] Result<void> finish(const EndReport& report) override {
        add("report", [&](TextBuffer& out) { write_end_report_json(out, report); });
        return file_.close();
    }

  protected:
    void add_flow(const FlowRecord& record) override {
        add("flow", [&](TextBuffer& out) {
            write_json(out, diagnostics::flow_columns(), record, request_.table);
        });
    }
    void add_connection(const FlowRecord& a, const FlowRecord* b) override {
        if (request_.is_explained) {
            add("explanation", [&](TextBuffer& out) {
                write_explanation_json(out, a, explain(a, b, request_.explain));
            });
        }
    }

  private:
    template <typename Write>
    void add(std::string_view name, Write write) {
        TextBuffer& out = file_.buffer();
        append(out, "{\"");
        append(out, name);
        append(out, "\":");
        write(out);
        append(out, "}\n");
        file_.flush_if_full();
    }

    const FlowsRequest& request_;
    TextFile file_;
};

}  // namespace

void FlowOutput::take_flow(const FlowRecord& record) {
    add_flow(record);
    if (has_first_ && first_.flow == record.flow) {
        has_first_ = false;
        add_connection(first_, &record);
    } else if (record.direction == diagnostics::Direction::kA && record.has_opposite) {
        first_ = record;
        has_first_ = true;
    } else {
        add_connection(record, nullptr);
    }
}

Result<std::unique_ptr<FlowOutput>> make_flow_output(const Settings& settings,
                                                     const FlowsRequest& request) {
    const bool is_json = settings.output == Output::kJson;
    if (!request.prefix.empty()) {
        auto files = std::make_unique<FilesOutput>(request, is_json);
        auto opened = files->open();
        if (!opened) {
            return failure(opened.error().message);
        }
        return files;
    }
    auto standard_output = TextFile::create("-");
    if (!standard_output) {
        return failure(standard_output.error().message);
    }
    if (is_json) {
        return std::make_unique<JsonLinesOutput>(request, std::move(*standard_output));
    }
    return std::make_unique<FlowScreen>(settings, request, std::move(*standard_output));
}

}  // namespace director::cli
