//! Every method: its name, its parameters by place (`a|b` are names of one), and what it does.

use super::{
    args::Args, blockchain, blocks, control, fault::Answer, mempool, mining, network, peers, raw,
};
use crate::kernel::Kernel;

pub(super) struct Method {
    pub(super) category: &'static str,
    pub(super) name: &'static str,
    pub(super) args: &'static [&'static str],
    pub(super) run: fn(&mut Kernel, &Args) -> Answer,
}

macro_rules! methods {
    ($($category:literal: $($module:ident::$name:ident($($arg:literal),*))+;)+) => {
        const METHODS: &[Method] = &[$($(Method {
            category: $category,
            name: stringify!($name),
            args: &[$($arg),*],
            run: $module::$name,
        }),+),+];
    };
}

methods! {
    "Blockchain":
        blocks::getbestblockhash()
        blocks::getblock("blockhash", "verbosity|verbose")
        blockchain::getblockchaininfo()
        blocks::getblockcount()
        blocks::getblockhash("height")
        blocks::getblockheader("blockhash", "verbose")
        blockchain::getchaintips()
        blockchain::getdeploymentinfo()
        blockchain::getdifficulty()
        mempool::getmempoolancestors("txid", "verbose")
        mempool::getmempooldescendants("txid", "verbose")
        mempool::getmempoolentry("txid")
        mempool::getmempoolinfo()
        mempool::getrawmempool("verbose", "mempool_sequence")
        blocks::gettxout("txid", "n", "include_mempool")
        blocks::gettxoutsetinfo("hash_type", "hash_or_height", "use_index")
        blocks::preciousblock("blockhash")
        blockchain::pruneblockchain("height")
        mempool::savemempool();
    "Control":
        control::help("command")
        control::uptime();
    "Mining":
        mining::getblocktemplate("template_request")
        mining::getmininginfo()
        mempool::prioritisetransaction("txid", "dummy", "fee_delta")
        mining::submitblock("hexdata", "dummy")
        mining::submitheader("hexdata");
    "Network":
        network::addnode("node", "command", "v2transport")
        network::clearbanned()
        network::disconnectnode("address", "nodeid")
        network::getaddednodeinfo("node")
        network::getconnectioncount()
        network::getnettotals()
        network::getnetworkinfo()
        peers::getpeerinfo()
        network::listbanned()
        network::ping()
        network::setban("subnet", "command", "bantime", "absolute")
        network::setnetworkactive("state");
    "Rawtransactions":
        raw::decoderawtransaction("hexstring", "iswitness")
        raw::getrawtransaction("txid", "verbosity|verbose", "blockhash")
        raw::sendrawtransaction("hexstring", "maxfeerate", "maxburnamount")
        raw::testmempoolaccept("rawtxs", "maxfeerate");
    "Util":
        raw::getindexinfo("index_name")
        control::validateaddress("address");
    "hidden":
        network::addconnection("address", "connection_type", "v2transport")
        mining::generateblock("output", "transactions", "submit")
        mining::generatetoaddress("nblocks", "address", "maxtries")
        mining::generatetodescriptor("num_blocks", "descriptor", "maxtries")
        blocks::invalidateblock("blockhash")
        control::mockscheduler("delta_time")
        blocks::reconsiderblock("blockhash")
        control::setmocktime("timestamp")
        control::syncwithvalidationinterfacequeue();
}

pub(super) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

pub(super) fn describe(method: &Method) -> String {
    let mut text = method.name.to_owned();
    for arg in method.args {
        text.push_str(" \"");
        text.push_str(arg.split('|').next().unwrap_or_default());
        text.push('"');
    }
    text
}

/// Lists the methods by category, the way Bitcoin Core does.
pub(super) fn overview() -> String {
    let mut text = String::new();
    let mut category = "";
    for method in METHODS.iter().filter(|method| method.category != "hidden") {
        if method.category != category {
            category = method.category;
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str("== ");
            text.push_str(category);
            text.push_str(" ==\n");
        }
        text.push_str(&describe(method));
        text.push('\n');
    }
    text.push_str("\n== Blockchain ==\nscantxoutset\n\n== Control ==\nstop\nwaitforblock\nwaitforblockheight\nwaitfornewblock\n");
    text
}
