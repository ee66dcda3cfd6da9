"""Asks by ARP who has an address, as a machine without one would, and prints how many answered.

    who_has.py INTERFACE ADDRESS
"""
import socket
import struct
import sys
import time

ARP = 0x0806


def main():
    interface, address = sys.argv[1:]
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP))
    link.bind((interface, ARP))
    mac = link.getsockname()[4]
    question = (b"\xff" * 6 + mac + struct.pack("!HHHBBH", ARP, 1, 0x0800, 6, 4, 1) + mac
                + bytes(4) + bytes(6) + socket.inet_aton(address))
    answers = set()
    deadline = time.monotonic() + 2
    link.settimeout(0.2)
    link.send(question)
    while time.monotonic() < deadline:
        try:
            frame = link.recv(2048)
        except TimeoutError:
            continue
        if frame[20:22] == b"\x00\x02" and frame[28:32] == socket.inet_aton(address):
            answers.add(frame[22:28])
    print(len(answers))


main()
