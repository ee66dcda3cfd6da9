// Longer than 600 lines: one loop, whose turns share what they measure and are inlined into it.
#include "dataplane/io/lcore_loop.h"

#include <sys/prctl.h>

#include <cstring>
#include <ctime>
#include <utility>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <rte_prefetch.h>

#include "common/assert.h"
#include "common/scheduling.h"
#include "dataplane/io/cut.h"
#include "dataplane/io/memory_plan.h"

namespace director::dataplane::io {
namespace {

// Bounds what a flood of commands adds to a packet's delay: some microseconds.
constexpr uint32_t kCommandsPerPoll = 8;
// Sleeps of 20 us would become 70 with the kernel's default slack.
constexpr unsigned long kTimerSlackNs = 1000;

// RTE_MBUF_F_RX_*_CKSUM_NONE means that the sender's host never filled the checksum in (virtio):
// for a packet that goes on to a wire that is as good as unknown.
ChecksumCheck to_check(uint64_t flags, uint64_t good, uint64_t bad) {
    const uint64_t found = flags & (good | bad);
    if (found == good) {
        return ChecksumCheck::kGood;
    }
    return found == bad ? ChecksumCheck::kBad : ChecksumCheck::kUnknown;
}

// Whether nobody else refers to the buffer.
bool is_own(const rte_mbuf* frame) {
    return RTE_MBUF_DIRECT(frame) && rte_mbuf_refcnt_read(frame) == 1;
}

// How many bytes the stages may look at and change: none of a buffer that others refer to as well,
// and none of a frame in several pieces, which no buffer holds (gather()).
uint32_t writable_bytes(const rte_mbuf* frame) {
    return frame->nb_segs == 1 && is_own(frame) ? frame->data_len : 0;
}

// Puts a frame that came in several buffers into the first: what answers, punts or rewrites a frame
// does so in one piece. A buffer holds the longest frame of any port, so that few drivers ever hand
// out chains (net_pcap does). What is longer than that stays as it is.
void gather(rte_mbuf* frame) {
    if (frame->nb_segs > 1 && is_own(frame)) {
        static_cast<void>(rte_pktmbuf_linearize(frame));
    }
}

// All that is the I/O layer's to say; the stages set the rest before they read it.
void fill_packet(Packet& packet, rte_mbuf* frame, PortId in_port) {
    packet.data = rte_pktmbuf_mtod(frame, uint8_t*);
    packet.length_bytes = frame->pkt_len;
    packet.contiguous_bytes = writable_bytes(frame);
    packet.headroom_bytes = frame->data_off;
    packet.tailroom_bytes = frame->nb_segs == 1 ? rte_pktmbuf_tailroom(frame) : 0;
    packet.in_port = in_port;
    packet.is_handed_over = false;
    packet.is_to_follow = false;
    packet.is_resumed = false;
    packet.is_outbound = false;
    packet.fragment = {};
}

}  // namespace

LcoreLoop::LcoreLoop(LoopWiring wiring)
    : wiring_(std::move(wiring)),
      backoff_(wiring_.idle),
      outgoing_(wiring_.transmit.size()),
      outboxes_(wiring_.to_worker.size()) {}

bool LcoreLoop::make_worker(const WorkerSettings& settings) {
    WorkerSettings own = settings;
    own.id = wiring_.id;
    own.worker_count = static_cast<uint16_t>(wiring_.to_worker.size());
    own.memory = engine_table_memory();
    worker_ = std::make_unique<Worker>(own);
    return worker_->is_ready();
}

// A worker that sleeps shares its CPU: it wants to run soon after it wakes.
void LcoreLoop::settle_on_cpu() const {
    prctl(PR_SET_TIMERSLACK, kTimerSlackNs, 0, 0, 0);
    if (wiring_.idle != IdleMode::kAdaptive) {
        return;
    }
    ask_for_short_turns();
    if (wiring_.realtime_priority != 0) {
        // The control plane has asked for one more of the same, and told if that failed.
        static_cast<void>(become_realtime(wiring_.realtime_priority));
    }
}

void LcoreLoop::run(const Clock& reference,
                    uint64_t tsc_frequency_hz,
                    const std::atomic<bool>& stop) {
    settle_on_cpu();
    TscClock clock(reference, &rte_rdtsc_precise, tsc_frequency_hz);
    began_ = previous_ = clock.at(rte_rdtsc());
    bool was_busy = false;
    while (!stop.load(std::memory_order_acquire)) {
        const TimePoint now = clock.at(rte_rdtsc());
        account(now, was_busy);
        poll(now);
        was_busy = frames_seen_ != 0;
        if (was_busy || has_applied_ || resumed_count_ != 0) {
            backoff_.on_busy_poll();
        } else {
            idle();
        }
    }
    free_held();
}

void LcoreLoop::poll(TimePoint now) {
    burst_.count = 0;
    frames_seen_ = 0;
    has_news_ = false;
    apply_commands(now);
    send_injected(wiring_.control->injected_first);
    send_injected(wiring_.control->injected);
    take_returned();
    resume_held();
    receive();
    worker_->process(burst_, now);
    carry_out_frame_operations();
    send_made_frames();
    act_on_verdicts();
    flush_ports();
    flush_outboxes();
    flush_punted();
    if (dropped_count_ != 0) {
        rte_pktmbuf_free_bulk(dropped_.data(), dropped_count_);
        dropped_count_ = 0;
    }
    flush_events();
    if (has_news_) {
        wiring_.wake->notify();
    }
}

void LcoreLoop::idle() {
    const Duration sleep = backoff_.on_empty_poll();
    if (sleep == Duration::zero()) {
        rte_pause();
        return;
    }
    const timespec length{.tv_sec = 0, .tv_nsec = sleep.count()};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &length, nullptr);
    ++totals_.sleeps;
}

void LcoreLoop::apply_commands(TimePoint now) {
    has_applied_ = false;
    Command command;
    for (uint32_t i = 0; i < kCommandsPerPoll && worker_->can_apply(); ++i) {
        if (!wiring_.control->commands.pop(command)) {
            return;
        }
        worker_->apply(command, now);
        has_applied_ = true;
    }
}

void LcoreLoop::send_injected(FrameRing& ring) {
    std::array<rte_mbuf*, kBurstMax> frames{};
    const uint32_t count = ring.pop(frames.data(), kBurstMax);
    if (count == 0) {
        return;
    }
    frames_seen_ += count;
    for (uint32_t i = 0; i < count; ++i) {
        queue_for_port(tag_of(frames[i]).packet.out_port, frames[i], kInjected);
    }
    flush_ports();
}

void LcoreLoop::take_returned() {
    rte_mbuf* frame = wiring_.returns[index(wiring_.id)]->take_all();
    while (frame != nullptr) {
        FrameTag& tag = tag_of(frame);
        rte_mbuf* const next = tag.next;
        worker_->retract(tag.packet, DropReason::kTransmitFull);
        rte_pktmbuf_free(frame);
        frame = next;
    }
}

// Fills the burst from receive queues and other workers. Each is first in turn, so that none
// starves when the burst is full before all have been asked.
void LcoreLoop::receive() {
    const auto queues = static_cast<uint32_t>(wiring_.receive.size());
    const uint32_t sources = queues + static_cast<uint32_t>(wiring_.from_worker.size());
    uint32_t source = next_source_;
    next_source_ = next_source_ + 1 < sources ? next_source_ + 1 : 0;
    for (uint32_t i = 0; i < sources && burst_.count < kBurstMax; ++i) {
        if (source < queues) {
            receive_from_port(wiring_.receive[source]);
        } else if (FrameRing* ring = wiring_.from_worker[source - queues]; ring != nullptr) {
            receive_from_worker(*ring);
        }
        source = source + 1 < sources ? source + 1 : 0;
    }
}

void LcoreLoop::receive_from_port(const ReceiveQueue& source) {
    const auto room = static_cast<uint16_t>(kBurstMax - burst_.count);
    const uint16_t count =
        rte_eth_rx_burst(source.device, source.queue, frames_.data() + burst_.count, room);
    frames_seen_ += count;
    for (uint16_t i = 0; i < count; ++i) {
        add_received(source.port);
    }
}

void LcoreLoop::receive_from_worker(FrameRing& ring) {
    const uint32_t count = ring.pop(arrived_.data(), kBurstMax - burst_.count);
    frames_seen_ += count;
    for (uint32_t i = 0; i < count; ++i) {
        const FrameTag& tag = tag_of(arrived_[i]);
        if (tag.errand == FrameErrand::kTransmit) {
            queue_for_port(tag.packet.out_port, arrived_[i], kOnBehalf);
        } else {
            add_handed_over(arrived_[i]);
        }
    }
}

// The frame lies in frames_ already.
void LcoreLoop::add_received(PortId in_port) {
    rte_mbuf* const frame = frames_[burst_.count];
    Packet& packet = burst_.packets[burst_.count++];
    gather(frame);
    fill_packet(packet, frame, in_port);
    rte_prefetch0(packet.data);
    packet.ip_checksum =
        to_check(frame->ol_flags, RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_IP_CKSUM_BAD);
    packet.l4_checksum =
        to_check(frame->ol_flags, RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_BAD);
}

void LcoreLoop::add_handed_over(rte_mbuf* frame) {
    const Packet& seen = tag_of(frame).packet;
    Packet& packet = burst_.packets[burst_.count];
    fill_packet(packet, frame, seen.in_port);
    rte_prefetch0(packet.data);
    packet.ip_checksum = seen.ip_checksum;
    packet.l4_checksum = seen.l4_checksum;
    // A fragment whose ports nobody knows yet comes to be followed, all else to its connection.
    packet.is_to_follow = seen.is_fragment && !seen.fragment.is_known;
    packet.is_handed_over = !packet.is_to_follow;
    packet.is_outbound = seen.is_outbound;
    packet.fragment = seen.fragment;
    frames_[burst_.count++] = frame;
}

// Held frames whose ports are known by now go first: they came before what is received now.
void LcoreLoop::resume_held() {
    while (resumed_count_ != 0 && burst_.count < kBurstMax) {
        const uint16_t oldest = resumed_first_;
        rte_mbuf* const frame = resumed_[oldest];
        resumed_first_ = static_cast<uint16_t>((oldest + 1) % resumed_.size());
        --resumed_count_;
        ++frames_seen_;
        const Packet& seen = tag_of(frame).packet;
        Packet& packet = burst_.packets[burst_.count];
        fill_packet(packet, frame, seen.in_port);
        packet.ip_checksum = seen.ip_checksum;
        packet.l4_checksum = seen.l4_checksum;
        packet.is_resumed = true;
        packet.fragment = seen.fragment;
        frames_[burst_.count++] = frame;
    }
}

void LcoreLoop::carry_out_frame_operations() {
    for (const FrameOperation& operation : worker_->frame_operations()) {
        rte_mbuf*& held = held_[operation.slot];
        switch (operation.kind) {
            case FrameOperation::Kind::kHold:
                held = frames_[static_cast<size_t>(operation.packet - burst_.packets.data())];
                tag_of(held).packet = *operation.packet;
                break;
            case FrameOperation::Kind::kResume:
                tag_of(held).packet.fragment = operation.ports;
                resumed_[(resumed_first_ + resumed_count_) % resumed_.size()] = held;
                ++resumed_count_;
                held = nullptr;
                break;
            case FrameOperation::Kind::kDrop:
                rte_pktmbuf_free(held);
                held = nullptr;
                break;
        }
    }
}

// At the end, when nothing will be resumed any more.
void LcoreLoop::free_held() {
    for (rte_mbuf*& frame : held_) {
        rte_pktmbuf_free(frame);
        frame = nullptr;
    }
    for (; resumed_count_ != 0; --resumed_count_) {
        rte_pktmbuf_free(resumed_[resumed_first_]);
        resumed_first_ = static_cast<uint16_t>((resumed_first_ + 1) % resumed_.size());
    }
}

void LcoreLoop::act_on_verdicts() {
    const auto count = static_cast<uint8_t>(burst_.count);
    for (uint8_t place = 0; place < count; ++place) {
        rte_mbuf* const frame = frames_[place];
        const Packet& packet = burst_.packets[place];
        switch (packet.verdict) {
            case Verdict::kForward:
                forward(frame, place);
                break;
            case Verdict::kForwardCut:
                cut(frame, place);
                break;
            case Verdict::kHandOver:
                hand_over(frame, place);
                break;
            case Verdict::kPuntForNeighbour:
                if (packet.fragment_mtu != 0) {
                    cut(frame, place);
                    break;
                }
                [[fallthrough]];
            case Verdict::kPunt:
                adjust_frame(frame, packet);
                punt(frame, place);
                break;
            case Verdict::kDrop:
                dropped_[dropped_count_++] = frame;
                break;
            case Verdict::kHold:
                break;  // carry_out_frame_operations() has it
            case Verdict::kUndecided:
                DIRECTOR_HOT_ASSERT(false);
                dropped_[dropped_count_++] = frame;
                break;
        }
    }
}

void LcoreLoop::forward(rte_mbuf* frame, uint8_t place) {
    const Packet& packet = burst_.packets[place];
    if (index(packet.out_port) >= wiring_.transmit.size()) [[unlikely]] {
        // An interface was defined on a port that does not exist.
        lose(frame, place, DropReason::kInterfaceDown);
        return;
    }
    adjust_frame(frame, packet);
    const WorkerId via = wiring_.transmit[index(packet.out_port)].via;
    if (via == wiring_.id) {
        queue_for_port(packet.out_port, frame, place);
    } else {
        put_in_outbox(via, FrameErrand::kTransmit, frame, place);
    }
}

void LcoreLoop::punt(rte_mbuf* frame, uint8_t place) {
    if (punted_.count == punted_.frames.size()) {
        flush_punted();
    }
    punted_.frames[punted_.count] = frame;
    punted_.places[punted_.count++] = place;
}

// Sends a packet, or lets it wait for its neighbour, in fragments; each goes, or fails, for itself.
void LcoreLoop::cut(rte_mbuf* frame, uint8_t place) {
    const Packet& packet = burst_.packets[place];
    if (packet.verdict == Verdict::kForwardCut && index(packet.out_port) >= wiring_.transmit.size())
        [[unlikely]] {
        lose(frame, place, DropReason::kInterfaceDown);
        return;
    }
    adjust_frame(frame, packet);
    // Filled as far as `count` says.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
    std::array<rte_mbuf*, kFragmentsMax> fragments;
    const uint32_t count = cut_frame(frame, packet, fragments);
    if (count == 0) {
        lose(frame, place, DropReason::kNotCut);
        return;
    }
    dropped_[dropped_count_++] = frame;  // nothing of it is sent
    worker_->count_fragments(packet, count);
    for (uint32_t i = 0; i < count; ++i) {
        if (packet.verdict == Verdict::kPuntForNeighbour) {
            punt(fragments[i], place);
            continue;
        }
        const WorkerId via = wiring_.transmit[index(packet.out_port)].via;
        if (via == wiring_.id) {
            queue_for_port(packet.out_port, fragments[i], place);
        } else {
            put_in_outbox(via, FrameErrand::kTransmit, fragments[i], place);
        }
    }
}

void LcoreLoop::send_made_frames() {
    for (const MadeFrame& made : worker_->made_frames()) {
        rte_mbuf* const frame = rte_pktmbuf_alloc(wiring_.frames);
        made_packet_ = {};
        made_packet_.verdict = Verdict::kForward;
        made_packet_.out_port = made.out_port;
        char* const bytes =
            frame != nullptr ? rte_pktmbuf_append(frame, static_cast<uint16_t>(made.length_bytes))
                             : nullptr;
        if (bytes == nullptr || index(made.out_port) >= wiring_.transmit.size()) {
            lose(frame, kMade, DropReason::kTransmitFull);
            continue;
        }
        std::memcpy(bytes, made.bytes.data(), made.length_bytes);
        const WorkerId via = wiring_.transmit[index(made.out_port)].via;
        if (via == wiring_.id) {
            queue_for_port(made.out_port, frame, kMade);
        } else {
            put_in_outbox(via, FrameErrand::kTransmit, frame, kMade);
        }
    }
}

void LcoreLoop::hand_over(rte_mbuf* frame, uint8_t place) {
    const Packet& packet = burst_.packets[place];
    DIRECTOR_HOT_ASSERT(packet.owner != wiring_.id && index(packet.owner) < outboxes_.size());
    put_in_outbox(packet.owner, FrameErrand::kProcess, frame, place);
}

void LcoreLoop::put_in_outbox(WorkerId worker, FrameErrand errand, rte_mbuf* frame, uint8_t place) {
    const Packet& packet = place == kMade ? made_packet_ : burst_.packets[place];
    tag_of(frame) =
        FrameTag{.errand = errand, .sender = wiring_.id, .next = nullptr, .packet = packet};
    Outbox& outbox = outboxes_[index(worker)];
    if (outbox.count == outbox.frames.size()) {
        flush_outbox(index(worker));
    }
    outbox.frames[outbox.count] = frame;
    outbox.places[outbox.count++] = place;
}

void LcoreLoop::queue_for_port(PortId port, rte_mbuf* frame, uint8_t origin) {
    Outgoing& outgoing = outgoing_[index(port)];
    if (outgoing.count == Outgoing::kCapacity) {
        flush_port(index(port));
    }
    outgoing.frames[outgoing.count] = frame;
    outgoing.origins[outgoing.count++] = origin;
}

void LcoreLoop::flush_ports() {
    const auto ports = static_cast<uint16_t>(outgoing_.size());
    for (uint16_t port = 0; port < ports; ++port) {
        if (outgoing_[port].count != 0) {
            flush_port(port);
        }
    }
}

void LcoreLoop::flush_port(uint16_t port) {
    Outgoing& outgoing = outgoing_[port];
    const TransmitPath& path = wiring_.transmit[port];
    const auto count = static_cast<uint16_t>(outgoing.count);
    outgoing.count = 0;
    uint16_t sent = rte_eth_tx_burst(path.device, path.queue, outgoing.frames.data(), count);
    if (sent < count) {
        // Once more: the first call may have made room by collecting what the device is done with.
        sent = static_cast<uint16_t>(sent + rte_eth_tx_burst(path.device,
                                                             path.queue,
                                                             outgoing.frames.data() + sent,
                                                             static_cast<uint16_t>(count - sent)));
    }
    for (uint16_t i = sent; i < count; ++i) {
        give_up(outgoing.frames[i], outgoing.origins[i]);
    }
}

// What becomes of a frame that its port did not take.
void LcoreLoop::give_up(rte_mbuf* frame, uint8_t origin) {
    if (origin == kOnBehalf) {
        FrameTag& tag = tag_of(frame);
        tag.errand = FrameErrand::kReturned;
        wiring_.returns[index(tag.sender)]->push(frame);
    } else if (origin == kInjected) {
        ++totals_.injected_dropped;
        rte_pktmbuf_free(frame);
    } else {
        lose(frame, origin, DropReason::kTransmitFull);
    }
}

void LcoreLoop::lose(rte_mbuf* frame, uint8_t place, DropReason reason) {
    if (place == kMade) {
        Packet made = made_packet_;
        made.verdict = Verdict::kForward;
        worker_->retract(made, reason);
    } else {
        Packet lost = burst_.packets[place];  // of whose fragments others may be on their way
        worker_->retract(lost, reason);
    }
    rte_pktmbuf_free(frame);
}

void LcoreLoop::flush_outboxes() {
    for (size_t worker = 0; worker < outboxes_.size(); ++worker) {
        if (outboxes_[worker].count != 0) {
            flush_outbox(worker);
        }
    }
}

void LcoreLoop::flush_outbox(size_t worker) {
    Outbox& outbox = outboxes_[worker];
    const uint32_t taken = wiring_.to_worker[worker]->push(outbox.frames.data(), outbox.count);
    for (uint32_t i = taken; i < outbox.count; ++i) {
        const bool is_hand_over = outbox.places[i] != kMade &&
                                  burst_.packets[outbox.places[i]].verdict == Verdict::kHandOver;
        lose(outbox.frames[i],
             outbox.places[i],
             is_hand_over ? DropReason::kHandOverRingFull : DropReason::kTransmitFull);
    }
    outbox.count = 0;
}

void LcoreLoop::flush_punted() {
    if (punted_.count == 0) {
        return;
    }
    push_punted(wiring_.control->punted_first, true);
    push_punted(wiring_.control->punted, false);
    punted_.count = 0;
}

// Those of the punted frames that are urgent, or those that are not.
void LcoreLoop::push_punted(FrameRing& ring, bool is_urgent) {
    for (uint32_t i = 0; i < punted_.count; ++i) {
        const Packet& packet = burst_.packets[punted_.places[i]];
        if (packet.is_urgent != is_urgent) {
            continue;
        }
        rte_mbuf* const frame = punted_.frames[i];
        tag_of(frame) = FrameTag{.errand = FrameErrand::kPunted,
                                 .sender = wiring_.id,
                                 .next = nullptr,
                                 .packet = packet};
        if (ring.push(&frame, 1) == 1) {
            has_news_ = true;
        } else {
            lose(frame, punted_.places[i], DropReason::kPuntRingFull);
        }
    }
}

void LcoreLoop::flush_events() {
    const std::span<const Event> events = worker_->events();
    if (events.empty()) {
        return;
    }
    const std::span<const Event> left = events.subspan(events_sent_);
    const uint32_t taken =
        wiring_.control->events.push(left.data(), static_cast<uint32_t>(left.size()));
    has_news_ = has_news_ || taken != 0;
    events_sent_ += taken;
    if (events_sent_ == events.size()) {
        worker_->clear_events();
        events_sent_ = 0;
    }
}

// Publishes the figures up to the poll that begins now.
void LcoreLoop::account(TimePoint now, bool was_busy) {
    ++totals_.polls;
    if (was_busy) {
        ++totals_.busy_polls;
        totals_.packets += frames_seen_;
        totals_.busy += now - previous_;
    }
    previous_ = now;
    constexpr auto kRelaxed = std::memory_order_relaxed;
    published_.polls.store(totals_.polls, kRelaxed);
    published_.busy_polls.store(totals_.busy_polls, kRelaxed);
    published_.packets.store(totals_.packets, kRelaxed);
    published_.busy_ns.store(totals_.busy.count(), kRelaxed);
    published_.total_ns.store((now - began_).count(), kRelaxed);
    published_.sleeps.store(totals_.sleeps, kRelaxed);
    published_.injected_dropped.store(totals_.injected_dropped, kRelaxed);
}

LoopCounters LcoreLoop::counters() const {
    constexpr auto kRelaxed = std::memory_order_relaxed;
    return {.polls = published_.polls.load(kRelaxed),
            .busy_polls = published_.busy_polls.load(kRelaxed),
            .packets = published_.packets.load(kRelaxed),
            .busy = Duration(published_.busy_ns.load(kRelaxed)),
            .total = Duration(published_.total_ns.load(kRelaxed)),
            .sleeps = published_.sleeps.load(kRelaxed),
            .injected_dropped = published_.injected_dropped.load(kRelaxed)};
}

}  // namespace director::dataplane::io
