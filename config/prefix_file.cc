#include "config/prefix_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>

namespace director::config {
namespace {

constexpr size_t kErrorsMax = 10;
constexpr size_t kQuotedLengthMax = 60;
// In one read; a file of a million prefixes has some 20 MB.
constexpr size_t kBytesMax = size_t{1} << 30;

std::string_view stripped(std::string_view line) {
    constexpr std::string_view kBlanks = " \t\r";
    line = line.substr(0, line.find('#'));
    const size_t first = line.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return line.substr(first, line.find_last_not_of(kBlanks) + 1 - first);
}

tl::expected<std::string, std::string> read_whole(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) {
        return tl::unexpected(fmt::format(
            "cannot read: {}", std::error_code(errno, std::generic_category()).message()));
    }
    const auto size = file.tellg();
    if (size < 0 || static_cast<size_t>(size) > kBytesMax) {
        return tl::unexpected(std::string("expected a file of at most 1 GiB"));
    }
    std::string text(static_cast<size_t>(size), '\0');
    file.seekg(0);
    if (!file.read(text.data(), size)) {
        return tl::unexpected(std::string("cannot read to its end"));
    }
    return text;
}

}  // namespace

tl::expected<std::vector<IpPrefix>, std::vector<SourceError>> read_prefix_file(
    const std::string& path) {
    std::vector<IpPrefix> prefixes;
    std::vector<SourceError> errors;
    const auto text = read_whole(path);
    if (!text) {
        SourceError& error = errors.emplace_back();
        error.place.file = path;
        error.message = text.error();
        return tl::unexpected(std::move(errors));
    }
    std::string_view rest = *text;
    for (int line = 1; !rest.empty() && errors.size() < kErrorsMax; ++line) {
        const size_t end = rest.find('\n');
        const std::string_view entry = stripped(rest.substr(0, end));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (entry.empty()) {
            continue;
        }
        if (const auto prefix = IpPrefix::parse(entry)) {
            prefixes.push_back(*prefix);
        } else {
            errors.push_back({{path, line},
                              fmt::format("expected a prefix such as \"198.51.100.0/24\", found "
                                          "\"{}\"",
                                          entry.substr(0, kQuotedLengthMax))});
        }
    }
    if (!errors.empty()) {
        return tl::unexpected(std::move(errors));
    }
    return prefixes;
}

}  // namespace director::config
