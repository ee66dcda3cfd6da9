#include "diagnostics/match/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "diagnostics/match/summary.h"
#include "diagnostics/match/turns.h"

namespace director::diagnostics::matching {
namespace {

constexpr size_t kGapsListed = 8;
constexpr size_t kOutliersTold = 8;  // of one pair of points
constexpr int64_t kWaitMin = 1'000'000'000;

class Finder {
  public:
    Finder(std::span<const VantagePoint> points, const Matching& matching, size_t most)
        : points_(points), matching_(matching), times_(points, matching), most_(most) {}

    std::vector<Finding> run() {
        for (const PointPair& pair : matching_.clocks) {
            look_at_clocks(pair);
        }
        for (uint32_t i = 0; i < matching_.conversations.size() && findings_.size() < most_; ++i) {
            const Conversation& conversation = matching_.conversations[i];
            if (conversation.points_seen() > 1) {
                look_for_losses(i, conversation);
                look_for_delayed_binding(i, conversation);
            }
            look_for_waits(i, conversation);
        }
        return std::move(findings_);
    }

  private:
    void tell(FindingKind kind, uint32_t conversation, std::string text) {
        if (findings_.size() < most_) {
            findings_.push_back({kind, conversation, std::move(text)});
        }
    }

    [[nodiscard]] std::string at(uint32_t point, const Sighting& sighting) const {
        return fmt::format("{} at {}",
                           sighting.number,
                           clock_time(sighting.time_ns, points_[point].resolution_ns));
    }

    void look_at_clocks(const PointPair& pair) {
        const std::string& a = points_[pair.a].name;
        const std::string& b = points_[pair.b].name;
        const ClockFit& clock = pair.clock;
        if (pair.is_reversed) {
            tell(FindingKind::kOrderOfPoints,
                 kNoIndex,
                 fmt::format("hop counts say that {} is nearer to the clients than {}", b, a));
        }
        if (clock.zone_ns) {
            const int64_t minutes = *clock.zone_ns / 60'000'000'000;
            tell(
                FindingKind::kTimeZone,
                kNoIndex,
                fmt::format("{} is {} from {}'s clock: {}{:02}:{:02} h of it look like a time zone "
                            "or daylight saving time",
                            b,
                            duration_text(clock.knots.front().offset_ns),
                            a,
                            minutes < 0 ? "-" : "+",
                            std::abs(minutes) / 60,
                            std::abs(minutes) % 60));
        }
        for (const ClockChange& change : clock.changes) {
            const int64_t resolution =
                std::max(points_[pair.a].resolution_ns, points_[pair.b].resolution_ns);
            tell(FindingKind::kClockChange,
                 kNoIndex,
                 fmt::format("the clocks of {} and {} moved apart by {} between {} and {}: a drift "
                             "of {:.0f} ppm, or a step",
                             a,
                             b,
                             duration_text(change.after_ns - change.before_ns),
                             clock_time(change.from_ns, resolution),
                             clock_time(change.to_ns, resolution),
                             change.parts_per_million()));
        }
        tell_outliers(pair);
    }

    void tell_outliers(const PointPair& pair) {
        const ClockFit& clock = pair.clock;
        for (size_t i = 0; i < std::min(clock.outliers.size(), kOutliersTold); ++i) {
            const Sighting& a = points_[pair.a].sightings[pair.outliers[i].a];
            const Sighting& b = points_[pair.b].sightings[pair.outliers[i].b];
            const bool is_forward = a.is_from_client != pair.is_reversed;
            const uint32_t before = is_forward ? pair.a : pair.b;
            const uint32_t after = is_forward ? pair.b : pair.a;
            tell(FindingKind::kCausality,
                 kNoIndex,
                 fmt::format("packet {} of {} is seen at {} (packet {}) {} before it left: an "
                             "outlier by {}; the clocks' offset does not follow it",
                             (is_forward ? a : b).number,
                             points_[before].name,
                             points_[after].name,
                             (is_forward ? b : a).number,
                             duration_text(clock.outliers[i].ahead_ns),
                             duration_text(clock.outliers[i].by_ns)));
        }
        if (clock.outliers.size() > kOutliersTold) {
            tell(FindingKind::kCausality,
                 kNoIndex,
                 fmt::format("{} more packets between {} and {} contradict their clocks",
                             clock.outliers.size() - kOutliersTold,
                             points_[pair.a].name,
                             points_[pair.b].name));
        }
    }

    // The next point on its way that saw the conversation and should have seen the packet.
    [[nodiscard]] std::optional<uint32_t> missing_at(const Conversation& conversation,
                                                     std::span<const Cell> row,
                                                     bool is_from_client,
                                                     uint32_t& from) const {
        const auto points = static_cast<uint32_t>(row.size());
        from = kNoIndex;
        for (uint32_t i = 0; i < points; ++i) {
            const uint32_t p = is_from_client ? points - 1 - i : i;
            if (row[p].sighting != kNoIndex) {
                from = p;  // the farthest point that saw it
                break;
            }
        }
        for (uint32_t step = 1; step < points; ++step) {
            const uint32_t q = is_from_client ? from + step : from - step;
            if (q >= points) {
                return std::nullopt;
            }
            if (conversation.connections[q] != kNoIndex) {
                const bool should = !row[from].is_copy && !row[from].is_ambiguous &&
                                    has_same_packets(conversation, from, q) &&
                                    times_.is_capturing(q, times_.time(row[from], from));
                return should ? std::optional(q) : std::nullopt;
            }
        }
        return std::nullopt;
    }

    // Packets of one direction in a row that got as far as one point and not to the next.
    struct Run {
        uint32_t from = kNoIndex;
        uint32_t missing = kNoIndex;
        std::vector<const Sighting*> packets;
    };

    void look_for_losses(uint32_t number, const Conversation& conversation) {
        std::array<Run, 2> runs;
        for (uint32_t i = 0; i < conversation.row_count; ++i) {
            const auto row = matching_.row(conversation.row_begin + i);
            const auto seen = std::find_if(
                row.begin(), row.end(), [](const Cell& cell) { return cell.sighting != kNoIndex; });
            const auto p = static_cast<uint32_t>(seen - row.begin());
            const Sighting& first = points_[p].sightings[seen->sighting];
            const bool is_from_client = first.is_from_client != conversation.is_flipped[p];
            Run& run = runs[is_from_client ? kClient : kServer];
            uint32_t from = 0;
            const auto missing = missing_at(conversation, row, is_from_client, from);
            const Sighting& last = points_[from].sightings[row[from].sighting];
            const bool is_of_run = missing && *missing == run.missing && from == run.from;
            if (!is_of_run || last.has(kRst)) {
                end_run(number, conversation, is_from_client, run);
            }
            if (!missing) {
                continue;
            }
            run.from = from;
            run.missing = *missing;
            run.packets.push_back(&last);
            if (last.has(kRst)) {
                end_run(number, conversation, is_from_client, run);
            }
        }
        end_run(number, conversation, true, runs[kClient]);
        end_run(number, conversation, false, runs[kServer]);
    }

    void end_run(uint32_t number, const Conversation& conversation, bool is_from_client, Run& run) {
        if (run.packets.empty()) {
            run = {};
            return;
        }
        const Sighting& first = *run.packets.front();
        const char* whose = is_from_client ? "client" : "server";
        if (first.has(kRst)) {
            tell(FindingKind::kResetLost,
                 number,
                 fmt::format("the {}'s RST (packet {} of {}) never reached {}: the {} took the "
                             "connection for open",
                             whose,
                             at(run.from, first),
                             points_[run.from].name,
                             points_[run.missing].name,
                             is_from_client ? "server" : "client"));
        } else {
            tell(FindingKind::kLost, number, lost_text(conversation, whose, run));
        }
        run = {};
    }

    [[nodiscard]] std::string lost_text(const Conversation& conversation,
                                        const char* whose,
                                        const Run& run) const {
        uint32_t again = 0;
        uint32_t known = run.packets.front()->sequence;
        std::string gaps;
        for (size_t i = 0; i < run.packets.size(); ++i) {
            const Sighting& one = *run.packets[i];
            const uint32_t end = one.sequence + one.sequence_length();
            const bool is_again =
                one.sequence_length() > 0 && i > 0 && static_cast<int32_t>(end - known) <= 0;
            again += is_again ? 1U : 0U;
            known = static_cast<int32_t>(end - known) > 0 ? end : known;
            if (is_again && again <= kGapsListed) {
                const int64_t gap = one.time_ns - run.packets[i - 1]->time_ns;
                gaps +=
                    fmt::format("{}{:.3f}", again == 1 ? "" : ", ", static_cast<double>(gap) / 1e9);
            }
        }
        const ConnectionSeen& seen =
            points_[run.from].connections[conversation.connections[run.from]];
        const Sighting& first = *run.packets.front();
        const Sighting& last = *run.packets.back();
        std::string text = fmt::format("{} {} of the {} of {} > {} never reached {}: {} {}",
                                       run.packets.size(),
                                       run.packets.size() == 1 ? "packet" : "packets",
                                       whose,
                                       to_string(seen.client),
                                       to_string(seen.server),
                                       points_[run.missing].name,
                                       points_[run.from].name,
                                       at(run.from, first));
        if (&first != &last) {
            text += fmt::format(" to {}", at(run.from, last));
        }
        if (again > 0) {
            text += fmt::format("; {} of them retransmissions, after {}{} s",
                                again,
                                gaps,
                                again > kGapsListed ? ", ..." : "");
        }
        return text;
    }

    void look_for_delayed_binding(uint32_t number, const Conversation& conversation) {
        for (const ConversationLink& link : conversation.links) {
            if (link.link.kind != LinkKind::kProxied) {
                continue;
            }
            const auto first =
                [&](uint32_t point, uint32_t connection, auto test) -> const Sighting* {
                for (const uint32_t i : points_[point].of(connection)) {
                    const Sighting& one = points_[point].sightings[i];
                    if (one.is_from_client && test(one)) {
                        return &one;
                    }
                }
                return nullptr;
            };
            const auto is_syn = [](const Sighting& one) { return one.has(kSyn); };
            const auto is_ack = [](const Sighting& one) { return !one.has(kSyn); };
            const auto is_data = [](const Sighting& one) { return one.payload_bytes > 0; };
            const Sighting* syn = first(link.point, link.link.b, is_syn);
            const Sighting* ack = first(link.other_point, link.link.a, is_ack);
            const Sighting* data = first(link.other_point, link.link.a, is_data);
            if (syn == nullptr || ack == nullptr || data == nullptr) {
                continue;
            }
            const int64_t opened = matching_.on_first_clock(link.point, syn->time_ns);
            const int64_t after_ack =
                opened - matching_.on_first_clock(link.other_point, ack->time_ns);
            const int64_t after_data =
                opened - matching_.on_first_clock(link.other_point, data->time_ns);
            if (after_ack >= 0) {
                tell(
                    FindingKind::kDelayedBinding,
                    number,
                    fmt::format("the proxy between {} and {} opens its own connection {} after the "
                                "client's {}: the time from SYN to SYN is not the network's",
                                points_[link.other_point].name,
                                points_[link.point].name,
                                duration_text(after_data >= 0 ? after_data : after_ack),
                                after_data >= 0 ? "first data" : "ACK"));
            }
        }
    }

    // The client's last request got no answer, and a new connection to the same place follows.
    void look_for_waits(uint32_t number, const Conversation& conversation) {
        const auto seen = std::find_if(conversation.connections.begin(),
                                       conversation.connections.end(),
                                       [](uint32_t one) { return one != kNoIndex; });
        const auto p = static_cast<uint32_t>(seen - conversation.connections.begin());
        const ConnectionSeen& connection = points_[p].connections[*seen];
        const uint64_t place = Key(p).add(connection.client.address).add(connection.server).value();
        const Sighting& first = points_[p].sightings[points_[p].of(*seen).front()];
        uint32_t& waiting = waiting_.at(place);
        if (waiting != kNoIndex && waiting != 0) {
            const Sighting& asked = points_[p].sightings[waiting - 1];
            const int64_t waited = first.time_ns - asked.time_ns;
            if (waited >= kWaitMin) {
                tell(FindingKind::kWait,
                     number,
                     fmt::format("the user of {} waited {}: from {}, a request without an answer, "
                                 "until {}, when it began anew from port {}",
                                 to_string(connection.client.address),
                                 duration_text(waited),
                                 clock_time(asked.time_ns, points_[p].resolution_ns),
                                 clock_time(first.time_ns, points_[p].resolution_ns),
                                 connection.client.port.host()));
            }
        }
        waiting = 0;
        if (connection.protocol == Protocol::kTcp) {
            const std::vector<Turn> turns = turns_of(points_[p], *seen);
            if (!turns.empty() && turns.back().first[kServer] == kNoIndex) {
                waiting = turns.back().first[kClient] + 1;
            }
        }
    }

    std::span<const VantagePoint> points_;
    const Matching& matching_;
    RowTimes times_;
    size_t most_;
    HashIndex waiting_;  // by client's address and server: its sighting + 1; 0: answered
    std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> find_all(std::span<const VantagePoint> points,
                              const Matching& matching,
                              size_t most) {
    return Finder(points, matching, most).run();
}

std::string clock_time(int64_t time_ns, int64_t resolution_ns) {
    constexpr int64_t kDay = 86'400'000'000'000;
    const int64_t of_day = (time_ns % kDay + kDay) % kDay;
    const int64_t seconds = of_day / 1'000'000'000;
    const int64_t rest = of_day % 1'000'000'000;
    const std::string text =
        fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    return resolution_ns >= 1'000'000 ? fmt::format("{}.{:03}", text, rest / 1'000'000)
           : resolution_ns >= 1'000   ? fmt::format("{}.{:06}", text, rest / 1'000)
                                      : fmt::format("{}.{:09}", text, rest);
}

std::string duration_text(int64_t ns) {
    const auto value = static_cast<double>(ns);
    const int64_t size = std::abs(ns);
    return size >= 1'000'000'000 ? fmt::format("{:.3f} s", value / 1e9)
           : size >= 1'000'000   ? fmt::format("{:.3f} ms", value / 1e6)
           : size >= 1'000       ? fmt::format("{:.3g} us", value / 1e3)
                                 : fmt::format("{} ns", ns);
}

const char* evidence_text(Evidence evidence) {
    switch (evidence) {
        case Evidence::kNone:
            return "";
        case Evidence::kTuple:
            return "5-tuple, sequence";
        case Evidence::kTranslated:
            return "translated, sequence";
        case Evidence::kShifted:
            return "shifted sequence";
        case Evidence::kSuperFrame:
            return "segment of a frame";
        case Evidence::kIpId:
            return "IP ID, length, flags";
        case Evidence::kApplication:
            return "DNS or DHCP id";
        case Evidence::kDatagram:
            return "datagram's content";
        case Evidence::kProxyHeader:
            return "PROXY header";
        case Evidence::kForwardedFor:
            return "X-Forwarded-For";
        case Evidence::kRequest:
            return "same request";
        case Evidence::kStream:
            return "same stream bytes";
        case Evidence::kTurns:
            return "sizes and times";
        case Evidence::kOrder:
            return "order in time";
    }
    return "";
}

}  // namespace director::diagnostics::matching
