"""A machine's VLAN interfaces, for kernels without VLAN devices: vlans.py INTERFACE NAME=[OUTER.]ID...

Moves frames between INTERFACE, where they have tags (802.1Q, inside 802.1ad if there is an OUTER), and
tap devices of the names given, where they have none. On SIGUSR1 it prints how many frames came in with
which tags; unknown ones it leaves alone."""
import collections
import fcntl
import os
import selectors
import signal
import socket
import struct
import sys

SOL_PACKET, PACKET_AUXDATA, ETH_P_ALL, VLAN_VALID, VLAN_TPID_VALID = 263, 8, 3, 0x10, 0x40
TAGS = (0x8100, 0x88A8)

wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
for option in (32, 33):  # SO_SNDBUFFORCE, SO_RCVBUFFORCE
    wire.setsockopt(socket.SOL_SOCKET, option, 8 << 20)
wire.bind((sys.argv[1], 0))

taps = {}  # by ids, the outer one first
for argument in sys.argv[2:]:
    name, numbers = argument.split("=")
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x1002))  # TUNSETIFF: TAP, NO_PI
    taps[tuple(int(number) for number in numbers.split("."))] = tap
counts = collections.Counter()


def header(ids):
    types = (0x8100,) if len(ids) == 1 else (0x88A8, 0x8100)
    return b"".join(struct.pack("!HH", *tag) for tag in zip(types, ids))


def from_wire():
    frame, extra, _, sender = wire.recvmsg(65536, 256)
    if sender[2] == socket.PACKET_OUTGOING:
        return
    # The kernel takes the outer tag off and tells it beside the frame.
    for level, kind, content in extra:
        status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", content[:20])
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA) and status & VLAN_VALID:
            tpid = tpid if status & VLAN_TPID_VALID else TAGS[0]
            frame = frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
    at, tags = 12, []
    while struct.unpack_from("!H", frame, at)[0] in TAGS:
        tags.append(struct.unpack_from("!HH", frame, at))
        at += 4
    counts[" ".join(f"{kind:04x}:{tci & 0xFFF}" for kind, tci in tags) or "none"] += 1
    tap = taps.get(tuple(tci & 0xFFF for _, tci in tags))
    if tap is not None:
        os.write(tap, frame[:12] + frame[at:])


def show(*_):
    print(dict(sorted(counts.items())), flush=True)


signal.signal(signal.SIGUSR1, show)
ready = selectors.DefaultSelector()
ready.register(wire, selectors.EVENT_READ, ())
for ids, tap in taps.items():
    ready.register(tap, selectors.EVENT_READ, ids)
print("ready", flush=True)
while True:
    for key, _ in ready.select():
        try:
            if key.data == ():
                from_wire()
            else:
                frame = os.read(key.fd, 65536)
                wire.send(frame[:12] + header(key.data) + frame[12:])
        except OSError as problem:
            print("lost:", problem, flush=True)
