// The words of FTP's commands and replies (RFC 959, RFC 2428). For ftp.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/address.h"

namespace director::dataplane {

// A place that a line names, and where in the line it does so.
struct FtpNamed {
    Endpoint endpoint;
    size_t begin = 0;
    size_t end = 0;
};

// A command that matters, or any other.
struct FtpCommand {
    enum class Word : uint8_t { kOther, kPort, kExtendedPort, kPassive, kExtendedPassive };
    Word word = Word::kOther;
    // PORT and EPRT, from the word to the end of the numbers; nullopt when malformed.
    std::optional<FtpNamed> named;
};

// `line` is without its end and trailing spaces, in upper or lower case. `own` is the side that
// speaks: what an extended form without address means, and of which family it must be.
[[nodiscard]] FtpCommand parse_ftp_command(std::string_view line, const IpAddress& own);

// Whether a line that begins so may be PORT or EPRT.
[[nodiscard]] bool may_become_ftp_port(std::string_view begins);

// "227 ..." with six numbers, and "229 ..." with "(|||port|)"; a malformed one names nothing.
[[nodiscard]] std::optional<FtpNamed> parse_ftp_passive(std::string_view line);
[[nodiscard]] std::optional<FtpNamed> parse_ftp_extended_passive(std::string_view line,
                                                                 const IpAddress& own);

}  // namespace director::dataplane
