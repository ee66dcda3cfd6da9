"""udp_say.py SERVER PORT BYTES COUNT [SOURCE-PORT]: COUNT datagrams of BYTES, all from one port, one
after the other; prints who answered each ("web1 web2 lost"), or "wrong" for other content than was
sent, "web1@ADDRESS" for an answer that did not come from SERVER. The answers may be fragmented, as the datagrams are."""
import os
import socket
import sys

server, port, size, count = sys.argv[1], *map(int, sys.argv[2:5])
family = socket.AF_INET6 if ":" in server else socket.AF_INET
client = socket.socket(family, socket.SOCK_DGRAM)
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
client.settimeout(5)
client.bind(("", int(sys.argv[5]) if len(sys.argv) > 5 else 0))
answers = []
for _ in range(count):
    content = os.urandom(size)
    client.sendto(content, (server, port))
    try:
        answer, sender = client.recvfrom(65536)
        name, _, echoed = answer.partition(b" ")
        from_elsewhere = "" if sender[0] == server else "@" + sender[0]
        answers.append(name.decode() + from_elsewhere if echoed == content else "wrong")
    except (TimeoutError, ConnectionError):
        answers.append("lost")
print(*answers)
