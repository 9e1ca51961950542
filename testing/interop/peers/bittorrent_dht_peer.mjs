// A bittorrent-dht node, driven over standard input and output, one JSON object a line.
//
//     -> {"id": 1, "cmd": "start", "listen": "127.1.22.1:0"}
//     <- {"id": 1, "ok": {"addr": "127.1.22.1:40001"}}
//     <- {"id": 2, "error": "no answer within 15 s"}
//
// The commands are those of libtorrent_peer.py: start, add_node, nodes, put_immutable,
// get_immutable, put_mutable, get_mutable, announce, get_peers, stop. Keys, targets and values are
// hex; a value is the content of one bencoded byte string. The library is loaded unmodified from
// INTEROP_NODE_MODULES; it brings no ed25519 of its own, so it is given node's.

import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const TIMEOUT_SECS = 15

// Patience with one node. mainline leaves the library's transaction ids of 2 bytes unanswered, and a
// lookup waits for everybody: the default of 2 s would be most of a mixed network's time.
const QUERY_MS = 1000

const modules = process.env.INTEROP_NODE_MODULES
const { Client } = await import(pathToFileURL(join(modules, 'bittorrent-dht', 'index.js')))

// The DER wrappings of RFC 8410 around a raw 32-byte key.
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

const publicKey = (raw) =>
  createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' })
const privateKey = (seed) =>
  createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' })

function verifyEd25519 (signature, message, key) {
  try {
    return verify(null, message, publicKey(Buffer.from(key)), signature)
  } catch {
    return false
  }
}

let dht = null

const commands = {
  async start ({ listen }) {
    const [host, port] = split(listen)
    dht = new Client({ bootstrap: false, timeout: QUERY_MS, verify: verifyEd25519 })
    for (const event of ['warning', 'error']) {
      dht.on(event, (error) => process.stderr.write(`${event}: ${error.message}\n`))
    }
    await new Promise((resolve) => dht.listen(port, host, resolve))
    return { addr: `${host}:${dht.address().port}` }
  },

  async add_node ({ addr }) {
    const [host, port] = split(addr)
    dht.addNode({ host, port })
    return {}
  },

  async nodes () {
    return { nodes: dht.nodes.toArray().length }
  },

  async put_immutable ({ value }) {
    return put({ v: Buffer.from(value, 'hex') })
  },

  async get_immutable ({ target }) {
    const found = await get(Buffer.from(target, 'hex'), {})
    return { value: found && hex(found.v) }
  },

  async put_mutable ({ seed, public_key: key, value, salt, seq }) {
    const options = {
      k: Buffer.from(key, 'hex'),
      v: Buffer.from(value, 'hex'),
      seq,
      sign: (message) => sign(null, message, privateKey(Buffer.from(seed, 'hex')))
    }
    if (salt) options.salt = Buffer.from(salt, 'hex')
    return { ...(await put(options)), seq }
  },

  async get_mutable ({ public_key: key, salt }) {
    const parts = [Buffer.from(key, 'hex')]
    if (salt) parts.push(Buffer.from(salt, 'hex'))
    const target = createHash('sha1').update(Buffer.concat(parts)).digest()
    const found = await get(target, salt ? { salt: parts[1] } : {})
    return { value: found && hex(found.v), seq: found && found.seq }
  },

  announce ({ info_hash: infoHash, port }) {
    return new Promise((resolve, reject) => {
      dht.announce(Buffer.from(infoHash, 'hex'), port, (error) => {
        if (error) reject(error)
        else resolve({})
      })
    })
  },

  async get_peers ({ info_hash: infoHash }) {
    const peers = new Set()
    const onPeer = (peer, of) => {
      if (hex(of) === infoHash) peers.add(`${peer.host}:${peer.port}`)
    }
    dht.on('peer', onPeer)
    await new Promise((resolve) => dht.lookup(Buffer.from(infoHash, 'hex'), resolve))
    dht.removeListener('peer', onPeer)
    return { peers: [...peers] }
  },

  stop () {
    return new Promise((resolve) => (dht ? dht.destroy(() => resolve({})) : resolve({})))
  }
}

function put (options) {
  return new Promise((resolve, reject) => {
    dht.put(options, (error, target, stored) => {
      if (error) reject(error)
      else resolve({ target: hex(target), stored })
    })
  })
}

// Asks the network even for what this node holds itself.
function get (target, options) {
  return new Promise((resolve, reject) => {
    dht.get(target, { ...options, cache: false }, (error, found) => {
      if (error) reject(error)
      else resolve(found)
    })
  })
}

function split (addr) {
  const colon = addr.lastIndexOf(':')
  return [addr.slice(0, colon), Number(addr.slice(colon + 1))]
}

function hex (bytes) {
  return Buffer.from(bytes).toString('hex')
}

async function answer ({ id, cmd, timeout, ...request }) {
  const seconds = timeout ?? TIMEOUT_SECS
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${seconds} s`)), seconds * 1000)
  })
  try {
    return { id, ok: await Promise.race([commands[cmd](request), late]) }
  } catch (error) {
    return { id, error: error.message }
  } finally {
    clearTimeout(timer)
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  process.stdout.write(JSON.stringify(await answer(request)) + '\n')
  if (request.cmd === 'stop') process.exit(0)
}
