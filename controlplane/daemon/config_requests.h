// "config_show", "config_diff", "config_check", "config_apply", "config_save", "log_levels" and
// "log_level" of the control socket. Control-plane thread only.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/result.h"
#include "config/parse.h"
#include "controlplane/daemon/happenings.h"
#include "controlplane/server/request_table.h"

namespace director::daemon {

class ConfigRequests {
  public:
    struct Surroundings {
        const std::string& file;
        std::function<const config::Model&()> model;  // what serves now
        // Why a configuration could not be applied, if so.
        std::function<Result<void>(const config::Model&)> try_out;
        std::function<Result<std::string>(const config::Model&)> apply;
        Happenings& happenings;
        config::Vocabulary vocabulary;
    };

    explicit ConfigRequests(Surroundings surroundings) : around_(std::move(surroundings)) {}

    void add_to(server::RequestTable& table);

  private:
    void show(const nlohmann::json& params, const server::Reply& reply) const;
    void diff(const server::Reply& reply) const;
    void check(const nlohmann::json& params, const server::Reply& reply) const;
    void apply(const nlohmann::json& params, const server::Reply& reply) const;
    void save(const server::Reply& reply) const;
    void set_log_level(const nlohmann::json& params, const server::Reply& reply) const;
    [[nodiscard]] static bool may_see_secrets(const server::Reply& reply);

    Surroundings around_;
};

}  // namespace director::daemon
