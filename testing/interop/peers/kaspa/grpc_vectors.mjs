// Prints the vectors of crates/kaspa-node/src/rpc/protobuf/vectors.txt.
//
//   node grpc_vectors.mjs FOLDER_OF_PROTO_FILES NODE_MODULES
//
// The bytes are protobufjs's, from the reference's messages.proto and rpc.proto; every field of every message is filled, with another value
// than the fields beside it. Beside them stands what the same record is in the JSON of wRPC: where a field has another name there, the tables
// below say so. A line: what it is, its method's number, the bytes, the JSON.

import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder, modules] = process.argv.slice(2);
const protobuf = createRequire(resolve(modules, "x.js"))("protobufjs");
const root = new protobuf.Root();
root.resolvePath = (_, target) => resolve(folder, target.split("/").pop());
root.loadSync("messages.proto", { keepCase: true });

let count = 0;
const next = () => (count = (count % 200) + 1);
const hash = () => next().toString(16).padStart(2, "0").repeat(32);
const ADDRESS = "kaspasim:qr0lr4ml9fn3chekrqmjdkergxl93l4wrk3dankcgvjq776s9wn9jeadh9sjw";

// Texts that are something, by the type and the name of the field, or the name alone.
const TEXTS = {
  "RpcTransaction.payload": () => "0a" + next().toString(16).padStart(2, "0"),
  "RpcTransactionInput.signatureScript": () => "0b" + next().toString(16).padStart(2, "0"),
  "RpcScriptPublicKey.scriptPublicKey": () => "51" + next().toString(16).padStart(2, "0"),
  "GetConnectedPeerInfoMessage.address": () => `10.0.0.${next()}:16111`,
  "AddPeerRequestMessage.address": () => "10.0.0.9:1234",
  "GetPeerAddressesResponseMessage.addresses": () => `10.0.1.${next()}:16111`,
  "GetPeerAddressesResponseMessage.bannedAddresses": () => `10.0.2.${next()}`,
  "GetConnectedPeerInfoMessage.id": () => "00112233-4455-6677-8899-aabbccddeeff",
  systemId: () => "0c" + next().toString(16).padStart(2, "0"),
  gitHash: () => "0d" + next().toString(16).padStart(2, "0"),
  subnetworkId: () => next().toString(16).padStart(2, "0").repeat(20),
  blueWork: () => "abc" + next().toString(16),
  scriptPublicKeyType: () => "pubkeyecdsa",
  scriptPublicKeyAddress: () => ADDRESS,
  payAddress: () => ADDRESS,
  address: () => ADDRESS,
  addresses: () => ADDRESS,
  ip: () => "10.1.2.3",
  currentNetwork: () => "testnet",
  networkName: () => "kaspa-testnet-10",
  networkId: () => "testnet-10",
  extraData: () => "words of a miner",
  userAgent: () => "/quintet:1/",
  serverVersion: () => "quintet-1",
  version: () => "quintet-2",
  p2pId: () => "00112233445566778899aabbccddeeff",
};

function text(type, name) {
  const make = TEXTS[`${type.name}.${name}`] ?? TEXTS[name];
  if (make) return make();
  if (/hash|root|commitment|sink|id$|ids$|pruningpoint|txid/i.test(name)) return hash();
  throw new Error(`what text is ${type.name}.${name}?`);
}

function fill(type) {
  const filled = {};
  for (const field of type.fieldsArray) {
    field.resolve();
    // An error stands in the place of all else, and custom metrics are not there.
    if (field.name === "error" || type.name === "RpcTransactionInputVerboseData") continue;
    if (type.name === "GetMetricsResponseMessage" && /process|connection|bandwidth|storage/.test(field.name)) continue;
    if (["profileData"].includes(field.name) || (type.name === "RpcUtxoEntry" && field.name === "verboseData")) continue;
    const one = () => {
      if (type.name === "GetPeerAddressesResponseMessage") return { Addr: text(type, field.name) };
      if (field.resolvedType) return fill(field.resolvedType);
      if (field.type === "bool") return true;
      if (field.type === "double" || field.type === "float") return next() + 0.5;
      if (field.type === "string") return text(type, field.name);
      return next();
    };
    if (field.resolvedType instanceof protobuf.Enum) continue;
    filled[field.name] = !field.repeated ? one() : field.resolvedType ? [one()] : [one(), one()];
  }
  return filled;
}

// Names of the model's JSON, where they differ.
const NAMES = {
  "RpcTransactionOutput.amount": "value",
  "RpcBlockHeader.parents": "parentsByLevel",
  "GetPeerAddressesResponseMessage.addresses": "knownAddresses",
  "GetMempoolEntryRequestMessage.txId": "transactionId",
  "GetMempoolEntryResponseMessage.entry": "mempoolEntry",
  "GetMempoolEntriesResponseMessage.entries": "mempoolEntries",
  "GetConnectedPeerInfoResponseMessage.infos": "peerInfo",
  "AddPeerRequestMessage.address": "peerAddress",
  "GetCurrentNetworkResponseMessage.currentNetwork": "network",
  "GetBlockDagInfoResponseMessage.networkName": "network",
  "SubmitBlockRequestMessage.allowNonDAABlocks": "allowNonDaaBlocks",
  "GetSystemInfoResponseMessage.coreNum": "cpuPhysicalCores",
  "ConsensusMetrics.blocksSubmitted": "nodeBlocksSubmittedCount",
  "ConsensusMetrics.headerCounts": "nodeHeadersProcessedCount",
  "ConsensusMetrics.depCounts": "nodeDependenciesProcessedCount",
  "ConsensusMetrics.bodyCounts": "nodeBodiesProcessedCount",
  "ConsensusMetrics.txsCounts": "nodeTransactionsProcessedCount",
  "ConsensusMetrics.chainBlockCounts": "nodeChainBlocksProcessedCount",
  "ConsensusMetrics.massCounts": "nodeMassProcessedCount",
  "ConsensusMetrics.blockCount": "nodeDatabaseBlocksCount",
  "ConsensusMetrics.headerCount": "nodeDatabaseHeadersCount",
  "ConsensusMetrics.mempoolSize": "networkMempoolSize",
  "ConsensusMetrics.tipHashesCount": "networkTipHashesCount",
  "ConsensusMetrics.difficulty": "networkDifficulty",
  "ConsensusMetrics.pastMedianTime": "networkPastMedianTime",
  "ConsensusMetrics.virtualParentHashesCount": "networkVirtualParentHashesCount",
  "ConsensusMetrics.virtualDaaScore": "networkVirtualDaaScore",
};
const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const snake = (name) => name.replace(/[A-Z]/g, (letter) => "_" + letter.toLowerCase());

function model(type, value) {
  if (type.name === "RpcScriptPublicKey") return value.version.toString(16).padStart(4, "0") + value.scriptPublicKey;
  if (type.name === "RpcBlockLevelParents") return value.parentHashes;
  const shown = {};
  for (const field of type.fieldsArray) {
    if (field.name === "error") continue;
    let held = value[field.name];
    const each = (item) => {
      if (type.name === "GetPeerAddressesResponseMessage") {
        const [ip, port] = item.Addr.split(":");
        return port ? { ip, port: Number(port) } : ip;
      }
      if (field.resolvedType && !(field.resolvedType instanceof protobuf.Enum)) return model(field.resolvedType, item);
      return item;
    };
    if (held !== undefined) held = Array.isArray(held) ? held.map(each) : each(held);
    const name = NAMES[`${type.name}.${field.name}`] ?? camel(field.name);
    shown[name] = held ?? null;
  }
  const is = (name) => type.name === name;
  if (is("GetConnectedPeerInfoMessage")) {
    for (const name of Object.keys(shown)) {
      const held = shown[name];
      delete shown[name];
      shown[snake(name)] = held;
    }
  }
  for (const at of ["address", "peerAddress"]) {
    if (typeof shown[at] === "string" && /^\d/.test(shown[at])) {
      const [ip, port] = shown[at].split(":");
      shown[at] = { ip, port: Number(port) };
    }
  }
  if (is("GetConnectedPeerInfoMessage")) delete shown.resolvedAddress;
  if (is("RpcTransaction")) shown.mass = shown.storageMass;
  if (is("RpcUtxoEntry") || is("RpcTransactionInput")) {
    if (is("RpcUtxoEntry")) delete shown.verboseData;
    else shown.verboseData = {};
  }
  if (shown.scriptPublicKeyType) shown.scriptPublicKeyType = "PubKeyECDSA";
  if (is("GetMetricsResponseMessage")) shown.customMetrics = null;
  if (is("GetBlockDagInfoResponseMessage")) shown.network = "testnet-10";
  if (typeof shown.extraData === "string") shown.extraData = [...Buffer.from(shown.extraData)];
  if (is("SubmitBlockResponseMessage")) return { report: { type: "success" } };
  return shown;
}

// A miner's blocks have neither hashes nor what the DAG says of them.
function raw(value, type) {
  if (!/SubmitBlockRequest|GetBlockTemplateResponse/.test(type.name)) return value;
  delete value.block.header.hash;
  delete value.block.verboseData;
  return value;
}
function rawModel(value, type) {
  if (!/SubmitBlockRequest|GetBlockTemplateResponse/.test(type.name)) return value;
  delete value.block.header.hash;
  delete value.block.verboseData;
  return value;
}

const UNANSWERED = /Notify|ResolveFinality|GetHeadersResponse|UtxoReturn|FromBlockV2|RewardInfo|LaneProof|FinalityConflict/;
for (const [what, wrapper] of [["request", "KaspadRequest"], ["answer", "KaspadResponse"]]) {
  const outer = root.lookupType(`protowire.${wrapper}`);
  for (const field of outer.fieldsArray.filter((field) => field.name !== "id")) {
    field.resolve();
    const type = field.resolvedType;
    if (UNANSWERED.test(type.name)) continue;
    const value = raw(fill(type), type);
    const bytes = Buffer.from(type.encode(value).finish()).toString("hex");
    const told = /Notification/.test(type.name) ? "told" : what;
    console.log(told, field.id, bytes || "-", JSON.stringify(rawModel(model(type, value), type)));
  }
}
