#include "controlplane/daemon/diagnostics_side.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <asio/post.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "controlplane/daemon/watch_capture.h"
#include "diagnostics/files/packet_filter.h"

namespace director::daemon {

using dataplane::MirrorTap;
using dataplane::TapJob;
using dataplane::WorkerId;
using nlohmann::json;

namespace {

constexpr uint64_t kHealthSecondsDefault = 10;
constexpr uint64_t kHealthSecondsMax = 300;
constexpr int64_t kSecond = 1'000'000'000;

// A number that may be missing.
template <typename T>
Result<T> number_of(const json& params, const char* name, T otherwise, T min, T max) {
    const auto found = params.find(name);
    if (found == params.end()) {
        return otherwise;
    }
    const bool is_good = found->is_number_unsigned() && found->get<uint64_t>() >= min &&
                         found->get<uint64_t>() <= max;
    if (!is_good) {
        return failure(fmt::format("{}: expected a number from {} to {}", name, min, max));
    }
    return static_cast<T>(found->get<uint64_t>());
}

bool flag_of(const json& params, const char* name) {
    const auto found = params.find(name);
    return found != params.end() && found->is_boolean() && found->get<bool>();
}

server::HealthEndView end_view(const diagnostics::EndFacts& end) {
    return {.packets = end.packets,
            .bytes = end.bytes,
            .sent_again = end.data_packets_again,
            .sent_again_share = end.share_again(),
            .zero_windows = end.zero_windows,
            .resets = end.resets,
            .round_trips = end.trips.count,
            .round_trip_mean_seconds = end.trips.mean_s(),
            .round_trip_max_seconds = end.trips.max_s};
}

// The two ends of a stream: ours and the client's.
std::optional<std::pair<int, int>> make_stream() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return std::nullopt;
    }
    constexpr int kBytes = 1 << 20;
    static_cast<void>(::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &kBytes, sizeof(kBytes)));
    return std::pair(ends[0], ends[1]);
}

}  // namespace

server::HealthVerdictView verdict_view(const diagnostics::Verdict& verdict) {
    return {verdict.service,
            verdict.server,
            std::string(diagnostics::blame_name(verdict.blame)),
            verdict.severity,
            verdict.text};
}

server::HealthView health_view(const HealthReport& report) {
    server::HealthView view;
    view.observed_seconds = report.observed_s;
    view.packets = report.packets;
    view.missed = report.counts.missed + report.counts.limited;
    for (const diagnostics::Verdict& verdict :
         diagnostics::judge(report.servers, report.observed_s)) {
        view.verdicts.push_back(verdict_view(verdict));
    }
    for (const diagnostics::ObservedServer& observed : report.servers) {
        const diagnostics::ServerFacts& facts = observed.facts;
        view.servers.push_back({.service = observed.service,
                                .server = observed.server,
                                .connections = facts.connections,
                                .opened = facts.opened,
                                .unanswered = facts.unanswered,
                                .unfinished = facts.unfinished,
                                .scans = facts.scans,
                                .clients = end_view(facts.client),
                                .itself = end_view(facts.server)});
    }
    return view;
}

DiagnosticsSide::DiagnosticsSide(Surroundings surroundings)
    : around_(std::move(surroundings)), thread_(around_.engine, around_.clock, [this](uint8_t tap) {
          asio::post(around_.io, [this, tap] { end(tap); });
      }) {}

void DiagnosticsSide::add_to(server::RequestTable& table) {
    table.add({server::kCapture, [this](const json& params, const server::Reply& reply) {
                   answer_capture(params, reply);
               }});
    table.add({server::kFlows, [this](const json& params, const server::Reply& reply) {
                   answer_flows(params, reply);
               }});
    table.add({server::kHealth, [this](const json& params, const server::Reply& reply) {
                   answer_health(params, reply);
               }});
}

void DiagnosticsSide::sample() {
    look_at_catalogue();
    observe_always();
}

std::shared_ptr<const WatchNames> DiagnosticsSide::names() const {
    auto names = std::make_shared<WatchNames>();
    names->ports = around_.ports;
    for (const plan::ServiceEntry* service : around_.catalogue.services()) {
        names->services[index(service->id)] = plan::to_string(*service);
        for (const plan::RealServerEntry& server : service->servers) {
            names->servers[index(server.id)] = to_string(server.settings.endpoint);
        }
    }
    return names;
}

void DiagnosticsSide::set_tap(uint8_t number,
                              const MirrorTap& tap,
                              const std::function<void()>& done) {
    auto left = std::make_shared<uint32_t>(around_.fleet.size());
    for (uint16_t worker = 0; worker < around_.fleet.size(); ++worker) {
        auto job = std::make_shared<TapJob>();
        job->number = number;
        job->tap = tap;
        around_.fleet.ask<TapJob>(WorkerId{worker}, job, [left, done](TapJob& /*job*/) {
            if (--*left == 0 && done) {
                done();
            }
        });
    }
    around_.serve_engine();
}

bool DiagnosticsSide::watch(const MirrorTap& tap,
                            const MakeWatch& make,
                            const server::Reply& reply) {
    const auto number = free_tap();
    if (!number) {
        reply(failure(fmt::format("{} watch already, which is the most", taps_.size())));
        return false;
    }
    auto watch = make(*number);
    if (watch == nullptr) {
        return false;
    }
    begin(std::move(watch), tap);
    return true;
}

std::optional<uint8_t> DiagnosticsSide::free_tap() const {
    const auto free = std::find(taps_.begin(), taps_.end(), TapState::kFree);
    return free != taps_.end() ? std::optional<uint8_t>(static_cast<uint8_t>(free - taps_.begin()))
                               : std::nullopt;
}

void DiagnosticsSide::begin(std::shared_ptr<Watch> watch, const MirrorTap& tap) {
    const uint8_t number = watch->tap();
    taps_.at(number) = TapState::kInUse;
    thread_.add(std::move(watch), names());
    set_tap(number, tap, {});
}

// The number is free once no worker tells for it any more and all that was told has been read.
void DiagnosticsSide::end(uint8_t number) {
    taps_.at(number) = TapState::kEnding;
    set_tap(number, {}, [this, number] {
        thread_.after_reading([this, number] {
            asio::post(around_.io, [this, number] { taps_.at(number) = TapState::kFree; });
        });
    });
}

Result<TapFilter> DiagnosticsSide::filter_of(const json& params) const {
    const json text = params.value("filter", json(""));
    if (!text.is_string()) {
        return failure("filter: expected a text");
    }
    auto filter = parse_tap_filter(text.get<std::string>());
    const auto one_in = number_of<uint32_t>(params, "one_in", 1, 1, 1U << 20);
    const auto rate =
        number_of<uint32_t>(params, "rate", settings_.packets_per_second, 0, UINT32_MAX);
    if (!filter) {
        return failure("filter: " + filter.error().message);
    }
    if (!one_in || !rate) {
        return failure(!one_in ? one_in.error().message : rate.error().message);
    }
    filter->tap.one_in = *one_in;
    filter->tap.packets_per_second = *rate;
    return filter;
}

void DiagnosticsSide::answer_capture(const json& params, const server::Reply& reply) {
    auto filter = filter_of(params);
    const auto snap = number_of<uint16_t>(
        params, "snap", dataplane::kMirroredBytesMax, 0, dataplane::kMirroredBytesMax);
    const auto bytes = number_of<uint64_t>(params, "bytes_max", 0, 0, UINT64_MAX);
    const auto packets = number_of<uint64_t>(params, "packets_max", 0, 0, UINT64_MAX);
    const auto seconds = number_of<uint64_t>(params, "seconds", 0, 0, 1U << 30);
    for (const std::string& mistake : {filter ? "" : filter.error().message,
                                       snap ? "" : snap.error().message,
                                       bytes ? "" : bytes.error().message,
                                       packets ? "" : packets.error().message,
                                       seconds ? "" : seconds.error().message}) {
        if (!mistake.empty()) {
            return reply.invalid_params(mistake);
        }
    }
    filter->tap.only_drops = flag_of(params, "drops");
    filter->tap.snap_bytes = *snap;
    const CaptureSettings settings{.bytes_max = *bytes,
                                   .packets_max = *packets,
                                   .duration_ns = static_cast<int64_t>(*seconds) * kSecond,
                                   .snap_bytes = *snap,
                                   .bpf = filter->bpf};
    diagnostics::PacketFilter bpf(filter->bpf);
    if (const auto prepared = bpf.prepare(diagnostics::LinkType::kEthernet); !prepared) {
        return reply.invalid_params("filter: " + prepared.error().message);
    }
    const auto subscriber = reply.caller().subscriber.lock();
    const auto stream = subscriber ? make_stream() : std::nullopt;
    if (!stream) {
        return reply(failure("there is no way to send packets to the client"));
    }
    const auto make = [&](uint8_t tap) {
        return std::make_shared<WatchCapture>(tap, settings, std::move(bpf), stream->first);
    };
    if (!watch(filter->tap, make, reply)) {
        ::close(stream->first);
        ::close(stream->second);
        return;
    }
    subscriber->hand_over(stream->second);
    reply(json(server::StreamView{"pcapng"}));
}

void DiagnosticsSide::answer_flows(const json& params, const server::Reply& reply) {
    auto filter = filter_of(params);
    const auto seconds = number_of<uint64_t>(params, "seconds", 0, 0, 1U << 30);
    if (!filter || !seconds) {
        return reply.invalid_params(!filter ? filter.error().message : seconds.error().message);
    }
    if (!filter->bpf.empty()) {
        return reply.invalid_params("filter: expected vip, client, server, host, port or proto");
    }
    const auto subscriber = reply.caller().subscriber.lock();
    const auto stream = subscriber ? make_stream() : std::nullopt;
    if (!stream) {
        return reply(failure("there is no way to send records to the client"));
    }
    const bool is_json = flag_of(params, "json");
    filter->tap.only_balanced = true;
    const auto make = [&](uint8_t tap) {
        diagnostics::AnalysisSettings settings;
        settings.flows_max = settings_.flows_max;
        return std::make_shared<WatchFlowStream>(
            tap, settings, static_cast<int64_t>(*seconds) * kSecond, is_json, stream->first);
    };
    if (!watch(filter->tap, make, reply)) {
        ::close(stream->first);
        ::close(stream->second);
        return;
    }
    subscriber->hand_over(stream->second);
    reply(json(server::StreamView{is_json ? "json" : "tsv"}));
}

void DiagnosticsSide::answer_health(const json& params, const server::Reply& reply) {
    auto filter = filter_of(params);
    const auto seconds =
        number_of<uint64_t>(params, "seconds", kHealthSecondsDefault, 1, kHealthSecondsMax);
    if (!filter || !seconds) {
        return reply.invalid_params(!filter ? filter.error().message : seconds.error().message);
    }
    if (!filter->bpf.empty()) {
        return reply.invalid_params("filter: expected vip, client, server, host, port or proto");
    }
    filter->tap.only_balanced = true;
    const uint64_t number = ++last_waiting_;
    const auto make = [&](uint8_t tap) {
        diagnostics::AnalysisSettings settings;
        settings.flows_max = settings_.flows_max;
        return std::make_shared<WatchHealth>(
            tap,
            settings,
            static_cast<int64_t>(*seconds) * kSecond,
            [this, number](HealthReport report) {
                asio::post(around_.io, [this, number, report = std::move(report)] {
                    if (const auto found = waiting_.find(number); found != waiting_.end()) {
                        found->second(json(health_view(report)));
                        waiting_.erase(found);
                    }
                });
            });
    };
    // Replies stay on this thread: the other one only has the number.
    waiting_.emplace(number, reply);
    if (!watch(filter->tap, make, reply)) {
        waiting_.erase(number);
    }
}

}  // namespace director::daemon
