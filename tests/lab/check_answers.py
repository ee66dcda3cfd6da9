#!/usr/bin/python3
"""Holds a director's answers to docs/control-socket.json.

Usage: check_answers.py SOCKET SCHEMA VIP:PORT

Asks for everything that changes nothing, and for events as a subscriber would get them. Prints how
many answers were as the schema says; any that is not, and a method that is not asked, is an error.
"""
import json
import socket
import sys

import jsonschema

ARGUMENTS = {
    "connections": [{}, {"limit": 3}],
    "events": [{}, {"limit": 5, "topics": ["daemon", "vrrp"]}],
    "config_show": [{}, {"defaults": True}],
    "health": [{"seconds": 1}],
    "subscribe": [{"since": 1}],
}
CHANGES = {"log_level": [{"level": "info"}], "zero": [{}], "config_check": [{"text": "nonsense"}]}


class Director:
    def __init__(self, path):
        self.stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.stream.settimeout(20)
        self.stream.connect(path)
        self.lines = self.stream.makefile("r", encoding="utf-8")
        self.events = []

    def ask(self, method, params):
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.stream.sendall(json.dumps(call).encode() + b"\n")
        while True:
            answer = json.loads(self.lines.readline())
            if "method" not in answer:
                return answer
            self.events.append(answer["params"])


def main():
    path, schema_file, service = sys.argv[1:4]
    with open(schema_file, encoding="utf-8") as file:
        methods = {method["name"]: method for method in json.load(file)["methods"]}
    arguments = dict(ARGUMENTS)
    arguments["explain"] = [{"virtual": service}, {"virtual": service.rsplit(":", 1)[0]},
                            {"virtual": service, "client": "198.51.100.9:999", "protocol": "udp"}]
    director = Director(path)
    known = {method["name"] for method in director.ask("hello", {})["result"]["methods"]}
    if known != set(methods):
        sys.exit(f"schema and director differ: {sorted(known ^ set(methods))}")
    count = 0
    for name, method in methods.items():
        calls = arguments.get(name, [{}]) if method["x-access"] == "reads" else CHANGES.get(name, [])
        for params in calls:
            answer = director.ask(name, params)
            if "result" not in answer:
                sys.exit(f"{name} {params}: {answer}")
            jsonschema.validate(answer["result"], method["result"]["schema"])
            count += 1
    events = methods["events"]["result"]["schema"]["properties"]["events"]["items"]
    for event in director.events:
        jsonschema.validate(event, events)
    if not director.events:
        sys.exit("the subscription brought nothing")
    print(f"{count} answers and some events as the schema says")


main()
