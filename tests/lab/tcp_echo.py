"""TCP echo server: tcp_echo.py PORT sends back what it gets."""
import socket
import socketserver
import sys


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while content := self.request.recv(65536):
            self.request.sendall(content)


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6  # and IPv4 by it
    allow_reuse_address = True
    daemon_threads = True


Server(("::", int(sys.argv[1])), Echo).serve_forever()
