"""Three places where the PyPI client races: its first subscription, its farewell, and the end of the interpreter.

Its `connect` returns when the socket is open; a task of its own then registers its listener. A subscription made in between
fails inside the client with "RPC subscribe on a closed connection": not a byte of it reaches the node. So the first one is
tried again until that task has run.

Its `disconnect` does not return once in fifty to a hundred times, in either encoding, though the socket is closed: by the client, without a Close, so
that there is nothing a node could answer. So nobody waits for it for long.

Its threads call listeners while Python ends, which now and then panics or never ends. So a script ends without that.
"""

import asyncio
import os
import sys

NOT_READY = "on a closed connection"
ATTEMPTS = 100


async def ready(subscribe):
    """Makes the first subscription, again while the client is not ready for it."""
    for _ in range(ATTEMPTS):
        try:
            return await subscribe()
        except Exception as error:  # The client raises nothing more precise.
            if NOT_READY not in str(error):
                raise
            await asyncio.sleep(0.05)
    raise TimeoutError("the client was not ready for a subscription within 5 s")


FAREWELL_SECONDS = 3


async def leave(client):
    """Disconnects, and does not wait for it for long."""
    try:
        await asyncio.wait_for(client.disconnect(), FAREWELL_SECONDS)
    except (TimeoutError, asyncio.TimeoutError):  # Two classes before Python 3.11.
        pass


def run(main, *arguments):
    """Runs a script's coroutine and ends the process: with 0, or with 1 and a sentence."""
    try:
        asyncio.run(main(*arguments))
        status = 0
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
