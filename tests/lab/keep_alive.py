"""One HTTP session that asks again and again and never reconnects, until a file appears. Prints
"N answers, 0 failures, longest wait M ms".

    keep_alive.py ADDRESS PORT STOP_FILE
"""
import os
import socket
import sys
import time

PATIENCE_SECONDS = 60


def answer(session, buffer):
    """Reads one response with Content-Length; what is behind it stays in the buffer."""
    while b"\r\n\r\n" not in buffer:
        more = session.recv(65536)
        if not more:
            raise OSError("closed")
        buffer += more
    head, rest = buffer.split(b"\r\n\r\n", 1)
    length = int(next(line.split(b":")[1] for line in head.split(b"\r\n")
                      if line.lower().startswith(b"content-length")))
    while len(rest) < length:
        more = session.recv(65536)
        if not more:
            raise OSError("closed")
        rest += more
    return rest[length:]


def main():
    address, port, stop = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    session = socket.create_connection((address, port), timeout=PATIENCE_SECONDS)
    answers, longest, buffer = 0, 0.0, b""
    failures = 0
    while not os.path.exists(stop):
        began = time.monotonic()
        try:
            session.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
            buffer = answer(session, buffer)
        except OSError as error:
            failures += 1
            print(f"failed: {error}", file=sys.stderr)
            break
        longest = max(longest, time.monotonic() - began)
        answers += 1
        time.sleep(0.05)
    print(f"{answers} answers, {failures} failures, longest wait {longest * 1000:.0f} ms")


main()
