#!/usr/bin/python3
"""Writes the methods fuzzer's first inputs into a folder: make_methods_corpus.py FOLDER.

Sessions that do something sensible with every service, from which the fuzzer departs; the steps' numbers
and bytes are those of methods_fuzz.cc."""
import pathlib
import sys

OPEN, SAY, REPLY, TEXT, ERROR, FRAGMENTS, PATCH, ADVANCE, LINK, CHANGE = range(1, 11)
SYN, PSH, ACK, FIN = 2, 8, 16, 1
STORIES, FTP = 159, 141  # all, and the first with the FTP helper


def opened(story, who=4, faults=0):
    return bytes([OPEN, story % 256, story // 256, who, faults])


def handshake(story, who=4):
    return opened(story, who) + bytes([REPLY, 0, SYN | ACK, 0, 0, REPLY, 0, ACK, 0, 0])


def write(name, *steps):
    (folder / name).write_bytes(bytes([0, 0]) + b"".join(steps))


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
