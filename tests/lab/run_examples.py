#!/usr/bin/python3
"""Runs the examples of the documents against a running directord (DIRECTOR_SOCKET).

    run_examples.py DIRECTORCTL DOCUMENT...

Taken are the blocks that say so:

    ```console runnable
    $ directorctl status
    directord 0.1.0  ALONE  up ...
    ```

Each line after "$ " is a shell command that must succeed ("$ ! ": must fail), in a folder of its own
for the whole document. Of the lines below it each must appear in what it prints, in their order:
"..." in a line stands for any text, "..." alone for any lines, and blanks count as one.
"""

import os
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```console runnable\n(.*?)^```", re.S | re.M)


def commands(block):
    """[(command, [line of output])]"""
    out = []
    for line in block.splitlines():
        if line.startswith("$ "):
            out.append((line[2:], []))
        elif out:
            out[-1][1].append(line)
    return out


def pattern(line):
    parts = [re.escape(" ".join(part.split())) if part.strip() else "" for part in line.split("...")]
    return re.compile(".*".join(parts))


def complaint(printed, wanted):
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    at = 0
    for want in wanted:
        if want.strip() in ("", "..."):
            continue
        while at < len(lines) and not pattern(want).search(lines[at]):
            at += 1
        if at == len(lines):
            return f"no line like {want!r} in:\n{printed}"
        at += 1
    return None


def main():
    program, documents = os.path.abspath(sys.argv[1]), sys.argv[2:]
    failed = ran = 0
    environment = {**os.environ, "NO_COLOR": "1",
                   "PATH": os.path.dirname(program) + ":" + os.environ["PATH"]}
    for document in documents:
        with open(document, encoding="utf-8") as file:
            blocks = BLOCK.findall(file.read())
        with tempfile.TemporaryDirectory() as folder:
            for command, wanted in (one for block in blocks for one in commands(block)):
                must_fail = command.startswith("! ")
                run = subprocess.run(["bash", "-c", command[2:] if must_fail else command],
                                     cwd=folder, env=environment, capture_output=True, text=True,
                                     timeout=60, check=False)
                ran += 1
                why = complaint(run.stdout + run.stderr, wanted)
                if (run.returncode != 0) != must_fail:
                    why = f"exit code {run.returncode}: {run.stdout}{run.stderr}"
                if why:
                    failed += 1
                    print(f"{document}: $ {command}\n{why}")
        if not blocks:
            failed += 1
            print(f"{document}: no example that can be run")
    print(f"{ran} examples, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
