"""UDP echo server: udp_echo.py PORT NAME answers each datagram with "NAME " before its content."""
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
server.bind(("0.0.0.0", int(sys.argv[1])))
name = sys.argv[2].encode() + b" "
while True:
    content, client = server.recvfrom(2048)
    server.sendto(name + content, client)
