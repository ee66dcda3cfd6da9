"""vrrp_frames.py INTERFACE KIND [ARGUMENT...]: VRRP packets that are not to be believed, sent on a wire.

captures  ROUTER_ID FILE...   the packets of captures under tests/data/vrrp, to the group's MAC address,
                              with this virtual router's number
forged    ROUTER_ID SOURCE ADDRESS   version 2 of priority 255, each wrong in one respect; prints
                              "REASON COUNT" for each, as a director must call it
advert    ROUTER_ID SOURCE ADDRESS PRIORITY PASSWORD   one, wrong in nothing
echo      SECONDS             hears adverts for so long and sends each again, three times
"""
import socket
import struct
import sys
import time

GROUP = "224.0.0.18"
GROUP_MAC = bytes.fromhex("01005e000012")
OWN_MAC = bytes.fromhex("020000000099")
ETHERNET, FRAME_RELAY = 1, 107


def checksum(content):
    content += b"\0" * (len(content) % 2)
    total = sum(struct.unpack(f"!{len(content) // 2}H", content))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_packet(source, message, ttl=255, destination=GROUP, protocol=112):
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    header = struct.pack("!BBHHHBBH", 0x45, 0xC0, 20 + len(message), 1, 0, ttl, protocol, 0) + ends
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + message


def advert(router, address, priority=255, password=b"123", version=2, kind=1, auth=1, interval=1,
           damage=0, cut=0):
    message = struct.pack("!BBBBBBH", version << 4 | kind, router, priority, 1, auth, interval, 0)
    message += socket.inet_aton(address) + (password.ljust(8, b"\0") if version == 2 else b"")
    message = message[:6] + struct.pack("!H", checksum(message) ^ damage) + message[8:]
    return message[:len(message) - cut]


def records(path):
    """The IP packets of a capture, cut ones too."""
    with open(path, "rb") as file:
        content = file.read()
    link, = struct.unpack_from("<I", content, 20)
    skip = {ETHERNET: 14, FRAME_RELAY: 5}[link]
    at = 24
    while at + 16 <= len(content):
        length, = struct.unpack_from("<I", content, at + 8)
        yield content[at + 16 + skip:at + 16 + length]
        at += 16 + length


def captured(router, paths):
    for path in paths:
        for packet in records(path):
            packet = bytearray(packet)
            header = (packet[0] & 0xF) * 4 if packet[0] >> 4 == 4 else 40
            if len(packet) > header + 1:
                packet[header + 1] = router
            yield bytes(packet)


def forged(router, source, address):
    """(reason, packet)"""
    yield "password", ip_packet(source, advert(router, address, password=b"1234"))
    yield "password", ip_packet(source, advert(router, address, password=b""))
    yield "authentication_type", ip_packet(source, advert(router, address, auth=0))
    yield "interval", ip_packet(source, advert(router, address, interval=2))
    yield "ttl", ip_packet(source, advert(router, address), ttl=254)
    yield "checksum", ip_packet(source, advert(router, address, damage=0xFFF0))
    yield "type", ip_packet(source, advert(router, address, kind=2))
    yield "length", ip_packet(source, advert(router, address, cut=8))
    yield "length", ip_packet(source, advert(router, address) + b"trailing")
    yield "version", ip_packet(source, advert(router, address, version=3))
    yield "delivery", ip_packet(source, advert(router, address), destination="224.0.0.19")
    yield "bad_source", ip_packet("224.0.0.1", advert(router, address))
    yield "unknown_instance", ip_packet(source, advert(router + 100, address))


def main():
    interface, kind, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)

    def send(packet):
        ethertype = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0"
        wire.send(GROUP_MAC + OWN_MAC + ethertype + packet)
        time.sleep(0.002)  # within the rate at which a director listens

    wire.bind((interface, 0))
    if kind == "captures":
        packets = list(captured(int(arguments[0]), arguments[1:]))
        for packet in packets:
            send(packet)
        print(len(packets))
    elif kind == "forged":
        router, source, address = int(arguments[0]), arguments[1], arguments[2]
        counts = {}
        for reason, packet in list(forged(router, source, address)) * 10:
            counts[reason] = counts.get(reason, 0) + 1
            send(packet)
        for reason, count in counts.items():
            print(reason, count)
    elif kind == "advert":
        router, source, address, priority, password = arguments
        send(ip_packet(source, advert(int(router), address, int(priority), password.encode())))
    elif kind == "echo":
        wire.close()
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        wire.bind((interface, 0x0800))
        wire.settimeout(0.1)
        deadline, count = time.monotonic() + float(arguments[0]), 0
        while time.monotonic() < deadline:
            try:
                frame, sender = wire.recvfrom(2048)
            except socket.timeout:
                continue
            is_own = sender[2] == socket.PACKET_OUTGOING
            if not is_own and len(frame) > 34 and frame[23] == 112:
                for _ in range(3):
                    wire.send(GROUP_MAC + OWN_MAC + frame[12:])
                    count += 1
        print(count)
    else:
        sys.exit(f"no kind {kind}")


main()
