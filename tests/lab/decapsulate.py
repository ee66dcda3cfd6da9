"""A real server's end of tunnels, for kernels without tunnel devices: decapsulate.py [GUE-PORT].

Takes IP in IP, GRE and GUE, over IPv4 and IPv6, out of the kernel by raw sockets, unwraps each packet
and hands what is in it to the same kernel through a tun device, which is named tunnels. Wrong
checksums are dropped, as the kernel's own tunnels do; counts of all kinds go to standard output."""
import collections
import fcntl
import os
import selectors
import signal
import socket
import struct
import sys

IPIP, IPV6, GRE, UDP = 4, 41, 47, 17
gue_port = int(sys.argv[1]) if len(sys.argv) > 1 else 6080

tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"tunnels", 0x1001))  # TUNSETIFF: TUN, NO_PI
os.system("sysctl -q -w net.ipv6.conf.tunnels.disable_ipv6=0; ip link set tunnels mtu 65535 up")

counts = collections.Counter()


class Refused(Exception):
    pass


def checksum(content):
    content += b"\0" * (len(content) % 2)
    total = sum(struct.unpack(f"!{len(content) // 2}H", content))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def by_version(inner, wanted):
    if not inner or inner[0] >> 4 != wanted:
        raise Refused("inner packet is not of the family that its wrapping says")
    return inner


def unwrap_gre(packet):
    flags, kind = struct.unpack_from("!HH", packet)
    at = 4
    if flags & 0x8000:  # RFC 2784
        if checksum(packet) != 0:
            raise Refused("GRE checksum")
        counts["GRE with checksum"] += 1
        at += 4
    if flags & 0x7FFF:
        raise Refused(f"GRE flags {flags:04x}")
    return by_version(packet[at:], {0x0800: 4, 0x86DD: 6}.get(kind))


# include/net/gue.h: version 0, its header length in words, the inner protocol, flags; with the private
# flag a word of private flags; with remote checksum offload (1 << 31 of those) start and offset.
def unwrap_gue(packet):
    first, protocol, flags = struct.unpack_from("!BBH", packet)
    if first & 0xE0 or flags & ~1:
        raise Refused(f"GUE header {packet[:4].hex()}")
    at = 4 + 4 * (first & 0x1F)
    inner = packet[at:]
    if flags & 1:
        private, start, offset = struct.unpack_from("!IHH", packet, 4)
        if private != 1 << 31:
            raise Refused(f"GUE private flags {private:08x}")
        counts["GUE with remote checksum"] += 1
        inner = bytearray(inner)
        # The field holds the pseudo header's sum; the rest is ours to add.
        inner[offset:offset + 2] = struct.pack("!H", checksum(bytes(inner[start:])))
        inner = bytes(inner)
    return by_version(inner, {IPIP: 4, IPV6: 6}.get(protocol))


def unwrap(protocol, packet):
    if protocol == GRE:
        return unwrap_gre(packet)
    return by_version(packet, 4 if protocol == IPIP else 6)


def outer_name(family):
    return "4" if family == socket.AF_INET else "6"


def receive(opened, family, protocol):
    packet, _ = opened.recvfrom(65536)
    name = {IPIP: "IPIP", IPV6: "IPIP", GRE: "GRE", UDP: "GUE"}[protocol]
    if protocol == UDP:
        inner = unwrap_gue(packet)
    else:
        if family == socket.AF_INET:  # the kernel puts the outer header first
            packet = packet[4 * (packet[0] & 15):]
        inner = unwrap(protocol, packet)
    counts[f"{name} {inner[0] >> 4}in{outer_name(family)}"] += 1
    os.write(tun, inner)


def show(*_):
    print(dict(sorted(counts.items())), flush=True)


signal.signal(signal.SIGUSR1, show)
sockets = selectors.DefaultSelector()
for family in (socket.AF_INET, socket.AF_INET6):
    for protocol in (IPIP, IPV6, GRE, UDP):
        kind = socket.SOCK_DGRAM if protocol == UDP else socket.SOCK_RAW
        opened = socket.socket(family, kind, 0 if protocol == UDP else protocol)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        if protocol == UDP:
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                opened.setsockopt(UDP, 102, 1)  # UDP_NO_CHECK6_RX (RFC 6935)
            opened.bind(("", gue_port))
        sockets.register(opened, selectors.EVENT_READ, (family, protocol))
print("ready", flush=True)
while True:
    for key, _ in sockets.select():
        try:
            receive(key.fileobj, *key.data)
        except (Refused, struct.error, OSError) as problem:
            counts[f"refused: {problem}"] += 1
            print("refused:", problem, flush=True)
