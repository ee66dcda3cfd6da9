#include "controlplane/server/peer.h"

#include <fmt/format.h>
#include <grp.h>
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

std::optional<Role> role_of(const PeerCredentials& peer, const AccessRules& rules) {
    const auto is_in = [&peer](gid_t group) {
        return std::find(peer.groups.begin(), peer.groups.end(), group) != peer.groups.end();
    };
    if (peer.uid == 0 || peer.uid == rules.own_uid || is_in(rules.own_gid) ||
        (rules.admin_group && is_in(*rules.admin_group))) {
        return Role::kAdmin;
    }
    if (rules.reader_group && is_in(*rules.reader_group)) {
        return Role::kReader;
    }
    return std::nullopt;
}

Result<gid_t> find_group(const std::string& name) {
    group entry{};
    group* found = nullptr;
    std::vector<char> texts(size_t{1} << 16);  // more than any line of /etc/group needs
    const int error = getgrnam_r(name.c_str(), &entry, texts.data(), texts.size(), &found);
    if (found == nullptr) {
        return failure(
            fmt::format("there is no group {}{}",
                        name,
                        error != 0 ? ": " + std::generic_category().message(error) : ""));
    }
    return entry.gr_gid;
}

}  // namespace director::server
