//! Hashes, checksums and signatures more than one node kind uses.
