#include "controlplane/plan/prefix_lists.h"

#include <algorithm>
#include <set>

namespace director::plan {

void PrefixLists::begin_update() {
    is_changed_ = false;
    for (auto& [key, list] : lists_) {
        list.is_leaving = true;
    }
}

uint16_t PrefixLists::want(dataplane::ServiceId service,
                           ListKind kind,
                           const std::vector<IpPrefix>& inline_part,
                           const std::shared_ptr<const std::vector<IpPrefix>>& file_part) {
    if (inline_part.empty() && file_part == nullptr) {
        return 0;
    }
    std::vector<IpPrefix> prefixes = inline_part;
    if (file_part != nullptr) {
        prefixes.insert(prefixes.end(), file_part->begin(), file_part->end());
    }
    const auto [entry, is_new] = lists_.try_emplace(Key{service, kind});
    PrefixList& list = entry->second;
    list.is_leaving = false;
    if (is_new) {
        list.number = free_number();
    }
    if (is_new || *list.prefixes != prefixes) {
        list.prefixes = std::make_shared<const std::vector<IpPrefix>>(std::move(prefixes));
        is_changed_ = true;
    }
    return list.number;
}

bool PrefixLists::has_leaving() const {
    return std::any_of(
        lists_.begin(), lists_.end(), [](const auto& entry) { return entry.second.is_leaving; });
}

void PrefixLists::end_update() {
    std::erase_if(lists_, [](const auto& entry) { return entry.second.is_leaving; });
}

uint16_t PrefixLists::number(dataplane::ServiceId service, ListKind kind) const {
    const auto entry = lists_.find(Key{service, kind});
    return entry != lists_.end() && !entry->second.is_leaving ? entry->second.number : uint16_t{0};
}

std::vector<PrefixList> PrefixLists::lists() const {
    std::vector<PrefixList> all;
    for (const auto& [key, list] : lists_) {
        all.push_back(list);
    }
    return all;
}

uint16_t PrefixLists::free_number() const {
    std::set<uint16_t> taken;
    for (const auto& [key, list] : lists_) {
        taken.insert(list.number);
    }
    uint16_t number = 1;
    while (taken.contains(number)) {
        ++number;
    }
    return number;
}

}  // namespace director::plan
