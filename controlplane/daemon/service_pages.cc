#include "controlplane/daemon/service_pages.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <tuple>

#include "common/whole_number.h"
#include "controlplane/plan/translate.h"

namespace director::daemon {
namespace {

using nlohmann::json;

// The order of the catalogue.
using Place = std::tuple<uint32_t, IpAddress, uint16_t, uint8_t>;

Place place_of(const plan::ServiceEntry& service) {
    const dataplane::ServiceKey key = plan::key_of(service.settings);
    return {key.mark, key.address, key.port.host(), static_cast<uint8_t>(key.protocol)};
}

std::string cursor_of(const Place& place) {
    const auto& [mark, address, port, protocol] = place;
    return fmt::format("{} {} {} {}", mark, to_string(address), port, protocol);
}

std::optional<Place> read_cursor(std::string_view text) {
    std::array<std::string_view, 3> words;
    for (std::string_view& word : words) {
        const size_t end = text.find(' ');
        word = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    const auto mark = whole_number<uint32_t>(words[0]);
    const auto address = IpAddress::parse(words[1]);
    const auto port = whole_number<uint16_t>(words[2]);
    const auto protocol = whole_number<uint8_t>(text);
    if (!mark || !address || !port || !protocol) {
        return std::nullopt;
    }
    return Place{*mark, *address, *port, *protocol};
}

// Of a page before, or of none.
bool is_cursor(const std::string& text) {
    return text.empty() || read_cursor(text).has_value();
}

bool is_wanted(const plan::ServiceEntry& service, const ServicesWanted& wanted) {
    if (service.source_nat) {
        return false;
    }
    const dataplane::ServiceKey key = plan::key_of(service.settings);
    if (wanted.mark) {
        return key.mark == *wanted.mark;
    }
    return !wanted.at ||
           (key.mark == 0 && key.address == wanted.at->address && key.port == wanted.at->port);
}

}  // namespace

Result<ServicesWanted> services_wanted(const json& params) {
    ServicesWanted wanted;
    const auto number = [&params](const char* name, uint64_t max) -> std::optional<uint64_t> {
        const json value = params.value(name, json(0U));
        const bool fits = value.is_number_unsigned() && value.get<uint64_t>() <= max;
        return fits ? std::optional(value.get<uint64_t>()) : std::nullopt;
    };
    const json cursor = params.value("cursor", json(""));
    const auto limit = number("limit", SIZE_MAX);
    if (!cursor.is_string() || !limit || (params.contains("limit") && *limit == 0) ||
        !is_cursor(cursor.get_ref<const std::string&>())) {
        return failure("expected cursor: string from the page before, limit: 1 or more");
    }
    wanted.cursor = cursor.get<std::string>();
    wanted.limit = *limit;
    const auto port = number("port", UINT16_MAX);
    const auto mark = number("mark", UINT32_MAX);
    const json address = params.value("address", json("0.0.0.0"));
    const auto parsed =
        address.is_string() ? IpAddress::parse(address.get<std::string>()) : std::nullopt;
    if (!parsed || !port || !mark || (params.contains("mark") && params.contains("address"))) {
        return failure("expected address: IP address and port: number, or mark: number");
    }
    if (params.contains("address")) {
        wanted.at = Endpoint{*parsed, Be16::from_host(static_cast<uint16_t>(*port))};
    }
    if (params.contains("mark")) {
        wanted.mark = static_cast<uint32_t>(*mark);
    }
    return wanted;
}

ServicesPage services_page(const plan::Catalogue& catalogue, const ServicesWanted& wanted) {
    const auto after = read_cursor(wanted.cursor);
    ServicesPage page;
    for (const plan::ServiceEntry* const service : catalogue.services()) {
        if (!is_wanted(*service, wanted) || (after && place_of(*service) <= *after)) {
            continue;
        }
        if (wanted.limit != 0 && page.services.size() == wanted.limit) {
            page.next_cursor = cursor_of(place_of(*page.services.back()));
            break;
        }
        page.services.push_back(service);
    }
    return page;
}

}  // namespace director::daemon
