"""tcp_names.py PORT: tells each client the address that it reached, and waits for it to close."""
import asyncio
import sys


async def serve(reader, writer):
    writer.write(writer.get_extra_info("sockname")[0].encode() + b"\n")
    try:
        await reader.read()
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", int(sys.argv[1]), backlog=1000)
    await server.serve_forever()


asyncio.run(main())
