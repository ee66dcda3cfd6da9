"""oracle_clients.py VIP PORT-FIRST SERVICES: the same connections, one after the other, every time: to
each service 60, from four addresses and fixed ports, of which some stay and some are closed in
between. Prints which server each got; then closes all, and waits for Enter before it ends."""
import random
import socket
import sys

vip, first, services = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
clients = [f"170.210.122.{host}" for host in (101, 102, 103, 105)]
held = []


# Both sides have closed, and the balancer knows, before anything else happens.
def end(connection):
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)
    connection.close()


for service in range(services):
    numbers = random.Random(service)
    own = []
    for number in range(60):
        if own and numbers.random() < 0.4:
            end(own.pop(numbers.randrange(len(own))))
        opened = socket.socket()
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.settimeout(10)
        opened.bind((numbers.choice(clients), 20000 + 100 * service + number))
        try:
            opened.connect((vip, first + service))
            name = opened.recv(100).decode().strip()
        except OSError as problem:
            name = f"({problem})"
        else:
            own.append(opened)
        print(first + service, number, name)
    held += own
print("open", flush=True)
sys.stdin.readline()
for opened in held:
    end(opened)
