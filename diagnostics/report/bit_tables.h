// The names of every bit, after Tranalyzer's tcpFlags and the RFCs. Only bit_names.cc reads this.
#pragma once

#include "diagnostics/report/bit_names.h"

namespace director::diagnostics {

constexpr BitName bit(uint64_t value, std::string_view text) {
    return {value, value, text};
}

// A code point: `value` under `mask`.
constexpr BitName code(uint64_t mask, uint64_t value, std::string_view text) {
    return {mask, value, text};
}

inline constexpr BitName kTcpFStatNames[] = {
    bit(0x0001, "Packet good for inter-distance assessment"),
    bit(0x0002, "TCP option init"),
    bit(0x0004, "Timestamp option decreasing"),
    bit(0x0008, "L4 option field corrupt or not acquired"),
    bit(0x0010, "Window state machine initialized"),
    bit(0x0020, "Window update"),
    bit(0x0040, "Win 0 probe"),
    bit(0x0080, "Win 0 probe ACK"),
    bit(0x0100, "Min window detected"),
    bit(0x0200, "Window scale used"),
    bit(0x0400, "Window (receiver) full"),
    bit(0x0800, "Window state machine count up(1)/down(0)"),
    bit(0x1000, "L4 checksum calculation if present"),
    bit(0x2000, "UDP-Lite checksum coverage error"),
    bit(0x4000, "TCP selective ACK option"),
    bit(0x8000, "MPTCP detected"),
};

inline constexpr BitName kIpFlagsNames[] = {
    bit(0x0001, "IP options corrupt"),
    bit(0x0002, "IPv4 packets out of order (IP ID)"),
    bit(0x0004, "IPv4 ID roll over"),
    bit(0x0008, "IP fragment below minimum"),
    bit(0x0010, "IP fragment out of range"),
    bit(0x0020, "More fragments bit"),
    bit(0x0040, "IPv4: don't fragment bit, IPv6: reserved bit"),
    bit(0x0080, "Reserved bit"),
    bit(0x0100, "Fragmentation position error"),
    bit(0x0200, "Fragmentation sequence error"),
    bit(0x0400, "L3 checksum error"),
    bit(0x0800, "L4 checksum error"),
    bit(0x1000, "Length in L3/L4 header < actual length"),
    bit(0x2000, "UDP, UDP-Lite: length in L4 header differs from L3's"),
    bit(0x4000, "Packet inter-distance = 0"),
    bit(0x8000, "Packet inter-distance < 0"),
};

inline constexpr BitName kTcpFlagsNames[] = {
    bit(0x0001, "FIN: no more data from the sender"),
    bit(0x0002, "SYN: synchronize sequence numbers"),
    bit(0x0004, "RST: reset the connection"),
    bit(0x0008, "PSH: push the data to the application"),
    bit(0x0010, "ACK: the acknowledgement number holds"),
    bit(0x0020, "URG: the urgent pointer holds"),
    bit(0x0040, "ECE: congestion was experienced (RFC 3168)"),
    bit(0x0080, "CWR: congestion window was reduced (RFC 3168)"),
    bit(0x0100, "FIN-ACK in one packet"),
    bit(0x0200, "SYN-ACK in one packet"),
    bit(0x0400, "RST-ACK in one packet"),
    bit(0x0800, "No flag at all: potential NULL scan"),
    bit(0x1000, "SYN-FIN in one packet: potential scan or malicious packet"),
    bit(0x2000, "SYN-FIN-RST in one packet: potential scan or malicious packet"),
    bit(0x4000, "FIN-RST in one packet: abnormal end of a connection"),
    bit(0x8000, "FIN-PSH-URG in one packet: potential Xmas scan"),
};

inline constexpr BitName kTcpAnomalyNames[] = {
    bit(0x0001, "TCP SYN retransmission"),
    bit(0x0002, "TCP SEQ retransmission (timeout)"),
    bit(0x0004, "TCP SEQ fast retransmission"),
    bit(0x0008, "TCP duplicate ACK"),
    bit(0x0010, "TCP keep-alive"),
    bit(0x0020, "TCP keep-alive ACK"),
    bit(0x0040, "TCP SEQ out of order"),
    bit(0x0080, "TCP SEQ mess, rather spurious SEQ retransmission"),
    bit(0x0100, "TCP ACK for a packet that was not seen"),
    bit(0x0200, "TCP previous packet not captured"),
    bit(0x1000, "TCP scan detected"),
    bit(0x2000, "TCP successful scan detected"),
    bit(0x4000, "TCP SYN with L7 content"),
};

inline constexpr BitName kTcpStatesNames[] = {
    bit(0x01, "Malformed connection establishment"),
    bit(0x02, "Malformed teardown"),
    bit(0x04, "Malformed flags while established"),
    bit(0x08, "Packets after teardown"),
    bit(0x10, "Packets after reset"),
    bit(0x40, "Reset from sender"),
    bit(0x80, "Potential evil behavior (scan)"),
};

// Subtype 8 (RFC 8684) has no bit in Tranalyzer's table; 0x0100 is ours.
inline constexpr BitName kMptcpTypeNames[] = {
    bit(0x0001, "MP_CAPABLE: multipath capable"),
    bit(0x0002, "MP_JOIN: join a connection"),
    bit(0x0004, "DSS: data sequence signal"),
    bit(0x0008, "ADD_ADDR: add an address"),
    bit(0x0010, "REMOVE_ADDR: remove an address"),
    bit(0x0020, "MP_PRIO: change a subflow's priority"),
    bit(0x0040, "MP_FAIL: fallback"),
    bit(0x0080, "MP_FASTCLOSE: fast close"),
    bit(0x0100, "MP_TCPRST: reset of a subflow"),
    bit(0x8000, "private use (subtype 15)"),
};

inline constexpr BitName kMptcpFlagNames[] = {
    bit(0x01, "MP_CAPABLE: HMAC-SHA1 (version 0), HMAC-SHA256 (version 1); MP_JOIN: backup"),
    bit(0x20, "MP_CAPABLE: no more subflows to the source address (version 1)"),
    bit(0x40, "MP_CAPABLE: extensibility"),
    bit(0x80, "MP_CAPABLE: checksum required"),
};

inline constexpr BitName kMptcpDssNames[] = {
    bit(0x01, "Data ACK present"),
    bit(0x02, "Data ACK is 8 octets"),
    bit(0x04, "Data sequence number, subflow sequence number, data-level length present"),
    bit(0x08, "Data sequence number is 8 octets"),
    bit(0x10, "DATA_FIN"),
};

inline constexpr BitName kTcpOptionNames[] = {
    bit(0x00000001, "End of option list (0)"),
    bit(0x00000002, "No operation (1)"),
    bit(0x00000004, "Maximum segment size (2)"),
    bit(0x00000008, "Window scale (3)"),
    bit(0x00000010, "SACK permitted (4)"),
    bit(0x00000020, "SACK (5)"),
    bit(0x00000040, "Echo (6, obsolete)"),
    bit(0x00000080, "Echo reply (7, obsolete)"),
    bit(0x00000100, "Timestamps (8)"),
    bit(0x00000200, "Partial order connection permitted (9, obsolete)"),
    bit(0x00000400, "Partial order service profile (10, obsolete)"),
    bit(0x00000800, "CC (11, obsolete)"),
    bit(0x00001000, "CC.NEW (12, obsolete)"),
    bit(0x00002000, "CC.ECHO (13, obsolete)"),
    bit(0x00004000, "Alternate checksum request (14, obsolete)"),
    bit(0x00008000, "Alternate checksum data (15, obsolete)"),
    bit(0x00010000, "Skeeter (16)"),
    bit(0x00020000, "Bubba (17)"),
    bit(0x00040000, "Trailer checksum (18)"),
    bit(0x00080000, "MD5 signature (19)"),
    bit(0x00100000, "SCPS capabilities (20)"),
    bit(0x00200000, "Selective negative acknowledgements (21)"),
    bit(0x00400000, "Record boundaries (22)"),
    bit(0x00800000, "Corruption experienced (23)"),
    bit(0x01000000, "SNAP (24)"),
    bit(0x02000000, "Unassigned (25)"),
    bit(0x04000000, "Compression filter (26)"),
    bit(0x08000000, "Quick-start response (27)"),
    bit(0x10000000, "User timeout (28)"),
    bit(0x20000000, "TCP-AO authentication (29)"),
    bit(0x40000000, "Multipath TCP (30)"),
    bit(0x80000000, "A kind above 30 (Fast Open 34, AccECN 172/174, experiments 253/254 ...)"),
};

// RFC 791 3.1: copied flag and class are the type's upper three bits.
inline constexpr BitName kIpOptionClassNames[] = {
    bit(0x01, "Not copied, control"),
    bit(0x02, "Not copied, reserved class 1"),
    bit(0x04, "Not copied, debugging and measurement"),
    bit(0x08, "Not copied, reserved class 3"),
    bit(0x10, "Copied, control"),
    bit(0x20, "Copied, reserved class 1"),
    bit(0x40, "Copied, debugging and measurement"),
    bit(0x80, "Copied, reserved class 3"),
};

inline constexpr BitName kIpOptionNames[] = {
    bit(0x00000001, "End of options list (0)"),
    bit(0x00000002, "No operation (1)"),
    bit(0x00000004, "Security (2)"),
    bit(0x00000008, "Loose source route (3)"),
    bit(0x00000010, "Time stamp (4)"),
    bit(0x00000020, "Extended security (5)"),
    bit(0x00000040, "Commercial security (6)"),
    bit(0x00000080, "Record route (7)"),
    bit(0x00000100, "Stream ID (8)"),
    bit(0x00000200, "Strict source route (9)"),
    bit(0x00000400, "Experimental measurement (10)"),
    bit(0x00000800, "MTU probe (11)"),
    bit(0x00001000, "MTU reply (12)"),
    bit(0x00002000, "Experimental flow control (13)"),
    bit(0x00004000, "Experimental access control (14)"),
    bit(0x00008000, "Number 15"),
    bit(0x00010000, "IMI traffic descriptor (16)"),
    bit(0x00020000, "Extended Internet protocol (17)"),
    bit(0x00040000, "Traceroute (18)"),
    bit(0x00080000, "Address extension (19)"),
    bit(0x00100000, "Router alert (20)"),
    bit(0x00200000, "Selective directed broadcast (21)"),
    bit(0x00400000, "Number 22"),
    bit(0x00800000, "Dynamic packet state (23)"),
    bit(0x01000000, "Upstream multicast packet (24)"),
    bit(0x02000000, "Quick-start (25)"),
    bit(0x04000000, "Number 26"),
    bit(0x08000000, "Number 27"),
    bit(0x10000000, "Number 28"),
    bit(0x20000000, "Number 29"),
    bit(0x40000000, "RFC 3692 experiment (30)"),
    bit(0x80000000, "Number 31"),
};

// The type's lower five bits; the upper three tell what to do where it is unknown (RFC 8200 4.2).
inline constexpr BitName kIpv6OptionNames[] = {
    bit(0x00000001, "Pad1 (0x00)"),
    bit(0x00000002, "PadN (0x01)"),
    bit(0x00000008, "RPL (0x23, 0x63)"),
    bit(0x00000010, "Tunnel encapsulation limit (0x04)"),
    bit(0x00000020, "Router alert (0x05)"),
    bit(0x00000040, "Quick-start (0x26)"),
    bit(0x00000080, "CALIPSO (0x07)"),
    bit(0x00000100, "SMF_DPD (0x08)"),
    bit(0x00000200, "Home address (0xc9)"),
    bit(0x00000400, "Endpoint identification (0x8a)"),
    bit(0x00000800, "ILNP nonce (0x8b)"),
    bit(0x00001000, "Line identification (0x8c)"),
    bit(0x00002000, "MPL (0x6d)"),
    bit(0x00004000, "IP_DFF (0xee)"),
    bit(0x00008000, "Performance and diagnostic metrics (0x0f)"),
    bit(0x00010000, "Minimum path MTU (0x30)"),
    bit(0x00020000, "IOAM (0x11, 0x31)"),
    bit(0x00040000, "AltMark (0x12, 0x32)"),
    bit(0x40000000, "RFC 3692 experiment (0x1e ...)"),
};

// In a flow's row several packets' values are or-ed; then a code point is of that union.
inline constexpr BitName kTosNames[] = {
    code(0x03, 0x00, "ECN 00: not ECN-capable transport"),
    code(0x03, 0x01, "ECN 01: ECN-capable transport, ECT(1)"),
    code(0x03, 0x02, "ECN 10: ECN-capable transport, ECT(0)"),
    code(0x03, 0x03, "ECN 11: congestion experienced, CE"),
    code(0xfc, 0x00, "CS0: best effort (default)"),
    code(0xfc, 0x04, "LE: lower effort (RFC 8622)"),
    code(0xfc, 0x20, "CS1: priority"),
    code(0xfc, 0x28, "AF11: priority, assured forwarding 1, low drop"),
    code(0xfc, 0x30, "AF12: priority, assured forwarding 1, medium drop"),
    code(0xfc, 0x38, "AF13: priority, assured forwarding 1, high drop"),
    code(0xfc, 0x40, "CS2: immediate"),
    code(0xfc, 0x48, "AF21: immediate, assured forwarding 2, low drop"),
    code(0xfc, 0x50, "AF22: immediate, assured forwarding 2, medium drop"),
    code(0xfc, 0x58, "AF23: immediate, assured forwarding 2, high drop"),
    code(0xfc, 0x60, "CS3: flash"),
    code(0xfc, 0x68, "AF31: flash, assured forwarding 3, low drop"),
    code(0xfc, 0x70, "AF32: flash, assured forwarding 3, medium drop"),
    code(0xfc, 0x78, "AF33: flash, assured forwarding 3, high drop"),
    code(0xfc, 0x80, "CS4: flash override"),
    code(0xfc, 0x88, "AF41: flash override, assured forwarding 4, low drop"),
    code(0xfc, 0x90, "AF42: flash override, assured forwarding 4, medium drop"),
    code(0xfc, 0x98, "AF43: flash override, assured forwarding 4, high drop"),
    code(0xfc, 0xa0, "CS5: critical"),
    code(0xfc, 0xb0, "VOICE-ADMIT: critical (RFC 5865)"),
    code(0xfc, 0xb8, "EF: critical, expedited forwarding (RFC 3246)"),
    code(0xfc, 0xc0, "CS6: internetwork control"),
    code(0xfc, 0xe0, "CS7: network control"),
};

// Those of Tranalyzer's flow status that Director's tables set.
inline constexpr BitName kFlowStatNames[] = {
    bit(0x0001, "Inverted flow: did not begin the connection"),
    bit(0x0002, "No Ethernet header"),
    bit(0x0100, "VLAN"),
    bit(0x4000, "IPv4"),
    bit(0x8000, "IPv6"),
};

}  // namespace director::diagnostics
