"""tcp_say.py SERVER PORT TEXT: sends TEXT (standard input for -), prints what comes back."""
import socket
import sys
import threading

content = sys.stdin.buffer.read() if sys.argv[3] == "-" else sys.argv[3].encode()
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60) as connection:
    def send():
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    while answer := connection.recv(65536):
        sys.stdout.buffer.write(answer)
    sender.join()
print()
