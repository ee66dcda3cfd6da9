#include "controlplane/daemon/watch_capture.h"

#include <fmt/format.h>

#include "dataplane/api/drop_reason.h"

namespace director::daemon {

using dataplane::MirrorOutcome;
using dataplane::MirrorRecord;
using diagnostics::CaptureDirection;
using diagnostics::CapturedPacket;

namespace {

// What the last blocks may take of the file's bytes.
constexpr uint64_t kEndBytes = 4096;

std::string fate_of(const MirrorRecord& record, bool is_departure) {
    const std::string reason =
        fmt::format("{} ({})",
                    dataplane::to_string(record.reason),
                    dataplane::kDropReasonTexts.at(static_cast<size_t>(record.reason)).help);
    switch (record.outcome) {
        case MirrorOutcome::kDropped:
            return "dropped: " + reason;
        case MirrorOutcome::kAnswered:
            return is_departure ? "answer to a packet that was dropped: " + reason
                                : "dropped and answered: " + reason;
        case MirrorOutcome::kLost:
            return "not sent after all: " + reason;
        case MirrorOutcome::kMade:
            return "made by Director";
        case MirrorOutcome::kCut:
            return is_departure ? "sent in fragments" : "";
        case MirrorOutcome::kWaits:
            return is_departure ? "waits for its next hop's MAC address" : "";
        case MirrorOutcome::kPunted:
            return "given to Linux";
        case MirrorOutcome::kForwarded:
        case MirrorOutcome::kFiller:
            break;
    }
    return "";
}

}  // namespace

WatchCapture::WatchCapture(uint8_t tap,
                           const CaptureSettings& settings,
                           diagnostics::PacketFilter filter,
                           int descriptor)
    : Watch(tap),
      settings_(settings),
      filter_(std::move(filter)),
      output_(descriptor),
      blocks_("directord " DIRECTOR_VERSION) {}

std::string WatchCapture::comment_on(const MirrorRecord& record,
                                     uint16_t worker,
                                     bool is_departure) const {
    std::string text;
    const auto add = [&text](const std::string& part) {
        text += (text.empty() || part.empty() ? "" : ", ") + part;
    };
    if (record.connection != dataplane::kNoMirroredConnection) {
        add(fmt::format("connection {}/{}", worker, record.connection));
    }
    if (record.has(dataplane::kMirrorOfService)) {
        add(record.has(dataplane::kMirrorFromClient) ? "client to server" : "server to client");
        add("service " + names().service(record.service));
    }
    if (record.server != dataplane::kNoRealServer) {
        add("server " + names().server(record.server));
    }
    add(fate_of(record, is_departure));
    return text;
}

WatchCapture::Interface& WatchCapture::interface_at(const Place& place) {
    const auto [found, is_new] = interfaces_.try_emplace(place);
    if (is_new) {
        const std::string port = names().port(place.first);
        const bool is_client = place.second == Seen::kClientSide;
        const std::string side = place.second == Seen::kNeither ? ""
                                 : is_client                    ? " client side"
                                                                : " server side";
        const std::string what = place.second == Seen::kNeither ? "packets of no virtual service"
                                 : is_client ? "as clients see it, before and behind translation"
                                             : "as real servers see it";
        found->second.number = blocks_.add_interface(port + side, what, settings_.snap_bytes);
    }
    return found->second;
}

void WatchCapture::add(const Place& place, const CapturedPacket& packet) {
    Interface& interface = interface_at(place);
    CapturedPacket own = packet;
    own.interface = interface.number;
    // An interface that is new has to be told even when the packet finds no room.
    const size_t head_bytes = blocks_.bytes().size();
    blocks_.add_packet(own);
    const std::string_view all = blocks_.bytes();
    is_full_ = is_full_ ||
               (settings_.bytes_max != 0 && bytes_ + all.size() + kEndBytes > settings_.bytes_max);
    const bool is_added = !is_full_ && output_.add(all);
    if (is_added) {
        bytes_ += all.size();
        ++interface.packets;
    } else {
        interface.unread += is_full_ ? 0U : 1U;
        output_.add_last(all.substr(0, head_bytes));
        bytes_ += head_bytes;
    }
    blocks_.clear();
}

bool WatchCapture::lets_through(const dataplane::io::MirroredPacket& packet) const {
    const auto fits = [this](std::span<const uint8_t> bytes, uint32_t wire_bytes) {
        diagnostics::Packet own;
        own.bytes = bytes;
        own.wire_bytes = wire_bytes;
        return !bytes.empty() && filter_.lets_through(own);
    };
    // Either side will do: who asks for a client wants its packets behind translation as well.
    return settings_.bpf.empty() || fits(packet.in, packet.record.wire_in_bytes) ||
           fits(packet.out, packet.record.wire_out_bytes);
}

void WatchCapture::see(const dataplane::io::MirroredPacket& packet,
                       uint16_t worker,
                       int64_t time_ns) {
    const bool has_all = settings_.packets_max != 0 && packets_ >= settings_.packets_max;
    if (is_full_ || has_all || !lets_through(packet)) {
        return;
    }
    ++packets_;
    const MirrorRecord& record = packet.record;
    const bool is_from_client = record.has(dataplane::kMirrorFromClient);
    const bool has_sides = record.has(dataplane::kMirrorOfService);
    const Seen client_side = has_sides ? Seen::kClientSide : Seen::kNeither;
    const Seen server_side = has_sides ? Seen::kServerSide : Seen::kNeither;
    if (record.has(dataplane::kMirrorArrival)) {
        const std::string comment = comment_on(record, worker, false);
        add({record.in_port, is_from_client ? client_side : server_side},
            {.time_ns = time_ns,
             .bytes = packet.in,
             .wire_bytes = record.wire_in_bytes,
             .direction = CaptureDirection::kInbound,
             .comment = comment});
    }
    if (record.has(dataplane::kMirrorDeparture)) {
        const std::string comment = comment_on(record, worker, true);
        // An answer goes back to where the packet came from.
        const bool is_to_server = is_from_client != (record.outcome == MirrorOutcome::kAnswered);
        add({record.out_port, is_to_server ? server_side : client_side},
            {.time_ns = time_ns,
             .bytes = packet.out,
             .wire_bytes = record.wire_out_bytes,
             .direction = CaptureDirection::kOutbound,
             .comment = comment});
    }
}

void WatchCapture::turn(int64_t now_ns) {
    if (began_ns_ == 0) {
        began_ns_ = now_ns;
        output_.add_last(blocks_.bytes());
        bytes_ += blocks_.bytes().size();
        blocks_.clear();
    }
    output_.flush();
}

bool WatchCapture::is_over(int64_t now_ns) {
    const bool is_late =
        settings_.duration_ns != 0 && began_ns_ != 0 && now_ns - began_ns_ >= settings_.duration_ns;
    const bool has_all = settings_.packets_max != 0 && packets_ >= settings_.packets_max;
    return is_full_ || is_late || has_all || output_.has_ended();
}

// What a client was too slow for is told by interface. What workers missed is not: a packet that
// finds no room leaves nothing behind that tells its port, so the first one's statistics have it.
void WatchCapture::finish(int64_t now_ns, const TapCounts& counts) {
    turn(now_ns);
    uint64_t unread = 0;
    for (const auto& [place, interface] : interfaces_) {
        unread += interface.unread;
    }
    const std::string comment = fmt::format(
        "{} packets did not fit the workers' rings, {} were above the rate, {} were not "
        "read in time",
        counts.missed,
        counts.limited,
        unread);
    bool is_first = true;
    for (const auto& [place, interface] : interfaces_) {
        const uint64_t missed = interface.unread + (is_first ? counts.missed + counts.limited : 0);
        blocks_.add_statistics({.interface = interface.number,
                                .begin_ns = began_ns_,
                                .end_ns = now_ns,
                                .received = interface.packets + missed,
                                .missed = missed,
                                .comment = is_first ? std::string_view(comment) : ""});
        is_first = false;
    }
    output_.add_last(blocks_.bytes());
    blocks_.clear();
    output_.flush();
}

}  // namespace director::daemon
