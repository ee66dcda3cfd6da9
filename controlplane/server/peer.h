// Who is on the other end of a Unix socket, as the kernel tells, and who is let in.
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "common/result.h"
#include "controlplane/server/caller.h"

namespace director::server {

struct PeerCredentials {
    pid_t pid = 0;
    uid_t uid = 0;
    std::vector<gid_t> groups;  // the primary one and the supplementary ones
};

// Credentials of the process that connected `socket` (SO_PEERCRED, SO_PEERGROUPS).
[[nodiscard]] Result<PeerCredentials> peer_credentials(int socket);

// Who is let in beside root.
struct AccessRules {
    uid_t own_uid = 0;  // as directord runs
    gid_t own_gid = 0;
    std::optional<gid_t> admin_group;
    std::optional<gid_t> reader_group;
};

// Admins are root, directord's own user, and members of its own group and of the admin group.
// Nothing: not to be let in.
[[nodiscard]] std::optional<Role> role_of(const PeerCredentials& peer, const AccessRules& rules);

// The number of a group; failure if there is none of this name.
[[nodiscard]] Result<gid_t> find_group(const std::string& name);

}  // namespace director::server
