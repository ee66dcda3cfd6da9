#!/usr/bin/python3
"""What directorctl does with a terminal, a pipe and the shells: top's keys and screen, events that
are followed, connections page by page, completion in bash and zsh, and the manual pages.

    terminal_test.py DIRECTORCTL [MANUAL-PAGE...]
"""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_directord import FakeDirectord, server, service  # noqa: E402

DIRECTORCTL = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ""
MANUAL = sys.argv[2:]
DEADLINE = 60  # seconds; a busy machine must keep it

LOOKS = {"count": 0}


def traffic(per_look):
    return {"connections": LOOKS["count"] * per_look, "bytes_in": LOOKS["count"] * per_look * 100}


def services(_params=None):
    LOOKS["count"] += 1
    return {"services": [
        service("192.0.2.1", 80, traffic(1000),
                [server("10.0.0.1", 80, traffic(900), active=7), server("10.0.0.2", 80, traffic(1))]),
        service("192.0.2.1", 53, traffic(5), [server("10.0.0.3", 53, traffic(5))], "UDP"),
        service("2001:db8::1", 443, traffic(0), [])]}


def connections(params):
    first = int(params.get("cursor", "0"))
    rows = [{"protocol": "TCP", "state": "ESTABLISHED", "client_address": "198.51.100.7",
             "client_port": 1000 + first + i, "virtual_address": "192.0.2.1", "virtual_port": 80,
             "real_address": "10.0.0.1", "real_port": 80, "idle_seconds": i,
             "expires_seconds": 900 - i} for i in range(100)]
    return {"rows": rows, "next_cursor": str(first + 100) if first < 900 else ""}


STATUS = {"role": "MASTER", "services": 3, "services_up": 2, "real_servers": 3, "servers_up": 3,
          "connections": 1000, "connections_max": 1048576}
ANSWERS = {"status": STATUS, "services": services, "connections": connections,
           "workers": {"workers": [{"id": 0, "cpu": 3, "busy_share": 0.5, "packets": 1000}]},
           "vrrp": {"instances": [{"name": "VI_1", "state": "MASTER"}]},
           "subscribe": {"next": 8}}


class Terminal:
    """A program on a pseudo terminal, and what is on its screen."""

    def __init__(self, arguments, rows=24, columns=100):
        self.output = b""
        master, slave = pty.openpty()
        self.master, self.slave = master, slave
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [DIRECTORCTL, *arguments], stdin=slave, stdout=slave, stderr=slave,
            env={**os.environ, "TERM": "xterm"}, start_new_session=True)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, done, what):
        end = time.monotonic() + DEADLINE
        while not done(self.output.decode(errors="replace")):
            left = end - time.monotonic()
            assert left > 0, f"never: {what}; output: {self.output[-3000:]!r}"
            ready, _, _ = select.select([self.master], [], [], min(left, 0.1))
            if ready:
                self.output += os.read(self.master, 65536)

    def wait_for(self, text):
        self.until(lambda output: text in output, text)

    def press(self, keys):
        self.output = b""
        os.write(self.master, keys)

    def frames(self):
        """Whole frames since the last key, without colours: lists of lines."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self.output.decode(errors="replace"))
        whole = text.split("\x1b[J")[:-1]
        return [frame.split("\x1b[H")[-1].replace("\x1b[K", "").split("\r\n") for frame in whole]

    def end(self):
        """The exit code, with what was written till then."""
        self.until(lambda _: self.process.poll() is not None, "the end")
        while select.select([self.master], [], [], 0)[0]:
            self.output += os.read(self.master, 65536)
        return self.process.returncode


class WithDirectord(unittest.TestCase):
    def setUp(self):
        self.directord = FakeDirectord(dict(ANSWERS))
        self.addCleanup(self.directord.close)

    def run_it(self, *arguments, **more):
        return subprocess.run([DIRECTORCTL, "--socket", self.directord.path, *arguments],
                              capture_output=True, text=True, timeout=DEADLINE, check=False, **more)


class TopTest(WithDirectord):
    def top(self, *arguments, **size):
        terminal = Terminal(["--socket", self.directord.path, "top", "--interval", "0.25",
                             *arguments], **size)
        self.addCleanup(os.close, terminal.master)
        self.addCleanup(terminal.process.kill)
        return terminal

    def test_views_filter_help_and_size(self):
        terminal = self.top()
        terminal.wait_for("TCP 192.0.2.1:80")
        self.assertIn(b"\x1b[?1049h", terminal.output)
        # Rates are of two looks: the fake one's counters grow by 1000 with each, 0.25 s apart.
        terminal.until(lambda text: re.search(r"[1-9]\.\d\d k", text), "a rate")
        terminal.press(b"4")
        terminal.wait_for("BUSY")
        terminal.wait_for("50.0 %")
        terminal.press(b"\t")
        terminal.wait_for("SERVICE")
        terminal.press(b"3")
        terminal.wait_for("198.51.100.7:")
        terminal.press(b"2")
        terminal.wait_for("10.0.0.3:53")
        terminal.press(b"/10.0.0.2\r")
        terminal.until(lambda _: terminal.frames() and
                       "10.0.0.2:80" in "".join(terminal.frames()[-1]) and
                       "10.0.0.3:53" not in "".join(terminal.frames()[-1]), "the filtered rows")
        terminal.press(b"\x1b")
        terminal.until(lambda _: terminal.frames() and
                       "10.0.0.3:53" in "".join(terminal.frames()[-1]), "all rows again")
        terminal.press(b"?")
        terminal.wait_for("Keys:")
        terminal.press(b"x")
        terminal.wait_for("10.0.0.1:80")
        terminal.resize(8, 40)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        terminal.press(b" ")
        terminal.until(lambda _: terminal.frames() and len(terminal.frames()[-1]) <= 8 and
                       max(map(len, terminal.frames()[-1])) <= 40, "a frame of 8 x 40")
        terminal.press(b"q")
        self.assertEqual(terminal.end(), 0)
        self.assertTrue(terminal.output.endswith(b"\x1b[?7h\x1b[?25h\x1b[?1049l"), terminal.output)
        self.assertEqual(termios.tcgetattr(terminal.slave), terminal.before)

    def test_sorting_is_by_the_column_that_is_chosen(self):
        terminal = self.top("servers")
        terminal.until(lambda text: "CONN/S*" in text and re.search(r"[1-9]\.\d\d k", text), "rates")
        first = terminal.frames()[-1][4]
        self.assertTrue(first.startswith("10.0.0.1:80"), first)
        terminal.press(b"r")
        terminal.wait_for("CONN/S^")
        terminal.until(lambda _: terminal.frames() and
                       not terminal.frames()[-1][4].startswith("10.0.0.1:80"), "the other way")
        terminal.press(b"<")
        terminal.wait_for("WEIGHT^")
        terminal.press(b"q")
        self.assertEqual(terminal.end(), 0)

    def test_pause_asks_no_more(self):
        terminal = self.top()
        terminal.wait_for("TCP 192.0.2.1:80")
        terminal.press(b"p")
        terminal.wait_for("PAUSED")
        calls = len(self.directord.calls)
        terminal.press(b"?")
        terminal.wait_for("Keys:")
        self.assertEqual(len(self.directord.calls), calls)
        terminal.press(b"xp")
        terminal.until(lambda _: len(self.directord.calls) > calls, "another question")
        terminal.press(b"q")
        self.assertEqual(terminal.end(), 0)

    def test_the_terminal_is_restored_however_it_ends(self):
        for end in ("SIGINT", "SIGTERM", "SIGSEGV", "directord"):
            with self.subTest(end):
                terminal = self.top()
                terminal.wait_for("TCP 192.0.2.1:80")
                if end == "directord":
                    for client in self.directord.clients:
                        client.shutdown(2)
                else:
                    os.kill(terminal.process.pid, getattr(signal, end))
                code = terminal.end()
                self.assertEqual(code, {"directord": 3, "SIGSEGV": -signal.SIGSEGV}.get(end, 0))
                self.assertIn(b"\x1b[?1049l", terminal.output)
                self.assertEqual(termios.tcgetattr(terminal.slave), terminal.before)

    def test_once(self):
        text = self.run_it("top", "servers", "--once", "--interval", "0.25").stdout
        self.assertRegex(text, r"(?m)^SERVER +SERVICE .*\n10\.0\.0\.1:80 +TCP 192\.0\.2\.1:80 ")
        answer = json.loads(self.run_it("--json", "top", "workers", "--interval", "0.25").stdout)
        self.assertEqual(answer["view"], "workers")
        self.assertEqual(answer["rows"][0]["busy_share"], 0.5)
        without_terminal = self.run_it("top")
        self.assertEqual(without_terminal.returncode, 2)
        self.assertIn("--once", without_terminal.stderr)


class StreamsTest(WithDirectord):
    def test_connections_are_printed_as_they_come(self):
        table = self.run_it("conn", "list", "--client", "198.51.100.0/24", "--idle-more", "5m")
        self.assertEqual(len(table.stdout.splitlines()), 1001)
        self.assertIn(("connections", {"client": "198.51.100.0/24", "idle_seconds_min": 300}),
                      self.directord.calls)
        few = self.run_it("--json", "conn", "list", "--limit", "150").stdout.splitlines()
        self.assertEqual(len(few), 150)
        self.assertEqual(json.loads(few[149])["client_port"], 1149)
        count = json.loads(self.run_it("--json", "conn", "count").stdout)
        self.assertEqual(count["states"], {"TCP ESTABLISHED": 1000})

    def test_a_reader_that_leaves_ends_it(self):
        reader = f"{DIRECTORCTL} --socket {self.directord.path} conn list | head -n 2"
        subprocess.run(["bash", "-c", reader], check=True, capture_output=True, timeout=DEADLINE)

    def test_events_are_followed(self):
        follower = subprocess.Popen(
            [DIRECTORCTL, "--socket", self.directord.path, "events", "-f", "--topic", "vrrp,server"],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(follower.kill)
        end = time.monotonic() + DEADLINE
        while not any(method == "subscribe" for method, _ in self.directord.calls):
            self.assertLess(time.monotonic(), end)
            select.select([], [], [], 0.01)
        self.assertIn(("subscribe", {"topics": ["vrrp", "server"]}), self.directord.calls)
        self.directord.tell("event", {"sequence": 8, "time": "2026-11-22T10:15:02.123Z",
                                      "topic": "vrrp", "name": "state", "subject": "VI_1",
                                      "message": "BACKUP -> MASTER", "data": {"to": "MASTER"}})
        self.assertEqual(follower.stdout.readline(),
                         "2026-11-22T10:15:02.123Z  vrrp state        VI_1  BACKUP -> MASTER\n")
        for client in self.directord.clients:
            client.shutdown(2)
        self.assertEqual(follower.wait(DEADLINE), 3)
        follower.stdout.close()


class CompletionTest(WithDirectord):
    def words(self, *words):
        lines = subprocess.run(
            [DIRECTORCTL, "--complete", *words], capture_output=True, text=True, check=True,
            env={**os.environ, "DIRECTOR_SOCKET": self.directord.path}).stdout
        return [line.split("\t")[0] for line in lines.splitlines()]

    def test_words(self):
        self.assertIn("service", self.words("s"))
        self.assertNotIn("drain", self.words("d"), "an older spelling")
        self.assertEqual(self.words("service", "sh"), ["show"])
        self.assertEqual(self.words("service", "show", ""),
                         ["tcp/192.0.2.1:80", "udp/192.0.2.1:53", "tcp/[2001:db8::1]:443"])
        self.assertEqual(self.words("server", "set", "tcp/192.0.2.1:80", "10.0.0.2"),
                         ["10.0.0.2:80"])
        self.assertEqual(self.words("--json", "server", "drain", "--service", "u"),
                         ["udp/192.0.2.1:53"])
        self.assertEqual(self.words("service", "add", "x", "--scheduler", "w"), ["wrr", "wlc"])
        self.assertIn("--idle-more", self.words("conn", "list", "--id"))
        self.assertEqual(self.words("vrrp", "show", ""), ["VI_1"])
        self.assertEqual(self.words("config", "check", ""), [":files"])
        self.directord.close()
        self.assertEqual(self.words("service", "show", ""), [], "without a directord: nothing")

    def shell_environment(self):
        return {**os.environ, "DIRECTOR_SOCKET": self.directord.path,
                "PATH": os.path.dirname(DIRECTORCTL) + ":" + os.environ["PATH"]}

    def test_bash_completes_live_services(self):
        script = subprocess.run([DIRECTORCTL, "--generate", "bash"], capture_output=True, text=True,
                                check=True).stdout
        for line, wanted in (("directorctl service show ",
                              "tcp/192.0.2.1:80 udp/192.0.2.1:53 tcp/[2001:db8::1]:443"),
                             ("directorctl service show tcp/192.0.2.1:", "80"),
                             ("directorctl serv", "service server"),
                             ("directorctl log level d", "debug")):
            run = subprocess.run(
                ["bash", "-c", script + f'COMP_LINE="{line}"; COMP_POINT=${{#COMP_LINE}}; '
                 '_directorctl; echo "${COMPREPLY[@]}"'],
                capture_output=True, text=True, env=self.shell_environment(), check=True)
            self.assertEqual(run.stdout.strip(), wanted, run.stderr)

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not here")
    def test_zsh_completes_live_services(self):
        script = subprocess.run([DIRECTORCTL, "--generate", "zsh"], capture_output=True, text=True,
                                check=True).stdout
        run = subprocess.run(
            ["zsh", "-fc", "compdef() { : }; _describe() { print -rl -- $candidates }\n" + script +
             "words=(directorctl service show ''); CURRENT=4; _directorctl"],
            capture_output=True, text=True, env=self.shell_environment(), check=True)
        self.assertIn("tcp/192.0.2.1\\:80:wrr, 2 real servers", run.stdout, run.stderr)


class ManualTest(unittest.TestCase):
    def test_pages_are_clean(self):
        self.assertEqual(len(MANUAL), 3)
        for page in MANUAL:
            if shutil.which("mandoc"):
                lint = subprocess.run(["mandoc", "-Tlint", "-W", "warning", page],
                                      capture_output=True, text=True, check=False)
                self.assertEqual(lint.stdout + lint.stderr, "", page)
            if shutil.which("groff"):
                run = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-rLL=200n", page],
                                     capture_output=True, text=True, check=True)
                self.assertEqual(run.stderr, "", page)

    def test_every_command_has_its_place(self):
        page = next(page for page in MANUAL if page.endswith("directorctl.1"))
        with open(page, encoding="utf-8") as file:
            text = file.read()
        for command in ("status", "top", "service add", "server drain", "conn list", "vrrp show",
                        "config diff", "log level", "events", "explain", "route list"):
            self.assertIn(f".SS \\fB{command}\\fR", text)
        self.assertIn(".SH EXIT STATUS", text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
