#!/usr/bin/python3
"""What systemd would hear (sd_notify(3)): notified.py SOCKET prints each message as one line."""

import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
    listener.bind(sys.argv[1])
    while True:
        print(listener.recv(4096).decode().replace("\n", " "), flush=True)
