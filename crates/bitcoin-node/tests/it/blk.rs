//! Block files as Core writes them: read whole, torn, masked and out of order.

use std::{fs, io, path::Path};

use bitcoin::{BlockHash, hashes::Hash as _};
use proptest::prelude::*;
use quintet_bitcoin_node::storage::{
    BLOCK_BYTES_MAX,
    blk::{
        BlkError, BlkFiles, BlkPlace, BlkReader, BlkReport, BlkWriter, BlkWriterOptions,
        FRAME_BYTES, Mask, Orphanage,
    },
};

use crate::blocks::{MAGIC, chain};

fn framed(blocks: &[Vec<u8>]) -> Vec<u8> {
    let frame = |block: &Vec<u8>| {
        let length = u32::try_from(block.len()).expect("a length").to_le_bytes();
        [&MAGIC[..], &length, block].concat()
    };
    blocks.iter().flat_map(frame).collect()
}

/// Reads all blocks, with their offsets, and the report.
fn read_all(source: impl io::Read, mask: Mask) -> (Vec<(u64, Vec<u8>)>, BlkReport) {
    let mut reader = BlkReader::new(source, MAGIC, mask);
    let mut found = Vec::new();
    while let Some(block) = reader.next_block().expect("a readable source") {
        found.push((block.offset, block.bytes.to_vec()));
    }
    (found, *reader.report())
}

fn blocks_of(source: &[u8]) -> Vec<Vec<u8>> {
    read_all(source, Mask::default()).0.into_iter().map(|(_, block)| block).collect()
}

fn write(directory: &Path, blocks: &[Vec<u8>], mask: Option<Mask>) -> Vec<BlkPlace> {
    let options = BlkWriterOptions { file_bytes_max: 1_000, mask, ..BlkWriterOptions::new(MAGIC) };
    let mut writer = BlkWriter::create(directory, options).expect("a writer");
    let places = blocks.iter().map(|block| writer.append(block).expect("a write")).collect();
    writer.finish().expect("the end");
    places
}

#[test]
fn what_is_written_is_read_back_in_order_and_by_place_masked_or_not() {
    let blocks = chain(40);
    for mask in [None, Some(Mask::default()), Some(Mask([1, 2, 3, 0, 255, 128, 7, 9]))] {
        let place = tempfile::tempdir().expect("a directory");
        let places = write(place.path(), &blocks, mask);
        let files = BlkFiles::in_directory(place.path(), MAGIC).expect("files");
        assert!(files.len() > 3);
        let mut found = Vec::new();
        for file in 0..u32::try_from(files.len()).expect("a few") {
            let mut reader = files.reader(file).expect("a reader");
            while let Some(block) = reader.next_block().expect("a readable file") {
                let len = u32::try_from(block.bytes.len()).expect("a length");
                found.push((BlkPlace { file, offset: block.offset, len }, block.bytes.to_vec()));
            }
            assert_eq!(reader.report().skipped, 0);
        }
        let expected: Vec<_> = places.iter().copied().zip(blocks.iter().cloned()).collect();
        assert_eq!(found, expected);
        for (place, block) in expected {
            assert_eq!(files.read(place).expect("a block"), block);
        }
        let again = BlkFiles::from_paths(files.paths().map(Path::to_owned), MAGIC).expect("files");
        assert_eq!(again.read(places[0]).expect("a block"), blocks[0]);
    }
}

#[test]
fn a_masked_file_is_not_plain() {
    let place = tempfile::tempdir().expect("a directory");
    write(place.path(), &chain(3), Some(Mask([1, 2, 3, 4, 5, 6, 7, 8])));
    let file = fs::read(place.path().join("blk00000.dat")).expect("a file");
    assert_eq!(file[..4], [0xfa ^ 1, 0xbf ^ 2, 0xb5 ^ 3, 0xda ^ 4]);
    assert_eq!(blocks_of(&file), Vec::<Vec<u8>>::new());
}

#[test]
fn a_file_cut_at_any_byte_gives_the_blocks_in_front_of_the_cut_and_a_report() {
    let blocks = chain(5);
    let whole = framed(&blocks);
    for length in 0..=whole.len() {
        let (found, report) = read_all(&whole[..length], Mask::default());
        let ends = (1..=blocks.len()).map(|count| framed(&blocks[..count]).len());
        let before: Vec<_> = ends.filter(|&end| end <= length).collect();
        assert_eq!(found.len(), before.len(), "cut at {length}");
        let end = before.last().copied().unwrap_or_default();
        let announced = length - end >= FRAME_BYTES;
        assert_eq!(report.cut_short, announced.then_some(end as u64), "cut at {length}");
        assert_eq!(report.first_skipped.is_some(), length > end, "cut at {length}");
        assert_eq!((report.blocks, report.bytes), (before.len() as u64, length as u64));
    }
}

#[test]
fn zeros_behind_the_blocks_are_allocated_space_and_no_garbage() {
    let blocks = chain(4);
    let mut file = framed(&blocks);
    file.resize(file.len() + 5_000, 0);
    let (found, report) = read_all(&file[..], Mask::default());
    assert_eq!(found.len(), 4);
    assert_eq!((report.skipped, report.first_skipped, report.cut_short), (0, None, None));
}

#[test]
fn magics_with_lengths_no_block_has_are_garbage() {
    let blocks = chain(2);
    let mut file = framed(&blocks[..1]);
    let start = file.len() as u64;
    for length in [0, 79, BLOCK_BYTES_MAX + 1, u32::MAX] {
        file.extend_from_slice(&MAGIC);
        file.extend_from_slice(&length.to_le_bytes());
    }
    file.extend_from_slice(&MAGIC[..3]);
    file.extend_from_slice(&framed(&blocks[1..]));
    let (found, report) = read_all(&file[..], Mask::default());
    assert_eq!(found.len(), 2);
    assert_eq!(report.first_skipped, Some(start));
    assert_eq!(report.cut_short, None);
}

#[test]
fn a_rejected_record_is_searched_for_the_ones_inside_it() {
    let blocks = chain(3);
    let inner = framed(&blocks);
    let file = framed(std::slice::from_ref(&inner));
    let mut reader = BlkReader::new(&file[..], MAGIC, Mask::default());
    let outer = reader.next_block().expect("a readable source").expect("a record");
    assert_eq!(outer.bytes, inner);
    reader.reject();
    let mut found = Vec::new();
    while let Some(block) = reader.next_block().expect("a readable source") {
        found.push(block.bytes.to_vec());
    }
    assert_eq!(found, blocks);
    assert_eq!(reader.report().blocks, 3);
}

#[test]
fn a_source_that_gives_a_byte_at_a_time_is_read_as_any_other() {
    struct Drops<'a>(&'a [u8]);
    impl io::Read for Drops<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = out.len().min(1);
            io::Read::read(&mut self.0, &mut out[..count])
        }
    }
    let blocks = chain(9);
    let file = framed(&blocks);
    let (found, _) = read_all(Drops(&file), Mask::default());
    assert_eq!(found.into_iter().map(|(_, block)| block).collect::<Vec<_>>(), blocks);
}

#[test]
fn a_directory_without_block_files_or_with_a_mask_of_another_length_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let error = BlkFiles::in_directory(place.path(), MAGIC).expect_err("nothing there");
    assert!(matches!(error, BlkError::NoFiles { .. }), "{error}");
    write(place.path(), &chain(1), None);
    for bytes in [&[1; 7][..], &[1; 9]] {
        fs::write(place.path().join("xor.dat"), bytes).expect("a file");
        let error = BlkFiles::in_directory(place.path(), MAGIC).expect_err("no mask");
        assert!(matches!(error, BlkError::MaskLength { .. }), "{error}");
    }
}

#[test]
fn a_writer_refuses_an_occupied_directory_and_what_is_no_block() {
    let place = tempfile::tempdir().expect("a directory");
    write(place.path(), &chain(1), None);
    let again = BlkWriter::create(place.path(), BlkWriterOptions::new(MAGIC));
    assert!(matches!(again, Err(BlkError::Occupied { .. })));

    let place = tempfile::tempdir().expect("a directory");
    let options = BlkWriterOptions::new(MAGIC);
    let mut writer = BlkWriter::create(place.path(), options).expect("a writer");
    assert!(matches!(writer.append(&[0; 79]), Err(BlkError::BlockBytes { actual: 79, .. })));
    let most = usize::try_from(BLOCK_BYTES_MAX).expect("a size");
    assert!(matches!(writer.append(&vec![0; most + 1]), Err(BlkError::BlockBytes { .. })));
    writer.append(&vec![0; most]).expect("the largest block");
}

#[test]
fn orphans_are_given_back_in_order_and_are_bounded() {
    let place = |offset| BlkPlace { file: 0, offset, len: 80 };
    let [parent, other] = [[1; 32], [2; 32]].map(BlockHash::from_byte_array);
    let mut orphans = Orphanage::with_limit(3);
    orphans.insert(parent, place(1)).expect("room");
    orphans.insert(other, place(2)).expect("room");
    orphans.insert(parent, place(3)).expect("room");
    let full = orphans.insert(parent, place(4));
    assert!(matches!(full, Err(BlkError::OrphansFull { expected: 3 })));
    assert_eq!(orphans.take_children(&parent), [place(1), place(3)]);
    assert_eq!(orphans.take_children(&parent), []);
    assert_eq!(orphans.len(), 1);
    orphans.insert(parent, place(4)).expect("room again");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn blocks_are_found_whatever_lies_between_them(
        garbage in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 6),
        mask in any::<[u8; 8]>(),
    ) {
        let blocks = chain(5);
        let mut file = Vec::new();
        for (block, garbage) in blocks.iter().zip(&garbage) {
            // The first byte of the magic in garbage is one more thing to step over; a whole magic would be a record.
            let garbage = garbage.chunks(3).flat_map(|chunk| [chunk, &[0xfa]].concat());
            file.extend(garbage);
            file.extend_from_slice(&framed(std::slice::from_ref(block)));
        }
        file.extend_from_slice(&garbage[5]);
        let mask = Mask(mask);
        let mut masked = file.clone();
        // In two pieces, as a writer would.
        let (head, tail) = masked.split_at_mut(file.len() / 3);
        mask.apply(head, 0);
        mask.apply(tail, head.len() as u64);
        let (found, report) = read_all(&masked[..], mask);
        let found: Vec<_> = found.into_iter().map(|(_, block)| block).collect();
        prop_assert_eq!(found, blocks);
        prop_assert_eq!(report.bytes, file.len() as u64);
    }

    #[test]
    fn no_bytes_make_a_reader_fail(bytes in prop::collection::vec(prop::sample::select(vec![0xfa, 0xbf, 0xb5, 0xda, 80, 0]), 0..600)) {
        let (found, report) = read_all(&bytes[..], Mask::default());
        prop_assert_eq!(report.blocks, found.len() as u64);
        prop_assert_eq!(report.bytes, bytes.len() as u64);
    }
}
