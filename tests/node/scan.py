"""Prints which ports of TARGET answer to SOURCE, one a line, ordered: scan.py SOURCE TARGET PORT...

A port is a number for TCP, which answers when it takes a connection, or `NUMBER/udp`, which answers when anything comes back
for a request of NTP (RFC 5905: version 4, mode 3); nothing else on a node speaks UDP."""

import asyncio
import socket
import sys

SOURCE, TARGET, *PORTS = sys.argv[1:]
LIMIT = 3


async def takes_connection(port):
    try:
        connection = asyncio.open_connection(TARGET, port, local_addr=(SOURCE, 0))
        _, writer = await asyncio.wait_for(connection, LIMIT)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    return True


def tells_time(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind((SOURCE, 0))
        asking.settimeout(LIMIT)
        asking.connect((TARGET, port))
        try:
            asking.send(b"\x23" + bytes(47))
            return bool(asking.recv(512))
        except OSError:
            return False


async def answers(port):
    number, _, protocol = port.partition("/")
    if protocol == "udp":
        return await asyncio.to_thread(tells_time, int(number))
    return await takes_connection(int(number))


async def main():
    found = await asyncio.gather(*(answers(port) for port in PORTS))
    print(*(port for port, answered in zip(PORTS, found) if answered), sep="\n")


asyncio.run(main())
