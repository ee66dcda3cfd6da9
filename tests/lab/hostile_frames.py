"""hostile_frames.py INTERFACE MAC ADDRESS KIND COUNT: frames that no honest client sends.

truncated  a TCP SYN cut off after every one of its bytes
mutated    TCP, UDP and ICMP packets with random bytes overwritten
arp        ARP requests from changing senders
syn        TCP SYNs from changing sources to port 80

The same frames every time: the random numbers start from a fixed seed."""
import random
import socket
import struct
import sys

interface, mac, address, kind, count = sys.argv[1:5] + [int(sys.argv[5])]
source = bytes.fromhex("020000000001")
target = bytes.fromhex(mac.replace(":", ""))
numbers = random.Random(20240229)


def checksum(content):
    if len(content) % 2:
        content += b"\0"
    total = sum(struct.unpack(f"!{len(content) // 2}H", content))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(protocol, client, content, checksum_at):
    """An Ethernet frame with an IPv4 packet; checksum_at: where the L4 checksum goes, or None."""
    ends = socket.inet_aton(client) + socket.inet_aton(address)
    if checksum_at is not None:
        pseudo = b"" if protocol == 1 else ends + struct.pack("!BBH", 0, protocol, len(content))
        content = (content[:checksum_at] + struct.pack("!H", checksum(pseudo + content))
                   + content[checksum_at + 2:])
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(content), 1, 0, 64, protocol, 0) + ends
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return target + source + b"\x08\0" + header + content


def syn(client, port):
    return packet(6, client, struct.pack("!HHIIBBHHH", port, 80, 1, 0, 5 << 4, 2, 8192, 0, 0), 16)


def udp(client, port):
    return packet(17, client, struct.pack("!HHHH", port, 53, 20, 0) + b"twelve bytes", 6)


def echo(client):
    return packet(1, client, struct.pack("!BBHHH", 8, 0, 0, 1, 1) + b"echo", 2)


def client_address(number):
    return f"170.210.122.{1 + number % 100}"


def frames():
    if kind == "truncated":
        whole = syn(client_address(9), 4000)
        for length in range(len(whole)):
            yield whole[:length]
    elif kind == "mutated":
        makers = [lambda n: syn(client_address(n), 1024 + n % 60000),
                  lambda n: udp(client_address(n), 1024 + n % 60000),
                  lambda n: echo(client_address(n))]
        for number in range(count):
            frame = bytearray(makers[number % 3](number))
            for _ in range(numbers.randrange(1, 5)):
                # The destination stays: else the frame is another machine's, and no news.
                frame[numbers.randrange(12, len(frame))] = numbers.randrange(256)
            yield bytes(frame)
    elif kind == "arp":
        for number in range(count):
            sender = bytes([2, 0, 0]) + numbers.randrange(1 << 24).to_bytes(3, "big")
            yield (b"\xff" * 6 + sender + b"\x08\x06" + bytes.fromhex("0001080006040001") + sender
                   + socket.inet_aton(client_address(number)) + bytes(6) + socket.inet_aton(address))
    elif kind == "syn":
        for number in range(count):
            client = f"170.210.122.{1 + numbers.randrange(90)}"
            yield syn(client, numbers.randrange(1024, 65536))
    else:
        sys.exit(f"no kind {kind}")


wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((interface, 0))
refused = sent = 0
for frame in frames():
    try:
        wire.send(frame)
        sent += 1
    except OSError:  # the kernel itself refuses what is shorter than an Ethernet header
        refused += 1
print(f"{sent} sent, {refused} too short for the kernel")
