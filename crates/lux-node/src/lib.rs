//! A LuxTensor node.
