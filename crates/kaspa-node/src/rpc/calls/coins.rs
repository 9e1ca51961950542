//! Who has what: answered from the index.

use std::collections::{BTreeSet, HashMap};

use quintet_kaspa_protocol::{
    address::Address,
    tx::{MAX_SOMPI, ScriptPublicKey},
};

use super::super::{
    Core, Failure,
    model::{
        Balance, GetBalanceByAddressRequest, GetBalanceByAddressResponse,
        GetBalancesByAddressesRequest, GetBalancesByAddressesResponse, GetCoinSupplyRequest,
        GetCoinSupplyResponse, GetUtxosByAddressesRequest, GetUtxosByAddressesResponse,
        RpcUtxoByAddress,
    },
};

type Answer<T> = Result<T, Failure>;

fn scripts(addresses: &[Address]) -> BTreeSet<ScriptPublicKey> {
    addresses.iter().map(Address::script).collect()
}

pub(in super::super) fn utxos(
    core: &Core,
    asked: &GetUtxosByAddressesRequest,
) -> Answer<GetUtxosByAddressesResponse> {
    let found = core.index()?.utxos(&scripts(&asked.addresses))?;
    let prefix = core.prefix();
    let show = |(outpoint, entry)| RpcUtxoByAddress::of(prefix, outpoint, &entry);
    Ok(GetUtxosByAddressesResponse { entries: found.into_iter().map(show).collect() })
}

pub(in super::super) fn balance(
    core: &Core,
    asked: &GetBalanceByAddressRequest,
) -> Answer<GetBalanceByAddressResponse> {
    let found = core.index()?.utxos(&scripts(std::slice::from_ref(&asked.address)))?;
    let balance = found.iter().fold(0_u64, |sum, (_, entry)| sum.saturating_add(entry.amount));
    Ok(GetBalanceByAddressResponse { balance })
}

pub(in super::super) fn balances(
    core: &Core,
    asked: &GetBalancesByAddressesRequest,
) -> Answer<GetBalancesByAddressesResponse> {
    let mut sums: HashMap<ScriptPublicKey, u64> = HashMap::new();
    for (_, entry) in core.index()?.utxos(&scripts(&asked.addresses))? {
        let sum = sums.entry(entry.script_public_key).or_default();
        *sum = sum.saturating_add(entry.amount);
    }
    let balance = |address: &Address| {
        let balance = sums.get(&address.script()).copied();
        Balance { address: address.clone(), balance }
    };
    let entries = asked.addresses.iter().map(balance).collect();
    Ok(GetBalancesByAddressesResponse { entries })
}

pub(in super::super) fn supply(
    core: &Core,
    _: &GetCoinSupplyRequest,
) -> Answer<GetCoinSupplyResponse> {
    let circulating_sompi = core.index()?.supply();
    Ok(GetCoinSupplyResponse { max_sompi: MAX_SOMPI, circulating_sompi })
}
