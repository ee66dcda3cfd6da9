#include "config/settings_vrrp.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "common/whole_number.h"

namespace director::config {
namespace {

std::string same(const std::string& value) {
    return value;
}

bool is_word(std::string_view text) {
    return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
    });
}

bool read_word(std::string_view text, std::string& to) {
    to = text;
    return is_word(text);
}

bool read_any(std::string_view text, std::string& to) {
    to = text;
    return true;
}

bool read_source(std::string_view text, std::string& to) {
    to = text;
    return text.empty() || IpAddress::parse(text).has_value();
}

std::vector<std::string> words_of(std::string_view text) {
    std::istringstream stream{std::string(text)};
    std::vector<std::string> words;
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    return words;
}

bool read_virtual_address(std::string_view text, VirtualAddress& to) {
    const auto words = words_of(text);
    if (words.size() != 1 && !(words.size() == 3 && words[1] == "dev")) {
        return false;
    }
    const auto prefix = IpPrefix::parse(words[0]);
    if (!prefix) {
        return false;
    }
    to = {*prefix, words.size() == 3 ? words[2] : ""};
    return true;
}

std::string write_virtual_address(const VirtualAddress& value) {
    return to_string(value.address) + (value.interface.empty() ? "" : " dev " + value.interface);
}

bool read_tracked(std::string_view text, Tracked& to) {
    const auto words = words_of(text);
    if (words.empty()) {
        return false;
    }
    to = Tracked{words[0], std::nullopt, false};
    for (size_t i = 1; i < words.size(); ++i) {
        if (words[i] == "reverse" && !to.is_reversed) {
            to.is_reversed = true;
        } else if (words[i] == "weight" && !to.weight && i + 1 < words.size()) {
            to.weight = whole_number<int>(words[++i]);
            if (!to.weight) {
                return false;
            }
        } else {
            return false;
        }
    }
    return true;
}

std::string write_tracked(const Tracked& value) {
    return value.tracker + (value.weight ? fmt::format(" weight {}", *value.weight) : "") +
           (value.is_reversed ? " reverse" : "");
}

}  // namespace

const TextForm<std::string> kVrrpNameForm{"a name without blanks", read_word, same};
const TextForm<std::string> kVrrpInterfaceForm{
    "the name of a port, or of a VLAN's interface such as \"inside.10\"", read_word, same};
const TextForm<std::string> kPasswordForm{"a password of at most 8 characters, or \"\" for none",
                                          [](std::string_view text, std::string& to) {
                                              to = text;
                                              return text.size() <= 8;  // RFC 2338 section 5.3.10
                                          },
                                          same};
const TextForm<std::string> kSourceAddressForm{
    "an IP address, or \"\" for the interface's first", read_source, same};
const TextForm<std::string> kSubjectForm{
    "an interface, an absolute path or a virtual service's address and port", read_any, same};
const TextForm<VirtualAddress> kVirtualAddressForm{
    "an address with its prefix length such as \"192.0.2.100/24\", or \"192.0.2.100/24 dev "
    "inside\"",
    read_virtual_address,
    write_virtual_address};
const TextForm<Tracked> kTrackedForm{
    "a tracker's name, or \"NAME weight -20\", \"NAME reverse\"", read_tracked, write_tracked};

}  // namespace director::config
