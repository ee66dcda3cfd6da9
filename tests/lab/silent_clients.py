"""Connections that say one thing, hear the answer, and wait: until they are reset, or a time is over.

    silent_clients.py ADDRESS PORT COUNT READY_FILE SECONDS

Writes READY_FILE when all have their answer. Prints "N reset, N closed, N silent".
"""
import selectors
import socket
import sys
import time


def connect(address, port):
    session = socket.create_connection((address, port), timeout=60)
    session.sendall(b"HEAD / HTTP/1.1\r\nHost: lab\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += session.recv(65536)
    session.setblocking(False)
    return session


def main():
    address, port, count, ready = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    sessions = selectors.DefaultSelector()
    for _ in range(count):
        sessions.register(connect(address, port), selectors.EVENT_READ)
    with open(ready, "w", encoding="utf-8") as file:
        file.write("ready\n")
    end = time.monotonic() + float(sys.argv[5])
    reset = closed = 0
    while sessions.get_map() and time.monotonic() < end:
        for key, _ in sessions.select(0.2):
            try:
                closed += key.fileobj.recv(1) == b""
            except ConnectionResetError:
                reset += 1
            sessions.unregister(key.fileobj)
    print(f"{reset} reset, {closed} closed, {len(sessions.get_map())} silent")


main()
