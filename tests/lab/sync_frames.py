"""sync_frames.py INTERFACE SECONDS: messages of connection sync that are not to be believed.

Hears the directors' messages to the sync group for so long, and sends each again from this host: as it
was (replayed), with one bit of its body changed, cut in half, and with garbage of the same length
beside it. Prints how many messages it heard, as JSON.
"""
import json
import random
import socket
import struct
import sys
import time

GROUP, PORT = "224.0.0.81", 8848


def payload_of(frame):
    """The UDP payload of a frame to the sync group, or None."""
    if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != 17:
        return None
    if socket.inet_ntoa(frame[30:34]) != GROUP:
        return None
    udp = 14 + (frame[14] & 15) * 4
    if struct.unpack("!H", frame[udp + 2:udp + 4])[0] != PORT:
        return None
    return frame[udp + 8:udp + struct.unpack("!H", frame[udp + 4:udp + 6])[0]]


def hostile(payload, chance):
    changed = bytearray(payload)
    changed[chance.randrange(8, len(changed))] ^= 1 << chance.randrange(8)
    yield payload
    yield bytes(changed)
    yield payload[:len(payload) // 2]
    yield chance.randbytes(len(payload))


def main():
    interface, seconds = sys.argv[1], float(sys.argv[2])
    chance = random.Random(81)
    ears = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    ears.bind((interface, 0))
    ears.settimeout(0.1)
    mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    index = socket.if_nametoindex(interface)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                     struct.pack("@4s4si", bytes(4), bytes(4), index))
    heard = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            frame, address = ears.recvfrom(65535)
        except TimeoutError:
            continue
        payload = payload_of(frame) if address[2] != socket.PACKET_OUTGOING else None
        if payload and len(payload) > 8:
            heard += 1
            for message in hostile(payload, chance):
                mouth.sendto(message, (GROUP, PORT))
    print(json.dumps({"heard": heard}))


main()
