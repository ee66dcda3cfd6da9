"""udp_clients.py SERVER PORT PORTS_EACH ROUNDS ADDRESS...: a socket for each of PORTS_EACH ports at
each ADDRESS; each sends ROUNDS datagrams and must get each back, from one and the same server.

Nothing is sent twice: a lost datagram is a failure. 50 at a time are on their way."""
import collections
import select
import socket
import sys

server = (sys.argv[1], int(sys.argv[2]))
ports_each, rounds, addresses = int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET

sockets = []
for address in addresses:
    for _ in range(ports_each):
        client = socket.socket(family, socket.SOCK_DGRAM)
        client.bind((address, 0))
        client.connect(server)  # the kernel takes answers from the virtual address only
        sockets.append(client)

answered = wrong = 0
servers = {}
for number in range(rounds):
    for first in range(0, len(sockets), 50):
        waiting = {}
        for index in range(first, min(first + 50, len(sockets))):
            content = f"query {number} of client {index}".encode()
            sockets[index].send(content)
            waiting[sockets[index]] = (index, content)
        while waiting:
            poll = select.poll()
            by_descriptor = {client.fileno(): client for client in waiting}
            for descriptor in by_descriptor:
                poll.register(descriptor, select.POLLIN)
            ready = poll.poll(20000)
            if not ready:
                break
            for descriptor, _ in ready:
                client = by_descriptor[descriptor]
                index, content = waiting.pop(client)
                name, _, echoed = client.recv(2048).partition(b" ")
                answered += 1
                if echoed != content or servers.setdefault(index, name) != name:
                    wrong += 1

shares = collections.Counter(name.decode() for name in servers.values())
print(f"{answered} of {rounds * len(sockets)} answered, {wrong} wrong,",
      " ".join(f"{name} {count}" for name, count in sorted(shares.items())))
