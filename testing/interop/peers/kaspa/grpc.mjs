// The unmodified npm package kaspa-rpc-client on a node's gRPC: it speaks as the Go node's clients did, without ids and with older names.
//
//   node grpc.mjs ask   HOST:PORT ADDRESS          asks everything, listens, mines some blocks
//   node grpc.mjs watch HOST:PORT ADDRESS BLOCKS   waits until so many blocks were added, and asks what ADDRESS has
//
// INTEROP_KASPA_NODE_MODULES names the folder the package is installed in. Prints one JSON object of what it saw; ends with status 1 and a
// sentence if something is not so.

import { createRequire } from "node:module";
import { resolve } from "node:path";

const modules = process.env.INTEROP_KASPA_NODE_MODULES;
const { Client } = createRequire(resolve(modules, "x.js"))("kaspa-rpc-client");
const [what, host, address, blocks] = process.argv.slice(2);

const PATIENCE_MS = 120_000;
const MINED = 4;

setTimeout(() => {
  console.error(`not done within ${PATIENCE_MS / 1000} s`);
  process.exit(1);
}, PATIENCE_MS).unref();

const client = new Client({ host });
const told = {};
const added = [];
let wake = () => {};

function listen(name, event, data) {
  const hear = (notification) => {
    told[event] = (told[event] ?? 0) + 1;
    if (event === "blockAdded") added.push(notification.block);
    wake();
  };
  return data ? client[name](data, hear) : client[name](hear);
}

// Waits for what is told to be enough.
async function until(is) {
  while (!is()) await new Promise((next) => (wake = next));
}

// Waits until the address has so many coins: the index follows the DAG a moment later.
async function coins(count) {
  for (;;) {
    const { entries } = await ask("getUtxosByAddresses", { addresses: [address] });
    if (entries.length >= count) return;
    await new Promise((next) => setTimeout(next, 50));
  }
}

// An answer without an error, or a sentence.
async function ask(name, data) {
  const answer = await client[name](data);
  if (answer.error) throw new Error(`${name}: ${answer.error.message}`);
  return answer;
}

// Tries nonces of a template until one is taken; returns how many were not.
async function mine() {
  let refused = 0;
  for (let nonce = 0; nonce < 200; nonce += 1) {
    const { block } = await ask("getBlockTemplate", { payAddress: address, extraData: "interop" });
    block.header.nonce = String(nonce);
    const answer = await client.submitBlock({ block, allowNonDAABlocks: false });
    if (!answer.error) return refused;
    if (answer.rejectReason !== "BLOCK_INVALID") throw new Error(`submitBlock: ${JSON.stringify(answer)}`);
    refused += 1;
  }
  throw new Error("200 nonces and no block");
}

async function askAll() {
  const info = await ask("getInfo");
  const dag = await ask("getBlockDagInfo");
  const count = await ask("getBlockCount");
  const { currentNetwork } = await ask("getCurrentNetwork");
  const { selectedTipHash } = await ask("getSelectedTipHash");
  const { block } = await ask("getBlock", { hash: selectedTipHash, includeTransactions: true });
  const { blockHashes } = await ask("getBlocks", { lowHash: dag.pruningPointHash, includeBlocks: false, includeTransactions: false });
  const chain = await ask("getVirtualSelectedParentChainFromBlock", { startHash: dag.pruningPointHash, includeAcceptedTransactionIds: true });
  const supply = await ask("getCoinSupply");
  const { entries } = await ask("getUtxosByAddresses", { addresses: [address] });
  const { balance } = await ask("getBalanceByAddress", { address });
  const balances = await ask("getBalancesByAddresses", { addresses: [address] });
  await ask("getMempoolEntries", { includeOrphanPool: false, filterTransactionPool: false });
  await ask("getMempoolEntriesByAddresses", { addresses: [address], includeOrphanPool: false, filterTransactionPool: false });
  await ask("getConnectedPeerInfo");
  await ask("getPeerAddresses");
  // Many at a time: answers are told apart by their order alone.
  const hashes = await Promise.all(blockHashes.map((hash) => ask("getBlock", { hash, includeTransactions: false })));
  const is_ordered = hashes.every((answer, at) => answer.block.verboseData.hash === blockHashes[at]);
  const errors = {};
  for (const [name, data] of [["getHeaders", { startHash: selectedTipHash, limit: 1, isAscending: true }], ["getBlock", { hash: "00".repeat(32) }], ["getBlock", { hash: "?" }]]) {
    const { error } = await client[name](data);
    errors[`${name} ${data.hash ?? ""}`.trim()] = error?.message ?? null;
  }
  return {
    version: info.serverVersion,
    is_synced: info.isSynced,
    network: currentNetwork,
    name: dag.networkName,
    blocks: Number(count.blockCount),
    tips: dag.tipHashes.length,
    is_tip: block.verboseData.hash === selectedTipHash,
    transactions: block.transactions.length,
    listed: blockHashes.length,
    chain: chain.addedChainBlockHashes.length,
    accepted: chain.acceptedTransactionIds.length,
    circulating: Number(supply.circulatingSompi),
    coins: entries.length,
    balance: Number(balance),
    balances: balances.entries.map((entry) => Number(entry.balance)),
    is_ordered,
    errors,
  };
}

try {
  await client.connect();
  if (what === "watch") {
    await listen("subscribeBlockAdded", "blockAdded");
    await until(() => added.length >= Number(blocks));
    await coins(1);
    const { balance } = await ask("getBalanceByAddress", { address });
    const payloads = added.map((block) => Buffer.from(block.transactions[0].payload, "hex").toString("latin1"));
    console.log(JSON.stringify({ added: added.length, balance: Number(balance), payloads }));
  } else {
    await listen("subscribeBlockAdded", "blockAdded");
    await listen("subscribeNewBlockTemplate", "newBlockTemplate");
    await listen("subscribeVirtualDaaScoreChanged", "virtualDaaScoreChanged");
    await listen("subscribeVirtualSelectedParentBlueScoreChanged", "blueScoreChanged");
    await listen("subscribeVirtualSelectedParentChainChanged", "chainChanged", { includeAcceptedTransactionIds: true });
    await listen("subscribeUtxosChanged", "utxosChanged", { addresses: [address] });
    await listen("subscribePruningPointUTXOSetOverride", "pruningPointOverride");
    let refused = 0;
    for (let block = 0; block < MINED; block += 1) refused += await mine();
    const wanted = ["newBlockTemplate", "virtualDaaScoreChanged", "blueScoreChanged", "chainChanged", "utxosChanged"];
    await until(() => added.length >= MINED && wanted.every((event) => told[event] > 0));
    // Each block pays for the one before; nothing pays for the genesis block.
    await coins(MINED - 1);
    console.log(JSON.stringify({ told: Object.keys(told).sort(), added: added.length, refused, ...(await askAll()) }));
  }
  client.disconnect();
} catch (error) {
  console.error(error?.stack ?? error);
  process.exit(1);
}
