// "explain" of the control socket: a question about one packet goes to the worker that owns its
// connection, and the answer is put into words. Control-plane thread only.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "controlplane/daemon/fleet.h"
#include "controlplane/plan/catalogue.h"
#include "controlplane/server/explain_protocol.h"
#include "controlplane/server/request_table.h"
#include "dataplane/api/explanation.h"

namespace director::daemon {

class ExplainRequests {
  public:
    struct Surroundings {
        Fleet& fleet;
        const plan::Catalogue& catalogue;
        std::function<server::VrrpView()> vrrp;
        std::function<std::string(dataplane::InterfaceId)> interface_name;
        // By its name; nothing: there is none.
        std::function<std::optional<bool>(const std::string&)> is_interface_up;
    };

    explicit ExplainRequests(Surroundings surroundings) : around_(std::move(surroundings)) {}

    // Answers once the worker has; the workers hear of it at the fleet's next turn.
    void answer(const nlohmann::json& params, const server::Reply& reply);

  private:
    struct Question;

    [[nodiscard]] static Result<Question> read(const nlohmann::json& params);
    void ask(dataplane::WorkerId worker, const Question& question, const server::Reply& reply);
    [[nodiscard]] server::ExplainView about_address(const Question& question) const;
    [[nodiscard]] server::ExplainView about_packet(const Question& question,
                                                   const dataplane::Explanation& answer) const;
    [[nodiscard]] std::optional<server::ExplainVrrpView> vrrp_of(const IpAddress& address) const;

    Surroundings around_;
};

}  // namespace director::daemon
