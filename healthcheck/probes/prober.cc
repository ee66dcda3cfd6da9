#include "healthcheck/probes/prober.h"

#include <csignal>
#include <utility>

#include "common/assert.h"
#include "healthcheck/probes/datagram_probes.h"
#include "healthcheck/probes/http_probe.h"
#include "healthcheck/probes/script_probe.h"

namespace director::healthcheck {

Result<std::unique_ptr<Prober>> Prober::make(Poller& poller, Sockets& sockets, uint64_t seed) {
    // OpenSSL writes to sockets that a peer may have closed, and has no flag for it. Children get
    // the default back (Process).
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    auto http = HttpClient::make(poller, sockets);
    if (!http) {
        return Failure(http.error());
    }
    auto contexts = TlsContexts::make();
    if (!contexts) {
        return Failure(contexts.error());
    }
    Clients clients{std::move(*http), std::move(*contexts)};
    std::unique_ptr<Prober> made(new Prober(poller, sockets, seed, std::move(clients)));
    return made;
}

Prober::Prober(Poller& poller, Sockets& sockets, uint64_t seed, Clients clients)
    : undertaker_(poller),
      clients_(std::move(clients)),
      random_(seed),
      tools_{poller, sockets, *clients_.http, undertaker_, random_, *this} {}

std::unique_ptr<Probe> Prober::make_probe(const StartProbe& start, TimePoint now) {
    const CheckSort& sort = start.settings->sort;
    if (std::holds_alternative<TcpCheck>(sort)) {
        return std::make_unique<TcpProbe>(tools_, start, now);
    }
    if (std::holds_alternative<HttpCheck>(sort)) {
        return std::make_unique<HttpProbe>(tools_, start, now);
    }
    if (std::holds_alternative<TlsCheck>(sort)) {
        return std::make_unique<TlsProbe>(tools_, clients_.tls, start, now);
    }
    if (std::holds_alternative<PingCheck>(sort)) {
        return std::make_unique<PingProbe>(tools_, start, now);
    }
    if (std::holds_alternative<UdpCheck>(sort)) {
        return std::make_unique<UdpProbe>(tools_, start, now);
    }
    if (std::holds_alternative<DnsCheck>(sort)) {
        return std::make_unique<DnsProbe>(tools_, start, now);
    }
    if (std::holds_alternative<SmtpCheck>(sort)) {
        return std::make_unique<SmtpProbe>(tools_, start, now);
    }
    // Passive checks have no probe: Monitor judges them.
    DIRECTOR_ASSERT(std::holds_alternative<ScriptCheck>(sort));
    return std::make_unique<ScriptProbe>(tools_, start, now);
}

void Prober::start(const StartProbe& start, TimePoint now) {
    const auto place = static_cast<size_t>(start.check);
    if (place >= probes_.size()) {
        probes_.resize(place + 1);
    }
    DIRECTOR_ASSERT(probes_[place] == nullptr);
    probes_[place] = make_probe(start, now);
    ++running_;
    Probe& probe = *probes_[place];
    probe.begin(now);
}

void Prober::cancel(const CancelProbe& cancel) {
    const auto place = static_cast<size_t>(cancel.check);
    if (place < probes_.size() && probes_[place] &&
        probes_[place]->result().attempt == cancel.attempt) {
        probes_[place].reset();
        --running_;
    }
}

void Prober::on_finished(Probe& probe) {
    const auto place = static_cast<size_t>(probe.result().check);
    results_.push_back(probe.result());
    finished_.push_back(std::move(probes_[place]));
    --running_;
}

std::vector<ProbeResult> Prober::take_results() {
    finished_.clear();
    return std::exchange(results_, {});
}

}  // namespace director::healthcheck
