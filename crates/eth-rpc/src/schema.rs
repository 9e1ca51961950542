//! Types of parameters and results as the OpenRPC document names them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident = $schema:tt;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

named! {
    /// An unsigned number.
    Uint = {"type": "string", "pattern": "^0x(0|[1-9a-f][0-9a-f]*)$", "description": "A number in hexadecimal, without leading zeros."};
    /// Bytes.
    Data = {"type": "string", "pattern": "^0x([0-9a-f]{2})*$", "description": "Bytes in hexadecimal."};
    /// A hash.
    Hash = {"type": "string", "pattern": "^0x[0-9a-f]{64}$", "description": "32 bytes in hexadecimal."};
    /// An address.
    Addr = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$", "description": "An address in hexadecimal."};
    /// A block.
    Block = {"description": "A block: earliest, finalized, safe, latest or pending; a number; a hash; or an object as in EIP-1898.",
        "oneOf": [{"type": "string"}, {"type": "object"}]};
    /// A call.
    Call = {"type": "object", "description": "A call or transaction: from, to, gas, gasPrice, maxFeePerGas, maxPriorityFeePerGas, maxFeePerBlobGas, value, nonce, input, accessList, blobVersionedHashes, authorizationList, chainId."};
    /// Accounts as they are not.
    Overrides = {"type": "object", "description": "Accounts taken to be other than they are, by address: nonce, balance, code, state, stateDiff, movePrecompileToAddress."};
    /// A block as it is not.
    BlockFields = {"type": "object", "description": "Fields of the block taken to be other than they are: number, time, gasLimit, feeRecipient, prevRandao, baseFeePerGas, blobBaseFee."};
    /// Which logs.
    Filter = {"type": "object", "description": "Which logs: fromBlock and toBlock, or blockHash; address; topics."};
    /// An object.
    Object = {"type": "object"};
    /// An object or nothing.
    Maybe = {"oneOf": [{"type": "object"}, {"type": "null"}]};
    /// A list.
    List = {"type": "array"};
    /// A list or nothing.
    MaybeList = {"oneOf": [{"type": "array"}, {"type": "null"}]};
    /// Anything.
    Any = {};
    /// A text.
    Text = {"type": "string"};
    /// Yes or no.
    Flag = {"type": "boolean"};
    /// Percentiles.
    Percentiles = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 100}};
}
