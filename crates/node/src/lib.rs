//! What every node kind shares: configuration, lifecycle, health, logs and metrics.
