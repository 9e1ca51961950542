// The same random signed transactions on a chain and on anvil: receipts, accounts, storage and calls must agree.
//
// Both are told the time, the base fee and the fee recipient of every block. What is left to differ is left out, for these reasons:
// - hashes of blocks, and state roots with them: the two genesis blocks hold other contracts, and EIP-2935 writes hashes of
//   blocks into the state. Each account is compared by its proof instead, and each slot that changed;
// - what comes of PREVRANDAO and BLOCKHASH, which each makes as it likes: no transaction here asks for them;
// - `blockTimestamp` in logs, which only one of them tells.

import { contracts, equal, http, keys, require, step, truly } from './bench.mjs';

const { AbiCoder, HDNodeWallet, Interface, Mnemonic, Transaction, Wallet, concat, getBytes, getCreateAddress, hexlify, keccak256, toBeHex,
  toUtf8Bytes, zeroPadValue } = require('ethers');

const SEEDS = (process.env.LUX_SEEDS ?? '1,2,3').split(',').map(Number);
const BLOCKS = Number(process.env.LUX_BLOCKS ?? 30);
const SENDERS = 8;
const COINBASE = '0x00000000000000000000000000000000c01bba5e';
const GWEI = 10n ** 9n;

/** What anvil's pool takes and its blocks do not: it looks at the gas that data need (EIP-7623) when it builds a block. */
const LATER_BY_ANVIL = ['intrinsic gas too low'];

/** What anvil proves an empty storage with; geth and ours prove it with nothing. */
const EMPTY_TRIE = '0x80';

const nodes = { ours: http, anvil: process.env.LUX_ANVIL };
const { Token, Probe, Child } = contracts();
const probeCalls = new Interface(Probe.abi);
const tokenCalls = new Interface(Token.abi);
const coder = AbiCoder.defaultAbiCoder();

/** Asks one node a list of questions in one batch; an error is an answer. */
async function ask(url, questions) {
  if (questions.length === 0) return [];
  const body = questions.map(([method, ...params], id) => ({ jsonrpc: '2.0', id, method, params }));
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const answers = (await response.json()).sort((left, right) => left.id - right.id);
  return answers.map(({ result, error }) => (error ? { error } : { result }));
}

/** Asks both nodes; what is said of the two is by index. */
async function askBoth(questions) {
  const [ours, anvil] = await Promise.all(Object.values(nodes).map((url) => ask(url, questions)));
  return ours.map((answer, index) => [answer, anvil[index]]);
}

async function tellBoth(...questions) {
  for (const [[ours, anvil], question] of (await askBoth(questions)).map((pair, index) => [pair, questions[index]])) {
    truly(!ours.error && !anvil.error, `${question[0]} on both, got ${JSON.stringify([ours, anvil])}`);
  }
}

/** Pseudo-random numbers that are the same every time (splitmix64). */
class Dice {
  #state;

  constructor(seed) {
    this.#state = BigInt(seed);
  }

  next() {
    this.#state = BigInt.asUintN(64, this.#state + 0x9e3779b97f4a7c15n);
    let mixed = this.#state;
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n);
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn);
    return mixed ^ (mixed >> 31n);
  }

  below(bound) {
    return Number(this.next() % BigInt(bound));
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  bytes(length) {
    return concat(Array.from({ length }, () => toBeHex(this.below(256), 1)));
  }

  word() {
    return this.pick([0n, 1n, BigInt(this.below(9)), this.next(), (1n << 256n) - 1n, 1n << BigInt(this.below(256))]);
  }
}

/** One run: what it has made so far, and what comes next. */
class Run {
  constructor(seed) {
    this.dice = new Dice(seed);
    const root = HDNodeWallet.fromMnemonic(Mnemonic.fromEntropy(zeroPadValue(toBeHex(seed), 16)), "m/44'/60'/0'/0");
    this.senders = Array.from({ length: SENDERS }, (_, index) => new Wallet(root.deriveChild(index).privateKey));
    this.nonces = new Map();
    this.probes = [];
    this.tokens = [];
    this.touched = new Set();
    this.emptied = new Set();
    this.slots = 0;
    this.made = [];
    this.left = [];
    this.start = 0;
  }

  nonceOf(wallet) {
    return this.nonces.get(wallet.address) ?? 0;
  }

  somebody() {
    const { dice } = this;
    const precompile = () => toBeHex(dice.pick([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 17, 18, 256]), 20);
    return dice.pick([
      () => dice.pick(this.senders).address, () => hexlify(dice.bytes(20)), precompile,
      () => dice.pick([COINBASE, ...this.probes, ...this.tokens])])();
  }

  /** What a call of the probe does, as data and value. */
  probeCall() {
    const { dice } = this;
    const small = dice.below(6);
    const call = (name, ...values) => ({ data: probeCalls.encodeFunctionData(name, values), value: 0n });
    return dice.pick([
      () => call('store', small, dice.word()), () => call('store', small, 0), () => call('fill', small, dice.below(12), dice.pick([0n, dice.word()])),
      () => call('push', dice.word()), () => call('pop'), () => call('note', zeroPadValue(toBeHex(small), 32), dice.bytes(dice.below(90))),
      () => call('fail', dice.below(8)), () => call('guarded', dice.below(8)), () => call('breed', dice.below(20), dice.below(1000)),
      () => call('breedAt', zeroPadValue(toBeHex(small), 32), dice.below(3)), () => call('breedAndBury', dice.below(1000), this.somebody()),
      () => call('send', this.somebody(), dice.below(1000)), () => call('modern', dice.word()),
      () => call('precompiles', dice.bytes(dice.below(70))),
      () => ({ ...call('setMark', zeroPadValue(toBeHex(dice.word()), 32)), value: BigInt(dice.below(10_000)) }),
      () => ({ data: '0x', value: BigInt(dice.below(10_000)) }), () => ({ data: dice.bytes(4 + dice.below(40)), value: 0n })])();
  }

  /** What makes a contract, good or bad. */
  initCode() {
    const { dice } = this;
    return dice.pick([
      () => Probe.bytecode, () => Probe.bytecode, () => concat([Token.bytecode, coder.encode(['string', 'uint256'], ['T', dice.next()])]),
      () => concat([Child.bytecode, coder.encode(['uint256'], [dice.below(20)])]), () => dice.bytes(dice.below(64)),
      // Code that begins with 0xef (EIP-3541), code that is too long (EIP-170).
      () => '0x60ef60005360016000f3', () => '0x6160016000f3'])();
  }

  async authorizations() {
    const { dice } = this;
    const one = async () => {
      const authority = dice.pick(this.senders);
      this.touched.add(authority.address);
      const nonce = this.nonceOf(authority) + dice.pick([0, 0, 0, 1, 7]);
      const address = dice.pick([...this.probes, ...this.probes, ...this.tokens, toBeHex(0, 20), toBeHex(2, 20), dice.pick(this.senders).address]);
      return authority.authorize({ address, nonce, chainId: dice.pick([31337n, 31337n, 0n, 1n]) });
    };
    return Promise.all(Array.from({ length: 1 + dice.below(3) }, one));
  }

  async fields() {
    const { dice } = this;
    const what = dice.below(10);
    if (what < 2 || this.probes.length === 0) return { to: null, data: this.initCode(), value: BigInt(dice.pick([0, 0, 5])) };
    if (what < 4) return { to: this.somebody(), data: dice.bytes(dice.pick([0, 0, dice.below(200)])), value: BigInt(dice.below(1_000_000)) };
    if (what < 5 && this.tokens.length > 0) {
      const data = tokenCalls.encodeFunctionData(dice.pick(['transfer', 'approve']), [this.somebody(), dice.word()]);
      return { to: dice.pick(this.tokens), data, value: 0n };
    }
    return { to: dice.pick([...this.probes, dice.pick(this.senders).address]), ...this.probeCall() };
  }

  async signed(wallet, tip, baseFee) {
    const { dice } = this;
    const { to, data, value } = await this.fields();
    const type = to && dice.below(6) === 0 ? 4 : dice.pick([0, 1, 2, 2]);
    const fees = type < 2 ? { gasPrice: baseFee + tip } : { maxFeePerGas: baseFee + tip + BigInt(dice.below(1000)), maxPriorityFeePerGas: tip };
    const gasLimit = dice.pick([3_000_000, 3_000_000, 3_000_000, 400_000, 60_000 + dice.below(60_000)]);
    const fields = { type, to, data, value, chainId: 31337, nonce: this.nonceOf(wallet), gasLimit, ...fees };
    if (type > 0 && dice.below(2) === 0) {
      const item = () => ({ address: this.somebody(), storageKeys: Array.from({ length: dice.below(3) }, () => zeroPadValue(toBeHex(dice.below(8)), 32)) });
      fields.accessList = Array.from({ length: dice.below(4) }, item);
    }
    if (type === 4) fields.authorizationList = await this.authorizations();
    this.touched.add(wallet.address);
    if (to) this.touched.add(to);
    return wallet.signTransaction(fields);
  }

  /** Sends one transaction of each sender; what one node refuses, both must. Returns those that were taken. */
  async send(baseFee) {
    const raws = [];
    for (const [index, wallet] of this.senders.entries()) {
      // One order for both: anvil's is by the highest fee, ours by the tip that is left of it.
      raws.push(await this.signed(wallet, GWEI * BigInt(SENDERS - index), baseFee));
    }
    const taken = [];
    const answers = await askBoth(raws.map((raw) => ['eth_sendRawTransaction', raw]));
    for (const [index, [ours, anvil]] of answers.entries()) {
      const both = Boolean(ours.error) === Boolean(anvil.error);
      const late = ours.error && !anvil.error && LATER_BY_ANVIL.some((reason) => ours.error.message.includes(reason));
      truly(both || late, `both take or refuse it: ${JSON.stringify([ours, anvil, Transaction.from(raws[index]).toJSON()])}`);
      if (late) this.left.push(anvil.result);
      if (!ours.error) taken.push(ours.result);
    }
    return taken;
  }

  async block(number) {
    const baseFee = GWEI * BigInt(1 + this.dice.below(40)) + BigInt(this.dice.below(1000));
    await tellBoth(['evm_setNextBlockTimestamp', this.start + number * 12], ['anvil_setNextBlockBaseFeePerGas', toBeHex(baseFee)]);
    const taken = await this.send(baseFee);
    await tellBoth(['evm_mine']);
    for (const { result } of await ask(nodes.anvil, this.left.flatMap((hash) => [['eth_getTransactionReceipt', hash], ['anvil_dropTransaction', hash]]))) {
      truly(!result?.blockNumber, `anvil not to mine what ours refused, got ${JSON.stringify(result)}`);
    }
    this.left = [];
    const receipts = await askBoth(taken.map((hash) => ['eth_getTransactionReceipt', hash]));
    for (const [ours, anvil] of receipts) this.compareReceipts(ours.result, anvil.result);
    const mined = taken.filter((_, index) => receipts[index][0].result);
    await this.compareTraces(mined);
    await this.compareSlots(mined);
    await this.compareAccounts();
    return receipts.map(([ours]) => ours.result).filter(Boolean);
  }

  compareReceipts(ours, anvil) {
    truly(Boolean(ours) === Boolean(anvil), `a receipt on both or none, got ${JSON.stringify([ours, anvil])}`);
    // An authorisation used its nonce before it.
    if (!ours) return;
    const shown = (receipt) => ({
      ...Object.fromEntries(['transactionHash', 'transactionIndex', 'type', 'status', 'from', 'to', 'contractAddress', 'gasUsed',
        'cumulativeGasUsed', 'effectiveGasPrice', 'logsBloom'].map((field) => [field, receipt[field]])),
      logs: receipt.logs.map(({ address, topics, data, logIndex }) => ({ address, topics, data, logIndex })),
    });
    equal(shown(ours), shown(anvil), `${ours.transactionHash} receipt`);
    for (const log of ours.logs) this.touched.add(log.address);
    if (ours.contractAddress) {
      this.touched.add(ours.contractAddress);
      this.made.push(ours.contractAddress);
    }
  }

  /** Notes nonces and contracts as they are now. */
  async catchUp() {
    const nonces = await askBoth(this.senders.map(({ address }) => ['eth_getTransactionCount', address, 'latest']));
    nonces.forEach(([ours], index) => this.nonces.set(this.senders[index].address, Number(ours.result)));
    const codes = await askBoth(this.made.map((address) => ['eth_getCode', address, 'latest']));
    codes.forEach(([ours], index) => {
      const { length } = ours.result;
      if (length > 6000) this.probes.push(this.made[index]);
      else if (length > 1500) this.tokens.push(this.made[index]);
    });
    this.made = [];
  }

  async compareTraces(hashes) {
    const traces = await askBoth(hashes.map((hash) => ['debug_traceTransaction', hash, { tracer: 'callTracer', tracerConfig: { withLog: false } }]));
    // How an error is put into words differs; that there is one, where, and what came back do not.
    const plain = ({ type, from, to, value, gas, gasUsed, input, output, error, calls }) => ({
      type, from, to: to?.toLowerCase(), value: BigInt(value ?? 0), gas, gasUsed, input, output: output ?? '0x', failed: Boolean(error), calls: (calls ?? []).map(plain) });
    for (const [index, [ours, anvil]] of traces.entries()) {
      // Of the transaction itself, anvil tells the gas that is left when it begins, and of one that runs out as used more than its
      // limit; geth and ours tell the limit and what the receipt tells.
      const whole = (trace) => ({ ...plain(trace), gas: null, gasUsed: null });
      equal(whole(ours.result), whole(anvil.result), `${hashes[index]} calls`);
    }
  }

  /** Compares every slot that these transactions read or wrote, as ours says. */
  async compareSlots(hashes) {
    const traced = (tracerConfig) => hashes.map((hash) => ['debug_traceTransaction', hash, { tracer: 'prestateTracer', tracerConfig }]);
    const read = await ask(nodes.ours, traced({}));
    const written = await ask(nodes.ours, traced({ diffMode: true }));
    const slots = new Set();
    for (const accounts of [...read.map(({ result }) => result), ...written.map(({ result }) => result.post)]) {
      for (const [address, { storage = {} }] of Object.entries(accounts)) {
        this.touched.add(address);
        for (const slot of Object.keys(storage)) slots.add(`${address} ${slot}`);
      }
    }
    const values = await askBoth([...slots].map((place) => ['eth_getStorageAt', ...place.split(' '), 'latest']));
    for (const [index, place] of [...slots].entries()) {
      const [ours, anvil] = values[index];
      equal(ours.result, anvil.result, `slot ${place}`);
      const [address] = place.split(' ');
      if (BigInt(ours.result) === 0n) this.emptied.add(address);
    }
    this.slots += slots.size;
  }

  async compareAccounts() {
    const addresses = [...this.touched];
    const proofs = await askBoth(addresses.map((address) => ['eth_getProof', address, [zeroPadValue('0x01', 32), zeroPadValue('0x03', 32)], 'latest']));
    for (const [ours, anvil] of proofs) {
      // anvil leaves a slot that was set to zero in the trie, with the value zero: its storage hash is of use as long as there is none.
      const plain = !this.emptied.has(ours.result.address);
      const shown = ({ address, balance, nonce, codeHash, storageHash, storageProof }) => ({
        address: address.toLowerCase(), balance: BigInt(balance), nonce: BigInt(nonce), codeHash, storageHash: plain && storageHash,
        slots: storageProof.map(({ value, proof }) => [BigInt(value), plain && proof.filter((node) => node !== EMPTY_TRIE)]) });
      equal(shown(ours.result), shown(anvil.result), `account ${ours.result.address}`);
    }
    const called = this.probes.slice(-3);
    const calls = await askBoth(called.flatMap((to) => [
      ['eth_call', { to, data: probeCalls.encodeFunctionData('surroundings') }, 'latest'],
      ['eth_call', { to, data: probeCalls.encodeFunctionData('fail', [this.dice.below(3)]) }, 'latest']]));
    for (const [ours, anvil] of calls) {
      const shown = ({ result, error }) => ({ result, code: error?.code, data: error?.data });
      equal(shown(ours), shown(anvil), 'call');
    }
  }
}

for (const seed of SEEDS) {
  await step(`seed ${seed}`, async () => {
    const run = new Run(seed);
    const [snapshots, heads] = await askBoth([['evm_snapshot'], ['eth_getBlockByNumber', 'latest', false]]);
    run.start = Math.max(...heads.map(({ result }) => Number(result.timestamp)));
    await tellBoth(['anvil_setCoinbase', COINBASE], ['evm_setAutomine', false]);
    await tellBoth(...run.senders.map(({ address }) => ['anvil_setBalance', address, toBeHex(10n ** 20n)]));
    const said = { mined: 0, failed: 0, created: 0, logs: 0 };
    for (let number = 1; number <= BLOCKS; number += 1) {
      for (const receipt of await run.block(number)) {
        said.mined += 1;
        said.failed += Number(receipt.status === '0x0');
        said.created += Number(receipt.status === '0x1' && Boolean(receipt.contractAddress));
        said.logs += receipt.logs.length;
      }
      await run.catchUp();
    }
    truly(said.failed > 0 && said.created > 0 && said.logs > 0, `something of everything, got ${JSON.stringify(said)}`);
    await Promise.all(Object.values(nodes).map((url, index) => ask(url, [['evm_revert', snapshots[index].result]])));
    return `${said.mined} transactions: ${said.failed} failed, ${said.created} made contracts, ${said.logs} logs; ${run.slots} slots, ${run.touched.size} accounts`;
  });
}
process.exit(0);
