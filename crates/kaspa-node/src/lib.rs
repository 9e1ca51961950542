//! A Kaspa node: the pipeline from a block to the virtual state, and the DAG on disk.
