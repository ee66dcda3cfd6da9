#!/usr/bin/python3
"""`directorctl match`: text, JSON, picture and merged file of captures that were matched by hand.

    match_test.py DIRECTORCTL TEST_DATA
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

DIRECTORCTL = pathlib.Path(sys.argv[1]).resolve()
DATA = pathlib.Path(sys.argv[2]).resolve()
LVS = [DATA / "pcaps/lvs-nat-client-side.pcap", DATA / "pcaps/lvs-nat-server-side.pcap"]
AIRLINE = [DATA / "captures" / name for name in
           ("airline-1-pc.pcap", "airline-2-checkpoint-eth2.pcap", "airline-3-bigip-ext.pcap")]


def match(*arguments, json_wanted=False, expected=0):
    command = [str(DIRECTORCTL)] + (["--json"] if json_wanted else []) + ["match"]
    done = subprocess.run(command + [str(one) for one in arguments], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == expected, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if json_wanted else done.stdout + done.stderr


class Match(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_table_and_summary(self):
        text = match(*LVS, "--explain")
        lines = [line.split() for line in text.splitlines()]
        rows = [line for line in lines if line and line[0] in "<>"]
        self.assertEqual(len(rows), 10)
        deltas = [" ".join(row[row.index(next(x for x in row[::-1] if ":" in x)) + 1:][:2]) for row in rows]
        self.assertEqual(deltas, ["1.299 ms", "3.389 ms", "234 us", "550 us", "429 us", "1.904 ms",
                                  "455 us", "237 us", "208 us", "499 us"])
        self.assertIn("translated, sequence, IP ID agrees", text)
        self.assertIn("one clock, by 10 packets", text)
        self.assertIn("2 ARP", text)

    def test_json(self):
        result = match(*AIRLINE, json_wanted=True)
        self.assertEqual([point["matched"] for point in result["points"]], [11, 12, 12])
        self.assertEqual(result["points"][0]["only_here"], 10)
        self.assertEqual(result["clocks"][0]["offset_ns"], -41830500000)
        self.assertEqual(len(result["connections"]), 2)
        told = " ".join(finding["text"] for finding in result["findings"])
        self.assertIn("waited 23.688 s", told)
        self.assertIn("the server's RST", told)

    def test_limits(self):
        self.assertIn("and 1 more connections", match(*AIRLINE, "--limit", "1"))
        self.assertIn("port 53300", match(*AIRLINE, "--connection", "2"))
        self.assertIn("the last is 2", match(*AIRLINE, "--connection", "3", expected=2))
        only = match(*AIRLINE, "--filter", "tcp[13] & 4 != 0", json_wanted=True)
        self.assertEqual([point["packets"] for point in only["points"]], [1, 1, 1])

    def test_picture(self):
        svg = self.folder / "one.svg"
        match(*AIRLINE, "--svg", svg)
        root = xml.etree.ElementTree.parse(svg).getroot()
        self.assertTrue(root.tag.endswith("svg"))
        text = "".join(root.itertext())
        for name in ("airline-1-pc", "airline-2-checkpoint-eth2", "airline-3-bigip-ext", "never arrived"):
            self.assertIn(name, text)

    def test_merged_file_is_on_one_clock(self):
        merged = self.folder / "all.pcapng"
        match(*AIRLINE, "-w", merged)
        # Its interfaces are the points again, and now their clocks agree.
        result = match(merged, json_wanted=True)
        self.assertEqual([point["matched"] for point in result["points"]], [11, 12, 12])
        self.assertTrue(abs(result["clocks"][0]["offset_ns"]) <= 3_000_000)
        if shutil.which("tshark"):
            fields = subprocess.run(
                ["tshark", "-r", merged, "-T", "fields", "-e", "frame.time_epoch", "-e",
                 "frame.interface_name", "-e", "frame.comment"],
                capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
            self.assertEqual(len(fields), 45)
            times = [float(line.split("\t")[0]) for line in fields]
            self.assertEqual(times, sorted(times))
            self.assertIn("airline-1-pc 1, airline-2-checkpoint-eth2 1, airline-3-bigip-ext 1", fields[0])

    def test_wrong_usage(self):
        self.assertIn("two captures", match(LVS[0], expected=2))
        self.assertIn("none.pcap", match(LVS[0], self.folder / "none.pcap", expected=2))
        self.assertIn("required", match(expected=2))
        cut = self.folder / "cut.pcap"
        cut.write_bytes(LVS[1].read_bytes()[:-20])
        self.assertIn("what is before it was read", match(LVS[0], cut, expected=1))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
