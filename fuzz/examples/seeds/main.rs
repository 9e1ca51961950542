//! `seeds DIR`: writes one packet per sample message and codec where the fuzz targets begin.
//!
//! `seeds --print` prints the native and JSON packets: the examples of `docs/protocols/dht-wire.md`.

use std::{env, error::Error, fs, path::Path};

use quintet_dht_protocol::codec::{self, Codec};

mod bitcoin;
mod samples;

fn main() -> Result<(), Box<dyn Error>> {
    let argument = env::args().nth(1).ok_or("expected a folder or --print")?;
    for (name, message) in samples::all() {
        for codec in Codec::ALL {
            let mut packet = Vec::new();
            if codec::encode(codec, &message, &mut packet).is_err() {
                continue;
            }
            if argument == "--print" {
                print(name, codec, &packet);
            } else {
                write(Path::new(&argument), name, codec, &packet)?;
            }
        }
    }
    if argument != "--print" {
        bitcoin::write(Path::new(&argument))?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, codec: Codec, packet: &[u8]) -> std::io::Result<()> {
    let bencode = (codec == Codec::Krpc).then_some("bencode");
    for target in [codec.name(), "codec_any"].into_iter().chain(bencode) {
        let corpus = folder.join(target);
        fs::create_dir_all(&corpus)?;
        fs::write(corpus.join(format!("seed-{name}-{codec}")), packet)?;
    }
    Ok(())
}

fn print(name: &str, codec: Codec, packet: &[u8]) {
    println!("{name} {codec} {}", packet.len());
    match codec {
        Codec::Native => {
            let digits: String = packet.iter().map(|byte| format!("{byte:02x}")).collect();
            println!("{digits}");
        }
        Codec::Krpc | Codec::Json => println!("{}", packet.escape_ascii()),
    }
}
