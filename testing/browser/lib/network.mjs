// A network to look at: the real binary, `quintet up`, on free ports and in a temporary directory.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Time from the start to the ready line, in milliseconds. */
const READY_MAX = 30_000;
/** Time from SIGTERM to the end, in milliseconds. */
const STOP_MAX = 15_000;

/** Starts `quintet up --nodes N` and waits until it is up. */
export async function startNetwork(nodes) {
  const binary = process.env.QUINTET_BIN;
  if (!binary) throw new Error('expected QUINTET_BIN, the binary to start, or the address of a dashboard as an argument');
  const child = spawn(binary, ['up', '--json', '--nodes', String(nodes), '--dashboard', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = Promise.race([
    once(child, 'exit').then(([code, signal]) => ({ code, signal })),
    once(child, 'error').then(([error]) => ({ error })),
  ]);
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MAX);
    const outcome = await ended;
    clearTimeout(timer);
    return outcome;
  };
  const ready = await Promise.race([
    firstEvent(child.stdout, 'ready'),
    ended.then(({ code, signal, error }) => Promise.reject(new Error(`quintet up ended early: ${error?.message ?? signal ?? code}`))),
    new Promise((_, reject) => setTimeout(() => reject(new Error(`quintet up was not ready within ${READY_MAX} ms`)), READY_MAX).unref()),
  ]).catch(async (error) => {
    await stop();
    throw error;
  });
  return { url: ready.dashboard, ready, stop };
}

/** The first JSON line with this event; the lines after it are read and dropped, so that the pipe never fills. */
function firstEvent(stream, name) {
  return new Promise((resolve, reject) => {
    createInterface({ input: stream }).on('line', (line) => {
      try {
        const value = JSON.parse(line);
        if (value.event === name) resolve(value);
      } catch {
        reject(new Error(`expected JSON lines, got ${line.slice(0, 200)}`));
      }
    });
  });
}
