// Who is on the other end of a Unix socket, as the kernel tells, and who is let in.
#pragma once

#include <sys/types.h>

#include <vector>

#include "common/result.h"

namespace director::server {

struct PeerCredentials {
    pid_t pid = 0;
    uid_t uid = 0;
    std::vector<gid_t> groups;  // the primary one and the supplementary ones
};

// Credentials of the process that connected `socket` (SO_PEERCRED, SO_PEERGROUPS).
[[nodiscard]] Result<PeerCredentials> peer_credentials(int socket);

// root, the user that directord runs as, and members of the group that it runs as.
[[nodiscard]] bool may_connect(const PeerCredentials& peer, uid_t own_uid, gid_t own_gid);

}  // namespace director::server
