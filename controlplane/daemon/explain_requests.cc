#include "controlplane/daemon/explain_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "controlplane/daemon/explain_words.h"
#include "controlplane/daemon/views.h"

namespace director::daemon {

using dataplane::Explanation;
using dataplane::WorkerId;
using nlohmann::json;

struct ExplainRequests::Question {
    Protocol protocol = Protocol::kTcp;
    IpAddress address;                // virtual
    std::optional<Endpoint> service;  // virtual, with its port
    Endpoint client;
    Endpoint server;
    bool is_reply = false;
    std::string interface;

    [[nodiscard]] Endpoint source() const { return is_reply ? server : client; }
    [[nodiscard]] Endpoint destination() const { return is_reply ? client : *service; }
};

namespace {

// What a client may look like (RFC 5737, RFC 3849).
Endpoint example_client(Family family) {
    const auto address = IpAddress::parse(family == Family::kIpv4 ? "198.51.100.1" : "2001:db8::1");
    return {*address, Be16::from_host(40000)};
}

bool is_in(const IpAddress& address, const std::string& configured) {
    // "192.0.2.100/24", "192.0.2.101/24 dev inside"
    const auto given = IpAddress::parse(configured.substr(0, configured.find_first_of("/ ")));
    return given && *given == address;
}

bool serves(const config::VirtualService& service, const IpAddress& address) {
    if (service.mark == 0) {
        return service.endpoint.address == address;
    }
    for (const config::Match& match : service.match) {
        if (match.addresses.first <= address && address <= match.addresses.last) {
            return true;
        }
    }
    return false;
}

}  // namespace

Result<ExplainRequests::Question> ExplainRequests::read(const json& params) {
    constexpr std::string_view kExpected =
        "expected virtual: \"address:port\" or \"address\", client: \"address:port\", protocol: "
        "\"tcp\", \"udp\" or \"sctp\", direction: \"in\" or \"out\", server: \"address:port\" of "
        "\"out\", interface: string";
    if (!std::all_of(
            params.begin(), params.end(), [](const json& value) { return value.is_string(); })) {
        return failure(std::string(kExpected));
    }
    Question question;
    const std::string service = params.value("virtual", "");
    const auto endpoint = Endpoint::parse(service);
    const auto address = IpAddress::parse(service);
    if (endpoint) {
        question.service = *endpoint;
        question.address = endpoint->address;
    } else if (address) {
        question.address = *address;
    } else {
        return failure(std::string(kExpected));
    }
    const std::string protocol = params.value("protocol", "tcp");
    const std::string direction = params.value("direction", "in");
    question.protocol = protocol == "udp"    ? Protocol::kUdp
                        : protocol == "sctp" ? Protocol::kSctp
                                             : Protocol::kTcp;
    question.is_reply = direction == "out";
    question.interface = params.value("interface", "");
    const std::string client = params.value("client", "");
    const auto client_end =
        client.empty() ? example_client(question.address.family()) : Endpoint::parse(client);
    const auto server = Endpoint::parse(params.value("server", ""));
    const bool is_known_protocol = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
    const bool is_known_direction = direction == "in" || (direction == "out" && server);
    if (!client_end || !is_known_protocol || !is_known_direction) {
        return failure(std::string(kExpected));
    }
    question.client = *client_end;
    question.server = server.value_or(Endpoint{});
    const bool is_one_family = !question.service || question.source().address.family() ==
                                                        question.destination().address.family();
    if (!is_one_family) {
        return failure("both ends of a packet are IPv4 or both are IPv6");
    }
    return question;
}

void ExplainRequests::answer(const json& params, const server::Reply& reply) {
    const auto question = read(params);
    if (!question) {
        reply.invalid_params(question.error().message);
    } else if (!question->interface.empty() && !around_.is_interface_up(question->interface)) {
        reply.invalid_params("there is no interface " + question->interface);
    } else if (!question->service) {
        reply(json(about_address(*question)));
    } else {
        ask(WorkerId{0}, *question, reply);
    }
}

// Any worker knows who owns the flow; the owner is asked then.
void ExplainRequests::ask(WorkerId worker, const Question& question, const server::Reply& reply) {
    auto job = std::make_shared<Explanation>();
    job->protocol = question.protocol;
    job->source = question.source();
    job->destination = question.destination();
    constexpr size_t kCandidatesMax = 4096;
    job->candidates.reserve(kCandidatesMax);
    around_.fleet.ask<Explanation>(
        worker, job, [this, worker, question, reply](Explanation& answer) {
            if (answer.owner != worker && index(answer.owner) < around_.fleet.size()) {
                ask(answer.owner, question, reply);
            } else {
                reply(json(about_packet(question, answer)));
            }
        });
}

std::optional<server::ExplainVrrpView> ExplainRequests::vrrp_of(const IpAddress& address) const {
    for (const server::VrrpInstanceView& instance : around_.vrrp().instances) {
        for (const auto* addresses : {&instance.addresses, &instance.excluded_addresses}) {
            for (const std::string& configured : *addresses) {
                if (is_in(address, configured)) {
                    return server::ExplainVrrpView{instance.name, instance.state};
                }
            }
        }
    }
    return std::nullopt;
}

namespace {

void describe_vrrp(server::ExplainView& view) {
    if (view.vrrp) {
        const bool is_master = view.vrrp->state == "MASTER";
        view.steps.push_back({"vrrp",
                              fmt::format("{} is {} here{}",
                                          view.vrrp->instance,
                                          view.vrrp->state,
                                          is_master ? "" : ": packets go to another director"),
                              is_master});
    }
}

}  // namespace

server::ExplainView ExplainRequests::about_address(const Question& question) const {
    server::ExplainView view;
    view.question.destination = to_string(question.address);
    view.vrrp = vrrp_of(question.address);
    describe_vrrp(view);
    for (const plan::ServiceEntry* const entry : around_.catalogue.services()) {
        if (!entry->is_retired && !entry->source_nat && serves(entry->settings, question.address)) {
            view.services.push_back(name_of(*entry));
        }
    }
    view.summary =
        fmt::format("{} services at {}", view.services.size(), to_string(question.address));
    return view;
}

server::ExplainView ExplainRequests::about_packet(const Question& question,
                                                  const Explanation& answer) const {
    server::ExplainView view;
    view.question = {.protocol = std::string(to_string(question.protocol)),
                     .source = to_string(question.source()),
                     .destination = to_string(question.destination()),
                     .direction = question.is_reply ? "out" : "in",
                     .interface = question.interface};
    if (!question.interface.empty()) {
        const bool is_up = around_.is_interface_up(question.interface).value_or(false);
        view.steps.push_back({"interface",
                              fmt::format("{} is {}", question.interface, is_up ? "up" : "down"),
                              is_up});
    }
    view.vrrp = vrrp_of(question.address);
    describe_vrrp(view);
    put_into_words(answer, around_.catalogue, around_.interface_name, view);
    if (view.vrrp && view.vrrp->state != "MASTER" && !question.is_reply) {
        view.summary += fmt::format("; but {} is {} here", view.vrrp->instance, view.vrrp->state);
    }
    return view;
}

}  // namespace director::daemon
