// ethers against a chain: what its users do, by its own defaults.

import { contracts, equal, http, keys, refusal, require, step, truly, ws } from './bench.mjs';

const { Contract, ContractFactory, JsonRpcProvider, Wallet, WebSocketProvider, parseEther, solidityPackedKeccak256, toBeHex,
  zeroPadValue, AbiCoder, keccak256, Interface, MaxUint256, Transaction } = require('ethers');

const { Token, Probe } = contracts();
const provider = new JsonRpcProvider(http, undefined, { pollingInterval: 50, cacheTimeout: -1 });
const [alice, bob] = keys.map((key) => new Wallet(key, provider));
const stranger = Wallet.createRandom().connect(provider);
let token;
let probe;
let socket;

await step('the network is told', async () => {
  equal((await provider.getNetwork()).chainId, 31337n, 'chain id');
  truly((await provider.getBalance(alice.address)) > parseEther('9000'), 'a rich account');
  return provider.send('web3_clientVersion', []);
});

await step('a transfer with fees it estimates itself', async () => {
  const fees = await provider.getFeeData();
  truly(fees.maxFeePerGas > 0n && fees.maxPriorityFeePerGas > 0n && fees.gasPrice > 0n, 'fees');
  const sent = await alice.sendTransaction({ to: stranger.address, value: parseEther('1') });
  equal(sent.type, 2, 'type');
  const receipt = await sent.wait();
  equal([receipt.status, receipt.gasUsed, receipt.type], [1, 21000n, 2], 'receipt');
  equal(await provider.getBalance(stranger.address), parseEther('1'), 'balance');
  const seen = await provider.getTransaction(sent.hash);
  equal([seen.hash, seen.from, seen.value], [sent.hash, alice.address, parseEther('1')], 'transaction');
  equal(Transaction.from(seen).hash, sent.hash, 'hash of what was returned');
});

await step('a block is read with its transactions, and its hash is that of its header', async () => {
  const block = await provider.getBlock('latest', true);
  equal(block.prefetchedTransactions.length, 1, 'transactions');
  truly(block.baseFeePerGas > 0n && block.gasUsed === 21000n, 'what a block has');
  equal((await provider.getBlock(block.hash)).number, block.number, 'the same by hash');
});

await step('contracts are deployed', async () => {
  token = await new ContractFactory(Token.abi, Token.bytecode, alice).deploy('Ethers', parseEther('1000'));
  await token.waitForDeployment();
  probe = await new ContractFactory(Probe.abi, Probe.bytecode, alice).deploy();
  await probe.waitForDeployment();
  truly((await token.getDeployedCode()).length > 100, 'code');
  equal(await token.name(), 'Ethers', 'name');
  equal(await token.balanceOf(alice.address), parseEther('1000'), 'balance');
});

await step('a call that is sent is estimated, mined, and its events are decoded', async () => {
  const gas = await token.transfer.estimateGas(bob.address, 7n);
  const receipt = await (await token.transfer(bob.address, 7n)).wait();
  truly(gas >= receipt.gasUsed && gas < receipt.gasUsed * 2n, `an estimate near ${receipt.gasUsed}, got ${gas}`);
  const event = receipt.logs[0];
  equal([event.fragment.name, event.args.to, event.args.value], ['Transfer', bob.address, 7n], 'event');
  equal(await token.balanceOf(bob.address), 7n, 'balance');
});

await step('past events are queried by topic and by range', async () => {
  const all = await token.queryFilter(token.filters.Transfer(), 0);
  equal(all.length, 2, 'events');
  const toBob = await token.queryFilter(token.filters.Transfer(null, bob.address), 0, 'latest');
  equal(toBob.map((event) => event.args.value), [7n], 'events to bob');
  const block = all[1].blockHash;
  equal((await provider.getLogs({ blockHash: block, address: await token.getAddress() })).length, 1, 'logs by hash');
});

await step('listeners hear events by polling filters', async () => {
  const heard = new Promise((resolve) => token.once('Transfer', (from, to, value) => resolve(value)));
  await new Promise((resolve) => setTimeout(resolve, 200));
  await (await token.transfer(bob.address, 9n)).wait();
  equal(await heard, 9n, 'value');
});

await step('reasons of reverts are shown', async () => {
  const [reason, own, panic] = [
    await refusal(probe.fail.staticCall(0)), await refusal(probe.fail.staticCall(1)), await refusal(probe.fail.staticCall(2))];
  equal([reason.code, reason.reason], ['CALL_EXCEPTION', 'said why'], 'reason');
  equal([own.revert.name, own.revert.args[0], own.revert.args[1]], ['Refused', 1n, 'an error of its own'], 'custom error');
  truly(panic.reason.includes('Panic') || panic.revert.name === 'Panic', 'a panic');
  const estimate = await refusal(token.connect(stranger).transfer(bob.address, 1n));
  equal(token.interface.parseError(estimate.data).name, 'InsufficientBalance', 'refused before it is sent');
  const sent = await probe.fail(0, { gasLimit: 100_000 });
  equal((await refusal(sent.wait())).receipt.status, 0, 'a failed receipt');
});

await step('what a pool refuses is told by the error ethers knows', async () => {
  const poor = Wallet.createRandom().connect(provider);
  equal((await refusal(poor.sendTransaction({ to: bob.address, value: 1n }))).code, 'INSUFFICIENT_FUNDS', 'code');
  const nonce = await alice.getNonce();
  const used = await refusal(alice.sendTransaction({ to: bob.address, nonce: nonce - 1 }));
  equal(used.code, 'NONCE_EXPIRED', 'code');
});

await step('an access list is made and sent (EIP-2930)', async () => {
  const data = token.interface.encodeFunctionData('transfer', [bob.address, 1n]);
  const to = await token.getAddress();
  const made = await provider.send('eth_createAccessList', [{ from: alice.address, to, data }, 'latest']);
  truly(made.accessList.length > 0 && !made.error, 'a list');
  const receipt = await (await alice.sendTransaction({ type: 1, to, data, accessList: made.accessList })).wait();
  equal([receipt.type, receipt.status, receipt.gasUsed], [1, 1, BigInt(made.gasUsed)], 'receipt');
  const seen = await provider.getTransaction(receipt.hash);
  equal(Transaction.from(seen).hash, receipt.hash, 'hash of what was returned');
});

await step('an account delegates to code (EIP-7702)', async () => {
  const address = await probe.getAddress();
  const authority = Wallet.createRandom().connect(provider);
  const authorization = await authority.authorize({ address, nonce: 0 });
  const data = probe.interface.encodeFunctionData('setMark', [zeroPadValue('0x2a', 32)]);
  const sent = await alice.sendTransaction({ type: 4, to: authority.address, data, authorizationList: [authorization] });
  const receipt = await sent.wait();
  equal([receipt.type, receipt.status, receipt.logs[0].address], [4, 1, authority.address], 'receipt');
  equal(await provider.getCode(authority.address), `0xef0100${address.slice(2).toLowerCase()}`, 'designator');
  equal(await new Contract(authority.address, Probe.abi, provider).mark(), zeroPadValue('0x2a', 32), 'its own storage');
  equal(await provider.getTransactionCount(authority.address), 1, 'nonce');
  equal(Transaction.from(await provider.getTransaction(receipt.hash)).hash, receipt.hash, 'hash of what was returned');
});

await step('storage is read where the compiler put it', async () => {
  const slot = solidityPackedKeccak256(['uint256', 'uint256'], [bob.address, 2]);
  equal(BigInt(await provider.getStorage(await token.getAddress(), slot)), await token.balanceOf(bob.address), 'slot');
});

await step('a nonce gap waits and is closed', async () => {
  const nonce = await bob.getNonce();
  const later = await bob.sendTransaction({ to: alice.address, value: 1n, nonce: nonce + 1 });
  equal(await provider.getTransactionReceipt(later.hash), null, 'no receipt yet');
  await (await bob.sendTransaction({ to: alice.address, value: 1n, nonce })).wait();
  equal((await later.wait()).status, 1, 'status');
});

await step('calls are made on earlier blocks and on changed state', async () => {
  const before = await provider.getBlockNumber();
  await (await token.transfer(bob.address, 100n)).wait();
  const [then, now] = [await token.balanceOf(bob.address, { blockTag: before }), await token.balanceOf(bob.address)];
  equal(now - then, 100n, 'what came between');
  const call = { to: stranger.address, data: '0x' };
  const overrides = { [stranger.address]: { code: '0x602a60005260206000f3' } };
  equal(BigInt(await provider.send('eth_call', [call, 'latest', overrides])), 42n, 'an override');
});

await step('a WebSocket tells of blocks, events and pending transactions', async () => {
  socket = new WebSocketProvider(ws);
  const live = token.connect(socket);
  const block = new Promise((resolve) => socket.once('block', resolve));
  const event = new Promise((resolve) => live.once(live.filters.Transfer(null, bob.address), (found) => resolve(found.args.value)));
  const pending = new Promise((resolve) => socket.once('pending', resolve));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const sent = await token.transfer(bob.address, 11n);
  const receipt = await sent.wait();
  equal([await block, await event, await pending], [receipt.blockNumber, 11n, sent.hash], 'told');
});

await step('many calls at once are one batch', async () => {
  const balances = await Promise.all(Array.from({ length: 150 }, (_, index) => provider.getBalance(toBeHex(index + 1, 20))));
  equal(balances.length, 150, 'answers');
});

await step('messages signed by the node are those ethers signs, and its accounts send', async () => {
  const signed = await provider.send('personal_sign', ['0x6869', alice.address]);
  equal(signed, await alice.signMessage('hi'), 'message');
  const signer = await provider.getSigner(0);
  const receipt = await (await signer.sendTransaction({ to: bob.address, value: 5n })).wait();
  equal(receipt.status, 1, 'sent by the node');
});

socket.destroy();
provider.destroy();
process.exit(0);
