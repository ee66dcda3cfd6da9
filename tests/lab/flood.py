"""flood.py INTERFACE MAC ADDRESS SYN_PORT UDP_PORT RATE SECONDS: SYNs and datagrams in turn (not those of
port 0), to ADDRESS by INTERFACE and MAC, from spoofed senders of 198.18.0.0/15 (RFC 2544).

RATE frames a second, a millisecond's worth at a time, for SECONDS at most; each has a sender of its own
until all have had a turn. Stopped and continued (SIGSTOP, SIGCONT), it does not catch up. At SIGTERM or
the end it prints how many were sent, and how many a second while it ran. For network namespaces only.
"""
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time

SENDERS = 40000
STEP = 0.001
PAUSE = 0.05  # a longer one was no step


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(port, to_port):
    options = bytes([2, 4, 5, 0xB4, 4, 2, 8, 10]) + struct.pack("!II", port, 0) + bytes([1, 3, 3, 7])
    header = struct.pack("!HHIIBBHHH", port, to_port, random.getrandbits(32), 0, 0xA0, 2, 64240, 0, 0)
    return 6, 16, header + options


def datagram(port, to_port):
    return 17, 6, struct.pack("!HHHH", port, to_port, 8 + 64, 0) + bytes(64)


def frame(make, macs, address, to_port):
    source = struct.pack("!I", (198 << 24) + (18 << 16) + random.getrandbits(17))
    protocol, at, segment = make(random.randrange(1024, 65536), to_port)
    total = checksum(source + address + struct.pack("!HH", protocol, len(segment)) + segment)
    segment = segment[:at] + struct.pack("!H", total) + segment[at + 2:]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, protocol, 0)
    header += source + address
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return macs + b"\x08\x00" + header + segment


def send(wire, frames, rate, seconds):
    """Answers how many, and for how long it was at it."""
    sent, active, now = 0, 0.0, time.monotonic()
    end = now + seconds
    due = 0.0
    try:
        while now < end:
            before, now = now, time.monotonic()
            if now - before < PAUSE:
                due += (now - before) * rate
                active += now - before
            for _ in range(int(due)):
                wire.send(frames[sent % len(frames)])
                sent += 1
            due -= int(due)
            time.sleep(STEP)
    except SystemExit:
        pass
    return sent, active


def main():
    interface, mac, address, syn_port, udp_port, rate, seconds = sys.argv[1:]
    node = subprocess.run(["ip", "netns", "identify", str(os.getpid())], capture_output=True, check=True)
    if not node.stdout.startswith(b"dir-"):
        sys.exit("flood.py is for the laboratory's namespaces")
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((interface, 0))
    with open(f"/sys/class/net/{interface}/address", encoding="ascii") as file:
        macs = bytes.fromhex((mac + file.read().strip()).replace(":", ""))
    random.seed(7)
    kinds = [(make, int(port)) for make, port in ((syn, syn_port), (datagram, udp_port)) if port != "0"]
    frames = [frame(*kinds[i % len(kinds)][:1], macs, socket.inet_aton(address), kinds[i % len(kinds)][1])
              for i in range(SENDERS)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    print("ready", flush=True)
    sent, active = send(wire, frames, int(rate), float(seconds))
    print(f"{sent} sent, {sent / max(active, STEP):.0f} a second", flush=True)


main()
