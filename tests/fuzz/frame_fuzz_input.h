// The language in which the frame fuzzer's inputs are written: a byte for the step, then the step's
// own bytes. Shared with make_frame_corpus, which writes the first inputs.
#pragma once

#include <cstdint>

namespace director::test {

// A step is the first byte modulo kCount.
enum class FuzzStep : uint8_t {
    kRawFrame,     // port, length, bytes: as they are
    kMendedFrame,  // port, length, bytes: given the port's MAC address and right checksums
    kTalk,         // who, what, flags, faults: a packet between the machines of the laboratory
    kProcess,      // the frames so far go through the worker
    kAdvance,      // amount: time passes
    kPutService,   // slot, servers, weights, scheduler
    kCommand,      // kind, two bytes: any other command
    kReport,       // kind: a job
    kCount,
};

// kTalk's second byte: who sends to whom.
enum class FuzzTalk : uint8_t {
    kClientToService,
    kServerToClient,
    kClientToServer,  // routed, by the server's own address
    kClientToDirector,
    kCount,
};

// kTalk's last byte: bits.
inline constexpr uint8_t kFuzzUdp = 0x01;
inline constexpr uint8_t kFuzzVlan = 0x02;
inline constexpr uint8_t kFuzzBadIpChecksum = 0x04;
inline constexpr uint8_t kFuzzBadL4Checksum = 0x08;
inline constexpr uint8_t kFuzzShortContiguous = 0x10;  // the frame's tail lies elsewhere
inline constexpr uint8_t kFuzzHandedOver = 0x20;       // comes from another worker
inline constexpr uint8_t kFuzzTtlOne = 0x40;
inline constexpr uint8_t kFuzzOffloaded = 0x80;  // the port says that the checksums are good

}  // namespace director::test
