#include "diagnostics/live/health_facts.h"

#include <algorithm>

#include "diagnostics/flow/settings.h"

namespace director::diagnostics {
namespace {

void add_end(EndFacts& end, const FlowRecord& record) {
    end.packets += record.packets;
    end.bytes += record.bytes;
    end.data_packets_again += record.tcp.sequence.retransmissions();
    end.zero_windows += record.tcp.window.zero_windows;
    end.zero_episodes += record.tcp.window.zero_episodes;
    end.zero_total_ns += record.tcp.window.zero_total_ns;
    end.resets += record.tcp.resets;
}

// From what the opposite end sent to this end's ACK of it.
void add_trips(EndFacts& end, const FlowRecord& opposite) {
    const Spread& trip = opposite.tcp.trips.ack_trip;
    end.trips.add(trip.count, trip.mean, trip.max);
}

void add_end(EndFacts& end, const EndFacts& other) {
    end.packets += other.packets;
    end.bytes += other.bytes;
    end.data_packets_again += other.data_packets_again;
    end.zero_windows += other.zero_windows;
    end.zero_episodes += other.zero_episodes;
    end.zero_total_ns += other.zero_total_ns;
    end.resets += other.resets;
    end.trips.add(other.trips);
}

}  // namespace

void TripFacts::add(uint64_t trips, double mean, double longest) {
    if (trips == 0) {
        return;
    }
    count += trips;
    sum_s += mean * static_cast<double>(trips);
    max_s = std::max(max_s, longest);
    const auto bound = std::lower_bound(kTripBounds.begin(), kTripBounds.end(), mean);
    buckets[static_cast<size_t>(bound - kTripBounds.begin())] += trips;
}

void TripFacts::add(const TripFacts& other) {
    count += other.count;
    sum_s += other.sum_s;
    max_s = std::max(max_s, other.max_s);
    for (size_t i = 0; i < buckets.size(); ++i) {
        buckets[i] += other.buckets[i];
    }
}

void ServerFacts::add(const FlowRecord* client_side,
                      const FlowRecord* server_side,
                      int64_t end_ns) {
    ++connections;
    const uint64_t syns = client_side != nullptr ? client_side->tcp.syns : 0;
    const uint64_t answers = server_side != nullptr ? server_side->tcp.syns : 0;
    const bool is_tcp = client_side != nullptr && client_side->is_tcp();
    const bool had_time = client_side != nullptr && client_side->first_ns + kSecond < end_ns;
    opened += syns != 0 ? 1 : 0;
    const bool is_refused = server_side != nullptr && server_side->tcp.resets != 0;
    if (is_tcp && syns != 0 && had_time) {
        unanswered += answers == 0 && !is_refused ? 1 : 0;
        const bool is_half =
            answers != 0 && !client_side->tcp.has_established && client_side->tcp.resets == 0;
        unfinished += is_half ? 1 : 0;
    }
    if (client_side != nullptr) {
        scans += client_side->scan != ScanKind::kNone ? 1 : 0;
        add_end(client, *client_side);
        add_trips(server, *client_side);
    }
    if (server_side != nullptr) {
        add_end(server, *server_side);
        add_trips(client, *server_side);
    }
}

void ServerFacts::add(const ServerFacts& other) {
    connections += other.connections;
    opened += other.opened;
    unanswered += other.unanswered;
    unfinished += other.unfinished;
    scans += other.scans;
    add_end(client, other.client);
    add_end(server, other.server);
}

}  // namespace director::diagnostics
