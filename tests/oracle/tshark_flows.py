#!/usr/bin/python3
"""tshark as the oracle of `directorctl flows --packets`: every packet of every capture, field by field.

    tshark_flows.py DIRECTORCTL FOLDER [--known FILE] [CAPTURE...]

Reads all captures below FOLDER, and below the folder that DIRECTOR_CAPTURES names. A difference
fails unless the table of known ones has it, with its reason; one of the table that no longer occurs
fails as well. Where tshark is not installed, nothing is compared (exit code 77).
"""

import argparse
import collections
import concurrent.futures
import ipaddress
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

FIELDS = """frame.number frame.protocols ip.id ip.ttl ip.dsfield ip.src ip.dst ip.len ip.hdr_len ip.checksum ip.checksum.status
ipv6.src ipv6.dst ip.flags.mf
ip.frag_offset ip.opt.type ipv6.hlim ipv6.tclass ipv6.fraghdr.offset tcp.seq_raw tcp.ack_raw tcp.len tcp.flags
tcp.window_size tcp.option_kind tcp.options.mss_val tcp.options.timestamp.tsval
tcp.options.timestamp.tsecr tcp.options.mptcp.subtype tcp.checksum tcp.hdr_len tcp.checksum.status udp.checksum udp.length udp.checksum.status
tcp.analysis.retransmission tcp.analysis.fast_retransmission tcp.analysis.spurious_retransmission
tcp.analysis.out_of_order tcp.analysis.lost_segment tcp.analysis.ack_lost_segment
tcp.analysis.duplicate_ack tcp.analysis.duplicate_ack_num tcp.analysis.keep_alive
tcp.analysis.keep_alive_ack tcp.analysis.zero_window tcp.analysis.zero_window_probe
tcp.analysis.zero_window_probe_ack tcp.analysis.window_full tcp.analysis.window_update
tcp.analysis.bytes_in_flight tcp.analysis.ack_rtt _ws.malformed""".split()

CHECKSUMS = [word for protocol in ("ip", "tcp", "udp")
             for word in ("-o", f"{protocol}.check_checksum:TRUE")]
BAD = "0"  # of *.checksum.status; 1 is good, 2 unverified
SYN = 0x02

ANOMALIES = {  # bit of tcpAnomaly: what tshark calls it
    0x0004: "fast_retransmission", 0x0008: "duplicate_ack", 0x0010: "keep_alive",
    0x0020: "keep_alive_ack", 0x0040: "out_of_order", 0x0080: "spurious_retransmission",
    0x0100: "ack_lost_segment", 0x0200: "lost_segment"}
STATUS = {  # bit of tcpFStat
    0x0020: "window_update", 0x0040: "zero_window_probe", 0x0080: "zero_window_probe_ack",
    0x0400: "window_full"}


def tshark_rows(capture):
    command = ["tshark", "-n", "-r", str(capture), *CHECKSUMS, "-T", "fields", "-E", "occurrence=a",
               "-E", "separator=/t", "-E", "aggregator=,"]
    for field in FIELDS:
        command += ["-e", field]
    output = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    rows = {}
    for line in output.splitlines():
        row = dict(zip(FIELDS, line.split("\t")))
        rows[int(row["frame.number"])] = row
    return rows


def director_rows(directorctl, capture):
    run = subprocess.run([directorctl, "--json", "flows", "-r", str(capture), "--packets"],
                         check=False, capture_output=True, text=True)
    rows = {}
    for line in run.stdout.splitlines():
        packet = json.loads(line).get("packet")
        if packet:
            rows[packet["pktNo"]] = packet
    return rows, run


def first(value):
    """Of an outer and an inner header, the outer's."""
    return value.split(",")[0]


def number(value):
    return int(first(value), 0) if value else None


def truth(value):
    return first(value) in ("1", "True")


def to_end(kinds):
    """tshark goes on behind the end of the option list (kind 0), Director does not."""
    kinds = [int(kind) for kind in kinds.split(",") if kind]
    return kinds[:kinds.index(0) + 1] if 0 in kinds else kinds


def kinds_of(options):
    """Kinds of TCP options in bytes such as 0x02;0x04;0x05;0xb4."""
    octets = [int(octet, 16) for octet in options.split(";") if octet]
    kinds = []
    at = 0
    while at < len(octets):
        kinds.append(octets[at])
        if octets[at] == 0:
            break
        if octets[at] == 1:
            at += 1
            continue
        length = octets[at + 1] if at + 1 < len(octets) else 0
        if length < 2:
            break
        at += length
    return kinds


def pseudo_sum(theirs, protocol, length):
    """What a sender's card is handed where it is to finish a checksum: the pseudo header's sum."""
    family = "ip" if theirs["ip.src"] else "ipv6"
    data = b"".join(ipaddress.ip_address(first(theirs[f"{family}.{end}"])).packed for end in ("src", "dst"))
    total = sum(struct.unpack(f"!{len(data) // 2}H", data)) + protocol + length
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total


def is_wrong_on_the_wire(theirs, name, protocol, length):
    """tshark takes a checksum that was left to the sender's card for a wrong one."""
    if first(theirs[f"{name}.checksum.status"]) != BAD:
        return False
    return number(theirs[f"{name}.checksum"]) != pseudo_sum(theirs, protocol, length)


def is_bad(row, name):
    """Of a row of ours: whether a checksum is wrong, by the bit of ipFlags."""
    return bool(int(row["ipFlags"], 16) & {"ip": 0x0400, "l4": 0x0800}[name])


def compare_ip(theirs, ours):
    version6 = not theirs["ip.id"]
    if version6 and not theirs["ipv6.hlim"]:
        return
    yield "ipTTL", number(theirs["ipv6.hlim" if version6 else "ip.ttl"]), ours["ipTTL"]
    yield ("ipToS", number(theirs["ipv6.tclass" if version6 else "ip.dsfield"]),
           int(ours["ipToS"], 16))
    if not version6:
        yield "ipID", number(theirs["ip.id"]), ours["ipID"]
        # A checksum of 0 is one that the sender's card was to fill in.
        bad = first(theirs["ip.checksum.status"]) == BAD and number(theirs["ip.checksum"]) != 0
        yield "ipChecksumBad", bad, is_bad(ours, "ip")


def is_fragment(theirs):
    return (truth(theirs["ip.flags.mf"]) or (number(theirs["ip.frag_offset"]) or 0) > 0
            or theirs["ipv6.fraghdr.offset"] != "")


def compare_udp(theirs, ours):
    if theirs["udp.checksum.status"] and ours["l4Proto"] == 17:
        bad = is_wrong_on_the_wire(theirs, "udp", 17, number(theirs["udp.length"]))
        yield "l4ChecksumBad", bad, is_bad(ours, "l4")


def analysis(theirs, name):
    return theirs["tcp.analysis." + name] != ""


def expected_anomaly(theirs):
    bits = sum(bit for bit, name in ANOMALIES.items() if analysis(theirs, name))
    flags = int(first(theirs["tcp.flags"]), 16)
    is_again = analysis(theirs, "retransmission")
    if is_again and flags & SYN:
        bits |= 0x0001
    elif is_again and not bits & 0x0084:
        bits |= 0x0002
    if flags & SYN and (number(theirs["tcp.len"]) or 0) > 0:
        bits |= 0x4000
    return bits


def compare_tcp(theirs, ours):
    yield "seq", number(theirs["tcp.seq_raw"]), ours["seq"]
    yield "ack", number(theirs["tcp.ack_raw"]), ours["ack"]
    yield "flags", int(first(theirs["tcp.flags"]), 16) & 0xff, int(ours["tcpFlags"], 16) & 0xff
    yield "l7Len", number(theirs["tcp.len"]), ours["l7Len"]
    length = number(theirs["tcp.hdr_len"]) + number(theirs["tcp.len"])
    yield "l4ChecksumBad", is_wrong_on_the_wire(theirs, "tcp", 6, length), is_bad(ours, "l4")
    yield "options", to_end(theirs["tcp.option_kind"]), kinds_of(ours["tcpOpts"])
    yield "tcpMSS", number(theirs["tcp.options.mss_val"]) or 0, ours["tcpMSS"]
    yield "tcpTmS", number(theirs["tcp.options.timestamp.tsval"]) or 0, ours["tcpTmS"]
    yield "tcpTmER", number(theirs["tcp.options.timestamp.tsecr"]) or 0, ours["tcpTmER"]
    subtypes = ";".join(subtype for subtype in theirs["tcp.options.mptcp.subtype"].split(",") if subtype)
    yield "tcpMPTyp", subtypes, ours["tcpMPTyp"]
    yield "tcpWin", number(theirs["tcp.window_size"]), ours["tcpWin"]
    known = 0x43ff  # scans are no matter of single packets
    anomaly, found = expected_anomaly(theirs), int(ours["tcpAnomaly"], 16) & known
    for bit in [1 << place for place in range(16)]:
        yield f"tcpAnomaly.0x{bit:04x}", bool(anomaly & bit), bool(found & bit)
    status = int(ours["tcpFStat"], 16)
    for bit, name in STATUS.items():
        yield f"tcpFStat.0x{bit:04x}", analysis(theirs, name), bool(status & bit)
    if analysis(theirs, "bytes_in_flight"):
        yield "tcpBFlgt", number(theirs["tcp.analysis.bytes_in_flight"]), ours["tcpBFlgt"]
    if analysis(theirs, "duplicate_ack_num"):
        yield "tcpDupAckNum", number(theirs["tcp.analysis.duplicate_ack_num"]), ours["tcpDupAckNum"]
    # Director times a few segments at once, and none that was sent twice: some ACKs have no trip.
    trip = round(float(ours["tcpAckTrip"]) * 1e9)
    if trip:
        yield "tcpAckTrip", round(float(theirs["tcp.analysis.ack_rtt"] or 0) * 1e9), trip


def compare(theirs, ours):
    """Yields (field, theirs, ours) of all that can be compared in one packet."""
    yield from compare_ip(theirs, ours)
    # Of a fragmented datagram tshark shows layer 4 in the fragment that completes it, Director in the
    # first; the whole is compared by unit tests. An ICMP error quotes headers that are not its own.
    if is_fragment(theirs) or "icmp" in theirs["frame.protocols"]:
        return
    yield from compare_udp(theirs, ours)
    # Headers that neither can read whole.
    if ours["l4Proto"] == 6 and theirs["tcp.seq_raw"] and theirs["tcp.flags"] and ours["seq"] is not None:
        yield from compare_tcp(theirs, ours)
    elif ours["l4Proto"] == 6:
        yield "hasTcp", bool(theirs["tcp.flags"]), ours["seq"] is not None


def differences_of(directorctl, capture):
    theirs = tshark_rows(capture)
    ours, run = director_rows(directorctl, capture)
    found = []
    compared = 0
    if run.returncode not in (0, 1):
        return [(0, "exit code", 0, f"{run.returncode}: {run.stderr.strip()}")], 0
    for frame in sorted(set(theirs) | set(ours)):
        if frame not in ours or frame not in theirs:
            found.append((frame, "packet", frame in theirs, frame in ours))
            continue
        for field, wanted, got in compare(theirs[frame], ours[frame]):
            compared += 1
            if wanted != got:
                found.append((frame, field, wanted, got))
    return found, compared


def frames_of(text):
    """"3,7-9" as a set; "*" is every frame."""
    if text == "*":
        return None
    frames = set()
    for part in text.split(","):
        begin, _, end = part.partition("-")
        frames |= set(range(int(begin), int(end or begin) + 1))
    return frames


def read_known(path):
    """Capture: list of (frames or None for all, field, reason)."""
    known = collections.defaultdict(list)
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            capture, frames, field, reason = line.split(maxsplit=3)
            known[capture].append((frames_of(frames), field, reason))
    return known


def judge(name, found, known):
    """Prints what is new and what is gone; how many of each."""
    used = set()
    new = 0
    for frame, field, wanted, got in found:
        matching = [i for i, (frames, known_field, _) in enumerate(known)
                    if known_field == field and (frames is None or frame in frames)]
        if matching:
            used.update((i, frame) for i in matching)
        else:
            new += 1
            print(f"{name}: frame {frame}: {field}: tshark {wanted}, Director {got}")
    gone = 0
    for i, (frames, field, _) in enumerate(known):
        missing = [frame for frame in (frames or ()) if (i, frame) not in used]
        if missing or not any(place == i for place, _ in used):
            gone += 1
            print(f"{name}: {field}: frames {missing or 'all'}: the same now; the table of known "
                  "differences can do without")
    return new, gone


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directorctl")
    parser.add_argument("folder")
    parser.add_argument("captures", nargs="*", help="these alone")
    parser.add_argument("--known", default=pathlib.Path(__file__).with_name("known_differences.txt"))
    options = parser.parse_args()
    if shutil.which("tshark") is None:
        print("tshark is not installed: nothing compared")
        return 77
    folders = [pathlib.Path(options.folder)]
    if os.environ.get("DIRECTOR_CAPTURES"):
        folders.append(pathlib.Path(os.environ["DIRECTOR_CAPTURES"]))
    else:
        print("DIRECTOR_CAPTURES names no further captures")
    captures = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.pcap*")):
            captures.setdefault(path.name, path)
    if options.captures:
        captures = {name: path for name, path in captures.items() if name in options.captures}
    known = read_known(options.known)
    new = gone = compared = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda path: differences_of(options.directorctl, path), captures.values())
        for name, (found, count) in zip(captures, results):
            compared += count
            more_new, more_gone = judge(name, found, known[name])
            new += more_new
            gone += more_gone
    print(f"{len(captures)} captures, {compared} values compared, "
          f"{sum(len(rows) for rows in known.values())} known differences; {new} new, {gone} gone")
    return 1 if new or gone or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
