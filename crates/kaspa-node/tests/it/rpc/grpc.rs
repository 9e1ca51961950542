//! gRPC: calls, notifications, the order of answers, the end.

use std::{net::SocketAddr, time::Duration};

use quintet_kaspa_node::rpc::{
    model::{
        BlockAdded, GetBlockDagInfoResponse, GetBlockTemplateRequest, GetBlockTemplateResponse,
        GetInfoResponse, SubmitBlockRequest, SubmitBlockResponse, SubmitReport, UtxosChanged,
    },
    protobuf::Message,
};
use quintet_kaspa_protocol::{
    address::{Address, AddressVersion},
    block::Block,
    wire::{Fields, Value},
};

use super::Served;
use crate::{call::Call, lab::params};

pub(super) const METHOD: &str = "/protowire.RPC/MessageStream";

pub(super) const GET_INFO: u32 = 1063;
const DAG_INFO: u32 = 1035;
const TEMPLATE: u32 = 1005;
const SUBMIT_BLOCK: u32 = 1003;
pub(super) const BLOCK_ADDED: u32 = 1009;
const UTXOS_CHANGED: u32 = 1051;

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// A request: its id, its method's number, its fields.
pub(super) fn request(id: u64, method: u32, record: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(101 << 3, &mut out);
    varint(id, &mut out);
    varint(u64::from(method) << 3 | 2, &mut out);
    varint(record.len() as u64, &mut out);
    out.extend_from_slice(record);
    out
}

/// What came: the id, the number of what it is, the fields.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) id: u64,
    pub(super) number: u32,
    pub(super) record: Vec<u8>,
}

impl Came {
    fn read(bytes: &[u8]) -> Self {
        let mut came = Self { id: 0, number: 0, record: Vec::new() };
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next().unwrap() {
            match field.value {
                Value::Varint(id) if field.number == 101 => came.id = id,
                Value::Bytes(record) => (came.number, came.record) = (field.number, record.into()),
                other => panic!("what is {other:?}?"),
            }
        }
        came
    }

    /// Returns the words of an error, if it is one.
    pub(super) fn error(&self) -> Option<String> {
        let mut fields = Fields::new(&self.record);
        while let Some(field) = fields.next().unwrap() {
            if let (1000, Value::Bytes(error)) = (field.number, field.value) {
                let mut inner = Fields::new(error);
                let words = inner.next().unwrap().map(|field| field.value);
                let Some(Value::Bytes(words)) = words else { panic!("an error without words") };
                return Some(String::from_utf8(words.to_vec()).unwrap());
            }
        }
        None
    }
}

pub(super) struct Client(pub(super) Call);

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self(Call::connect(address, METHOD).await)
    }

    pub(super) async fn next(&mut self) -> Option<Came> {
        self.0.next().await.unwrap().map(|bytes| Came::read(&bytes))
    }

    /// Returns the next of a kind, past what else comes.
    async fn wait_for(&mut self, number: u32) -> Came {
        loop {
            let came = self.next().await.unwrap();
            if came.number == number {
                return came;
            }
        }
    }

    /// Asks and returns the answer.
    pub(super) async fn ask(&mut self, id: u64, method: u32, record: &[u8]) -> Came {
        self.0.send(request(id, method, record)).await;
        let answer = self.wait_for(method + 1).await;
        assert_eq!(answer.id, id);
        answer
    }
}

fn fields(message: &impl Message) -> Vec<u8> {
    let mut out = Vec::new();
    message.put_fields(&mut out);
    out
}

fn address() -> Address {
    Address::new(params(true).network.address_prefix(), AddressVersion::PublicKey, &[7; 32])
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_its_questions_id_and_an_error_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 4, None).await;
    let mut client = Client::connect(node.grpc).await;
    let answer = client.ask(u64::MAX, GET_INFO, &[]).await;
    assert_eq!(answer.error(), None);
    let info = GetInfoResponse::of_bytes(&answer.record).unwrap();
    assert!(info.is_utxo_indexed && info.has_notify_command && info.has_message_id);
    assert!(info.server_version.starts_with("quintet-"), "{info:?}");

    let unknown = [[0x0a, 64].to_vec(), "07".repeat(32).into_bytes()].concat();
    let error = client.ask(2, 1025, &unknown).await.error().unwrap();
    assert!(error.contains("cannot find header 0707"), "{error}");
    let error = client.ask(3, 1025, &[0x0a, 1, b'!']).await.error().unwrap();
    assert!(error.contains("a hash of 64"), "{error}");
    let shutdown = client.ask(4, 1045, &[]).await.error().unwrap();
    assert!(shutdown.contains("--unsaferpc"), "{shutdown}");
    // Of the reference's methods, one that is not here; and one that is nobody's.
    for (id, method) in [(5, 1037), (6, 9001)] {
        let error = client.ask(id, method, &[]).await.error().unwrap();
        assert!(error.contains(&format!("got number {method}")), "{error}");
    }
    drop(client);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_gets_a_block_gives_it_back_and_all_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 4, None).await;
    let mut miner = Client::connect(node.grpc).await;
    let mut wallet = Client::connect(node.grpc).await;
    for (id, method) in [(1, 1007), (2, 1022), (3, 1049), (4, 1056), (5, 1074), (6, 1081)] {
        assert_eq!(wallet.ask(id, method, &[]).await.error(), None, "{method}");
    }
    let asked = GetBlockTemplateRequest { pay_address: address(), extra_data: b"me".to_vec() };
    let mut told = std::collections::BTreeSet::new();
    for round in 0..3 {
        let answer = miner.ask(10 + round, TEMPLATE, &fields(&asked)).await;
        let template = GetBlockTemplateResponse::of_bytes(&answer.record).unwrap();
        assert!(template.is_synced);
        let hash = Block::try_from(template.block.clone()).unwrap().header.hash();
        let submit = SubmitBlockRequest { block: template.block, allow_non_daa_blocks: false };
        let answer = miner.ask(20 + round, SUBMIT_BLOCK, &fields(&submit)).await;
        let report = SubmitBlockResponse::of_bytes(&answer.record).unwrap().report;
        assert_eq!((report, answer.error()), (SubmitReport::Success, None));
        loop {
            let came = wallet.next().await.unwrap();
            assert_eq!(came.id, 0);
            told.insert(came.number);
            if came.number == BLOCK_ADDED {
                let added = BlockAdded::of_bytes(&came.record).unwrap();
                assert_eq!(added.block.header.hash, hash);
                break;
            }
        }
    }
    // The second block accepts the first's coin, which is the miner's.
    while !told.contains(&UTXOS_CHANGED) {
        let came = wallet.next().await.unwrap();
        told.insert(came.number);
        if came.number == UTXOS_CHANGED {
            let changed = UtxosChanged::of_bytes(&came.record).unwrap();
            assert_eq!(changed.added[0].address, Some(address()));
        }
    }
    while !told.is_superset(&[BLOCK_ADDED, 1024, UTXOS_CHANGED, 1058, 1076, 1083].into()) {
        told.insert(wallet.next().await.unwrap().number);
    }

    let broken = SubmitBlockRequest {
        block: {
            let answer = miner.ask(30, TEMPLATE, &fields(&asked)).await;
            let mut block = GetBlockTemplateResponse::of_bytes(&answer.record).unwrap().block;
            block.header.bits = 1;
            block
        },
        allow_non_daa_blocks: false,
    };
    let answer = miner.ask(31, SUBMIT_BLOCK, &fields(&broken)).await;
    assert_eq!(answer.error().unwrap(), "Block was not submitted: block is invalid");
    drop((miner, wallet));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_is_told_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 4, Some(50.0)).await;
    let mut client = Client::connect(node.grpc).await;
    client.ask(1, 1007, &[]).await;
    client.ask(2, 1074, &[]).await;
    client.wait_for(BLOCK_ADDED).await;
    // Once the answer is here, nothing more comes of it; of the other it does.
    let stop = [0xa8, 0x06, 1];
    client.ask(3, 1007, &stop).await;
    // What was on its way when the node heard of it.
    let mut scores = 0;
    let mut late = 0;
    while scores < 20 {
        match client.next().await.unwrap().number {
            BLOCK_ADDED if scores < 5 => late += 1,
            BLOCK_ADDED => panic!("told of a block after {scores} scores"),
            1076 => scores += 1,
            other => panic!("what is {other}?"),
        }
    }
    assert!(late < 50, "{late}");
    drop(client);
    node.stop().await;
}

/// Questions that are asked at once.
const COUNT: u64 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_one_method_come_in_the_order_of_its_questions() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 4, None).await;
    let mut client = Client::connect(node.grpc).await;
    // More questions than a stream has room for, before the first answer is read.
    for id in 1..=COUNT {
        client.0.send(request(id, if id % 3 == 0 { DAG_INFO } else { GET_INFO }, &[])).await;
    }
    // A client that has asked all it wanted gets every answer.
    client.0.finish();
    let mut last = (0, 0);
    let mut count = 0;
    while let Some(came) = client.next().await {
        let last = if came.number == DAG_INFO + 1 { &mut last.0 } else { &mut last.1 };
        assert!(*last < came.id, "{} after {last}", came.id);
        *last = came.id;
        count += 1;
        if came.number == DAG_INFO + 1 {
            let info = GetBlockDagInfoResponse::of_bytes(&came.record).unwrap();
            assert_eq!(info.block_count, 1);
        }
    }
    assert_eq!(count, COUNT);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_beyond_the_limit_are_told_and_served_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 1, None).await;
    let mut first = Client::connect(node.grpc).await;
    first.ask(1, GET_INFO, &[]).await;
    let refused = Call::try_connect(node.grpc, METHOD).await.err().unwrap();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    assert!(refused.message().contains("fewer clients"), "{refused}");
    first.0.finish();
    assert!(first.next().await.is_none());
    // Its place is given back when its stream has ended here, too.
    let mut tries = 0;
    while Call::try_connect(node.grpc, METHOD).await.is_err() {
        tries += 1;
        assert!(tries < 1000, "there is no room after the client has gone");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    node.stop().await;
}
