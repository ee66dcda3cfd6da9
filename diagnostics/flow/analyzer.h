// Packets in, flow records out: the whole analysis of one stream of packets. Used offline by
// `directorctl flows` and live by the diagnostics thread; one thread at a time.
//
//     Analyzer analyzer(settings, sink);
//     while (const Packet* packet = file.next()) analyzer.see(*packet);
//     analyzer.finish();
//     show(analyzer.report());
//
// Memory is bounded by AnalysisSettings::flows_max and scan_sources_max, and is taken as it is
// needed; once taken it is used again, so that a packet of a known flow needs none.
#pragma once

#include <cstdint>
#include <memory>

#include "diagnostics/flow/flow_record.h"
#include "diagnostics/flow/settings.h"

namespace director::diagnostics {

// Told of what is found, within see() and finish().
class RecordSink {
  public:
    RecordSink() = default;
    RecordSink(const RecordSink&) = delete;
    RecordSink& operator=(const RecordSink&) = delete;
    virtual ~RecordSink() = default;

    // A direction of a flow that is over; A before B, where both have packets.
    virtual void take_flow(const FlowRecord& record) = 0;
    // Each packet, if AnalysisSettings::with_packets. The record lives until this returns.
    virtual void take_packet(const PacketRecord& /*record*/) {}
};

class Analyzer {
  public:
    // `sink` outlives the analyzer.
    Analyzer(const AnalysisSettings& settings, RecordSink& sink);
    Analyzer(const Analyzer&) = delete;
    Analyzer& operator=(const Analyzer&) = delete;
    ~Analyzer();

    // In the order of capture; time may step back a little.
    void see(const Packet& packet);
    // The same, but a packet may wait until up to kTogether of them can be looked at together,
    // which is faster where flows are many: each lies in no cache. Whatever else is called takes
    // those first. The packet's bytes are not needed any more when this returns.
    void see_soon(const Packet& packet);
    // The same as see() for headers that are there already: decode(packet, settings.decode).
    void see(const Packet& packet, const Headers& headers);
    // Emits the flows that are idle at `now_ns`, for a stream in which nothing comes for a while.
    void pass_time(int64_t now_ns);
    // Emits all flows. More packets may follow: they make new ones.
    void finish();

    static constexpr size_t kTogether = 16;

    // What was seen so far, without what see_soon() has put off. Bits and counts that belong to
    // flows are of those emitted.
    [[nodiscard]] EndReport report() const;
    [[nodiscard]] size_t flows_in_memory() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace director::diagnostics
