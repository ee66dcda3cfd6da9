// A packet on its way through the stages, and the burst it travels in.
//
// The I/O layer fills the input part for up to 32 frames, calls Worker::process, and then acts on
// each verdict. Frames stay where they are (mbufs); the stages change them in place.
#pragma once

#include <array>
#include <cstdint>

#include "common/address.h"
#include "common/ethernet.h"
#include "dataplane/api/drop_reason.h"
#include "dataplane/api/ids.h"
#include "dataplane/core/flow_end.h"

namespace director::dataplane {

inline constexpr uint32_t kBurstMax = 32;

// What becomes of a packet. Exactly one, decided once.
enum class Verdict : uint8_t {
    kUndecided,         // still in the stages; never seen outside process()
    kForward,           // send on `out_port`
    kForwardCut,        // send on `out_port`, in fragments of at most `fragment_mtu` bytes
    kPunt,              // give to the control plane, for the kernel interface beside `in_port`
    kPuntForNeighbour,  // give to the control plane: ready but for the next hop's MAC address,
                        // and if `fragment_mtu` is not 0, to be cut first
    kDrop,              // free; `drop_reason` says why and has been counted
    kHandOver,          // give to worker `owner`, which holds the connection or follows fragments
    kHold,              // keep until Worker::frame_operations() says what becomes of it
};

// Which way a packet of a balanced connection goes.
enum class Direction : uint8_t { kClientToServer, kServerToClient };

// What the port found out about checksums while receiving.
enum class ChecksumCheck : uint8_t { kUnknown, kGood, kBad };

// What is known of a fragment's flow, once its datagram's first fragment has come.
struct FragmentPorts {
    bool is_known : 1 = false;
    bool is_first : 1 = false;  // the transport header is in this one
    Protocol protocol{};
    Be16 source;
    Be16 destination;
    uint16_t following_bytes = 0;  // SCTP, is_first: of the datagram, behind this fragment
};
static_assert(sizeof(FragmentPorts) == 8);  // in every packet

struct Packet {
    // In, by the I/O layer; `data`, `length_bytes` and `contiguous_bytes` are updated when the
    // frame's Ethernet header grows or shrinks (VLAN tag added or removed).
    uint8_t* data = nullptr;    // first byte of the Ethernet header
    uint32_t length_bytes = 0;  // whole frame
    uint32_t contiguous_bytes =
        0;                        // bytes that lie at `data` in one piece; headers must be in there
    uint32_t headroom_bytes = 0;  // writable bytes before `data`
    uint32_t tailroom_bytes =
        0;  // writable bytes behind the contiguous ones, of a frame in one piece
    PortId in_port{};
    ChecksumCheck ip_checksum = ChecksumCheck::kUnknown;
    ChecksumCheck l4_checksum = ChecksumCheck::kUnknown;
    bool is_handed_over = false;  // came from another worker: process here, whatever the hash says
    bool is_to_follow = false;    // came from another worker as a fragment to be followed here
    bool is_resumed = false;      // was held here
    bool is_outbound = false;     // came from another worker to be translated by source NAT
    FragmentPorts fragment;       // kept over a hand-over and a hold; else nothing is known

    // Between the stages. What a packet needs on its usual way fits the first 64 bytes.
    Direction direction{};
    Protocol protocol{};
    bool is_group_frame = false;  // Ethernet broadcast or multicast
    Verdict verdict = Verdict::kUndecided;
    bool is_ipv4 = false;
    bool has_ports = false;  // TCP, UDP or SCTP, and both ends have their ports
    uint8_t tcp_flags = 0;
    uint32_t connection = 0;  // index in the connection table, kNoConnection without one
    ServiceId service = kNoService;
    uint16_t l3_offset = 0;
    uint16_t l4_offset = 0;
    uint16_t ip_length = 0;  // host order
    VlanTags vlan;           // of the frame as it came
    FlowEnd source;
    FlowEnd destination;
    uint64_t hash = 0;  // of the client's end
    // Behind what the usual packet needs.
    bool is_ipv6 = false;
    bool has_l4_header = false;  // false in fragments but the first: nothing there to translate
    // An ICMP error about a packet that has ports: `source` and `destination` are those of a reply
    // to that packet, so that the error is found to belong to the same connection.
    bool is_icmp_error = false;
    bool is_fragment = false;    // of a packet with ports
    uint16_t quoted_offset = 0;  // is_icmp_error: where the quoted IP header begins
    bool is_translated = false;  // shows the other side's ends already
    bool is_proven = false;      // the SYN that a cookie proves its client to have sent
    bool is_answer = false;      // takes the place of a dropped packet: an ICMP error, a reset
    bool is_urgent = false;      // kPunt: an advertisement, which overtakes other frames
    // Of an IPv6 packet that Director is the source of, be it by a tunnel or by translation: it may
    // be cut, and `fragment_id` is its datagram's. All other IPv6 packets are not ours to cut.
    bool may_be_cut = false;
    uint32_t fragment_id = 0;

    // Out, beside `verdict`.
    DropReason drop_reason{};
    DropReason answered_reason{};  // is_answer: why the packet that it replaces was dropped
    PortId out_port{};             // kForward, kPuntForNeighbour
    WorkerId owner{};              // kHandOver
    uint16_t fragment_mtu = 0;     // kForwardCut, kPuntForNeighbour: of the IP packets to send
    InterfaceId out_interface{};   // kPuntForNeighbour
    IpAddress next_hop;            // kPuntForNeighbour: whose MAC address is missing
};

// Up to kBurstMax packets.
struct Burst {
    uint32_t count = 0;
    std::array<Packet, kBurstMax> packets;

    [[nodiscard]] Packet* begin() { return packets.data(); }
    [[nodiscard]] Packet* end() { return packets.data() + count; }
    [[nodiscard]] const Packet* begin() const { return packets.data(); }
    [[nodiscard]] const Packet* end() const { return packets.data() + count; }
};

}  // namespace director::dataplane
