#include "controlplane/server/peer.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace director::server {

Result<PeerCredentials> peer_credentials(int socket) {
    ucred peer{};
    socklen_t length = sizeof(peer);
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
        return failure(fmt::format("SO_PEERCRED: {}", std::generic_category().message(errno)));
    }
    PeerCredentials credentials{peer.pid, peer.uid, {peer.gid}};

    // The kernel answers ERANGE with the length that is needed (Linux 4.13).
    std::vector<gid_t> groups(32);
    for (int attempt = 0; attempt < 2; ++attempt) {
        length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        const int result = getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length);
        const int error = errno;
        groups.resize(length / sizeof(gid_t));
        if (result == 0) {
            credentials.groups.insert(credentials.groups.end(), groups.begin(), groups.end());
            break;
        }
        if (error != ERANGE) {
            break;  // the primary group alone decides
        }
    }
    return credentials;
}

bool may_connect(const PeerCredentials& peer, uid_t own_uid, gid_t own_gid) {
    return peer.uid == 0 || peer.uid == own_uid ||
           std::find(peer.groups.begin(), peer.groups.end(), own_gid) != peer.groups.end();
}

}  // namespace director::server
