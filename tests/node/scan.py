"""Prints which TCP ports of TARGET answer to SOURCE, one a line: scan.py SOURCE TARGET PORT..."""

import asyncio
import sys

SOURCE, TARGET, *PORTS = sys.argv[1:]


async def answers(port):
    try:
        connection = asyncio.open_connection(TARGET, port, local_addr=(SOURCE, 0))
        _, writer = await asyncio.wait_for(connection, 3)
    except (OSError, asyncio.TimeoutError):
        return None
    writer.close()
    return port


async def main():
    found = await asyncio.gather(*(answers(int(port)) for port in PORTS))
    print(*(port for port in found if port), sep="\n")


asyncio.run(main())
