"""A wallet on the unmodified PyPI client: asks, pays itself, and waits for what it is told.

Arguments: the node's wRPC address, the encoding, and a private key whose address the node mines for.
Prints one JSON object of what it saw; ends with status 1 and a sentence if something is not so.
"""

import asyncio
import json
import sys

import kaspa
from ready import leave, ready, run

NETWORK = "simnet"
PATIENCE_SECONDS = 150


def value_of(answer, *names):
    """Returns a field of an answer, however the client spells it."""
    for name in names:
        if name in answer:
            return answer[name]
    raise KeyError(f"none of {names} in {sorted(answer)}")


async def until(what, ask):
    """Asks until there is an answer."""
    for _ in range(PATIENCE_SECONDS * 5):
        found = await ask()
        if found:
            return found
        await asyncio.sleep(0.2)
    raise TimeoutError(f"waited {PATIENCE_SECONDS} s for {what}")


async def ask_all(client, address):
    """Asks everything that needs nothing, and returns what is worth comparing."""
    info = await client.get_info()
    server = await client.get_server_info()
    dag = await client.get_block_dag_info()
    count = await client.get_block_count()
    sink = await client.get_sink()
    await client.ping()
    await client.get_sync_status()
    await client.get_current_network()
    await client.get_sink_blue_score()
    await client.get_coin_supply()
    await client.get_fee_estimate()
    await client.get_connected_peer_info()
    await client.get_peer_addresses()
    await client.get_mempool_entries({"includeOrphanPool": False, "filterTransactionPool": False})
    await client.get_balances_by_addresses({"addresses": [address]})
    block = await client.get_block({"hash": value_of(sink, "sink"), "includeTransactions": True})
    blocks = await client.get_blocks(
        {"lowHash": None, "includeBlocks": False, "includeTransactions": False}
    )
    low = value_of(blocks, "blockHashes", "block_hashes")[0]
    chain = await client.get_virtual_chain_from_block(
        {"startHash": low, "includeAcceptedTransactionIds": True, "minConfirmationCount": None}
    )
    template = await client.get_block_template({"payAddress": address, "extraData": []})
    return {
        "version": value_of(info, "serverVersion", "server_version"),
        "network": str(value_of(server, "networkId", "network_id")),
        "blocks": value_of(count, "blockCount", "block_count"),
        "tips": len(value_of(dag, "tipHashes", "tip_hashes")),
        "block_hash": value_of(value_of(block, "block")["header"], "hash"),
        "chain": len(value_of(chain, "addedChainBlockHashes", "added_chain_block_hashes")),
        "template_transactions": len(value_of(template, "block")["transactions"]),
    }


class Told:
    """What the node told: which events, and the texts of those that may name a payment."""

    # A block a hundredth of a second for some seconds.
    KEPT = 2_000

    def __init__(self):
        self.types = set()
        self.latest = {}

    def take(self, event, *_):
        """Takes an event."""
        self.types.add(event["type"])
        if event["type"] in ("BlockAdded", "VirtualChainChanged", "UtxosChanged"):
            kept = self.latest.setdefault(event["type"], [])
            kept.append(json.dumps(event, default=str))
            del kept[: -self.KEPT]

    def names(self, event, *texts):
        """Returns whether an event of this type holds all of these texts."""
        return any(all(text in kept for text in texts) for kept in self.latest.get(event, []))


async def main(url, encoding, secret):
    key = kaspa.PrivateKey(secret)
    address = key.to_address(NETWORK)
    client = kaspa.RpcClient(url=url, encoding=encoding, network_id=kaspa.NetworkId(NETWORK))
    await client.connect(block_async_connect=True, timeout_duration=20_000)

    told = Told()
    client.add_event_listener("all", told.take)
    await ready(client.subscribe_block_added)
    await client.subscribe_virtual_chain_changed(True)
    await client.subscribe_sink_blue_score_changed()
    await client.subscribe_virtual_daa_score_changed()
    await client.subscribe_new_block_template()
    await client.subscribe_utxos_changed([address])

    asked = await ask_all(client, address.to_string())

    async def ripe():
        found = await client.get_utxos_by_addresses({"addresses": [address.to_string()]})
        dag = await client.get_block_dag_info()
        score = value_of(dag, "virtualDaaScore", "virtual_daa_score")
        entries = value_of(found, "entries")
        old = [e for e in entries if e["utxoEntry"]["blockDaaScore"] + 1_000 <= score]
        return old[:2]

    entries = await until("a coinbase that may be spent", ripe)
    made = kaspa.create_transactions(
        network_id=kaspa.NetworkId(NETWORK),
        entries=entries,
        change_address=address,
        outputs=[kaspa.PaymentOutput(address, 1_000_000_000)],
        priority_fee=10_000,
    )
    pending = made["transactions"][0]
    pending.sign([key])
    signed = pending.transaction
    paid = await pending.submit(client)

    async def accepted():
        found = await client.get_utxos_by_addresses({"addresses": [address.to_string()]})
        ids = [e["outpoint"]["transactionId"] for e in value_of(found, "entries")]
        return paid in ids

    await until("the payment to be accepted", accepted)
    own = address.to_string().split(":")[1]

    async def is_told():
        return (
            told.names("BlockAdded", paid)
            and told.names("VirtualChainChanged", paid)
            and told.names("UtxosChanged", paid, own)
        )

    await until("the payment to be told of", is_told)
    balance = await client.get_balance_by_address({"address": address.to_string()})
    refused = None
    try:
        await client.submit_transaction({"transaction": signed, "allowOrphan": False})
    except Exception as error:  # The client has many kinds of errors; the words are what counts.
        refused = str(error)
    await leave(client)
    print(
        json.dumps(
            {
                **asked,
                "paid": paid,
                "balance": value_of(balance, "balance"),
                "refused": refused,
                "told": sorted(told.types),
                "in_block": told.names("BlockAdded", paid),
                "accepted_by": told.names("VirtualChainChanged", paid),
                "made_coin": told.names("UtxosChanged", paid, own),
            }
        )
    )


if __name__ == "__main__":
    run(main, *sys.argv[1:])
