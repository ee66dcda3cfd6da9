#!/usr/bin/python3
"""Writes the methods fuzzer's first inputs into a folder: make_methods_corpus.py FOLDER.

Sessions that do something sensible with every service, from which the fuzzer departs; the steps' numbers
and bytes are those of methods_fuzz.cc."""
import pathlib
import sys

OPEN, SAY, REPLY, TEXT, ERROR, FRAGMENTS, PATCH, ADVANCE, LINK, CHANGE, OUTBOUND = range(1, 12)
SYN, PSH, ACK, FIN = 2, 8, 16, 1
STORIES, FTP = 159, 141  # all, and the first with the FTP helper


def opened(story, who=4, faults=0):
    return bytes([OPEN, story % 256, story // 256, who, faults])


def handshake(story, who=4):
    return opened(story, who) + bytes([REPLY, 0, SYN | ACK, 0, 0, REPLY, 0, ACK, 0, 0])


def write(name, *steps, workers=1):
    (folder / name).write_bytes(bytes([workers - 1, 0]) + b"".join(steps))


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for first in range(0, STORIES, 16):
    some = range(first, min(first + 16, STORIES))
    write(f"talk-{first}", *(handshake(story) + bytes([REPLY, 0, PSH | ACK, 90, 0, REPLY, 0, FIN | ACK, 0, 0])
                             for story in some))
    write(f"errors-{first}", *(handshake(story, 5) + bytes([ERROR, 0, first // 16, 20, ERROR, 1, first // 16, 2])
                               for story in some))
    write(f"fragments-{first}", bytes([FRAGMENTS, 64, first // 16]),
          *(opened(story, 6) + bytes([REPLY, 0, ACK, 120, 0, SAY, 3, PSH | ACK, 120, 0]) for story in some))
    write(f"narrow-{first}", *(bytes([LINK, link, 30]) for link in range(6)),
          *(handshake(story, 7) + bytes([SAY, 4, PSH | ACK, 130, 0, REPLY, 0, PSH | ACK, 130, 1]) for story in some))
for story in range(FTP, STORIES):
    texts = b"".join(bytes([TEXT, 0, text % 2, text]) for text in range(12))
    write(f"texts-{story}", handshake(story), texts, bytes([ADVANCE, 60, CHANGE, story, 3, SAY, 0, ACK, 9, 0]))
    write(f"pieces-{story}", handshake(story), bytes([SAY, 0, PSH | ACK, 40, 1, REPLY, 0, PSH | ACK, 40, 1]),
          bytes([PATCH, 0, 46, 7, PATCH, 0, 20, 0x46]))
# Source NAT of TCP, UDP, SCTP and echoes, from both families: answered, gone wrong, too long, in fragments.
for workers in (1, 3):
    for kind in range(8):
        opened_by_server = b"".join(bytes([OUTBOUND, kind, who, 0]) for who in range(4))
        answered = bytes([REPLY, 0, SYN | ACK, 20, 0, REPLY, 0, PSH | ACK, 90, 0, REPLY, 0, FIN | ACK, 0, 0])
        write(f"outbound-{kind}-{workers}", opened_by_server, answered, bytes([ERROR, 2, 1, 20, ERROR, 5, 0, 2]),
              bytes([OUTBOUND, kind, 9, 0]), answered, bytes([ADVANCE, 60]), answered, workers=workers)
        write(f"outbound-narrow-{kind}-{workers}", *(bytes([LINK, link, 1]) for link in range(6)),
              bytes([FRAGMENTS, 64, kind]), opened_by_server, answered, answered, workers=workers)
