//! Drives unmodified third-party clients against the quintet binary.
