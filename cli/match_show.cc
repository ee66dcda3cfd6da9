#include "cli/match_show.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "diagnostics/match/findings.h"
#include "diagnostics/match/sequence_diagram.h"
#include "diagnostics/match/summary.h"

namespace director::cli {
namespace {

using namespace diagnostics::matching;  // NOLINT(google-build-using-namespace): all of it is shown

using Points = std::span<const VantagePoint>;

std::vector<uint32_t> points_of(const Conversation& conversation) {
    std::vector<uint32_t> seen;
    for (uint32_t p = 0; p < conversation.connections.size(); ++p) {
        if (conversation.connections[p] != kNoIndex) {
            seen.push_back(p);
        }
    }
    return seen;
}

std::string ends_text(const ConnectionSeen& seen) {
    return to_string(seen.client) + " > " + to_string(seen.server);
}

// What a packet that is not at `point` means there.
const char* absent(Points points,
                   const Matching& matching,
                   const Conversation& conversation,
                   std::span<const diagnostics::matching::Cell> row,
                   uint32_t point) {
    const RowTimes times(points, matching);
    for (uint32_t p = 0; p < row.size(); ++p) {
        if (row[p].sighting != kNoIndex) {
            const bool is_missing = has_same_packets(conversation, p, point) &&
                                    times.is_capturing(point, times.time(row[p], p));
            return row[p].is_copy ? "" : is_missing ? "missing" : "";
        }
    }
    return "";
}

std::string evidence_of_row(std::span<const diagnostics::matching::Cell> row) {
    std::string text;
    const char* last = "";
    for (const diagnostics::matching::Cell& cell : row) {
        if (cell.sighting == kNoIndex || cell.evidence == Evidence::kNone) {
            continue;
        }
        const char* name = evidence_text(cell.evidence);
        if (name != last) {
            text += (text.empty() ? "" : "; ");
            text += name;
        }
        last = name;
        if (cell.is_ip_id_equal && text.find("IP ID agrees") == std::string::npos) {
            text += ", IP ID agrees";
        }
        if (cell.is_ambiguous) {
            text += ", ambiguous";
        }
    }
    return text;
}

Table table_for(Points points, const std::vector<uint32_t>& seen, const MatchRequest& request) {
    std::vector<Column> columns = {{""}, {"PACKET"}, {"BYTES", Align::kRight}};
    for (size_t i = 0; i < seen.size(); ++i) {
        columns.push_back({"", Align::kRight});
        columns.push_back({points[seen[i]].name});
        if (i > 0) {
            columns.push_back({"DELTA", Align::kRight});
        }
    }
    if (request.is_explained) {
        columns.push_back({"EVIDENCE"});
    }
    return Table(std::move(columns));
}

void add_row(Points points,
             const Matching& matching,
             const Conversation& conversation,
             std::span<const diagnostics::matching::Cell> row,
             const MatchRequest& request,
             Table& table) {
    const std::vector<uint32_t> seen = points_of(conversation);
    const RowTimes times(points, matching);
    const auto first =
        std::find_if(row.begin(), row.end(), [](const diagnostics::matching::Cell& cell) {
            return cell.sighting != kNoIndex;
        });
    const auto p = static_cast<uint32_t>(first - row.begin());
    const Sighting& one = points[p].sightings[first->sighting];
    const bool is_from_client = one.is_from_client != conversation.is_flipped[p];
    const Protocol protocol = points[p].connections[conversation.connections[p]].protocol;
    std::vector<cli::Cell> cells;
    cells.push_back({is_from_client ? ">" : "<"});
    cells.push_back({what_text(one, protocol) + (first->is_copy ? " (copy)" : "")});
    cells.push_back({one.payload_bytes > 0 ? std::to_string(one.payload_bytes) : ""});
    uint32_t before = kNoIndex;
    for (size_t i = 0; i < seen.size(); ++i) {
        const diagnostics::matching::Cell& cell = row[seen[i]];
        if (cell.sighting == kNoIndex) {
            cells.push_back({""});
            cells.push_back({absent(points, matching, conversation, row, seen[i]), Style::kBad});
        } else {
            const Sighting& here = points[seen[i]].sightings[cell.sighting];
            cells.push_back({std::to_string(here.number)});
            cells.push_back({clock_time(here.time_ns, points[seen[i]].resolution_ns)});
        }
        if (i > 0) {
            const bool has_both = before != kNoIndex && cell.sighting != kNoIndex;
            const int64_t delta =
                has_both ? times.time(cell, seen[i]) - times.time(row[before], before) : 0;
            // With the direction, as the packet went.
            const int64_t transit = is_from_client ? delta : -delta;
            cells.push_back({has_both ? duration_text(transit) : "",
                             transit < 0 ? Style::kWarning : Style::kPlain});
        }
        before = cell.sighting != kNoIndex ? seen[i] : before;
    }
    if (request.is_explained) {
        cells.push_back({evidence_of_row(row)});
    }
    table.add(std::move(cells));
}

std::string link_line(Points points,
                      const Conversation& conversation,
                      const ConversationLink& one) {
    std::string text = fmt::format("  {} = {}: {}",
                                   points[one.other_point].name,
                                   points[one.point].name,
                                   evidence_text(one.link.evidence));
    text += fmt::format(
        " ({} {} it", one.link.agreeing, one.link.agreeing == 1 ? "vote for" : "votes for");
    text += one.link.contradicting > 0 ? fmt::format(", {} against)", one.link.contradicting) : ")";
    if (one.link.shift != std::array<uint32_t, 2>{}) {
        text += fmt::format("; sequence numbers + {} client, + {} server",
                            one.link.shift[kClient],
                            one.link.shift[kServer]);
    }
    if (one.offset.is_bounded()) {
        text += fmt::format("; clock offset {} to {}",
                            duration_text(one.offset.lower_ns),
                            duration_text(one.offset.upper_ns));
    }
    return text + (conversation.is_flipped[one.point] ? "; client and server exchanged\n" : "\n");
}

std::string spent_text(Points points, const Matching& matching, const Conversation& conversation) {
    const TimeSpent spent = time_spent(points, matching, conversation);
    const std::vector<uint32_t> seen = points_of(conversation);
    if (spent.turns == 0) {
        return "";
    }
    std::string text = fmt::format("time of {} {}: client {}, its network {}",
                                   spent.turns,
                                   spent.turns == 1 ? "request" : "requests",
                                   duration_text(spent.client_ns),
                                   duration_text(spent.client_network_ns));
    for (size_t i = 1; i < seen.size(); ++i) {
        text += fmt::format(", {} to {} {}",
                            points[seen[i - 1]].name,
                            points[seen[i]].name,
                            duration_text(spent.between_ns[seen[i]]));
    }
    text += fmt::format(", server's network {}, server {}",
                        duration_text(spent.server_network_ns),
                        duration_text(spent.server_ns));
    return text + (spent.lost_ns > 0
                       ? fmt::format(", unanswered {}\n", duration_text(spent.lost_ns))
                       : "\n");
}

std::string clock_line(Points points, const PointPair& pair) {
    const ClockFit& clock = pair.clock;
    std::string text = fmt::format("{} - {}: ", points[pair.b].name, points[pair.a].name);
    if (clock.is_one_clock) {
        text += "one clock";
    } else if (clock.bounds.is_bounded()) {
        text += fmt::format("{:+.6f} s +- {}",
                            static_cast<double>(clock.knots.front().offset_ns) / 1e9,
                            duration_text((clock.bounds.upper_ns - clock.bounds.lower_ns) / 2));
    } else {
        text += fmt::format("about {:+.6f} s (packets of one direction alone)",
                            static_cast<double>(clock.knots.front().offset_ns) / 1e9);
    }
    if (clock.shape == ClockShape::kDrift) {
        text += fmt::format(" at first, drifting by {:+.1f} ppm", clock.drift_ppm);
    }
    if (clock.shape == ClockShape::kSteps) {
        text += " at first, and not constant";
    }
    return text + fmt::format(", by {} packets\n", pair.pairs);
}

std::string conversation_text(Points points,
                              const Matching& matching,
                              uint32_t number,
                              const MatchRequest& request,
                              Colour colour) {
    const Conversation& conversation = matching.conversations[number];
    const std::vector<uint32_t> seen = points_of(conversation);
    const ConnectionSeen& first = points[seen[0]].connections[conversation.connections[seen[0]]];
    std::string text =
        styled(fmt::format(
                   "connection {}: {} {}", number + 1, to_string(first.protocol), ends_text(first)),
               Style::kBold,
               colour);
    for (size_t i = 1; i < seen.size(); ++i) {
        const ConnectionSeen& there =
            points[seen[i]].connections[conversation.connections[seen[i]]];
        const ConnectionSeen& before =
            points[seen[i - 1]].connections[conversation.connections[seen[i - 1]]];
        if (is_translated(before, there)) {
            text += fmt::format("; at {} {}", points[seen[i]].name, ends_text(there));
        }
    }
    text += '\n';
    if (request.is_explained) {
        for (const ConversationLink& link : conversation.links) {
            text += link_line(points, conversation, link);
        }
    }
    Table table = table_for(points, seen, request);
    for (uint32_t i = 0; i < conversation.row_count; ++i) {
        add_row(points,
                matching,
                conversation,
                matching.row(conversation.row_begin + i),
                request,
                table);
    }
    return text + table.render(colour) + spent_text(points, matching, conversation) + '\n';
}

std::string summary_text(Points points, const Matching& matching, Colour colour) {
    Table table({{"POINT"},
                 {"PACKETS", Align::kRight},
                 {"MATCHED", Align::kRight},
                 {"ONLY HERE", Align::kRight},
                 {"OUTSIDE", Align::kRight},
                 {"PROXY'S OWN", Align::kRight},
                 {"COPIES", Align::kRight},
                 {"UNMATCHED", Align::kRight},
                 {"AMBIGUOUS", Align::kRight},
                 {"OTHER TRAFFIC"}});
    const std::vector<PointSummary> summaries = summarize(points, matching);
    for (size_t p = 0; p < points.size(); ++p) {
        std::string others;
        for (const auto& [kind, packets] : points[p].others) {
            others += fmt::format("{}{} {}", others.empty() ? "" : ", ", packets, kind);
        }
        const PointSummary& one = summaries[p];
        table.add(
            {{points[p].name},
             {std::to_string(points[p].packets)},
             {std::to_string(one.matched), Style::kGood},
             {std::to_string(one.only_here), one.only_here > 0 ? Style::kBad : Style::kPlain},
             {std::to_string(one.outside)},
             {std::to_string(one.own)},
             {std::to_string(one.copies)},
             {std::to_string(one.unlinked)},
             {std::to_string(one.ambiguous), one.ambiguous > 0 ? Style::kWarning : Style::kPlain},
             {others}});
    }
    return table.render(colour);
}

std::string ambiguous_text(Points points, const Matching& matching) {
    std::string text;
    for (const AmbiguousLink& one : matching.ambiguous_connections) {
        text += fmt::format("{} of {} may be any of {}:",
                            ends_text(points[one.a].connections[one.connection.a]),
                            points[one.a].name,
                            points[one.b].name);
        for (const uint32_t candidate : one.connection.candidates) {
            text += fmt::format(" [{}]", ends_text(points[one.b].connections[candidate]));
        }
        text += '\n';
    }
    return text;
}

}  // namespace

std::vector<uint32_t> conversations_shown(const Matching& matching, const MatchRequest& request) {
    std::vector<uint32_t> shown;
    if (request.connection > 0) {
        if (request.connection <= matching.conversations.size()) {
            shown.push_back(request.connection - 1);
        }
        return shown;
    }
    for (uint32_t i = 0; i < matching.conversations.size(); ++i) {
        shown.push_back(i);
    }
    std::stable_sort(shown.begin(), shown.end(), [&](uint32_t a, uint32_t b) {
        return (matching.conversations[a].points_seen() > 1) >
               (matching.conversations[b].points_seen() > 1);
    });
    if (request.limit > 0 && shown.size() > request.limit) {
        shown.resize(request.limit);
    }
    return shown;
}

std::string show_matching(Points points,
                          const Matching& matching,
                          const MatchRequest& request,
                          Colour colour) {
    std::string text;
    const std::vector<uint32_t> shown = conversations_shown(matching, request);
    for (const uint32_t number : shown) {
        text += conversation_text(points, matching, number, request, colour);
    }
    if (request.connection == 0 && shown.size() < matching.conversations.size()) {
        text += fmt::format("and {} more connections: --limit 0 shows all\n\n",
                            matching.conversations.size() - shown.size());
    }
    text += summary_text(points, matching, colour) + '\n';
    for (const PointPair& pair : matching.clocks) {
        text += clock_line(points, pair);
    }
    text += ambiguous_text(points, matching);
    const std::vector<Finding> findings = find_all(points, matching);
    text += findings.empty() ? "" : "\n";
    for (const Finding& finding : findings) {
        text += finding.conversation == kNoIndex
                    ? fmt::format("- {}\n", finding.text)
                    : fmt::format("- connection {}: {}\n", finding.conversation + 1, finding.text);
    }
    return text;
}

}  // namespace director::cli
