"""A control socket that answers as it is told, for tests of directorctl without a directord."""

import json
import os
import socket
import tempfile
import threading


def service(address, port, stats, servers, protocol="TCP"):
    return {"protocol": protocol, "address": address, "port": port, "scheduler": "wrr",
            "stats": stats, "servers": servers}


def server(address, port, stats, **more):
    return {"address": address, "port": port, "weight": 1, "stats": stats, **more}


class FakeDirectord:
    """Answers each method with what `answers[method]` is: a result, an Exception with the error's
    message, or a function of the parameters that gives one of them. Counters named in a result
    grow with each look where the function makes them."""

    def __init__(self, answers):
        self.answers = answers
        self.calls = []
        self.clients = []
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "directord.sock")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.clients.append(client)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            with client.makefile("rb") as lines:
                for line in lines:
                    call = json.loads(line)
                    self.calls.append((call["method"], call["params"]))
                    client.sendall(json.dumps(self.answer(call)).encode() + b"\n")
        except OSError:
            pass  # it went without a word

    def answer(self, call):
        result = self.answers.get(call["method"], ValueError("there is no such request"))
        if callable(result):
            result = result(call["params"])
        if isinstance(result, Exception):
            return {"jsonrpc": "2.0", "id": call["id"],
                    "error": {"code": -32000, "message": str(result),
                              "data": getattr(result, "data", None)}}
        return {"jsonrpc": "2.0", "id": call["id"], "result": result}

    def tell(self, method, params):
        """Sends every client a notification."""
        line = json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode() + b"\n"
        for client in self.clients:
            client.sendall(line)

    def close(self):
        self.listener.close()
        for client in self.clients:
            client.close()
        self.folder.cleanup()
