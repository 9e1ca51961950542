#!/usr/bin/env node
// The command line of solc that forge needs, on solc's own JavaScript package: its version, and standard JSON.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(`${process.env.INTEROP_LUX_NODE_MODULES}/`);
const solc = require('solc');

if (process.argv.includes('--version')) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else if (process.argv.includes('--standard-json')) {
  process.stdout.write(solc.compile(readFileSync(0, 'utf8')));
} else {
  console.error(`expected --version or --standard-json, got ${process.argv.slice(2).join(' ')}`);
  process.exit(2);
}
