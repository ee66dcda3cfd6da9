// The JSON of `directorctl match`.
#include "cli/match_show.h"
#include "diagnostics/match/findings.h"
#include "diagnostics/match/sequence_diagram.h"
#include "diagnostics/match/summary.h"

namespace director::cli {
namespace {

using namespace diagnostics::matching;  // NOLINT(google-build-using-namespace): all of it is shown
using nlohmann::json;
using Points = std::span<const VantagePoint>;

json clock_json(const PointPair& pair) {
    const ClockFit& clock = pair.clock;
    json changes = json::array();
    for (const ClockChange& change : clock.changes) {
        changes.push_back({{"from_ns", change.from_ns},
                           {"to_ns", change.to_ns},
                           {"before_ns", change.before_ns},
                           {"after_ns", change.after_ns},
                           {"ppm", change.parts_per_million()}});
    }
    json outliers = json::array();
    for (const Outlier& outlier : clock.outliers) {
        outliers.push_back({{"by_ns", outlier.by_ns}, {"ahead_ns", outlier.ahead_ns}});
    }
    const auto bound = [](bool is_known, int64_t ns) { return is_known ? json(ns) : json(); };
    return {{"a", pair.a},
            {"b", pair.b},
            {"pairs", pair.pairs},
            {"offset_ns", clock.knots.empty() ? json() : json(clock.knots.front().offset_ns)},
            {"lower_ns", bound(clock.bounds.has_lower, clock.bounds.lower_ns)},
            {"upper_ns", bound(clock.bounds.has_upper, clock.bounds.upper_ns)},
            {"is_one_clock", clock.is_one_clock},
            {"is_reversed", pair.is_reversed},
            {"drift_ppm", clock.drift_ppm},
            {"zone_ns", clock.zone_ns ? json(*clock.zone_ns) : json()},
            {"changes", std::move(changes)},
            {"outliers", std::move(outliers)}};
}

json row_json(Points points,
              const Matching& matching,
              const Conversation& conversation,
              std::span<const diagnostics::matching::Cell> row) {
    const RowTimes times(points, matching);
    json cells = json::array();
    json result;
    for (uint32_t p = 0; p < row.size(); ++p) {
        if (row[p].sighting == kNoIndex) {
            continue;
        }
        const Sighting& one = points[p].sightings[row[p].sighting];
        if (cells.empty()) {
            const Protocol protocol = points[p].connections[conversation.connections[p]].protocol;
            result = {{"is_from_client", one.is_from_client != conversation.is_flipped[p]},
                      {"packet", what_text(one, protocol)},
                      {"bytes", one.payload_bytes}};
        }
        cells.push_back({{"point", p},
                         {"number", one.number},
                         {"time_ns", one.time_ns},
                         {"on_first_clock_ns", times.time(row[p], p)},
                         {"evidence", evidence_text(row[p].evidence)},
                         {"is_ip_id_equal", row[p].is_ip_id_equal},
                         {"is_ambiguous", row[p].is_ambiguous},
                         {"is_copy", row[p].is_copy}});
    }
    result["seen"] = std::move(cells);
    return result;
}

json links_json(const Conversation& conversation) {
    json links = json::array();
    for (const ConversationLink& one : conversation.links) {
        links.push_back({{"a", one.other_point},
                         {"b", one.point},
                         {"evidence", evidence_text(one.link.evidence)},
                         {"is_proxied", one.link.kind == LinkKind::kProxied},
                         {"client_shift", one.link.shift[kClient]},
                         {"server_shift", one.link.shift[kServer]},
                         {"agreeing", one.link.agreeing},
                         {"contradicting", one.link.contradicting}});
    }
    return links;
}

json conversation_json(Points points, const Matching& matching, uint32_t number) {
    const Conversation& conversation = matching.conversations[number];
    json ends = json::array();
    for (uint32_t p = 0; p < points.size(); ++p) {
        if (conversation.connections[p] != kNoIndex) {
            const ConnectionSeen& seen = points[p].connections[conversation.connections[p]];
            ends.push_back({{"point", p},
                            {"protocol", to_string(seen.protocol)},
                            {"client", to_string(seen.client)},
                            {"server", to_string(seen.server)}});
        }
    }
    json rows = json::array();
    for (uint32_t i = 0; i < conversation.row_count; ++i) {
        rows.push_back(
            row_json(points, matching, conversation, matching.row(conversation.row_begin + i)));
    }
    const TimeSpent spent = time_spent(points, matching, conversation);
    return {{"number", number + 1},
            {"ends", std::move(ends)},
            {"links", links_json(conversation)},
            {"rows", std::move(rows)},
            {"time_spent",
             {{"requests", spent.turns},
              {"client_ns", spent.client_ns},
              {"client_network_ns", spent.client_network_ns},
              {"between_ns", spent.between_ns},
              {"server_network_ns", spent.server_network_ns},
              {"server_ns", spent.server_ns},
              {"unanswered_ns", spent.lost_ns}}}};
}

json points_json(Points points, const Matching& matching) {
    const std::vector<PointSummary> summaries = summarize(points, matching);
    json result = json::array();
    for (size_t p = 0; p < points.size(); ++p) {
        const PointSummary& one = summaries[p];
        result.push_back({{"name", points[p].name},
                          {"packets", points[p].packets},
                          {"matched", one.matched},
                          {"only_here", one.only_here},
                          {"outside", one.outside},
                          {"proxys_own", one.own},
                          {"copies", one.copies},
                          {"unmatched", one.unlinked},
                          {"ambiguous", one.ambiguous},
                          {"connections", one.connections},
                          {"connections_matched", one.connections_matched},
                          {"other_traffic", points[p].others}});
    }
    return result;
}

}  // namespace

json matching_as_json(Points points, const Matching& matching, const MatchRequest& request) {
    json conversations = json::array();
    for (const uint32_t number : conversations_shown(matching, request)) {
        conversations.push_back(conversation_json(points, matching, number));
    }
    json clocks = json::array();
    for (const PointPair& pair : matching.clocks) {
        clocks.push_back(clock_json(pair));
    }
    json ambiguous = json::array();
    for (const AmbiguousLink& one : matching.ambiguous_connections) {
        json candidates = json::array();
        for (const uint32_t candidate : one.connection.candidates) {
            candidates.push_back(to_string(points[one.b].connections[candidate].client));
        }
        ambiguous.push_back(
            {{"a", one.a},
             {"b", one.b},
             {"client", to_string(points[one.a].connections[one.connection.a].client)},
             {"candidates", std::move(candidates)}});
    }
    json findings = json::array();
    for (const Finding& finding : find_all(points, matching)) {
        findings.push_back(
            {{"connection",
              finding.conversation == kNoIndex ? json() : json(finding.conversation + 1)},
             {"text", finding.text}});
    }
    return {{"points", points_json(points, matching)},
            {"clocks", std::move(clocks)},
            {"connections", std::move(conversations)},
            {"connections_total", matching.conversations.size()},
            {"ambiguous_connections", std::move(ambiguous)},
            {"findings", std::move(findings)}};
}

}  // namespace director::cli
