"""web3.py against a chain: what its users do, by its own defaults; proofs are verified here with its trie library."""

import asyncio
import json
import os
import sys
import traceback

import rlp
from eth_account import Account
from eth_utils import keccak, to_checksum_address
from trie import HexaryTrie
from web3 import AsyncWeb3, Web3, WebSocketProvider
from web3.exceptions import ContractCustomError, ContractLogicError, ContractPanicError, TransactionNotFound, Web3RPCError

HTTP, WS = os.environ["LUX_HTTP"], os.environ["LUX_WS"]
ALICE, BOB = (Account.from_key(key) for key in os.environ["LUX_KEYS"].split(",")[:2])
with open(os.environ["LUX_CONTRACTS"], encoding="utf-8") as file:
    CONTRACTS = json.load(file)

w3 = Web3(Web3.HTTPProvider(HTTP))
STEPS = []


def step(name):
    """Notes a function as the step of this name."""

    def note(deed):
        STEPS.append((name, deed))
        return deed

    return note


def send(transaction, sender=ALICE):
    """Signs what web3.py has filled in, sends it and waits for the receipt."""
    raw = sender.sign_transaction(transaction).raw_transaction
    return w3.eth.wait_for_transaction_receipt(w3.eth.send_raw_transaction(raw), timeout=10, poll_latency=0.05)


def filled(sender=ALICE, **fields):
    """The fields that its own users fill in."""
    return {"from": sender.address, "nonce": w3.eth.get_transaction_count(sender.address), "chainId": w3.eth.chain_id, **fields}


def deploy(name, *args):
    """Deploys a contract."""
    made = w3.eth.contract(abi=CONTRACTS[name]["abi"], bytecode=CONTRACTS[name]["bytecode"])
    receipt = send(made.constructor(*args).build_transaction(filled()))
    assert receipt["status"] == 1, receipt
    return w3.eth.contract(address=receipt["contractAddress"], abi=CONTRACTS[name]["abi"])


def refusal(kind, deed):
    """What a deed is refused with, which must be of this kind."""
    try:
        deed()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}")


@step("the chain is told")
def _():
    assert w3.is_connected() and w3.eth.chain_id == 31337
    assert w3.eth.get_balance(ALICE.address) > Web3.to_wei(9000, "ether")
    return w3.client_version


@step("a transfer with fees it estimates itself")
def _():
    to = Account.create().address
    transaction = filled(to=to, value=Web3.to_wei(1, "ether"))
    transaction["maxPriorityFeePerGas"] = w3.eth.max_priority_fee
    transaction["maxFeePerGas"] = 2 * w3.eth.get_block("latest")["baseFeePerGas"] + w3.eth.max_priority_fee
    transaction["gas"] = w3.eth.estimate_gas(transaction)
    receipt = send(transaction)
    assert (receipt["status"], receipt["gasUsed"], receipt["type"]) == (1, 21000, 2), receipt
    assert w3.eth.get_balance(to) == Web3.to_wei(1, "ether")
    seen = w3.eth.get_transaction(receipt["transactionHash"])
    assert seen["value"] == Web3.to_wei(1, "ether") and seen["from"] == ALICE.address


@step("a legacy transfer, and one of an account of the node")
def _():
    receipt = send(filled(to=BOB.address, value=1, gas=21000, gasPrice=2 * w3.eth.gas_price))
    assert receipt["type"] == 0, receipt
    node = w3.eth.send_transaction({"from": w3.eth.accounts[2], "to": BOB.address, "value": 1})
    assert w3.eth.wait_for_transaction_receipt(node)["status"] == 1


@step("contracts are deployed, called, and their events decoded")
def _():
    global token, probe
    token, probe = deploy("Token", "Web3.py", 10**21), deploy("Probe")
    assert token.functions.name().call() == "Web3.py"
    receipt = send(token.functions.transfer(BOB.address, 7).build_transaction(filled()))
    (event,) = token.events.Transfer().process_receipt(receipt)
    assert (event["args"]["to"], event["args"]["value"]) == (BOB.address, 7), event
    assert token.functions.balanceOf(BOB.address).call() == 7


@step("past events are queried, and filters polled")
def _():
    events = token.events.Transfer().get_logs(from_block=0, argument_filters={"to": BOB.address})
    assert [event["args"]["value"] for event in events] == [7], events
    heard = token.events.Transfer.create_filter(from_block="latest")
    blocks = w3.eth.filter("latest")
    receipt = send(token.functions.transfer(BOB.address, 8).build_transaction(filled()))
    assert [event["args"]["value"] for event in heard.get_new_entries()] == [8]
    assert blocks.get_new_entries() == [receipt["blockHash"]]
    assert w3.eth.uninstall_filter(heard.filter_id)


@step("reasons of reverts are shown")
def _():
    assert "said why" in str(refusal(ContractLogicError, probe.functions.fail(0).call))
    assert refusal(ContractCustomError, probe.functions.fail(1).call).data.startswith("0x")
    assert "assert" in str(refusal(ContractPanicError, probe.functions.fail(2).call)).lower()
    poor = Account.create()
    transaction = filled(poor, to=BOB.address, value=1, gas=21000, gasPrice=w3.eth.gas_price)
    assert "insufficient funds" in str(refusal(Web3RPCError, lambda: send(transaction, poor)))
    refusal(TransactionNotFound, lambda: w3.eth.get_transaction(b"\x01" * 32))


@step("an access list is made and sent (EIP-2930)")
def _():
    call = {"from": ALICE.address, "to": token.address, "data": token.encode_abi("transfer", [BOB.address, 1])}
    made = w3.eth.create_access_list(call)
    receipt = send(filled(**{key: call[key] for key in ("to", "data")}, type=1, accessList=made["accessList"],
                          gas=100_000, gasPrice=2 * w3.eth.gas_price))
    assert (receipt["type"], receipt["status"], receipt["gasUsed"]) == (1, 1, made["gasUsed"]), (receipt, made)


@step("an account delegates to code (EIP-7702)")
def _():
    authority = Account.create()
    signed = authority.sign_authorization({"chainId": w3.eth.chain_id, "address": probe.address, "nonce": 0})
    fees = {"maxFeePerGas": 4 * 10**9, "maxPriorityFeePerGas": 10**9, "gas": 200_000, "value": 0}
    data = probe.encode_abi("setMark", [b"\x2a" * 32])
    receipt = send(filled(to=authority.address, data=data, authorizationList=[signed], **fees))
    assert (receipt["type"], receipt["status"]) == (4, 1), receipt
    code = w3.eth.get_code(authority.address)
    assert code == bytes.fromhex("ef0100") + bytes.fromhex(probe.address[2:]), code.hex()
    assert "authorizationList" in w3.eth.get_transaction(receipt["transactionHash"])


def verified(root, key, nodes):
    """The value under a hashed key, by web3.py's own trie."""
    return HexaryTrie.get_from_proof(root, keccak(key), [rlp.decode(bytes(node)) for node in nodes])


@step("proofs of accounts and slots are verified against the state root")
def _():
    slot = keccak(bytes(12) + bytes.fromhex(BOB.address[2:]) + (2).to_bytes(32, "big"))
    unused = keccak(b"nobody")
    block = w3.eth.get_block("latest")
    proof = w3.eth.get_proof(token.address, [int.from_bytes(slot, "big"), int.from_bytes(unused, "big")], block["number"])
    nonce, balance, storage, code = rlp.decode(verified(block["stateRoot"], bytes.fromhex(token.address[2:]), proof["accountProof"]))
    found = (int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), storage, code)
    told = (proof["nonce"], proof["balance"], bytes(proof["storageHash"]), bytes(proof["codeHash"]))
    assert found == told, (found, told)
    assert code == keccak(w3.eth.get_code(token.address))
    held, nothing = proof["storageProof"]
    value = rlp.decode(verified(storage, slot, held["proof"]))
    assert int.from_bytes(value, "big") == token.functions.balanceOf(BOB.address).call()
    assert verified(storage, unused, nothing["proof"]) == b""
    absent = w3.eth.get_proof(Account.create().address, [], block["number"])
    assert verified(block["stateRoot"], bytes.fromhex(absent["address"][2:]), absent["accountProof"]) == b""


@step("roots of transactions and receipts are those of what is returned")
def _():
    block = w3.eth.get_block("latest", full_transactions=True)
    tree = HexaryTrie({}, prune=False)
    for index, transaction in enumerate(block["transactions"]):
        raw = w3.eth.get_raw_transaction(transaction["hash"])
        assert keccak(raw) == transaction["hash"]
        tree[rlp.encode(index)] = bytes(raw)
    assert tree.root_hash == block["transactionsRoot"]
    receipts = w3.provider.make_request("debug_getRawReceipts", [hex(block["number"])])["result"]
    tree = HexaryTrie({}, prune=False)
    for index, receipt in enumerate(receipts):
        tree[rlp.encode(index)] = bytes.fromhex(receipt[2:])
    assert tree.root_hash == block["receiptsRoot"]
    header = w3.provider.make_request("debug_getRawHeader", [hex(block["number"])])["result"]
    assert keccak(bytes.fromhex(header[2:])) == block["hash"]


@step("fee history, gas price, sync state")
def _():
    history = w3.eth.fee_history(4, "latest", [10, 90])
    assert len(history["baseFeePerGas"]) == 5 and len(history["reward"]) == 4, history
    assert w3.eth.gas_price > 0 and w3.eth.syncing is False


@step("a WebSocket tells of blocks, events and pending transactions")
def _():
    async def listen():
        async with AsyncWeb3(WebSocketProvider(WS)) as live:
            names = {}
            for name, parameters in (("newHeads", ()), ("logs", ({"address": token.address},)), ("newPendingTransactions", ())):
                names[await live.eth.subscribe(name, *parameters)] = name
            receipt = await asyncio.to_thread(
                lambda: send(token.functions.transfer(BOB.address, 9).build_transaction(filled())))
            told = {}
            async with asyncio.timeout(15):
                async for message in live.socket.process_subscriptions():
                    told[names[message["subscription"]]] = message["result"]
                    if len(told) == len(names):
                        break
            assert told["newHeads"]["hash"] == receipt["blockHash"], told
            assert told["logs"]["transactionHash"] == receipt["transactionHash"], told
            assert bytes(told["newPendingTransactions"]) == bytes(receipt["transactionHash"]), told
            for identity in names:
                assert await live.eth.unsubscribe(identity)

    asyncio.run(listen())


@step("messages signed by the node are recovered")
def _():
    from eth_account.messages import encode_defunct

    signature = w3.eth.sign(to_checksum_address(w3.eth.accounts[0]), text="hi")
    assert Account.recover_message(encode_defunct(text="hi"), signature=signature) == ALICE.address


for title, deed in STEPS:
    try:
        said = deed()
    except Exception:  # noqa: BLE001: whatever it is, it is told, and ends the script.
        print(f"FAILED  {title}: {traceback.format_exc()}")
        sys.exit(1)
    print(f"ok      {title}" + (f": {said}" if said else ""), flush=True)
