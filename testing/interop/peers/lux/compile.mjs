// Compiles the contracts of foundry/src for the clients that bring no compiler: one JSON object on standard output.

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.INTEROP_LUX_NODE_MODULES}/`);
const solc = require('solc');

const folder = new URL('foundry/src/', import.meta.url);
const sources = Object.fromEntries(
  readdirSync(folder).map((name) => [name, { content: readFileSync(new URL(name, folder), 'utf8') }]));
const settings = {
  evmVersion: 'osaka',
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: 'none' },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
};
const { errors = [], contracts } = JSON.parse(solc.compile(JSON.stringify({ language: 'Solidity', sources, settings })));
const fatal = errors.filter((error) => error.severity === 'error');
if (fatal.length > 0) throw new Error(fatal.map((error) => error.formattedMessage).join('\n'));
const made = Object.values(contracts).flatMap((file) => Object.entries(file));
console.log(JSON.stringify(Object.fromEntries(
  made.map(([name, { abi, evm }]) => [name, { abi, bytecode: `0x${evm.bytecode.object}` }]))));
