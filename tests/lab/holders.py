"""Who had which address, and for how long two had it: holders.py SECONDS LOG LOG [ADDRESS...]

The logs are those of `ip -ts monitor address` in two nodes. Prints a line for each ADDRESS: how often
both had it, the longest time in milliseconds. Fails if that was longer than SECONDS for any of them,
or if one of them was never had by both nodes in turn, which would have shown nothing.
"""
import datetime
import re
import sys

LINE = re.compile(r"\[(\S+)\] (Deleted )?\d+: \S+\s+inet6? ([0-9a-f.:]+)/")


def changes(path):
    """(time, address, whether it is there from now on) of one node, in the log's order."""
    with open(path, encoding="utf-8") as log:
        for line in log:
            match = LINE.match(line)
            if match:
                time = datetime.datetime.fromisoformat(match[1]).timestamp()
                yield time, match[3], not match[2]


def times_of_both(history):
    """How long both had it, each time; `history` is (time, node, has it), sorted."""
    has = [False, False]
    since = None
    times = []
    for time, node, is_there in history:
        has[node] = is_there
        if all(has) and since is None:
            since = time
        elif not all(has) and since is not None:
            times.append(time - since)
            since = None
    return times + ([float("inf")] if since is not None else [])


bound = float(sys.argv[1])
events = [(time, node, address, is_there) for node, path in enumerate(sys.argv[2:4])
          for time, address, is_there in changes(path)]
events.sort(key=lambda event: event[0])
failed = False
for wanted in sys.argv[4:]:
    history = [(time, node, is_there) for time, node, address, is_there in events if address == wanted]
    both = times_of_both(history)
    nodes = {node for _, node, is_there in history if is_there}
    longest = max(both, default=0)
    print(f"{wanted}: {len(both)} times both, at most {longest * 1000:.1f} ms, nodes {sorted(nodes)}")
    failed = failed or longest > bound or len(nodes) < 2
sys.exit(failed)
