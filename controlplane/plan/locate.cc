#include "controlplane/plan/locate.h"

#include <cstring>

#include "common/hash.h"
#include "controlplane/plan/translate.h"

namespace director::plan {

using dataplane::RealServerId;

size_t Locator::KeyHash::operator()(const Key& key) const {
    uint64_t high = 0;
    uint64_t low = 0;
    std::memcpy(&high, key.endpoint.address.bytes.data(), 8);
    std::memcpy(&low, key.endpoint.address.bytes.data() + 8, 8);
    const uint64_t rest = uint64_t{key.mark} << 24 | uint64_t{key.endpoint.port.raw} << 8 |
                          static_cast<uint8_t>(key.protocol);
    const HashKey plain;
    return keyed_hash(plain, high ^ keyed_hash(plain, low ^ keyed_hash(plain, rest)));
}

Locator::Locator(const Catalogue& catalogue) {
    for (const ServiceEntry* entry : catalogue.services()) {
        if (entry->is_retired || entry->source_nat) {
            continue;
        }
        const dataplane::ServiceKey named = key_of(entry->settings);
        const Key key = named.mark != 0 ? Key{named.mark, {}, Protocol::kAny}
                                        : Key{0, {named.address, named.port}, named.protocol};
        Service& service = services_[key];
        service.id = entry->id;
        service.has_ftp = entry->settings.ftp;
        for (const RealServerEntry& server : entry->servers) {
            if (!server.is_retired) {
                service.servers.try_emplace(Key{0, server.settings.endpoint, {}}, server.id);
                service.by_address.try_emplace(
                    Key{0, {server.settings.endpoint.address, Be16{}}, {}}, server.id);
            }
        }
        if (service.has_ftp && named.mark == 0) {
            ftp_services_.try_emplace(Key{0, {named.address, Be16{}}, named.protocol}, key);
        }
    }
}

const Locator::Service* Locator::find_service(const ConnectionName& name) const {
    if (name.mark != 0) {
        const auto found = services_.find(Key{name.mark, {}, Protocol::kAny});
        return found != services_.end() ? &found->second : nullptr;
    }
    auto found = services_.find(Key{0, name.virtual_service, name.protocol});
    if (found == services_.end()) {
        const Key any_port{0, {name.virtual_service.address, Be16{}}, name.protocol};
        found = services_.find(any_port);
        const auto ftp = ftp_services_.find(any_port);
        if (found == services_.end() && ftp != ftp_services_.end()) {
            found = services_.find(ftp->second);
        }
    }
    return found != services_.end() ? &found->second : nullptr;
}

Location Locator::find(const ConnectionName& name) const {
    const Service* const service = find_service(name);
    if (service == nullptr) {
        return {};
    }
    Location location{service->id, dataplane::kNoRealServer, service->has_ftp};
    const Key any_port{0, {name.real_server.address, Be16{}}, {}};
    auto server = service->servers.find(Key{0, name.real_server, {}});
    if (server == service->servers.end()) {
        server = service->servers.find(any_port);
    }
    if (server != service->servers.end()) {
        location.server = server->second;
    } else if (name.real_server.port == Be16{} || service->has_ftp) {
        // Templates of services for any port name none of the server's; FTP's data connections
        // come to others.
        const auto at = service->by_address.find(any_port);
        location.server = at != service->by_address.end() ? at->second : location.server;
    }
    return location;
}

}  // namespace director::plan
