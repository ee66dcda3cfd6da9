// `directorctl import`: a keepalived.conf, or ipvsadm's rules, as Director's configuration.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "config/import/keepalived.h"

namespace director::cli {

struct ImportRequest {
    std::string file;       // "-": standard input
    std::string kind;       // "keepalived", "ipvsadm"; empty: what its content looks like
    std::string config_id;  // of keepalived's @ lines; empty: the host's name
    std::vector<std::string> devices;    // "enp0s3=0000:00:03.0"
    std::vector<std::string> addresses;  // "enp0s3=192.0.2.2/24"
};

// The configuration to standard output, what could not be carried over to standard error. Exit code
// 0: everything was; 1: something was left out, or needs a look; 2: the file cannot be read.
[[nodiscard]] int run_import(const ImportRequest& request);

// The interfaces and routes that this machine has, with what the request says instead.
[[nodiscard]] Result<config::Machine> machine_for(const ImportRequest& request);

}  // namespace director::cli
