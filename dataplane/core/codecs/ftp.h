// The FTP helper: which data connections a control connection is about to have (RFC 959, RFC 2428).
// For services behind NAT: active ones come from the real server and must leave as the virtual
// service; passive ones go to a port that only the server's reply names.
//
// IPVS's rules (ip_vs_ftp.c), and beyond them: commands and replies may be split over segments; an
// address in them that is neither end's own is not believed (it would open a way to a third
// machine); a reply sent again is rewritten again.
//
// Where the server sees the client under another address (full NAT), the client's PORT and EPRT
// name that one and a port there, which the server connects to; an IPv4 server of an IPv6 client
// gets PORT for EPRT (RFC 6384 section 3.2).
//
// What has begun like a 227 reply, or like such a command, and is not at its end is not forwarded,
// but held and acknowledged to its sender in its peer's name; the next segment carries it along.
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

// What was acknowledged to its sender and belongs before its segment at `end`, also when that one
// is sent again.
struct FtpHeld {
    uint8_t length = 0;
    uint32_t end = 0;
    std::array<char, kFtpLineMax> text{};
};

struct FtpControl {
    FtpMode mode = FtpMode::kActive;
    FtpLine from_client;
    FtpLine from_server;
    // The last reply that named a port, so that it is known when it is sent again.
    bool has_replied = false;
    bool has_renamed = false;  // a command of the client's has been rewritten
    uint32_t reply_sequence = 0;
    FtpHeld held_of_client;
    FtpHeld held_of_server;
};

// The places of a control connection.
struct FtpEnds {
    Endpoint client;
    Endpoint virtual_service;
    Endpoint real_server;
    Endpoint inside_client;  // the client as the real server sees it

    [[nodiscard]] bool is_client_renamed() const { return inside_client.address != client.address; }
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

enum class FtpAction : uint8_t {
    kForward,
    // The frame is now an acknowledgement to its sender, in that one's own numbers and addresses:
    // send it back where it came from, without any translation.
    kAnswer,
};

// Part of a segment, where something is to be put in its place.
struct FtpPlace {
    uint32_t offset = 0;  // in the frame
    uint32_t bytes = 0;
    uint32_t sequence = 0;  // where the line begins
};

struct FtpRequest {
    FtpAction action = FtpAction::kForward;
    std::optional<FtpExpectation> expectation;
    FtpPlace command;          // that names the port
    bool is_extended = false;  // it is EPRT
    bool is_spoiled = false;   // as in FtpReply
};

// A segment with payload from the client. Of several commands in it, the last that names a port
// counts. Where the server sees the client as another one, announce the expectation from there, and
// call ftp_rename_client().
[[nodiscard]] FtpRequest ftp_from_client(FtpControl& control,
                                         const FtpEnds& ends,
                                         FrameBytes& frame);

// Makes the command of `request` name `client`, and records the resize: call adjust_tcp()
// afterwards. False, changing nothing, without headroom.
[[nodiscard]] bool ftp_rename_client(FtpControl& control,
                                     FrameBytes& frame,
                                     const FtpRequest& request,
                                     const Endpoint& client,
                                     TcpAdjustment& adjustment);

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
