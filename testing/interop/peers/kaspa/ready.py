"""The first subscription of a connection of the PyPI client.

Its `connect` returns when the socket is open; a task of its own then registers its listener. A subscription made in between
fails inside the client with "RPC subscribe on a closed connection": not a byte of it reaches the node. So the first one is
tried again until that task has run.
"""

import asyncio

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
