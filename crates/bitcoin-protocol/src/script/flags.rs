//! Which rules a script is run under.

use bitflags::bitflags;

bitflags! {
    /// The rules a script is run under, by Bitcoin Core's names and bits.
    ///
    /// Soft forks only ever add rules, so more flags never make an invalid script valid.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct ScriptFlags: u32 {
        /// Evaluates the redeem script of pay-to-script-hash outputs (BIP-0016).
        const P2SH = 1 << 0;
        /// Refuses signatures and public keys in other than the strict encodings.
        const STRICTENC = 1 << 1;
        /// Refuses signatures that are not strict DER (BIP-0066).
        const DERSIG = 1 << 2;
        /// Refuses signatures whose S is in the upper half (BIP-0062 rule 5).
        const LOW_S = 1 << 3;
        /// Requires the extra stack item of `CHECKMULTISIG` to be empty (BIP-0147).
        const NULLDUMMY = 1 << 4;
        /// Requires a scriptSig of nothing but pushes (BIP-0062 rule 2).
        const SIGPUSHONLY = 1 << 5;
        /// Requires pushes and numbers in their shortest form (BIP-0062 rules 3 and 4).
        const MINIMALDATA = 1 << 6;
        /// Refuses the opcodes that are kept for soft forks.
        const DISCOURAGE_UPGRADABLE_NOPS = 1 << 7;
        /// Requires that one item is left on the stack (BIP-0062 rule 6).
        const CLEANSTACK = 1 << 8;
        /// Evaluates `CHECKLOCKTIMEVERIFY` (BIP-0065).
        const CHECKLOCKTIMEVERIFY = 1 << 9;
        /// Evaluates `CHECKSEQUENCEVERIFY` (BIP-0112).
        const CHECKSEQUENCEVERIFY = 1 << 10;
        /// Evaluates witness programs (BIP-0141).
        const WITNESS = 1 << 11;
        /// Refuses witness versions that are kept for soft forks.
        const DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM = 1 << 12;
        /// Requires the argument of `IF` and `NOTIF` in version 0 witness scripts to be empty or one.
        const MINIMALIF = 1 << 13;
        /// Requires a signature that does not verify to be empty (BIP-0146).
        const NULLFAIL = 1 << 14;
        /// Requires compressed public keys in version 0 witness scripts.
        const WITNESS_PUBKEYTYPE = 1 << 15;
        /// Refuses `OP_CODESEPARATOR` and `FindAndDelete` hits outside of witness scripts.
        const CONST_SCRIPTCODE = 1 << 16;
        /// Evaluates taproot and tapscript (BIP-0341, BIP-0342).
        const TAPROOT = 1 << 17;
        /// Refuses leaf versions that are kept for soft forks.
        const DISCOURAGE_UPGRADABLE_TAPROOT_VERSION = 1 << 18;
        /// Refuses the opcodes that make a tapscript succeed at once.
        const DISCOURAGE_OP_SUCCESS = 1 << 19;
        /// Refuses public key lengths that are kept for soft forks.
        const DISCOURAGE_UPGRADABLE_PUBKEYTYPE = 1 << 20;
    }
}
