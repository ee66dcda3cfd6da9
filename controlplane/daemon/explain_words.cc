#include "controlplane/daemon/explain_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "controlplane/daemon/views.h"

namespace director::daemon {

using dataplane::ChosenBy;
using dataplane::Explanation;
using dataplane::Fate;
using dataplane::ForwardingMethod;
using server::ExplainView;

namespace {

void step(ExplainView& view, std::string name, std::string text, bool is_good = true) {
    view.steps.push_back({std::move(name), std::move(text), is_good});
}

std::string_view help_of(dataplane::DropReason reason) {
    return dataplane::kDropReasonTexts[static_cast<size_t>(reason)].help;
}

// By what a scheduler decides, in a few words.
std::string_view rule_of(std::string_view scheduler) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kRules{{
        {"rr", "the next in turn with weight"},
        {"wrr", "the next in turn by weight"},
        {"lc", "the fewest connections (active counts 256 times)"},
        {"wlc", "the fewest connections for its weight (active counts 256 times)"},
        {"lblc", "the one that this destination has, unless it is overloaded"},
        {"lblcr", "the least loaded of those that this destination has"},
        {"dh", "by hash of the destination address"},
        {"sh", "by hash of the client's address"},
        {"sed", "the shortest expected delay: (active + 1) / weight"},
        {"nq", "an idle one, else the shortest expected delay"},
        {"fo", "the heaviest that is available"},
        {"ovf", "the heaviest whose active connections are below its weight"},
        {"mh", "by Maglev hash of the client's address"},
        {"twos", "the less loaded of two drawn by weight"},
        {"maglev", "by Maglev hash of the client's address, if below the load bound"},
    }};
    for (const auto& [name, rule] : kRules) {
        if (name == scheduler) {
            return rule;
        }
    }
    return "";
}

std::string rule_text(const dataplane::MatchRule& rule) {
    const std::string addresses =
        rule.first == rule.last ? to_string(rule.first)
                                : fmt::format("{}-{}", to_string(rule.first), to_string(rule.last));
    return fmt::format(
        "{} {} ports {}-{}", to_string(rule.protocol), addresses, rule.port_first, rule.port_last);
}

void describe_service(const Explanation& answer,
                      const plan::ServiceEntry& entry,
                      ExplainView& view) {
    server::ExplainServiceView service;
    service.name = name_of(entry);
    service.scheduler = entry.settings.scheduler;
    service.flags = ipvsadm_flags(entry.settings);
    service.mark = entry.settings.mark;
    service.rule = answer.has_rule ? rule_text(answer.rule) : "";
    service.persistence_seconds = entry.settings.persistence.timeout;
    service.is_retired = answer.is_service_retired;
    service.is_under_attack = answer.is_syn_proxy_on;
    step(view,
         "service",
         fmt::format("{} has it{}{}",
                     service.name,
                     answer.has_rule ? ", by the rule " + service.rule : "",
                     service.is_retired ? "; it is no longer configured" : ""),
         !service.is_retired);
    view.service = std::move(service);
}

void describe_connection(const Explanation& answer, ExplainView& view) {
    const dataplane::ConnectionRow& row = answer.connection;
    server::ExplainConnectionView connection;
    connection.state = std::string(to_string(row.state));
    connection.client = to_string(row.client);
    connection.virtual_service = to_string(row.virtual_service);
    connection.local = to_string(row.local);
    connection.real_server = to_string(row.real_server);
    connection.expires_seconds = row.expires_in_seconds;
    connection.timeout_seconds = answer.timeout_seconds;
    connection.server_is_gone = answer.is_connection_ending;
    step(view,
         "connection",
         fmt::format("is known: {} to {}, ends in {} s without packets",
                     connection.state,
                     connection.real_server,
                     connection.expires_seconds),
         !connection.server_is_gone);
    view.connection = std::move(connection);
}

void describe_choice(const Explanation& answer, ExplainView& view) {
    if (answer.chosen_by == ChosenBy::kNobody) {
        return;
    }
    constexpr std::array<std::string_view, 4> kNames{"", "connection", "template", "scheduler"};
    const dataplane::RealServerSlot& slot = answer.server;
    view.server = server::ExplainServerView{
        .address = to_string(slot.endpoint.address),
        .port = slot.endpoint.port.host(),
        .forwarding = std::string(name_of(slot.forwarding)),
        .weight = slot.weight,
        .chosen_by = std::string(kNames[static_cast<size_t>(answer.chosen_by)])};
    if (answer.chosen_by == ChosenBy::kTemplate) {
        step(view,
             "persistence",
             fmt::format("the client is remembered at {}", to_string(slot.endpoint)));
    } else if (answer.chosen_by == ChosenBy::kScheduler) {
        if (answer.template_server != dataplane::kNoRealServer) {
            step(view,
                 "persistence",
                 "the client is remembered at a server that takes no more connections");
        }
        const std::string scheduler = view.service ? view.service->scheduler : "";
        step(view,
             "scheduler",
             fmt::format(
                 "{} chooses {}: {}", scheduler, to_string(slot.endpoint), rule_of(scheduler)));
    }
}

// Every server of the service, those that are not in the workers' table too.
void list_candidates(const Explanation& answer,
                     const plan::ServiceEntry& entry,
                     ExplainView& view) {
    std::map<dataplane::RealServerId, const dataplane::Candidate*> seen;
    for (const dataplane::Candidate& candidate : answer.candidates) {
        seen.emplace(candidate.id, &candidate);
    }
    for (const plan::RealServerEntry& server : entry.servers) {
        const auto found = seen.find(server.id);
        server::ExplainCandidateView candidate;
        candidate.address = to_string(server.settings.endpoint.address);
        candidate.port = server.settings.endpoint.port.host();
        candidate.weight = server.weight();
        candidate.is_out = server.is_out;
        candidate.is_draining = server.is_draining;
        if (found != seen.end()) {
            candidate.weight = found->second->weight;
            candidate.active = found->second->active;
            candidate.total = found->second->total;
            candidate.is_overloaded = found->second->is_overloaded;
        }
        const bool is_chosen =
            answer.chosen_by != ChosenBy::kNobody && answer.server.id == server.id;
        candidate.note = is_chosen                 ? "chosen"
                         : server.is_retired       ? "no longer configured"
                         : server.is_out           ? "taken out by health checks"
                         : server.is_draining      ? "is being drained"
                         : candidate.weight == 0   ? "weight 0"
                         : candidate.is_overloaded ? "overloaded: at its upper threshold"
                                                   : "";
        view.candidates.push_back(std::move(candidate));
    }
}

void describe_way(const Explanation& answer,
                  const plan::ServiceEntry* entry,
                  const std::string& interface,
                  ExplainView& view) {
    if (answer.fate == Fate::kKernel || answer.next_hop == IpAddress()) {
        return;
    }
    server::ExplainSentView sent;
    sent.source = to_string(answer.sent_source);
    sent.destination = to_string(answer.sent_destination);
    if (answer.takes_local_port) {
        const bool has_pool = entry != nullptr && !entry->settings.local_pool.empty();
        sent.source =
            has_pool ? "a port of pool " + entry->settings.local_pool : "a port of the rule's pool";
    }
    if (answer.is_tunnelled) {
        const plan::RealServerEntry* const server =
            entry != nullptr ? entry->find(answer.server.id) : nullptr;
        sent.encapsulation = server != nullptr ? tunnel_info(server->settings) : "tunnel";
        sent.outer_source = to_string(answer.outer_source);
        sent.outer_destination = to_string(answer.server.endpoint.address);
    }
    sent.interface = interface;
    sent.mtu = answer.mtu_bytes;
    sent.next_hop = to_string(answer.next_hop);
    sent.source_mac = to_string(answer.source_mac);
    sent.destination_mac = answer.is_mac_known ? to_string(answer.destination_mac) : "";
    step(
        view,
        "translation",
        fmt::format("{} -> {}{}",
                    sent.source,
                    sent.destination,
                    sent.encapsulation.empty()
                        ? ""
                        : fmt::format(" in {} to {}", sent.encapsulation, sent.outer_destination)));
    step(view,
         "way",
         fmt::format("by {} to {}, {}",
                     sent.interface,
                     sent.next_hop,
                     sent.destination_mac.empty() ? "whose MAC address is not known"
                                                  : sent.destination_mac));
    view.sent = std::move(sent);
}

void conclude(const Explanation& answer, ExplainView& view) {
    const std::string server =
        answer.chosen_by != ChosenBy::kNobody ? to_string(answer.server.endpoint) : "";
    switch (answer.fate) {
        case Fate::kDrop:
            view.verdict = "drop";
            view.reason = std::string(to_string(answer.reason));
            view.summary = fmt::format("is dropped: {}", help_of(answer.reason));
            break;
        case Fate::kKernel:
            view.verdict = "kernel";
            view.summary = "is for this machine itself: the kernel gets it";
            break;
        case Fate::kCookie:
            view.verdict = "answer";
            view.summary = "the SYN proxy answers; once the client has proven itself, its SYN " +
                           (answer.reason == dataplane::DropReason::kCount
                                ? fmt::format("goes to {}", server)
                                : fmt::format("is dropped: {}", help_of(answer.reason)));
            break;
        case Fate::kForward:
            view.verdict = server.empty() ? "route" : "forward";
            view.summary = server.empty()    ? "is no service's and no connection's: is routed on"
                           : answer.is_reply ? "is an answer, and goes back to the client"
                                             : fmt::format("goes to {}", server);
            break;
    }
    step(view, "verdict", view.summary, answer.fate != Fate::kDrop);
}

}  // namespace

void put_into_words(const Explanation& answer,
                    const plan::Catalogue& catalogue,
                    const std::function<std::string(dataplane::InterfaceId)>& interface_name,
                    ExplainView& view) {
    view.worker = index(answer.owner);
    const plan::ServiceEntry* const entry = catalogue.find(answer.service);
    if (entry != nullptr) {
        describe_service(answer, *entry, view);
    } else {
        step(view, "service", "there is none at this address and port");
    }
    if (answer.has_connection) {
        describe_connection(answer, view);
    }
    describe_choice(answer, view);
    if (entry != nullptr) {
        list_candidates(answer, *entry, view);
    }
    if (answer.is_table_full && !answer.has_connection) {
        step(view, "table", "the connection table is full", answer.fate != Fate::kDrop);
    }
    describe_way(answer, entry, interface_name(answer.interface), view);
    conclude(answer, view);
}

}  // namespace director::daemon
