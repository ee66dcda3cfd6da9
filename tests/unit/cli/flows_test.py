#!/usr/bin/python3
"""What `directorctl flows` prints and writes: the tutorial's tables, JSON, explanations, mistakes.

    flows_test.py DIRECTORCTL DATA [MAKE_CAPTURE]
"""

import csv
import json
import os
import pathlib
import pty
import struct
import subprocess
import sys
import tempfile
import unittest

DIRECTORCTL = os.path.abspath(sys.argv[1])
DATA = pathlib.Path(sys.argv[2])
MAKE_CAPTURE = os.path.abspath(sys.argv[3])
CAPTURES = DATA / "captures"
FLOW36 = CAPTURES / "t2-faf-flow36-headers.pcap"
FRAGMENTS = CAPTURES / "t2-frag-flow4.pcap"


def run(*arguments, code=0):
    done = subprocess.run([DIRECTORCTL, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}: {done.stderr}")
    return done


def table(path):
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def written(capture, *options):
    """The files that -w makes, by their last name."""
    with tempfile.TemporaryDirectory() as folder:
        run("flows", "-r", capture, "-w", f"{folder}/out", *options)
        return {path.name: path.read_text(encoding="utf-8") for path in pathlib.Path(folder).iterdir()}


def rows(text):
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def lines(*arguments):
    return [json.loads(line) for line in run("--json", "flows", *arguments).stdout.splitlines()]


class TutorialTest(unittest.TestCase):
    """Tables that the tutorial prints; a column that differs does so for a reason."""

    def check(self, printed, ours, columns, except_for):
        self.assertEqual(len(printed), len(ours))
        for theirs, mine in zip(printed, ours):
            for column in columns:
                if (theirs["pktNo"], column) not in except_for:
                    self.assertEqual(mine[column], theirs[column], f"packet {theirs['pktNo']}: {column}")

    def test_flow_36_packet_by_packet(self):
        printed = table(CAPTURES / "expected/t2-faf-flow36-expected.tsv")
        ours = rows(written(FLOW36, "--packets")["out_packets.txt"])
        # The excerpt has gaps, which the tutorial's capture has not: the packets behind one.
        gaps = {(number, column) for number, columns in {
            "1417": "ipIDDiff seqMax seqDiff seqLen tcpAnomaly", "1418": "tcpFStat",
            "1419": "ipIDDiff ackDiff ackLen tcpAnomaly", "1421": "seqDiff seqLen",
            "1450": "ipIDDiff ackDiff ackLen tcpAnomaly", "1452": "ipIDDiff seqDiff seqLen",
        }.items() for column in columns.split()}
        # A small step back of the IP ID: out of order, not a rollover.
        steps_back = {(number, "ipFlags") for number in ("1429", "1430", "1459", "1463")}
        columns = set(printed[0]) & set(ours[0]) - {"pktNo", "seqFlowLen", "tcpMLen", "tcpBFlgt"}
        self.assertEqual(len(columns), 18)
        self.check(printed, ours, sorted(columns), gaps | steps_back)
        self.assertEqual({mine["ipFlags"] for theirs, mine in zip(printed, ours)
                          if (theirs["pktNo"], "ipFlags") in steps_back}, {"0x0042"})

    def test_bytes_in_flight_of_flow_36_both_ways(self):
        printed = table(CAPTURES / "expected/t2-faf-flow36-expected.tsv")
        ours = rows(written(FLOW36, "--packets")["out_packets.txt"])
        for theirs, mine in zip(printed, ours):
            # The tutorial's sum; of two packets it began within a gap of the excerpt.
            begun = 2760 if theirs["pktNo"] in ("1417", "1418") else 0
            self.assertEqual(int(mine["tcpUnacked"]) + begun, int(theirs["tcpBFlgt"]), theirs["pktNo"])
            number = int(theirs["pktNo"])
            missing = 0 if theirs["dir"] == "A" or number < 1417 else 114540 if number < 1452 else 126960
            self.assertEqual(int(mine["tcpMLen"]) + missing, int(theirs["tcpMLen"]), theirs["pktNo"])
        by_number = {theirs["pktNo"]: mine for theirs, mine in zip(printed, ours)}
        self.assertEqual(by_number["1454"]["tcpBFlgt"], "19320")  # tshark's, where the tutorial has 4140

    def test_the_fragments_join_their_flow(self):
        printed = table(CAPTURES / "expected/frag-packets-flow4.tsv")
        files = written(FRAGMENTS, "--packets")
        ours = rows(files["out_packets.txt"])
        self.check(printed, ours,
                   ["time", "pktIAT", "numHdrs", "hdrDesc", "srcMac", "dstMac", "ethType", "srcIP", "dstIP",
                    "l4Proto", "pktLen", "ipToS", "ipID", "ipIDDiff", "ipFrag", "ipTTL", "ipHdrChkSum",
                    "ipCalChkSum", "ip6HHOptLen", "ipOptLen"], set())
        # Ports are those of the datagram, where Tranalyzer prints 0.
        self.assertEqual({row["srcPort"] for row in ours[:26]}, {"1509"})
        self.assertEqual({row["flowInd"] for row in ours}, {"1"})
        there, back = rows(files["out_flows.txt"])
        self.assertEqual((there["numPktsSnt"], there["numPktsRcvd"], there["numBytesSnt"]), ("26", "1", "10000"))
        self.assertEqual((there["tcpFStat"], there["tcpFlags"], there["tcpAnomaly"]), ("0x1011", "0x0800", "0x3000"))
        # 0x0820 in the tutorial: but the checksum over all fragments is right.
        self.assertEqual(there["ipFlags"], "0x0020")
        self.assertEqual((back["tcpFlags"], back["tcpAnomaly"]), ("0x0414", "0x0180"))

    @unittest.skipUnless(os.environ.get("DIRECTOR_CAPTURES"), "DIRECTOR_CAPTURES names no captures")
    def test_mptcp(self):
        capture = next(pathlib.Path(os.environ["DIRECTOR_CAPTURES"]).rglob("iperf-mptcp-0-0.pcap"))
        files = written(capture)
        ours = {(row["srcIP"], row["srcPort"], row["dstIP"]): row for row in rows(files["out_flows.txt"])}
        for theirs in table(CAPTURES / "expected/mptcp-flows.tsv"):
            mine = ours[theirs["srcIP"], theirs["srcPort"], theirs["dstIP"]]
            for column in ("tcpMPTBF", "tcpMPF", "tcpMPAID"):
                self.assertEqual(mine[column], theirs[column], theirs)
            self.assertEqual(mine["tcpMPdssF"], theirs["tcpMPdDSSF"], theirs)
        self.assertIn("Number of MPTCP packets: 2554 (2.55 K)", files["out_report.txt"])
        self.assertIn("Number of MPTCP options: 2557", files["out_report.txt"])
        self.assertIn("Number of TCP SYN retries, seq retries: 4, 0", files["out_report.txt"])


class OutputTest(unittest.TestCase):
    def test_files_and_standard_output_tell_the_same(self):
        files = written(FLOW36, "--packets", "--explain")
        self.assertEqual(sorted(files), ["out_explain.txt", "out_flows.txt", "out_headers.txt",
                                         "out_packets.txt", "out_report.txt"])
        answer = lines("-r", FLOW36, "--packets", "--explain")
        kinds = [next(iter(line)) for line in answer]
        self.assertEqual([kinds.count(kind) for kind in ("packet", "flow", "explanation", "report")],
                         [40, 2, 1, 1])
        self.assertEqual(kinds[-1], "report")
        packets = [line["packet"] for line in answer if "packet" in line]
        for row, packet in zip(rows(files["out_packets.txt"]), packets):
            for name, value in packet.items():
                cell = row[name]
                if value is None:
                    self.assertEqual(cell, "", name)
                elif isinstance(value, str):
                    self.assertEqual(cell, value, name)
                else:
                    self.assertEqual(float(cell), value, name)
        report = answer[-1]["report"]
        self.assertEqual((report["packets"], report["aPackets"], report["bPackets"]), (40, 12, 28))
        self.assertIn("Number of A packets: 12 [30.00%]", files["out_report.txt"])

    def test_json_files_have_an_object_a_line(self):
        with tempfile.TemporaryDirectory() as folder:
            run("--json", "flows", "-r", FLOW36, "-w", f"{folder}/out")
            flows = pathlib.Path(folder, "out_flows.json").read_text(encoding="utf-8").splitlines()
            report = json.loads(pathlib.Path(folder, "out_report.json").read_text(encoding="utf-8"))
        self.assertEqual([json.loads(line)["dir"] for line in flows], ["A", "B"])
        self.assertEqual(report["aFlows"], 1)

    def test_headers_name_every_column(self):
        files = written(FLOW36, "--packets")
        for name in ("out_flows.txt", "out_packets.txt"):
            for column in files[name].splitlines()[0].split("\t"):
                self.assertRegex(files["out_headers.txt"], rf"(?m)^\d+\t{column}\t\S")

    def test_a_person_sees_the_worst_first(self):
        text = run("flows", "-r", FLOW36).stdout
        self.assertRegex(text.splitlines()[0], r"^FLOW +CLIENT +SERVER .* TO BLAME$")
        self.assertRegex(text.splitlines()[1], r"192\.168\.1\.105:49330 .* 461 us +78\.7 ms .* client$")
        self.assertIn("Aggregated tcpAnomaly=0x03c8\n    TCP duplicate ACK, ", text)

    def test_explained(self):
        text = run("flows", "-r", FLOW36, "--explain").stdout
        self.assertIn("the client advertised a zero window 3 times, 1.56 s in all: its application is not "
                      "reading", text)
        self.assertLess(text.index("zero window"), text.index("server's network"))

    def test_top_keeps_the_worst(self):
        # The client that waited 23 s for its answer, and none of the quick ones.
        text = run("flows", "-r", CAPTURES / "airline-1-pc.pcap", "--top", "1", "--explain").stdout
        self.assertEqual(text.count("\nflow ") + text.startswith("flow "), 1)
        self.assertIn("The worst 1 of 2 connections", text)
        self.assertIn("came again", text)

    def test_filter_and_standard_input(self):
        with open(FLOW36, "rb") as file:
            done = subprocess.run([DIRECTORCTL, "--json", "flows", "-r", "-", "--filter", "src port 49330"],
                                  stdin=file, capture_output=True, text=True, check=True)
        report = json.loads(done.stdout.splitlines()[-1])["report"]
        self.assertEqual((report["packets"], report["bPackets"]), (12, 0))

    def test_formats(self):
        packets = [line["packet"] for line in lines("-r", FLOW36, "--packets", "--relative-seq", "--hex-seq",
                                                     "--tos", "dscp", "--content", "4") if "packet" in line]
        self.assertEqual([packet["seq"] for packet in packets[:4]],
                         ["0x00000000", "0x00000000", "0x00000001", "0x00000001"])
        self.assertEqual(packets[0]["ipToS"], "0_0")
        self.assertTrue(all(len(packet["l7Content"]) <= 4 for packet in packets))


class ThresholdTest(unittest.TestCase):
    def report(self, capture, *options):
        return lines("-r", capture, *options)[-1]["report"]

    def test_each_changes_what_it_says(self):
        self.assertEqual(self.report(FLOW36)["windowsBelowMin"], 3)
        self.assertEqual(self.report(FLOW36, "--window-min", "3000")["windowsBelowMin"], 4)
        lossy = CAPTURES / "tcp/wireshark-retrans.pcap"
        usual = self.report(lossy)
        self.assertGreater(usual["fastRetransmissions"], 0)
        self.assertEqual(self.report(lossy, "--fast-acks", "1000")["fastRetransmissions"], 0)
        self.assertLess(self.report(lossy, "--fast-within", "1us")["fastRetransmissions"],
                        usual["fastRetransmissions"])
        bad = CAPTURES / "csum/ip4-tcp-bad-chksum.pcap"
        self.assertEqual(self.report(bad)["badL4Checksums"], 1)
        self.assertEqual(self.report(bad, "--checksums", "l3")["badL4Checksums"], 0)
        self.assertEqual(self.report(FLOW36, "--established-timeout", "100ms")["aFlows"] > 1, True)
        self.assertNotIn("78.7 ms", run("flows", "-r", FLOW36, "--explain", "--slow-server", "1s").stdout
                         .split("Dump start")[0])

    def test_a_full_table_is_bounded_and_said(self):
        with tempfile.TemporaryDirectory() as folder:
            capture = f"{folder}/many.pcap"
            subprocess.run([MAKE_CAPTURE, "6000", "1000", capture, "500"], check=True)
            whole = self.report(capture)
            self.assertEqual((whole["aFlows"], whole["bFlows"], whole["flowsEvicted"]), (1000, 1000, 0))
            bounded = self.report(capture, "--flows-max", "100")
            self.assertEqual(bounded["flowsInMemoryMax"], 100)
            self.assertGreater(bounded["flowsEvicted"], 0)
            self.assertEqual(bounded["packets"], whole["packets"])


class MistakeTest(unittest.TestCase):
    def test_each_is_said_plainly(self):
        for arguments, words in (
                (["flows"], "which file? -r FILE"),
                (["flows", "-r", "/nowhere.pcap"], "/nowhere.pcap"),
                (["flows", "-r", CAPTURES / "README.md"], "README.md"),
                (["flows", "-r", FLOW36, "--filter", "tcp prot 80"], "tcp prot 80"),
                (["flows", "bits", "nothing=1"], "these have: flowStat, tcpFStat")):
            done = run(*arguments, code=2)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stdout, "")
        for option in ("--fast-within=20 parsecs", "--fast-within=-1s", "--window-min=-1", "--tos=red"):
            done = subprocess.run([DIRECTORCTL, "flows", "-r", str(FLOW36), option], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 2, option)
            self.assertIn(option.split("=")[0], done.stderr)
        run("flows", "-r", FLOW36, "-w", "/nowhere/out", code=1)

    def test_a_cut_capture_is_read_as_far_as_it_goes(self):
        with tempfile.TemporaryDirectory() as folder:
            cut = pathlib.Path(folder, "cut.pcap")
            cut.write_bytes(FLOW36.read_bytes()[:-10])
            done = run("--json", "flows", "-r", cut, code=1)
            self.assertEqual(json.loads(done.stdout.splitlines()[-1])["report"]["packets"], 39)
            self.assertIn("what is before it was read", done.stderr)

    def test_what_the_capture_missed_is_said_of_each_interface(self):
        def block(kind, body):
            size = 12 + len(body)
            return struct.pack("<II", kind, size) + body + struct.pack("<I", size)

        def option(code, value):
            return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)

        def statistics(interface, missed):
            return block(5, struct.pack("<III", interface, 0, 0) + option(5, struct.pack("<Q", missed)) + bytes(4))

        capture = (block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) +
                   b"".join(block(1, struct.pack("<HHI", 1, 0, 0) + option(2, name) + bytes(4))
                            for name in (b"outside", b"inside", b"odd\033[1m")) +
                   statistics(0, 7) + statistics(1, 0) + statistics(2, 42))
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "missed.pcapng")
            file.write_bytes(capture)
            told = run("flows", "-r", file).stderr.splitlines()
        self.assertEqual(told, ["directorctl: interface 'outside': 0 packets read, 7 missed by the capture",
                                "directorctl: interface 'odd.[1m': 0 packets read, 42 missed by the capture"])

    def test_a_full_disk_is_noticed(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([DIRECTORCTL, "flows", "-r", str(FLOW36)], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot be written", done.stderr)


class ProgressTest(unittest.TestCase):
    """A reading that takes long, made so by a pipe that is slow, shows a bar; a short one does not."""

    def on_terminal(self, pause):
        master, slave = pty.openpty()
        data = FLOW36.read_bytes()
        packets = data[24:] * (1000 if pause else 1)
        process = subprocess.Popen([DIRECTORCTL, "flows", "-r", "-", "--top", "1"], stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        process.stdin.write(data[:24] + packets)
        process.stdin.flush()
        if pause:
            # A second is what the bar waits for: nothing to wait on but time.
            self.assertIsNone(wait_at_most(process, 1.2))
        process.stdin.write(packets)
        process.stdin.close()
        self.assertEqual(process.wait(60), 0)
        seen = b""
        try:
            while part := os.read(master, 65536):
                seen += part
        except OSError:
            pass  # Linux says so when the other end is closed
        os.close(master)
        return seen.decode()

    def test_only_after_a_second(self):
        seen = self.on_terminal(True)
        self.assertIn("packets", seen)
        self.assertTrue(seen.endswith("\r\x1b[K"), repr(seen[-40:]))
        self.assertEqual(self.on_terminal(False), "")


def wait_at_most(process, seconds):
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
