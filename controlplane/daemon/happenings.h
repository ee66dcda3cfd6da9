// What the parts of the daemon notice, as events of the control socket (docs/control-socket.md has
// the list): the one place that finds the words. Control-plane thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "common/result.h"
#include "config/model.h"
#include "controlplane/server/event_stream.h"
#include "controlplane/server/protocol.h"
#include "dataplane/api/service.h"
#include "healthcheck/actions.h"
#include "vrrp/action.h"

namespace director::daemon {

// One change of a configuration that serves: by whom, with what result.
struct ConfigChange {
    std::string_view name;  // "reload", "edit", "apply", "save"
    std::string subject;    // a file, or empty
    std::optional<uint32_t> uid;
};

class Happenings {
  public:
    // Services and servers that one change of the configuration tells of one by one; a first
    // configuration of thousands would push out all else.
    static constexpr size_t kToldPerChange = 500;

    explicit Happenings(server::EventStream& stream) : stream_(stream) {}

    void vrrp(const vrrp::Event& event);
    void health(const healthcheck::Event& event, const dataplane::ServiceKey& service);
    // What came and went between two configurations.
    void changed(const config::Model& before, const config::Model& after);
    void config(const ConfigChange& change, const Result<std::string>& outcome);
    void log_level(const std::string& area, std::string_view level, uint32_t uid);
    void sync(config::SyncRole before, config::SyncRole after);
    void daemon(std::string_view name, std::string message);
    void interface(const std::string& name, bool is_up);

    // States of now: what differs from the last call is told. `services`: those under a SYN flood,
    // which the log tells, too.
    void attacks(const std::vector<std::string>& services);
    void peers(const std::vector<server::SyncPeerView>& peers);
    // `connections` of each are as of now.
    void drains(const std::vector<server::DrainView>& now);
    // Drains that begin or end now; `connections` mean nothing. `uid`: who asked for it.
    void drains_asked(const std::vector<server::DrainView>& now, uint32_t uid);

  private:
    using Names = std::pair<std::string, std::string>;  // service, server

    void note_drains(const std::vector<server::DrainView>& now, const std::string& uid);
    void tell(server::Topic topic,
              std::string_view name,
              std::string subject,
              std::string message,
              std::map<std::string, std::string> data = {});

    server::EventStream& stream_;
    std::set<std::string> attacked_;
    std::map<std::string, bool> peer_is_heard_;
    std::map<Names, bool> drain_is_done_;
    std::map<std::string, bool> interface_is_up_;
};

}  // namespace director::daemon
