# The menu of commands; `just` alone lists it.

vectors := env("QUINTET_VECTORS", "../shared/vectors")

_default:
    @just --list --unsorted

# Start a local network with its dashboard.
up *flags:
    cargo run --release -- up {{ flags }}

# Run all tests.
test:
    cargo test --workspace

# Run one crate's tests: `just test-one net`.
test-one crate:
    cargo test -p quintet-{{ crate }}

# Format, then everything that is checked without running the code.
lint:
    cargo fmt
    cargo clippy --workspace --all-targets -- -D warnings
    cargo xtask layers
    cargo xtask tidy
    cargo xtask docs --check

# Write the generated parts of the documents.
docs:
    cargo xtask docs

# Build and open the API documentation.
api:
    cargo doc --workspace --no-deps --open

# Run the third-party DHT vectors.
conformance:
    cargo run --release -p conformance -- dht {{ vectors }}/dht

# Drive third-party clients against the binary.
interop:
    .ci/run build interop

# Look at the dashboard with a real browser.
browser:
    .ci/run build browser

# Fuzz one target until stopped: `just fuzz bencode`.
fuzz target:
    cargo +nightly fuzz run {{ target }}

# Licences, bans and sources of dependencies (needs cargo-deny).
deny:
    cargo deny check bans licenses sources

# Everything the public checks do; or the steps named.
ci *steps:
    .ci/run {{ steps }}
