"""One connection of the unmodified PyPI client after the other subscribes to everything and waits to be told of it.

Arguments: the node's wRPC address, the encoding, an address the node mines for, and the number of connections.
Prints a JSON array: for each connection the events it was told of. Ends with status 1 and a sentence if one was not told.
"""

import asyncio
import json
import sys

import kaspa
from ready import leave, ready, run

NETWORK = "simnet"
PATIENCE_SECONDS = 20
EVENTS = {
    "BlockAdded",
    "NewBlockTemplate",
    "SinkBlueScoreChanged",
    "UtxosChanged",
    "VirtualChainChanged",
    "VirtualDaaScoreChanged",
}


async def once(url, encoding, address):
    """Subscribes to everything, waits for one of each, unsubscribes, and returns what came."""
    client = kaspa.RpcClient(url=url, encoding=encoding, network_id=kaspa.NetworkId(NETWORK))
    await client.connect(block_async_connect=True, timeout_duration=20_000)
    told = set()
    client.add_event_listener("all", lambda event, *_: told.add(event["type"]))
    await ready(client.subscribe_block_added)
    await client.subscribe_virtual_chain_changed(True)
    await client.subscribe_sink_blue_score_changed()
    await client.subscribe_virtual_daa_score_changed()
    await client.subscribe_new_block_template()
    await client.subscribe_utxos_changed([kaspa.Address(address)])
    for _ in range(PATIENCE_SECONDS * 20):
        if EVENTS <= told:
            break
        await asyncio.sleep(0.05)
    missing = sorted(EVENTS - told)
    if missing:
        raise TimeoutError(f"not told of {missing} within {PATIENCE_SECONDS} s")
    await client.unsubscribe_block_added()
    await client.unsubscribe_virtual_chain_changed(True)
    await client.unsubscribe_utxos_changed([kaspa.Address(address)])
    await leave(client)
    return sorted(told)


async def main(url, encoding, address, rounds):
    print(json.dumps([await once(url, encoding, address) for _ in range(int(rounds))]))


if __name__ == "__main__":
    run(main, *sys.argv[1:])
