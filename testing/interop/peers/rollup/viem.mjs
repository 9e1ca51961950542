// viem's OP Stack extension on a rollup: what its users do, and op-node's methods held against both chains.

import { createRequire } from 'node:module';

import { equal, step, truly } from '../lux/bench.mjs';

const { INTEROP_LUX_NODE_MODULES, ROLLUP_L1, ROLLUP_L2, ROLLUP_RPC, ROLLUP_VERIFIER_L2, ROLLUP_VERIFIER_RPC, ROLLUP_PORTAL, ROLLUP_KEY } = process.env;
const require = createRequire(`${INTEROP_LUX_NODE_MODULES}/`);
const { createPublicClient, createWalletClient, concat, defineChain, http, keccak256, parseEther, zeroHash } = require('viem');
const { privateKeyToAccount } = require('viem/accounts');
const { foundry } = require('viem/chains');
const { chainConfig, getL2TransactionHashes, publicActionsL2, walletActionsL1, serializeTransaction } = require('viem/op-stack');

const MESSAGE_PASSER = '0x4200000000000000000000000000000000000016';
const ATTRIBUTES_DEPOSITOR = '0xdeaddeaddeaddeaddeaddeaddeaddeaddead0001';
const account = privateKeyToAccount(ROLLUP_KEY);
const config = await call(ROLLUP_RPC, 'optimism_rollupConfig');

const l1 = defineChain({ ...foundry, id: config.l1_chain_id });
const l2 = defineChain({
  ...chainConfig,
  id: config.l2_chain_id,
  name: 'Rollup',
  sourceId: l1.id,
  nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
  rpcUrls: { default: { http: [ROLLUP_L2] } },
  contracts: { ...chainConfig.contracts, portal: { [l1.id]: { address: ROLLUP_PORTAL } } },
});
const options = { pollingInterval: 100, cacheTime: 0 };
const onL1 = createPublicClient({ chain: l1, transport: http(ROLLUP_L1), ...options });
const walletOnL1 = createWalletClient({ account, chain: l1, transport: http(ROLLUP_L1), ...options }).extend(walletActionsL1());
const onL2 = createPublicClient({ chain: l2, transport: http(ROLLUP_L2), ...options }).extend(publicActionsL2());
const walletOnL2 = createWalletClient({ account, chain: l2, transport: http(ROLLUP_L2), ...options });
const onVerifier = createPublicClient({ chain: l2, transport: http(ROLLUP_VERIFIER_L2), ...options });
const hex = (number) => `0x${BigInt(number).toString(16)}`;

/** Calls a method of op-node's. */
async function call(url, method, params = []) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const answer = await (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json();
  if (answer.error) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
  return answer.result;
}

/** Waits until something is there. */
async function until(find) {
  for (;;) {
    const found = await find();
    if (found) return found;
    await new Promise((wake) => { setTimeout(wake, 100); });
  }
}

const nobody = privateKeyToAccount(keccak256('0x01')).address;
let deposit;

await step('a deposit by the portal arrives with the hash that the log on L1 says', async () => {
  // With money that is minted, viem would estimate for the zero address, which has none here.
  const args = await onL2.buildDepositTransaction({ account, to: nobody, gas: 50_000n, mint: parseEther('1'), value: parseEther('0.25') });
  const hash = await walletOnL1.depositTransaction(args);
  const onL1Receipt = await onL1.waitForTransactionReceipt({ hash });
  equal(onL1Receipt.status, 'success', 'status on L1');
  const [expected] = getL2TransactionHashes(onL1Receipt);
  const receipt = await onL2.waitForTransactionReceipt({ hash: expected });
  equal(receipt.status, 'success', 'status on L2');
  truly(await onL2.getBalance({ address: nobody }) >= parseEther('0.25'), 'the money to be there');
  deposit = await onL2.getTransaction({ hash: expected });
  return `block ${receipt.blockNumber}`;
});

await step('the deposit reads as one, and serialises to its hash', async () => {
  equal([deposit.type, deposit.from, deposit.mint, deposit.isSystemTx],
    ['deposit', account.address.toLowerCase(), parseEther('1'), undefined], 'deposit');
  const { sourceHash, from, to, mint, value, gas, input } = deposit;
  const again = serializeTransaction({ type: 'deposit', sourceHash, from, to, mint, value, gas, data: input, isSystemTx: false });
  equal(keccak256(again), deposit.hash, 'hash');
});

await step('a deposit of money that is on L2 already, its gas estimated there', async () => {
  const before = await onL2.getBalance({ address: nobody });
  const hash = await walletOnL1.depositTransaction(await onL2.buildDepositTransaction({ account, to: nobody, value: 7n }));
  const [expected] = getL2TransactionHashes(await onL1.waitForTransactionReceipt({ hash }));
  equal((await onL2.waitForTransactionReceipt({ hash: expected })).status, 'success', 'status on L2');
  equal(await onL2.getBalance({ address: nobody }), before + 7n, 'balance');
});

await step('a transfer on L2 with fees it estimates itself', async () => {
  const before = await onL2.getBalance({ address: nobody });
  const hash = await walletOnL2.sendTransaction({ to: nobody, value: 5n });
  const receipt = await onL2.waitForTransactionReceipt({ hash });
  equal([receipt.status, receipt.type, receipt.gasUsed], ['success', 'eip1559', 21000n], 'receipt');
  equal(await onL2.getBalance({ address: nobody }), before + 5n, 'balance');
});

await step('every block begins with what L1 says', async () => {
  const block = await onL2.getBlock({ includeTransactions: true });
  const [first] = block.transactions;
  equal([first.type, first.from], ['deposit', ATTRIBUTES_DEPOSITOR], 'first transaction');
});

await step('optimism_rollupConfig is of these chains', async () => {
  equal([config.l1_chain_id, config.l2_chain_id], [await onL1.getChainId(), await onL2.getChainId()], 'chain ids');
  equal(config.deposit_contract_address.toLowerCase(), ROLLUP_PORTAL.toLowerCase(), 'portal');
  for (const [name, client, genesis] of [['L1', onL1, config.genesis.l1], ['L2', onL2, config.genesis.l2]]) {
    const block = await client.getBlock({ blockNumber: BigInt(genesis.number) });
    equal(block.hash, genesis.hash, `genesis on ${name}`);
  }
  const [first, second] = await Promise.all([1n, 2n].map((blockNumber) => onL2.getBlock({ blockNumber })));
  equal(second.timestamp - first.timestamp, BigInt(config.block_time), 'block time');
  equal(Number(first.timestamp), config.genesis.l2_time + config.block_time, 'time of the first block');
});

await step('optimism_syncStatus is of blocks that both chains have', async () => {
  const status = await until(async () => {
    const now = await call(ROLLUP_RPC, 'optimism_syncStatus');
    return now.safe_l2.number > 0 && now;
  });
  for (const name of ['current_l1', 'head_l1']) {
    const block = await onL1.getBlock({ blockNumber: BigInt(status[name].number) });
    equal([status[name].hash, status[name].parentHash, status[name].timestamp],
      [block.hash, block.parentHash, Number(block.timestamp)], name);
  }
  for (const name of ['unsafe_l2', 'safe_l2', 'finalized_l2']) {
    const block = await onL2.getBlock({ blockNumber: BigInt(status[name].number) });
    equal([status[name].hash, status[name].parentHash, status[name].timestamp],
      [block.hash, block.parentHash, Number(block.timestamp)], name);
    const origin = await onL1.getBlock({ blockNumber: BigInt(status[name].l1origin.number) });
    equal(status[name].l1origin.hash, origin.hash, `origin of ${name}`);
    truly(origin.timestamp <= block.timestamp, `${name} not to be older than its origin`);
  }
  truly(status.current_l1.number <= status.head_l1.number, 'derivation not to be ahead of L1');
  truly(status.safe_l2.number <= status.unsafe_l2.number && status.finalized_l2.number <= status.safe_l2.number, 'heads in order');
  return `unsafe ${status.unsafe_l2.number}, safe ${status.safe_l2.number}`;
});

await step('optimism_outputAtBlock is the hash of what eth_getProof shows, on both nodes', async () => {
  const { safe_l2: safe } = await until(async () => {
    const now = await call(ROLLUP_VERIFIER_RPC, 'optimism_syncStatus');
    return now.safe_l2.number > 0 && now;
  });
  const block = await onL2.getBlock({ blockNumber: BigInt(safe.number) });
  const proof = await onL2.getProof({ address: MESSAGE_PASSER, storageKeys: [], blockNumber: block.number });
  const root = keccak256(concat([zeroHash, block.stateRoot, proof.storageHash, block.hash]));
  for (const url of [ROLLUP_RPC, ROLLUP_VERIFIER_RPC]) {
    const output = await call(url, 'optimism_outputAtBlock', [hex(safe.number)]);
    equal([output.version, output.outputRoot, output.stateRoot, output.withdrawalStorageRoot, output.blockRef.hash],
      [zeroHash, root, block.stateRoot, proof.storageHash, block.hash], `output by ${url}`);
  }
  return `block ${safe.number}`;
});

await step('the verifier has the unsafe block that the sequencer made', async () => {
  const status = await until(async () => {
    const now = await call(ROLLUP_VERIFIER_RPC, 'optimism_syncStatus');
    return now.unsafe_l2.number > now.safe_l2.number && now;
  });
  const blockNumber = BigInt(status.unsafe_l2.number);
  const [theirs, ours] = await Promise.all([onVerifier, onL2].map((client) => client.getBlock({ blockNumber })));
  equal(theirs.hash, ours.hash, 'hash');
  return `unsafe ${status.unsafe_l2.number}, safe ${status.safe_l2.number}`;
});
