#include "controlplane/daemon/attack_log.h"

#include <algorithm>
#include <utility>

#include "common/log.h"

namespace director::daemon {
namespace {

constexpr LogArea kLog{"attack"};

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void AttackLog::update(std::vector<std::string> now) {
    for (const std::string& service : now) {
        if (!contains(before_, service)) {
            kLog.warning("SYN flood service=\"{}\" syn_proxy=on", service);
        }
    }
    for (const std::string& service : before_) {
        if (!contains(now, service)) {
            kLog.info("SYN flood is over service=\"{}\" syn_proxy=off", service);
        }
    }
    before_ = std::move(now);
}

}  // namespace director::daemon
