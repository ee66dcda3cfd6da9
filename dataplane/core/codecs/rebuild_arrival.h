// The frame as it came, made of a mirrored record that holds it only as it left
// (dataplane/api/mirror.h). The diagnostics thread does this, so that workers copy half as much.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/api/mirror.h"

namespace director::dataplane {

// Puts into `frame`, a copy of the translated one (or of its beginning), what it had before:
// MAC addresses, IPv4 addresses, ports, time to live, and the checksums that go with them, right
// ones as wrong ones. Checksums of what is cut stay the translated frame's.
void rebuild_arrival(const MirrorRecord& record, std::span<uint8_t> frame);

}  // namespace director::dataplane
