//! Files of blocks: what is written is read back, and the reference's own files are read and written again without a loss.

use std::{fs, io::Write as _, path::PathBuf};

use flate2::{Compression, write::GzEncoder};
use quintet_kaspa_node::dump::{DumpError, Reader, Writer};
use quintet_kaspa_protocol::params::{ForkActivation, Network, Params};

fn vectors() -> Vec<PathBuf> {
    let Some(folder) = test_vectors::find("kaspa/dags_json") else { return Vec::new() };
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.to_string_lossy().ends_with(".jsonl.gz")).collect()
}

fn read(bytes: Vec<u8>) -> Result<Reader, DumpError> {
    Reader::new(std::io::Cursor::new(bytes))
}

#[test]
fn files_of_both_nodes_survive_being_written_again() {
    let directory = tempfile::tempdir().unwrap();
    for path in vectors() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let first = Reader::open(&path).unwrap();
        let params = first.params().clone();
        let blocks: Vec<_> = first.map(Result::unwrap).collect();
        let copy = directory.path().join(&name);
        let mut writer = match Writer::create(&copy, &params) {
            Ok(writer) => writer,
            // The Go node's have another median window than twice the tolerance.
            Err(DumpError::Unsayable { .. }) if name.starts_with("go_") => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        for dumped in blocks.iter().skip(1) {
            writer.write(&dumped.block).unwrap();
        }
        writer.finish().unwrap();
        let again = Reader::open(&copy).unwrap();
        assert_eq!(again.params().genesis, params.genesis, "{name}");
        assert_eq!(again.params().rules_at(0), params.rules_at(0), "{name}");
        let again: Vec<_> = again.map(Result::unwrap).collect();
        assert!(again == blocks, "{name}");
        assert!(blocks.iter().all(|dumped| dumped.block.header.hash() == dumped.hash));
    }
}

#[test]
fn every_network_can_be_written() {
    for network in Network::ALL {
        let mut eras = vec![Params::of(network)];
        for (crescendo, toccata) in [
            (ForkActivation::ALWAYS, ForkActivation::ALWAYS),
            (ForkActivation::ALWAYS, ForkActivation::NEVER),
            (ForkActivation::ALWAYS, ForkActivation::at(500)),
        ] {
            let params = Params::of(network);
            eras.push(Params {
                crescendo_activation: crescendo,
                toccata_activation: toccata,
                ..params
            });
        }
        for params in eras {
            let path = tempfile::NamedTempFile::new().unwrap();
            let writer = match Writer::create(path.path(), &params) {
                Ok(writer) => writer,
                Err(DumpError::Unsayable { .. })
                    if params.crescendo_activation != ForkActivation::ALWAYS =>
                {
                    continue; // the median window of the first era had no name
                }
                Err(error) => panic!("{network} {:?}: {error}", params.toccata_activation),
            };
            writer.finish().unwrap();
            let reader = Reader::open(path.path()).unwrap();
            for score in [0, 499, 500, 1 << 50] {
                assert_eq!(reader.params().rules_at(score), params.rules_at(score), "{network}");
            }
            assert_eq!(reader.map(Result::unwrap).count(), 1, "the genesis");
        }
    }
}

#[test]
fn only_the_first_member_of_a_compressed_file_counts() {
    let path = tempfile::NamedTempFile::new().unwrap();
    let params = Params::of(Network::Simnet);
    Writer::create(path.path(), &params).unwrap().finish().unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&fs::read(path.path()).unwrap()).unwrap();
    let mut bytes = gzip.finish().unwrap();
    bytes.extend_from_slice(b"junk");
    assert_eq!(read(bytes).unwrap().map(Result::unwrap).count(), 1);
}

#[test]
fn what_is_no_dump_is_told_by_its_line() {
    assert!(matches!(read(Vec::new()), Err(DumpError::NoGenesis { line: 1 })));
    assert!(matches!(read(b"\n\n{]".to_vec()), Err(DumpError::Json { line: 3, .. })));
    assert!(matches!(read(b"{\"ghostdag_q\":1}\n".to_vec()), Err(DumpError::Json { line: 1, .. })));
    assert!(matches!(read(b"{}\n".to_vec()), Err(DumpError::NoGenesis { line: 2 })));
    let path = tempfile::NamedTempFile::new().unwrap();
    Writer::create(path.path(), &Params::of(Network::Simnet)).unwrap().finish().unwrap();
    let mut bytes = fs::read(path.path()).unwrap();
    bytes.extend_from_slice(b"{\"header\":{}}\n");
    let mut reader = read(bytes).unwrap();
    assert!(reader.next().unwrap().is_ok());
    assert!(matches!(reader.next(), Some(Err(DumpError::Json { line: 3, .. }))));
    assert!(reader.next().is_none(), "an error ends it");
}
