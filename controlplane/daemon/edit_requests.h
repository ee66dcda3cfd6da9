// "edit" of the control socket: arguments -> edits of the configuration, all of them or none.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "common/result.h"
#include "config/edits.h"
#include "controlplane/server/edit_protocol.h"
#include "controlplane/server/request_table.h"

namespace director::daemon {

class EditRequests {
  public:
    struct Surroundings {
        std::function<const config::Model&()> model;  // what serves now
        // `uid`: who asked.
        std::function<Result<std::string>(const config::Model&, uint32_t uid)> apply;
        config::Vocabulary vocabulary;
    };

    explicit EditRequests(Surroundings surroundings) : around_(std::move(surroundings)) {}

    // {"edits": [EditRequest, ...]}: at most kEditsMax.
    void answer(const nlohmann::json& params, const server::Reply& reply) const;

  private:
    Surroundings around_;
};

}  // namespace director::daemon
