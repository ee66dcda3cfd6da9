// Lines of an FTP control connection that have begun and must not go on before they are whole,
// because what they say has to be changed: their beginning is kept back and acknowledged to its
// sender in its peer's name, and the next segment carries it along. For ftp.cc.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/core/codecs/ftp.h"
#include "dataplane/core/codecs/tcp_bytes.h"

namespace director::dataplane {

// Replaces `old_bytes` at `offset` of the frame, lengths and checksums included. False, changing
// nothing, without headroom.
[[nodiscard]] bool replace_payload(FrameBytes& frame,
                                   uint32_t offset,
                                   uint32_t old_bytes,
                                   std::string_view text);

// Whether the segment is, or is the end of, what is held: the acknowledgement was lost.
[[nodiscard]] bool is_held(const FtpHeld& held, uint32_t sequence, size_t bytes);

// Whether the segment goes on where what is held ends, or from within it.
[[nodiscard]] bool follows_held(const FtpHeld& held, uint32_t sequence, size_t bytes);

// Puts the part of what is held that such a segment does not have before it. False without
// headroom.
[[nodiscard]] bool add_held(const FtpHeld& held, uint32_t sequence, FrameBytes& frame);

// Turns the segment into an acknowledgement of all of it, to its sender.
[[nodiscard]] bool turn_into_answer(FrameBytes& frame);

// After a segment that ends within `line`, which has to be whole: keeps that from the receiver, if
// the segment may be shortened.
[[nodiscard]] FtpAction hold(FtpLine& line, FtpHeld& held, FrameBytes& frame);

}  // namespace director::dataplane
