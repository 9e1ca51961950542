//! What a node that runs can be asked.

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgGroup, Args};
use quintet_dht_protocol::key::Key;
use quintet_node::config::HumanDuration;
use quintet_primitives::hex;

/// How to reach the node.
#[derive(Debug, Args)]
pub(crate) struct ConnectionArgs {
    /// The node's RPC address, such as http://127.0.0.1:6880; else read from its data directory.
    #[arg(long, value_name = "URL", help_heading = "Node")]
    pub(crate) rpc: Option<String>,

    /// The node's data directory, where its address and its cookie are found.
    #[arg(long, value_name = "DIR", env = "QUINTET_DATA_DIR", help_heading = "Node")]
    pub(crate) data_dir: Option<PathBuf>,

    /// The node's cookie file.
    #[arg(long, value_name = "FILE", help_heading = "Node", conflicts_with = "token_file")]
    pub(crate) cookie: Option<PathBuf>,

    /// A file with the node's bearer token.
    #[arg(long, value_name = "FILE", help_heading = "Node")]
    pub(crate) token_file: Option<PathBuf>,

    /// Time the node has to answer.
    #[arg(long, value_name = "DURATION", default_value = "60s", help_heading = "Node")]
    pub(crate) timeout: HumanDuration,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

const PUT_EXAMPLES: &str = "\
Examples:
  quintet dht put 'hello'
  quintet dht put --file note.txt
  quintet dht keygen me.key && quintet dht put --mutable --key-file me.key 'first version'
  quintet dht put --mutable --key-file me.key --salt notes 'another record of the same key'

A record is at most 1000 bytes and lives for two hours after its last store. A changeable (mutable) record is
signed here; the secret key does not leave this process.";

#[derive(Debug, Args)]
#[command(after_help = PUT_EXAMPLES, group = ArgGroup::new("content").required(true).args(["text", "file"]))]
pub(crate) struct PutArgs {
    /// The text to store.
    pub(crate) text: Option<String>,

    /// The file to store; - reads standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// The content is a bencoded value already; else it is stored as a byte string.
    #[arg(long)]
    pub(crate) bencoded: bool,

    /// Store a record that its owner can change.
    #[arg(long, requires = "key_file")]
    pub(crate) mutable: bool,

    /// The owner's key, made by `quintet dht keygen`.
    #[arg(long, value_name = "FILE", requires = "mutable")]
    pub(crate) key_file: Option<PathBuf>,

    /// Tells records of one key apart; at most 64 bytes.
    #[arg(long, value_name = "TEXT", requires = "mutable")]
    pub(crate) salt: Option<String>,

    /// The version's number, higher than the last one; else the last one is looked up first.
    #[arg(long, value_name = "N", requires = "mutable", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) seq: Option<i64>,

    /// Store it again about every hour, also after a restart of the node; see `quintet dht unpublish`.
    #[arg(long)]
    pub(crate) publish: bool,

    /// Store the bytes unsigned under this key, in networks that allow it (dht.raw_values).
    #[arg(long, value_name = "KEY", conflicts_with_all = ["mutable", "bencoded"])]
    pub(crate) raw: Option<Key>,

    /// Store only over the version with this number.
    #[arg(long, value_name = "N", requires = "mutable")]
    pub(crate) cas: Option<i64>,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

const GET_EXAMPLES: &str = "\
Examples:
  quintet dht get 4a533d47ec9c7d95b1ad75f576cffc641853b750
  quintet dht get --public-key HEX --salt notes
  quintet dht get KEY --output note.txt";

#[derive(Debug, Args)]
#[command(after_help = GET_EXAMPLES, group = ArgGroup::new("which").required(true).args(["key", "public_key"]))]
pub(crate) struct GetArgs {
    /// The record's key, as `put` printed it: 40 hexadecimal digits.
    pub(crate) key: Option<Key>,

    /// The owner's public key: the newest version of a changeable record, 64 hexadecimal digits.
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    pub(crate) public_key: Option<PublicKey>,

    /// The record's salt.
    #[arg(long, value_name = "TEXT", requires = "public_key")]
    pub(crate) salt: Option<String>,

    /// Look for unsigned bytes under the key.
    #[arg(long, conflicts_with = "public_key")]
    pub(crate) raw: bool,

    /// Write the content to a file; else it is printed.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// An Ed25519 public key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PublicKey(pub(crate) [u8; 32]);

fn public_key(text: &str) -> Result<PublicKey, hex::HexError> {
    hex::decode_array(text).map(PublicKey)
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  quintet dht ping 127.0.0.1:6881\n  quintet dht ping '[2001:db8::1]:6881' --json"
)]
pub(crate) struct PingArgs {
    /// The node's UDP address.
    pub(crate) address: SocketAddr,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  quintet dht lookup 4a533d47ec9c7d95b1ad75f576cffc641853b750")]
pub(crate) struct LookupArgs {
    /// The key: 40 hexadecimal digits.
    pub(crate) key: Key,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  quintet dht announce INFO_HASH --port 51413")]
pub(crate) struct AnnounceArgs {
    /// The info-hash: 40 hexadecimal digits.
    pub(crate) info_hash: Key,
    /// The peer's port at the address of the node; else the node's own UDP port.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// The peer has everything.
    #[arg(long)]
    pub(crate) seed: bool,
    /// Announce it again about every quarter of an hour, also after a restart of the node.
    #[arg(long)]
    pub(crate) publish: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  quintet dht peers INFO_HASH")]
pub(crate) struct PeersArgs {
    /// The info-hash: 40 hexadecimal digits.
    pub(crate) info_hash: Key,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UnpublishArgs {
    /// The record's key or the info-hash: 40 hexadecimal digits.
    pub(crate) key: Key,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  quintet dht keygen me.key\n  quintet dht put --mutable --key-file me.key 'hello'"
)]
pub(crate) struct KeygenArgs {
    /// The file to write, readable by its owner alone; it must not exist.
    pub(crate) file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
