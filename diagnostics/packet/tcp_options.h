// TCP's options (RFC 9293 section 3.1, RFC 7323, RFC 2018, RFC 8684).
#pragma once

#include "diagnostics/packet/headers.h"
#include "diagnostics/packet/slice.h"

namespace director::diagnostics {

// Fills `tcp` from its options; the return is HeaderFault bits: an option of a wrong length, one
// that runs past the header, or a cut.
[[nodiscard]] uint16_t decode_tcp_options(Slice options, TcpHeader& tcp);

}  // namespace director::diagnostics
