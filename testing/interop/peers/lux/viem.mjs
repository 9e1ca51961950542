// viem against a chain: what its users do, by its own defaults.

import { contracts, equal, http as url, keys, refusal, require, step, truly, ws } from './bench.mjs';

const viem = require('viem');
const { generatePrivateKey, privateKeyToAccount } = require('viem/accounts');

const { createPublicClient, createTestClient, createWalletClient, defineChain, encodeFunctionData, getContractAddress,
  getContract, http, keccak256, parseEther, webSocket, BaseError, ContractFunctionRevertedError, serializeTransaction } = viem;

const chain = defineChain({
  id: 31337,
  name: 'LuxTensor',
  nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
  rpcUrls: { default: { http: [url], webSocket: [ws] } },
});
const transport = http(url, { batch: true });
const reader = createPublicClient({ chain, transport, pollingInterval: 50, cacheTime: 0 });
const live = createPublicClient({ chain, transport: webSocket(ws), cacheTime: 0 });
const test = createTestClient({ chain, mode: 'anvil', transport });
const [alice, bob] = keys.map((key) => privateKeyToAccount(key));
const wallet = createWalletClient({ chain, account: alice, transport });
const { Token, Probe } = contracts();
const mined = (hash) => reader.waitForTransactionReceipt({ hash, pollingInterval: 50 });
let token;
let probe;

/** The revert inside an error, as viem's users look for it. */
const reverted = (error) => {
  truly(error instanceof BaseError, `an error of viem, got ${error}`);
  return error.walk((inner) => inner instanceof ContractFunctionRevertedError);
};

async function deploy({ abi, bytecode }, args = []) {
  const { contractAddress } = await mined(await wallet.deployContract({ abi, bytecode, args }));
  return getContract({ address: contractAddress, abi, client: { public: reader, wallet } });
}

await step('the chain is told', async () => {
  equal(await reader.getChainId(), 31337, 'chain id');
  truly(await reader.getBalance({ address: alice.address }) > parseEther('9000'), 'a rich account');
});

await step('a transfer with fees it estimates itself', async () => {
  const to = privateKeyToAccount(generatePrivateKey()).address;
  const fees = await reader.estimateFeesPerGas();
  truly(fees.maxFeePerGas > 0n && fees.maxPriorityFeePerGas > 0n, 'fees');
  const receipt = await mined(await wallet.sendTransaction({ to, value: parseEther('1') }));
  equal([receipt.status, receipt.gasUsed, receipt.type], ['success', 21000n, 'eip1559'], 'receipt');
  equal(await reader.getBalance({ address: to }), parseEther('1'), 'balance');
});

await step('a transaction that is read serialises to its hash', async () => {
  const block = await reader.getBlock({ includeTransactions: true });
  const [seen] = block.transactions;
  const again = serializeTransaction({ ...seen, data: seen.input }, seen);
  equal(keccak256(again), seen.hash, 'hash');
  equal(await reader.getBlockTransactionCount({ blockHash: block.hash }), 1, 'count');
});

await step('contracts are deployed and read', async () => {
  const nonce = BigInt(await reader.getTransactionCount({ address: alice.address }));
  token = await deploy(Token, ['Viem', parseEther('1000')]);
  equal(token.address.toLowerCase(), getContractAddress({ from: alice.address, nonce }).toLowerCase(), 'address');
  probe = await deploy(Probe);
  equal([await token.read.name(), await token.read.totalSupply()], ['Viem', parseEther('1000')], 'what it says');
});

await step('a write is simulated, sent, and its events are decoded', async () => {
  const { result, request } = await token.simulate.transfer([bob.address, 7n], { account: alice });
  equal(result, true, 'result');
  const receipt = await mined(await wallet.writeContract(request));
  const [event] = viem.parseEventLogs({ abi: Token.abi, logs: receipt.logs });
  equal([event.eventName, event.args.value], ['Transfer', 7n], 'event');
});

await step('past events are queried', async () => {
  const events = await token.getEvents.Transfer({ to: bob.address }, { fromBlock: 0n });
  equal(events.map((event) => event.args.value), [7n], 'events');
  const logs = await reader.getLogs({ address: token.address, fromBlock: 'earliest', toBlock: 'latest' });
  equal(logs.length, 2, 'logs');
});

await step('filters are made, asked for changes and taken away', async () => {
  const filter = await reader.createContractEventFilter({ abi: Token.abi, address: token.address, eventName: 'Transfer' });
  const blocks = await reader.createBlockFilter();
  await mined(await token.write.transfer([bob.address, 8n]));
  equal((await reader.getFilterChanges({ filter })).map((log) => log.args.value), [8n], 'changes');
  equal(await reader.getFilterChanges({ filter }), [], 'no more of them');
  equal((await reader.getFilterChanges({ filter: blocks })).length, 1, 'blocks');
  equal(await reader.uninstallFilter({ filter }), true, 'taken away');
});

await step('a WebSocket tells of blocks, events and pending transactions', async () => {
  const stops = [];
  const heard = (watch) => new Promise((resolve, reject) => stops.push(watch(resolve, reject)));
  const block = heard((resolve, onError) => live.watchBlocks({ onBlock: resolve, onError }));
  const event = heard((resolve, onError) => live.watchContractEvent(
    { address: token.address, abi: Token.abi, eventName: 'Transfer', onLogs: ([log]) => resolve(log), onError }));
  const pending = heard((resolve, onError) => live.watchPendingTransactions({ onTransactions: ([hash]) => resolve(hash), onError }));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const hash = await token.write.transfer([bob.address, 9n]);
  const receipt = await mined(hash);
  equal([(await block).number, (await event).args.value, await pending], [receipt.blockNumber, 9n, hash], 'told');
  for (const stop of stops) stop();
});

await step('reasons of reverts are shown', async () => {
  const why = async (kind) => reverted(await refusal(probe.simulate.fail([kind], { account: alice })));
  equal((await why(0n)).reason, 'said why', 'reason');
  const own = (await why(1n)).data;
  equal([own.errorName, own.args], ['Refused', [1n, 'an error of its own']], 'custom error');
  truly((await why(2n)).reason.includes('assert'), 'a panic');
  const refused = await refusal(token.write.transfer([alice.address, parseEther('2000')]));
  equal(reverted(refused)?.data.errorName, 'InsufficientBalance', 'refused before it is sent');
  const poor = createWalletClient({ chain, account: privateKeyToAccount(generatePrivateKey()), transport });
  truly((await refusal(poor.sendTransaction({ to: bob.address, value: 1n }))).message.includes('exceeds the balance'), 'too poor');
});

await step('an access list is made and sent (EIP-2930)', async () => {
  const data = encodeFunctionData({ abi: Token.abi, functionName: 'transfer', args: [bob.address, 1n] });
  const { accessList, gasUsed } = await reader.createAccessList({ account: alice, to: token.address, data });
  truly(accessList.length > 0, 'a list');
  const gasPrice = await reader.getGasPrice();
  const receipt = await mined(await wallet.sendTransaction({ type: 'eip2930', to: token.address, data, accessList, gasPrice: gasPrice * 2n }));
  equal([receipt.type, receipt.status, receipt.gasUsed], ['eip2930', 'success', gasUsed], 'receipt');
});

await step('an account delegates to code and is called in the same transaction (EIP-7702)', async () => {
  const authority = privateKeyToAccount(generatePrivateKey());
  const authorization = await wallet.signAuthorization({ account: authority, contractAddress: probe.address });
  const data = encodeFunctionData({ abi: Probe.abi, functionName: 'setMark', args: [viem.pad('0x2a')] });
  const receipt = await mined(await wallet.sendTransaction({ to: authority.address, data, authorizationList: [authorization] }));
  equal([receipt.type, receipt.status], ['eip7702', 'success'], 'receipt');
  equal((await reader.getDelegation({ address: authority.address })).toLowerCase(), probe.address.toLowerCase(), 'delegation');
  const seen = await reader.getTransaction({ hash: receipt.transactionHash });
  equal(keccak256(serializeTransaction({ ...seen, data: seen.input }, seen)), seen.hash, 'hash of what was returned');
});

await step('a proof of an account and a slot is returned', async () => {
  const slot = keccak256(viem.encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [bob.address, 2n]));
  const proof = await reader.getProof({ address: token.address, storageKeys: [slot] });
  equal(proof.storageProof[0].value, await token.read.balanceOf([bob.address]), 'value');
  truly(proof.accountProof.length > 0 && proof.storageProof[0].proof.length > 0, 'nodes');
});

await step('fee history, blob base fee and simulated blocks', async () => {
  const history = await reader.getFeeHistory({ blockCount: 4, rewardPercentiles: [25, 75] });
  equal([history.baseFeePerGas.length, history.reward.length], [5, 4], 'fee history');
  equal(await reader.getBlobBaseFee(), 1n, 'blob base fee');
  const calls = [
    { account: alice, to: token.address, abi: Token.abi, functionName: 'transfer', args: [bob.address, 3n] },
    { to: token.address, abi: Token.abi, functionName: 'balanceOf', args: [bob.address] },
  ];
  const before = await token.read.balanceOf([bob.address]);
  const { results } = await reader.simulateCalls({ account: alice, calls, traceAssetChanges: false });
  equal(results.map(({ status, result }) => [status, result]), [['success', true], ['success', before + 3n]], 'results');
});

await step('what a test does with time, snapshots and other accounts', async () => {
  const snapshot = await test.snapshot();
  const before = await reader.getBlock();
  await test.increaseTime({ seconds: 3_600 });
  await test.mine({ blocks: 3, interval: 10 });
  const after = await reader.getBlock();
  truly(after.number === before.number + 3n && after.timestamp >= before.timestamp + 3_600n + 20n, 'three blocks an hour later');
  const somebody = '0x00000000000000000000000000000000000a11ce';
  await test.setBalance({ address: somebody, value: parseEther('3') });
  await test.impersonateAccount({ address: somebody });
  const hash = await createWalletClient({ chain, transport }).sendTransaction({ account: somebody, to: bob.address, value: parseEther('1') });
  equal((await mined(hash)).from.toLowerCase(), somebody, 'sender');
  await test.stopImpersonatingAccount({ address: somebody });
  await test.setCode({ address: somebody, bytecode: '0x602a60005260206000f3' });
  equal((await reader.call({ to: somebody })).data, viem.pad('0x2a'), 'code');
  await test.setStorageAt({ address: token.address, index: 1, value: viem.pad('0x99') });
  equal(await token.read.totalSupply(), 0x99n, 'storage');
  await test.revert({ id: snapshot });
  equal((await reader.getBlock()).hash, before.hash, 'the head');
  equal(await token.read.totalSupply(), parseEther('1000'), 'what it was before');
});

await step('mining by hand, and a transaction that is replaced', async () => {
  await test.setAutomine(false);
  const nonce = await reader.getTransactionCount({ address: alice.address, blockTag: 'pending' });
  const first = await wallet.sendTransaction({ to: bob.address, value: 1n, nonce });
  const { maxFeePerGas, maxPriorityFeePerGas } = await reader.getTransaction({ hash: first });
  const low = await refusal(wallet.sendTransaction({ to: bob.address, value: 2n, nonce, maxFeePerGas: maxFeePerGas + 1n, maxPriorityFeePerGas }));
  truly(low.message.includes('underpriced'), `an underpriced replacement, got ${low.message}`);
  const second = await wallet.sendTransaction(
    { to: bob.address, value: 2n, nonce, maxFeePerGas: maxFeePerGas * 2n, maxPriorityFeePerGas: maxPriorityFeePerGas * 2n });
  equal(await reader.getTransactionCount({ address: alice.address, blockTag: 'pending' }), nonce + 1, 'pending nonce');
  await test.mine({ blocks: 1 });
  equal((await mined(second)).status, 'success', 'the second');
  equal((await refusal(reader.getTransactionReceipt({ hash: first }))).name, 'TransactionReceiptNotFoundError', 'the first');
  await test.setAutomine(true);
});

process.exit(0);
