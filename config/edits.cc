#include "config/edits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace director::config {
namespace {

using Refused = tl::unexpected<EditError>;
using Done = tl::expected<void, EditError>;

Refused refused(EditRefusal refusal, std::string message) {
    return Refused(EditError{0, refusal, std::move(message)});
}

// Applies one edit after another to a Model.
class Editor {
  public:
    Editor(Model& model, const Vocabulary& vocabulary) : model_(model), vocabulary_(vocabulary) {}

    Done operator()(const AddService& edit) {
        const ServiceRule& rule = edit.rule;
        if (find(rule.key) != model_.virtual_services.end()) {
            return refused(EditRefusal::kServiceExists, to_string(rule.key) + " is there already");
        }
        if (rule.key.mark != 0) {
            return refused(EditRefusal::kInvalid,
                           "Director has no firewall that marks packets: write a service with "
                           "`mark` and `match` rules into the configuration, and reload");
        }
        VirtualService service;
        service.endpoint = rule.key.endpoint;
        service.protocol = rule.key.protocol;
        // A server that the operator takes away takes nothing with it, as in IPVS.
        service.when_server_gone = WhenServerGone::kLeave;
        if (auto done = take(rule, service); !done) {
            return done;
        }
        model_.virtual_services.push_back(std::move(service));
        return {};
    }

    Done operator()(const EditService& edit) {
        const auto service = find(edit.rule.key);
        return service == model_.virtual_services.end() ? no_service(edit.rule.key)
                                                        : take(edit.rule, *service);
    }

    Done operator()(const DeleteService& edit) {
        const auto service = find(edit.key);
        if (service == model_.virtual_services.end()) {
            return no_service(edit.key);
        }
        model_.virtual_services.erase(service);
        return {};
    }

    Done operator()(const Clear& /*edit*/) {
        model_.virtual_services.clear();
        return {};
    }

    Done operator()(const AddServer& edit) {
        const auto service = find(edit.rule.key);
        if (service == model_.virtual_services.end()) {
            return no_service(edit.rule.key);
        }
        if (find(*service, edit.rule.endpoint) != service->real_servers.end()) {
            return refused(EditRefusal::kServerExists,
                           director::to_string(edit.rule.endpoint) + " is there already");
        }
        RealServer server;
        server.endpoint = edit.rule.endpoint;
        if (auto done = take(edit.rule, server); !done) {
            return done;
        }
        service->real_servers.push_back(std::move(server));
        return {};
    }

    Done operator()(const EditServer& edit) {
        const auto service = find(edit.rule.key);
        if (service == model_.virtual_services.end()) {
            return no_service(edit.rule.key);
        }
        const auto server = find(*service, edit.rule.endpoint);
        return server == service->real_servers.end() ? no_server(edit.rule.endpoint)
                                                     : take(edit.rule, *server);
    }

    Done operator()(const DeleteServer& edit) {
        const auto service = find(edit.key);
        if (service == model_.virtual_services.end()) {
            return no_service(edit.key);
        }
        const auto server = find(*service, edit.endpoint);
        if (server == service->real_servers.end()) {
            return no_server(edit.endpoint);
        }
        service->real_servers.erase(server);
        return {};
    }

    Done operator()(const SetTimeouts& edit) {
        Timeouts& timeouts = model_.timeouts;
        timeouts.tcp_established = edit.tcp != 0 ? edit.tcp : timeouts.tcp_established;
        timeouts.tcp_fin_wait = edit.tcp_fin != 0 ? edit.tcp_fin : timeouts.tcp_fin_wait;
        timeouts.udp = edit.udp != 0 ? edit.udp : timeouts.udp;
        return {};
    }

    Done operator()(const StartDaemon& edit) {
        Sync& sync = model_.sync;
        if (sync.role == edit.role || sync.role == SyncRole::kBoth) {
            return refused(EditRefusal::kDaemonRuns, "this sync daemon runs already");
        }
        sync.role = sync.role == SyncRole::kOff ? edit.role : SyncRole::kBoth;
        sync.interface = edit.interface;
        sync.id = edit.id;
        sync.group = edit.group.value_or(sync.group);
        sync.port = edit.port.value_or(sync.port);
        sync.ttl = edit.ttl.value_or(sync.ttl);
        sync.message_bytes = edit.message_bytes.value_or(sync.message_bytes);
        return {};
    }

    Done operator()(const StopDaemon& edit) {
        Sync& sync = model_.sync;
        if (sync.role != edit.role && sync.role != SyncRole::kBoth) {
            return refused(EditRefusal::kNoDaemon, "this sync daemon does not run");
        }
        const SyncRole other =
            edit.role == SyncRole::kMaster ? SyncRole::kBackup : SyncRole::kMaster;
        sync.role = sync.role == SyncRole::kBoth ? other : SyncRole::kOff;
        return {};
    }

  private:
    using Services = std::vector<VirtualService>;

    static Done no_service(const ServiceKey& key) {
        return refused(EditRefusal::kNoService, "there is no service " + to_string(key));
    }
    static Done no_server(const Endpoint& endpoint) {
        return refused(EditRefusal::kNoServer,
                       "the service has no real server " + director::to_string(endpoint));
    }
    Services::iterator find(const ServiceKey& key) {
        auto& services = model_.virtual_services;
        return std::find_if(services.begin(), services.end(), [&](const VirtualService& service) {
            return key_of(service) == key;
        });
    }
    static std::vector<RealServer>::iterator find(VirtualService& service,
                                                  const Endpoint& endpoint) {
        auto& servers = service.real_servers;
        return std::find_if(servers.begin(), servers.end(), [&](const RealServer& server) {
            return server.endpoint == endpoint;
        });
    }

    Done take(const ServiceRule& rule, VirtualService& service) const {
        const auto& known = vocabulary_.schedulers;
        if (std::find(known.begin(), known.end(), rule.scheduler) == known.end()) {
            return refused(EditRefusal::kNoScheduler,
                           fmt::format("there is no scheduler \"{}\"", rule.scheduler));
        }
        service.scheduler = rule.scheduler;
        service.flags = rule.flags;
        service.persistence.timeout = rule.persistence_timeout;
        service.persistence.prefix = rule.persistence_prefix;
        service.one_packet = rule.one_packet;
        return {};
    }

    static Done take(const ServerRule& rule, RealServer& server) {
        if (rule.upper_threshold != 0 && rule.lower_threshold > rule.upper_threshold) {
            return refused(EditRefusal::kLowerAboveUpper,
                           "the lower threshold is above the upper one");
        }
        server.forwarding = rule.forwarding;
        server.weight = rule.weight;
        server.upper_threshold = rule.upper_threshold;
        server.lower_threshold = rule.lower_threshold;
        server.tunnel = rule.tunnel;
        return {};
    }

    Model& model_;
    const Vocabulary& vocabulary_;
};

}  // namespace

std::string to_string(const ServiceKey& key) {
    if (key.mark != 0) {
        return fmt::format("FWM {}{}", key.mark, key.family == Family::kIpv6 ? " IPv6" : "");
    }
    std::string protocol(director::to_string(key.protocol));
    std::transform(protocol.begin(), protocol.end(), protocol.begin(), [](unsigned char c) {
        return static_cast<char>(std::toupper(c));
    });
    return protocol + " " + director::to_string(key.endpoint);
}

ServiceKey key_of(const VirtualService& service) {
    return service.mark != 0 ? ServiceKey{{}, Protocol::kTcp, service.mark, service.family()}
                             : ServiceKey{service.endpoint, service.protocol, 0, Family::kIpv4};
}

tl::expected<Model, EditError> edited(const Model& model,
                                      const std::vector<Edit>& edits,
                                      const Vocabulary& vocabulary) {
    Model next = model;
    Editor editor(next, vocabulary);
    for (size_t i = 0; i < edits.size(); ++i) {
        if (auto done = std::visit(editor, edits[i]); !done) {
            EditError error = std::move(done.error());
            error.index = i;
            return Refused(std::move(error));
        }
    }
    const std::vector<Finding> findings = validate(next, vocabulary);
    if (!findings.empty()) {
        const size_t last = edits.empty() ? 0 : edits.size() - 1;
        return Refused(EditError{
            last, EditRefusal::kInvalid, findings.front().path + ": " + findings.front().message});
    }
    return next;
}

tl::expected<void, EditError> apply(const Edit& edit, const Vocabulary& vocabulary, Model& model) {
    return std::visit(Editor(model, vocabulary), edit);
}

}  // namespace director::config
