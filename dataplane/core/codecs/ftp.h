// The FTP helper: which data connections a control connection is about to have (RFC 959, RFC 2428).
// For services behind NAT: active ones come from the real server and must leave as the virtual
// service; passive ones go to a port that only the server's reply names.
//
// IPVS's rules (ip_vs_ftp.c), and beyond them: commands and replies may be split over segments; an
// address in them that is neither end's own is not believed (it would open a way to a third
// machine); a reply sent again is rewritten again.
//
// What has begun like a 227 reply and is not at its end is not forwarded, but held and acknowledged
// to the server in the client's name; the next segment carries it along.
//
// One FtpControl per control connection, kept by its worker; no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "common/address.h"
#include "dataplane/core/codecs/seq_adjust.h"
#include "dataplane/core/codecs/tcp_bytes.h"

namespace director::dataplane {

// No command or reply that matters is longer: "EPRT |2|", 39 characters of address, "|65535|", and
// what a server says between "227" and the numbers.
inline constexpr size_t kFtpLineMax = 120;

enum class FtpMode : uint8_t { kActive, kPassive, kExtendedPassive };

// The line that one side has begun.
struct FtpLine {
    uint32_t next_sequence = 0;  // of the byte after what has been seen
    bool is_started = false;     // next_sequence is known
    bool is_too_long = false;    // not looked at before its end
    uint8_t length = 0;
    std::array<char, kFtpLineMax> text{};
};

struct FtpControl {
    FtpMode mode = FtpMode::kActive;
    FtpLine from_client;
    FtpLine from_server;
    // The last reply that named a port, so that it is known when it is sent again.
    bool has_replied = false;
    uint32_t reply_sequence = 0;
    // What was acknowledged to the server and belongs before its segment at `held_end`, also when
    // that one is sent again.
    uint8_t held_length = 0;
    uint32_t held_end = 0;
    std::array<char, kFtpLineMax> held{};
};

// The three places of a control connection.
struct FtpEnds {
    Endpoint client;
    Endpoint virtual_service;
    Endpoint real_server;
};

// A data connection that may come. Passive (client's port 0: any): from the client to the virtual
// end. Active: from the real end to the client, as if from the virtual end. Naming the same one
// again means nothing new.
struct FtpExpectation {
    Endpoint client;
    Endpoint virtual_end;
    Endpoint real_end;

    friend constexpr bool operator==(const FtpExpectation&, const FtpExpectation&) = default;
};

// A segment from the client, which is not changed. Of several commands in it, the last that names
// a port counts.
[[nodiscard]] std::optional<FtpExpectation> ftp_from_client(FtpControl& control,
                                                            const FtpEnds& ends,
                                                            uint32_t sequence,
                                                            std::span<const uint8_t> payload);

enum class FtpAction : uint8_t {
    kForward,
    // The frame is now an acknowledgement to the server, in its own numbers and with its own
    // addresses: send it back where it came from, without any translation.
    kAnswer,
};

struct FtpReply {
    FtpAction action = FtpAction::kForward;
    std::optional<FtpExpectation> expectation;
    // The segment says what the client must not read (a server's address, or a line without its
    // beginning) and could not be changed for want of headroom: better dropped.
    bool is_spoiled = false;
};

// A segment with payload from the server, still with its own addresses and numbers. A 227 reply
// with the real server's address is rewritten to the virtual service's, lengths and checksums
// included, and the resize recorded: call adjust_tcp() afterwards.
[[nodiscard]] FtpReply ftp_from_server(FtpControl& control,
                                       const FtpEnds& ends,
                                       FrameBytes& frame,
                                       TcpAdjustment& adjustment);

}  // namespace director::dataplane
