"""A process that is busy takes those who connect together, not one in each turn of its loop."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import uvicorn
import uvloop

from app.cli.serve import LISTENERS, open_listeners

CLIENTS = 20


async def count_turns(listeners: list[socket.socket]) -> int:
    """Count the turns of an event loop until all clients that wait are connected."""
    loop, made = asyncio.get_running_loop(), list[asyncio.BaseTransport]()

    class Connection(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.append(transport)

    servers = [await loop.create_server(Connection, sock=one) for one in listeners]
    address = listeners[0].getsockname()
    clients = [socket.create_connection(address) for _ in range(CLIENTS)]
    turns = 0
    while len(made) < CLIENTS:
        await asyncio.sleep(0)
        turns += 1
    for client in clients:
        client.close()
    for server in servers:
        server.close()
    return turns


def test_those_who_wait_are_connected_in_few_turns() -> None:
    config = uvicorn.Config("app", port=0, log_config=None)
    listeners = open_listeners(config)
    assert len({one.getsockname() for one in listeners}) == 1
    assert len(listeners) == LISTENERS
    with ThreadPoolExecutor(1) as apart:
        turns = apart.submit(uvloop.run, count_turns(listeners)).result()
        alone = apart.submit(uvloop.run, count_turns([config.bind_socket()])).result()
    assert turns < CLIENTS / 2 < alone
