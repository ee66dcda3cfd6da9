"""TCP sessions that live through failovers, and those that are born and end meanwhile.

    sessions.py serve PORT                 sends back what it gets, on IPv4 and IPv6
    sessions.py hold ADDRESS PORT LONG SHORT STOP_FILE

`hold` keeps LONG sessions as long as it runs and SHORT ones for a second each (0.5 to 1.5 s, from a
seed), and says a line in each, again and again. A session is lost when, once connected, it is reset,
closed by the other side, or gets no answer for 30 s. At the end, when STOP_FILE appears:
"OPENED sessions, LOST lost, UNOPENED never connected, ANSWERS answers", and before it a line for
each one that was lost, with its age and the time of day.
"""
import asyncio
import os
import random
import sys
import time

PATIENCE_S = 30
PAUSE_S = 0.1


class Figures:
    opened = lost = unopened = answers = 0


async def serve_one(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(line)
    except OSError:
        pass
    writer.close()


async def serve(port):
    server = await asyncio.start_server(serve_one, None, port, backlog=1000)
    async with server:
        await server.serve_forever()


async def talk(reader, writer, until, rng):
    """Asks until that time; raises OSError when the session is lost."""
    number = 0
    while time.monotonic() < until():
        number += 1
        question = b"%d\n" % number
        writer.write(question)
        answer = await asyncio.wait_for(reader.readline(), PATIENCE_S)
        if answer != question:
            raise OSError("closed by the other side" if not answer else "wrong answer")
        Figures.answers += 1
        await asyncio.sleep(PAUSE_S * rng.uniform(0.5, 1.5))


async def session(address, port, until, rng, kind):
    began = time.monotonic()
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), PATIENCE_S)
    except (OSError, asyncio.TimeoutError):
        Figures.unopened += 1
        return
    Figures.opened += 1
    try:
        await talk(reader, writer, until, rng)
    except (OSError, asyncio.TimeoutError) as error:
        Figures.lost += 1
        print(f"{time.time():.3f} lost, {kind}, {time.monotonic() - began:.3f} s after it was begun: "
              f"{error or 'no answer'}", flush=True)
    writer.close()


async def short_ones(address, port, stop, rng):
    while not stop.is_set():
        end = time.monotonic() + rng.uniform(0.5, 1.5)
        await session(address, port, lambda: end, rng, "short")


async def hold(address, port, long_count, short_count, stop_file):
    stop = asyncio.Event()

    def long_end():
        return 0 if stop.is_set() else float("inf")

    tasks = [asyncio.create_task(session(address, port, long_end, random.Random(i), "long"))
             for i in range(long_count)]
    tasks += [asyncio.create_task(short_ones(address, port, stop, random.Random(1000 + i)))
              for i in range(short_count)]
    while not os.path.exists(stop_file):
        await asyncio.sleep(0.1)
    stop.set()
    await asyncio.gather(*tasks)
    print(f"{Figures.opened} sessions, {Figures.lost} lost, {Figures.unopened} never connected, "
          f"{Figures.answers} answers", flush=True)


if sys.argv[1] == "serve":
    asyncio.run(serve(int(sys.argv[2])))
else:
    asyncio.run(hold(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6]))
