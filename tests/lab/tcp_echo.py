"""TCP echo server: tcp_echo.py PORT sends back what it gets."""
import socketserver
import sys


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while content := self.request.recv(65536):
            self.request.sendall(content)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("0.0.0.0", int(sys.argv[1])), Echo).serve_forever()
