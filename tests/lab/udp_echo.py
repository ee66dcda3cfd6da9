"""UDP echo server: udp_echo.py PORT NAME answers each datagram with "NAME " before its content."""
import socket
import sys

server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
server.bind(("::", int(sys.argv[1])))
name = sys.argv[2].encode() + b" "
while True:
    content, client = server.recvfrom(65536)
    server.sendto(name + content, client)
