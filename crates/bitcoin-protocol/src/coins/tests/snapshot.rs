//! Snapshots: written, read in pieces, and refused.

use bitcoin::{BlockHash, hashes::Hash};

use super::{super::snapshot::*, *};

const NETWORK: [u8; 4] = [0xfa, 0xbf, 0xb5, 0xda];
const HEIGHT: u32 = 0x7fff_ffff;

fn metadata(coins: u64) -> Metadata {
    Metadata { network: NETWORK, base: BlockHash::from_byte_array([7; 32]), coins }
}

/// Coins of three transactions, in the order of the store: indexes little-endian, so 256 comes before 1.
fn set() -> Vec<(CoinKey, Vec<u8>)> {
    let indexes = [(1, 0), (2, 256), (2, 1), (2, 300), (2, 16_600), (3, 0xffff), (3, 5)];
    let forms = coins();
    let coins = indexes.iter().enumerate();
    coins.map(|(n, &(txid, vout))| (key_of(&[txid; 32], vout), encoded(forms[n].view()))).collect()
}

fn written(set: &[(CoinKey, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = SnapshotWriter::new(&metadata(set.len() as u64), &mut out);
    for (key, coin) in set {
        writer.push(key, coin, &mut out).unwrap();
    }
    writer.finish(&mut out).unwrap();
    out
}

fn read(file: &[u8], chunk: usize) -> Result<Vec<(CoinKey, Vec<u8>)>, SnapshotError> {
    let (head, body) = file.split_first_chunk().unwrap();
    let mut reader = SnapshotReader::new(&Metadata::decode(head, NETWORK)?, HEIGHT);
    let mut coins = Vec::new();
    for chunk in body.chunks(chunk) {
        reader.feed(chunk)?;
        while let Some((key, coin)) = reader.next_coin()? {
            coins.push((key, encoded(coin)));
        }
    }
    reader.finish()?;
    Ok(coins)
}

#[test]
fn a_snapshot_is_read_back_whatever_the_pieces_it_comes_in() {
    let file = written(&set());
    for chunk in [1, 2, 7, 100, file.len()] {
        let mut read = read(&file, chunk).unwrap();
        read.sort();
        let mut expected = set();
        expected.sort();
        assert_eq!(read, expected);
    }
}

#[test]
fn the_bytes_are_core_s() {
    let coin = coins().remove(0);
    let one = encoded(coin.view());
    let file = written(&[
        (key_of(&[2; 32], 300), one.clone()),
        (key_of(&[2; 32], 16_600), one.clone()),
        (key_of(&[2; 32], 1), one),
    ]);
    let expected = format!(
        "7574786fff0200fabfb5da{}0300000000000000{}0301000006fdd840000006fd2c01000006",
        "07".repeat(32),
        "02".repeat(32)
    );
    // 16,600 is the varint 80 80 58 and 300 is 81 2c: so Core's database sorts them.
    assert_eq!(file, hex(&expected));
}

#[test]
fn other_files_are_refused_for_what_they_are() {
    let head = metadata(1).encode();
    let with = |at: usize, byte: u8| {
        let mut head = head;
        head[at] = byte;
        Metadata::decode(&head, NETWORK)
    };
    assert_eq!(Metadata::decode(&head, NETWORK), Ok(metadata(1)));
    assert!(matches!(with(4, 0), Err(SnapshotError::Magic { .. })));
    assert!(matches!(with(5, 1), Err(SnapshotError::Version { actual: 1 })));
    assert!(matches!(with(7, 0), Err(SnapshotError::Network { expected: NETWORK, .. })));
}

#[test]
fn a_cut_or_lengthened_snapshot_is_refused() {
    let file = written(&set());
    for cut in METADATA_BYTES..file.len() {
        assert!(matches!(read(&file[..cut], 100), Err(SnapshotError::Count { .. })), "{cut}");
    }
    let longer = [&file[..], &[0]].concat();
    assert!(matches!(read(&longer, 100), Err(SnapshotError::Trailing { coins: 7 })));
}

#[test]
fn counts_and_heights_that_lie_are_refused() {
    let mut empty_group = metadata(1).encode().to_vec();
    empty_group.extend([1; 32]);
    empty_group.extend([0]);
    assert!(matches!(read(&empty_group, 100), Err(SnapshotError::Group { actual: 0, .. })));
    let mut large_group = metadata(1).encode().to_vec();
    large_group.extend([1; 32]);
    large_group.extend([2]);
    assert!(matches!(
        read(&large_group, 100),
        Err(SnapshotError::Group { expected: 1, actual: 2, .. })
    ));

    let file = written(&set()[1..2]);
    let (_, body) = file.split_at(METADATA_BYTES);
    let mut reader = SnapshotReader::new(&metadata(1), 203_997);
    reader.feed(body).unwrap();
    assert!(matches!(
        reader.next_coin(),
        Err(SnapshotError::Height { expected: 203_997, actual: 203_998, .. })
    ));
}

#[test]
fn more_than_is_held_is_refused() {
    let mut reader = SnapshotReader::new(&metadata(1), HEIGHT);
    assert!(matches!(reader.feed(&vec![0; FED_BYTES_MAX * 2]), Err(SnapshotError::Fed { .. })));
}

#[test]
fn a_writer_counts_and_keeps_the_order() {
    let mut out = Vec::new();
    let mut writer = SnapshotWriter::new(&metadata(3), &mut out);
    writer.push(&key_of(&[2; 32], 0), &[0, 0, 6], &mut out).unwrap();
    let refused = writer.push(&key_of(&[1; 32], 0), &[0, 0, 6], &mut out);
    assert_eq!(refused, Err(SnapshotError::Order));
    let refused = writer.finish(&mut out);
    assert_eq!(refused, Err(SnapshotError::Count { expected: 3, actual: 1 }));
}
