// What the Analyzer is made of. For diagnostics/flow alone.
#pragma once

#include <array>
#include <cstddef>

#include "diagnostics/flow/aging_lists.h"
#include "diagnostics/flow/analyzer.h"
#include "diagnostics/flow/flow_state.h"
#include "diagnostics/flow/index_hash.h"
#include "diagnostics/flow/slab.h"
#include "diagnostics/flow/sources.h"
#include "diagnostics/ip/fragment_follower.h"

namespace director::diagnostics {

class Analyzer::Impl final : public FragmentSink {
  public:
    Impl(const AnalysisSettings& settings, RecordSink& sink);

    void see(const Packet& packet, const Headers& headers);
    void see_soon(const Packet& packet);
    // What see_soon() put off.
    void see_waiting();
    void pass_time(int64_t now_ns);
    void finish();
    [[nodiscard]] EndReport report() const;
    [[nodiscard]] size_t flows_in_memory() const { return index_.size(); }
    [[nodiscard]] const AnalysisSettings& settings() const { return settings_; }

    // FragmentSink.
    void take(const Packet& packet,
              const Headers& headers,
              const FragmentFinding& fragment) override;
    void see_unfinished(const Headers& headers) override;

  private:
    // The lists of flows by how long they may be idle: as TcpState; kNew also of all but TCP.
    static constexpr size_t kLists = 5;

    // A packet put off: of its bytes nothing is looked at any more.
    struct Waiting {
        Packet packet;
        Headers headers;
        uint64_t hash = 0;
        bool is_from_low = false;
    };
    // analyzer.cc: a packet's way.
    void analyze(const Packet& packet, const Headers& headers, const FragmentFinding& fragment);
    void begin_half(Flow& flow, FlowHalf& half, const Packet& packet, const Headers& headers);
    void count_basics(FlowHalf& half,
                      const Packet& packet,
                      const Headers& headers,
                      const FragmentFinding& fragment);
    [[nodiscard]] TcpFinding analyze_tcp(Flow& flow,
                                         Direction direction,
                                         const Packet& packet,
                                         const Headers& headers);
    void emit_packet(const PacketRecord& record) const { sink_.take_packet(record); }
    [[nodiscard]] PacketRecord begin_record(const Flow& flow,
                                            Direction direction,
                                            const Packet& packet,
                                            const Headers& headers) const;
    void add_tcp(PacketRecord& record,
                 const Flow& flow,
                 const TcpHeader& header,
                 const TcpFinding& finding) const;

    // flow_ends.cc: flows found, begun and ended.
    [[nodiscard]] uint32_t find(const DirectedKey& key, uint64_t hash) const {
        return index_.find(hash, [&](uint32_t each) { return flows_[each].key == key.packed; });
    }
    [[nodiscard]] uint32_t find_or_begin(const DirectedKey& key,
                                         const Packet& packet,
                                         const Headers& headers);
    [[nodiscard]] uint32_t begin_flow(const DirectedKey& key,
                                      uint64_t hash,
                                      const Headers& headers);
    [[nodiscard]] bool has_lasted(const Flow& flow) const;
    [[nodiscard]] bool is_another(const Flow& flow,
                                  const DirectedKey& key,
                                  const Packet& packet,
                                  const Headers& headers) const;
    void expire();
    [[nodiscard]] int64_t timeout_ns(size_t list) const;
    [[nodiscard]] size_t list_of(const Flow& flow) const;
    void evict_oldest();
    void end_flow(uint32_t index, FlowEnd end);
    void account(Flow& flow);
    [[nodiscard]] ScanTry scan_try(const Flow& flow) const;
    void emit(Flow& flow, Direction direction, FlowEnd end, const ScanTry& scan_try);
    [[nodiscard]] FlowRecord make_record(const Flow& flow, Direction direction) const;
    void release(uint32_t index);

    // nullptr while the direction has no packets, or none that can be read as TCP.
    [[nodiscard]] FlowHalf* half_of(const Flow& flow, Direction direction) {
        const uint32_t index = flow.halves[static_cast<size_t>(direction)];
        return index == IndexHash::kNone ? nullptr : &halves_[index];
    }
    [[nodiscard]] const FlowHalf* half_of(const Flow& flow, Direction direction) const {
        const uint32_t index = flow.halves[static_cast<size_t>(direction)];
        return index == IndexHash::kNone ? nullptr : &halves_[index];
    }
    [[nodiscard]] TcpHalf* tcp_of(const Flow& flow, Direction direction) {
        const uint32_t index = flow.tcp[static_cast<size_t>(direction)];
        return index == IndexHash::kNone ? nullptr : &tcp_[index];
    }
    [[nodiscard]] const TcpHalf* tcp_of(const Flow& flow, Direction direction) const {
        const uint32_t index = flow.tcp[static_cast<size_t>(direction)];
        return index == IndexHash::kNone ? nullptr : &tcp_[index];
    }
    // A flow that ends was not looked at for long: it lies in no cache. `next` is the one that ends
    // next, `later` the one after it.
    [[gnu::always_inline]] void prefetch_end(uint32_t next, uint32_t later) const {
        if (later != IndexHash::kNone) {
            flows_.prefetch(later);
        }
        if (next != IndexHash::kNone) {
            prefetch_whole(flows_[next]);
        }
    }
    [[gnu::always_inline]] void prefetch_whole(const Flow& flow) const {
        for (const size_t side : {0U, 1U}) {
            if (flow.halves[side] != IndexHash::kNone) {
                halves_.prefetch(flow.halves[side]);
            }
            if (flow.tcp[side] != IndexHash::kNone) {
                tcp_.prefetch(flow.tcp[side]);
            }
        }
    }
    // All that a packet of `direction` is going to touch, at once instead of one after the other.
    [[gnu::always_inline]] void prefetch(const Flow& flow,
                                         Direction direction,
                                         bool has_payload) const {
        const auto self = static_cast<size_t>(direction);
        const bool is_answer = has_payload && flow.has_payload && flow.speaker != direction;
        if (flow.halves[self] != IndexHash::kNone) {
            halves_.prefetch(flow.halves[self], 0, FlowHalf::kHotBytes);
            if (is_answer) {
                halves_.prefetch(
                    flow.halves[self], offsetof(FlowHalf, answers), sizeof(FlowHalf::answers));
            }
        }
        if (flow.tcp[self] != IndexHash::kNone) {
            tcp_.prefetch(flow.tcp[self], 0, TcpHalf::kOwnBytes);
        }
        if (flow.tcp[1 - self] != IndexHash::kNone) {
            tcp_.prefetch(flow.tcp[1 - self], 0, TcpHalf::kPeerBytes);
            tcp_.prefetch(flow.tcp[1 - self], offsetof(TcpHalf, ack_trip), TcpHalf::kAnswersBytes);
        }
    }

    AnalysisSettings settings_;
    RecordSink& sink_;
    HashKey key_;
    Slab<Flow> flows_;
    Slab<FlowHalf> halves_;
    Slab<TcpHalf> tcp_;
    TcpRares rares_;
    IndexHash index_;
    AgingLists<kLists> ages_;
    Sources sources_;
    FragmentFollower fragments_;
    EndReport report_;
    std::array<Waiting, kTogether> waiting_;
    size_t waiting_count_ = 0;
    uint64_t flows_begun_ = 0;
    int64_t now_ns_;
    int64_t next_expiry_ns_;
};

}  // namespace director::diagnostics
