#!/usr/bin/python3
"""How much faster `directorctl flows` is than tshark, on the same capture in the same run.

    diagnostics_tshark.py DIRECTORCTL MAKE_CAPTURE [--packets N] [--flows N] [--least RATIO]

Makes a capture, reads it once so that it lies in memory, then lets both analyse it in turn, three
times each; the best time counts. Ends with exit code 1 if Director is not RATIO times as fast.
"""

import argparse
import pathlib
import resource
import subprocess
import sys
import tempfile

ROUNDS = 3
CHECKSUMS = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]
PACKET_FIELDS = ["frame.number", "frame.time_epoch", "ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "ip.id",
                 "ip.ttl", "ip.checksum.status", "tcp.checksum.status", "tcp.seq_raw", "tcp.ack_raw",
                 "tcp.window_size", "tcp.analysis.flags", "tcp.analysis.bytes_in_flight",
                 "tcp.analysis.ack_rtt"]


def seconds_of(command):
    """Of processor time, so that others on the machine matter little. Both have one busy thread."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(title, packets, ours, theirs):
    best = {"ours": 1e9, "theirs": 1e9}
    for _ in range(ROUNDS):
        best["ours"] = min(best["ours"], seconds_of(ours))
        best["theirs"] = min(best["theirs"], seconds_of(theirs))
    ratio = best["theirs"] / best["ours"]
    print(f"{title:16} Director {packets / best['ours']:12,.0f} packets/s   "
          f"tshark {packets / best['theirs']:10,.0f} packets/s   ratio {ratio:.1f}")
    return ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directorctl")
    parser.add_argument("make_capture")
    parser.add_argument("--packets", type=int, default=300_000)
    parser.add_argument("--flows", type=int, default=15_000)
    parser.add_argument("--least", type=float, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="director-bench-") as folder:
        capture = str(pathlib.Path(folder, "bench.pcap"))
        prefix = str(pathlib.Path(folder, "bench"))
        subprocess.run([options.make_capture, str(options.packets), str(options.flows), capture], check=True)
        pathlib.Path(capture).read_bytes()
        flows = compare("flows", options.packets,
                        [options.directorctl, "flows", "-r", capture, "-w", prefix],
                        ["tshark", "-n", "-q", "-r", capture, *CHECKSUMS, "-z", "conv,tcp"])
        fields = [word for field in PACKET_FIELDS for word in ("-e", field)]
        packets = compare("flows, packets", options.packets,
                          [options.directorctl, "flows", "-r", capture, "-w", prefix, "--packets"],
                          ["tshark", "-n", "-r", capture, *CHECKSUMS, "-T", "fields", *fields])
    return 0 if min(flows, packets) >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
