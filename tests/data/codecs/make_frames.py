#!/usr/bin/python3
"""Makes frames.txt beside it, and the first inputs of three fuzzers, with scapy.

    tests/data/codecs/make_frames.py

scapy computes every length and checksum: it knows nothing of the code that is tested. frames.txt has
one packet a line, name and hexadecimal bytes, IP header first; tests/unit/codecs/frames_test.cc says
which become which.
"""

import pathlib
import struct

from scapy.all import (GRE, ICMP, IP, SCTP, TCP, UDP, ICMPv6DestUnreach, ICMPv6EchoRequest,
                       ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6, IPv6ExtHdrDestOpt,
                       IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Raw, conf)
from scapy.layers.sctp import SCTPChunkData

conf.verb = 0
HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE.parents[1] / "fuzz" / "corpus"

CLIENT4, VIP4, ROUTER4, SERVER4, LOCAL4 = ("198.51.100.7", "192.0.2.1", "203.0.113.9",
                                           "10.0.0.5", "10.0.0.1")
CLIENT6, VIP6, ROUTER6, SERVER6 = ("2001:db8:1::7", "2001:db8::1", "2001:db8:9::9", "fd00::5")
DATA = bytes(range(64)) * 30


def tcp(sport, dport):
    return TCP(sport=sport, dport=dport, seq=0x11223344, ack=0x55667788, flags="PA",
               window=4321) / Raw(DATA[:200])


def udp(sport, dport):
    return UDP(sport=sport, dport=dport) / Raw(DATA[:77])


def sctp(sport, dport):
    return SCTP(sport=sport, dport=dport, tag=0xcafe) / SCTPChunkData(data=DATA[:40])


def quote(packet, bytes_of_packet):
    return Raw(bytes(packet)[:bytes_of_packet])


def unreachable4(source, destination, packet, mtu, length):
    return IP(src=source, dst=destination, ttl=60, id=77) / \
        ICMP(type=3, code=4, nexthopmtu=mtu) / quote(packet, length)


def too_big6(source, destination, packet, mtu, length):
    return IPv6(src=source, dst=destination, hlim=60) / ICMPv6PacketTooBig(mtu=mtu) / \
        quote(packet, length)


def frames():
    """Name, packet."""
    for name, l4 in (("tcp", tcp), ("udp", udp), ("sctp", sctp)):
        # A router on the way to the server complains about what the server side saw; the client is
        # told about what it sent itself.
        for length in (28, 48, 1000):
            seen = IP(src=CLIENT4, dst=SERVER4, ttl=9, id=5, flags="DF") / l4(40000, 8080)
            sent = IP(src=CLIENT4, dst=VIP4, ttl=9, id=5, flags="DF") / l4(40000, 80)
            yield f"nat4-{name}-{length}-before", unreachable4(ROUTER4, CLIENT4, seen, 1400, length)
            yield f"nat4-{name}-{length}-after", unreachable4(VIP4, CLIENT4, sent, 1400, length)
        for length in (48, 68, 1000):
            seen = IPv6(src=CLIENT6, dst=SERVER6, hlim=9) / l4(40000, 8080)
            sent = IPv6(src=CLIENT6, dst=VIP6, hlim=9) / l4(40000, 80)
            yield f"nat6-{name}-{length}-before", too_big6(ROUTER6, CLIENT6, seen, 1400, length)
            yield f"nat6-{name}-{length}-after", too_big6(VIP6, CLIENT6, sent, 1400, length)
        # Full NAT from IPv6 to IPv4: the whole packet is quoted, and its MTU grows with its header.
        seen = IP(src=LOCAL4, dst=SERVER4, ttl=9, id=0, flags="DF") / l4(50000, 8080)
        sent = IPv6(src=CLIENT6, dst=VIP6, hlim=9) / l4(40000, 80)
        yield f"6to4-{name}-before", unreachable4(ROUTER4, LOCAL4, seen, 1400, 400)
        yield f"6to4-{name}-after", too_big6(VIP6, CLIENT6, sent, 1420, 420)
        seen = IPv6(src=VIP6, dst=CLIENT6, hlim=9) / l4(80, 40000)
        sent = IP(src=SERVER4, dst=LOCAL4, ttl=9, id=0, flags="DF") / l4(8080, 50000)
        yield f"4to6-{name}-before", too_big6(ROUTER6, VIP6, seen, 1400, 420)
        error = unreachable4(LOCAL4, SERVER4, sent, 1380, 400)
        error.id, error.flags = 0, "DF"
        yield f"4to6-{name}-after", error

    yield from tunnels()

    sent = IP(src=CLIENT4, dst=VIP4, ttl=1, id=5, flags="DF") / tcp(40000, 80)
    yield "generate4-offending", sent
    yield "generate4-answer", IP(src=LOCAL4, dst=CLIENT4, tos=0xc0, id=0, flags="DF") / \
        ICMP(type=11, code=0) / quote(sent, 548)
    sent = IPv6(src=CLIENT6, dst=VIP6, hlim=1) / tcp(40000, 80)
    yield "generate6-offending", sent
    yield "generate6-answer", IPv6(src=VIP6, dst=CLIENT6, hlim=64) / ICMPv6TimeExceeded() / \
        quote(sent, 1232)

    for family, ip in (("4", lambda s, d: IP(src=s, dst=d, ttl=64, id=0, flags="DF")),
                       ("6", lambda s, d: IPv6(src=s, dst=d, hlim=64))):
        ends = (CLIENT4, VIP4) if family == "4" else (CLIENT6, VIP6)
        yield f"reset{family}-syn", ip(*ends) / TCP(sport=40000, dport=80, seq=1000, flags="S",
                                                    options=[("MSS", 1460), ("NOP", None),
                                                             ("WScale", 7)])
        yield f"reset{family}-syn-answer", ip(*ends[::-1]) / \
            TCP(sport=80, dport=40000, seq=0, ack=1001, flags="RA", window=0)
        yield f"reset{family}-data", ip(*ends) / tcp(40000, 80)
        yield f"reset{family}-data-answer", ip(*ends[::-1]) / \
            TCP(sport=80, dport=40000, seq=0x55667788, ack=0, flags="R", window=0)
        options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (5, 0)), ("NOP", None),
                   ("WScale", 7)]
        yield f"mss{family}-before", ip(*ends) / TCP(sport=1, dport=2, flags="S", options=options)
        options[0] = ("MSS", 1360)
        yield f"mss{family}-after", ip(*ends) / TCP(sport=1, dport=2, flags="S", options=options)


def tunnels():
    inner4 = IP(src=CLIENT4, dst=VIP4, ttl=57, tos=0x28, id=5, flags="DF") / tcp(40000, 80)
    inner6 = IPv6(src=CLIENT6, dst=VIP6, hlim=57, tc=0x28) / tcp(40000, 80)
    for outer in "46":
        for family, inner in (("4", inner4), ("6", inner6)):
            # scapy would compute the inner packet once more, and just the same.
            inner = Raw(bytes(inner))

            def wrap(protocol):
                if outer == "6":
                    return IPv6(src=VIP6, dst=SERVER6, hlim=57, tc=0x28, fl=0x12345, nh=protocol)
                flags = "DF" if family == "4" else ""
                return IP(src=LOCAL4, dst=SERVER4, ttl=57, tos=0x28, flags=flags, proto=protocol,
                          id=0 if family == "4" else 4242)

            number = 4 if family == "4" else 41
            kind = 0x800 if family == "4" else 0x86dd
            name = f"{family}in{outer}"
            yield f"tunnel-{name}-inner", inner
            yield f"tunnel-{name}-ipip", wrap(number) / inner
            yield f"tunnel-{name}-gre", wrap(47) / GRE(proto=kind) / inner
            yield f"tunnel-{name}-gre-csum", wrap(47) / GRE(proto=kind, chksum_present=1) / inner
            gue = Raw(struct.pack("!BBH", 0, number, 0) + bytes(inner))
            port = 49152 + 0x12345 % 16384
            yield f"tunnel-{name}-gue", wrap(17) / UDP(sport=port, dport=6080, chksum=0) / gue
            yield f"tunnel-{name}-gue-csum", wrap(17) / UDP(sport=port, dport=6080) / gue


def write(folder, name, content):
    (CORPUS / folder).mkdir(parents=True, exist_ok=True)
    (CORPUS / folder / name).write_bytes(content)


def corpora(packets):
    for name, packet in packets.items():
        if name.endswith("-before") and not name.startswith("mss"):
            write("icmp", name, b"\0" + packet)
    for name in ("4in4-ipip", "6in4-gre", "4in6-gre-csum"):
        packet = packets[f"tunnel-{name}"]
        error = unreachable4(ROUTER4, LOCAL4, Raw(packet), 1400, 400) if packet[0] >> 4 == 4 else \
            too_big6(ROUTER6, VIP6, Raw(packet), 1400, 400)
        write("icmp", f"tunnel-{name}", b"\0" + bytes(error))
    write("icmp", "cut", b"\x20" + packets["nat4-tcp-28-before"][:50])

    ends = {"src": CLIENT6, "dst": VIP6}
    walks = {
        "plain": IPv6(**ends) / udp(1, 2),
        "options": IPv6(**ends) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / tcp(1, 2),
        "routing": IPv6(**ends) / IPv6ExtHdrRouting(addresses=[SERVER6]) / udp(1, 2),
        "first": IPv6(**ends) / IPv6ExtHdrFragment(id=9, m=1) / udp(1, 2),
        "later": IPv6(**ends) / IPv6ExtHdrFragment(id=9, offset=10) / Raw(DATA[:50]),
        "atomic": IPv6(**ends) / IPv6ExtHdrFragment(id=9) / udp(1, 2),
        "echo": IPv6(**ends) / IPv6ExtHdrDestOpt() / ICMPv6EchoRequest(),
        "unreachable": IPv6(**ends) / ICMPv6DestUnreach() / Raw(DATA[:48]),
        "ah": IPv6(nh=51, **ends) / Raw(bytes([6, 4] + [0] * 22) + bytes(tcp(1, 2))),
        "nine": IPv6(nh=60, **ends) / Raw(bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 9 + bytes(20)),
    }
    for name, packet in walks.items():
        packet = bytes(packet)
        write("ipv6_headers", name, struct.pack("!H", len(packet) - 40) + packet)
        write("ipv6_headers", name + "-cut", struct.pack("!H", len(packet) - 40) + packet[:47])

    def step(*numbers):
        return bytes(numbers)

    def raw(packet):
        packet = bytes(packet)[:255]
        return step(0xff, len(packet), 0, 0) + packet

    late = step(1, 20, 9, 1) + step(1, 10, 9, 0) + step(1, 0, 9, 0)
    write("fragments", "late-first", late)
    write("fragments", "overlap", step(2, 10, 9, 0) + step(2, 5, 9, 0) + step(2, 0, 4, 0))
    write("fragments", "times-out", step(3, 10, 9, 0) + step(0x90, 40, 50, 9) + late)
    write("fragments", "two-ends", step(4, 10, 9, 1) + step(4, 30, 9, 1))
    write("fragments", "many", b"".join(step(i % 8, 200 - i, 0, 0) for i in range(60)))
    write("fragments", "full", b"".join(step(i, 0, 0, 0) for i in range(16)))
    datagram = IP(src=CLIENT4, dst=VIP4, id=9) / UDP(sport=1, dport=2) / Raw(DATA[:500])
    pieces = [bytes(piece) for piece in datagram.fragment(fragsize=160)]
    write("fragments", "ipv4", b"".join(map(raw, pieces)))
    write("fragments", "ipv4-reversed", b"".join(map(raw, pieces[::-1])))
    write("fragments", "ipv6", raw(walks["later"]) + raw(walks["first"]) + raw(walks["atomic"]))


def main():
    packets = {name: bytes(packet) for name, packet in frames()}
    text = "".join(f"{name} {packet.hex()}\n" for name, packet in packets.items())
    (HERE / "frames.txt").write_text(text, encoding="ascii")
    corpora(packets)


if __name__ == "__main__":
    main()
