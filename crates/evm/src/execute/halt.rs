//! Why a frame ended without its work being done, in our words.

use op_revm::OpHaltReason;
use revm::{context_interface::result::HaltReason, interpreter::InstructionResult};

/// Why a frame was ended by the interpreter, other than by `REVERT`. Nothing of its gas is left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Its gas did not pay for what it did.
    #[error("out of gas")]
    OutOfGas,
    /// An instruction that is none, or not yet one.
    #[error("invalid opcode")]
    InvalidOpcode,
    /// A jump to where no target is.
    #[error("invalid jump destination")]
    InvalidJump,
    /// An instruction took more than was on the stack.
    #[error("stack underflow")]
    StackUnderflow,
    /// The stack is full.
    #[error("stack limit reached")]
    StackOverflow,
    /// `RETURNDATACOPY` beyond what a call returned.
    #[error("return data out of bounds")]
    ReturnDataOutOfBounds,
    /// A write inside a static call.
    #[error("write protection")]
    WriteProtection,
    /// The 1025th frame.
    #[error("max call depth exceeded")]
    Depth,
    /// The caller's balance does not cover the value.
    #[error("insufficient balance for transfer")]
    Funds,
    /// There is a contract where one would be made.
    #[error("contract address collision")]
    Collision,
    /// The creator's nonce has no successor.
    #[error("nonce uint64 overflow")]
    NonceOverflow,
    /// The code made is too long. **Spec:** EIP-170.
    #[error("max code size exceeded")]
    CodeLength,
    /// The code made begins with `0xef`. **Spec:** EIP-3541.
    #[error("invalid code: must not begin with 0xef")]
    CodePrefix,
    /// The code to run once is too long. **Spec:** EIP-3860.
    #[error("max initcode size exceeded")]
    InitcodeLength,
    /// A precompile refused its input.
    #[error("precompile: {reason}")]
    Precompile {
        /// What it says; may be empty.
        reason: String,
    },
    /// A deposit of an OP chain that failed.
    #[error("deposit failed")]
    Deposit,
    /// The interpreter could not go on.
    #[error("interpreter: {reason}")]
    Other {
        /// What it says.
        reason: String,
    },
}

impl From<OpHaltReason> for Halt {
    fn from(reason: OpHaltReason) -> Self {
        use HaltReason as R;
        let reason = match reason {
            OpHaltReason::FailedDeposit => return Self::Deposit,
            OpHaltReason::Base(reason) => reason,
        };
        match reason {
            R::OutOfGas(_) => Self::OutOfGas,
            R::OpcodeNotFound | R::InvalidFEOpcode | R::NotActivated => Self::InvalidOpcode,
            R::InvalidJump => Self::InvalidJump,
            R::StackUnderflow => Self::StackUnderflow,
            R::StackOverflow => Self::StackOverflow,
            R::OutOfOffset => Self::ReturnDataOutOfBounds,
            R::CreateCollision => Self::Collision,
            R::PrecompileError => Self::Precompile { reason: String::new() },
            R::PrecompileErrorWithContext(reason) => Self::Precompile { reason },
            R::NonceOverflow => Self::NonceOverflow,
            R::CreateContractSizeLimit => Self::CodeLength,
            R::CreateContractStartingWithEF => Self::CodePrefix,
            R::CreateInitCodeSizeLimit => Self::InitcodeLength,
            R::StateChangeDuringStaticCall | R::CallNotAllowedInsideStatic => Self::WriteProtection,
            R::OutOfFunds | R::OverflowPayment => Self::Funds,
            R::CallTooDeep => Self::Depth,
        }
    }
}

impl Halt {
    /// Reads how an instruction or a frame ended; `None` if it went well or reverted.
    pub(super) fn of(result: InstructionResult) -> Option<Self> {
        use InstructionResult as R;
        Some(match result {
            R::Stop | R::Return | R::SelfDestruct | R::Revert => return None,
            R::CallTooDeep => Self::Depth,
            R::OutOfFunds | R::OverflowPayment => Self::Funds,
            R::OutOfGas
            | R::MemoryOOG
            | R::MemoryLimitOOG
            | R::PrecompileOOG
            | R::InvalidOperandOOG
            | R::ReentrancySentryOOG => Self::OutOfGas,
            R::OpcodeNotFound | R::InvalidFEOpcode | R::NotActivated => Self::InvalidOpcode,
            R::CallNotAllowedInsideStatic | R::StateChangeDuringStaticCall => Self::WriteProtection,
            R::InvalidJump => Self::InvalidJump,
            R::StackUnderflow => Self::StackUnderflow,
            R::StackOverflow => Self::StackOverflow,
            R::OutOfOffset => Self::ReturnDataOutOfBounds,
            R::CreateCollision => Self::Collision,
            R::PrecompileError => Self::Precompile { reason: String::new() },
            R::NonceOverflow => Self::NonceOverflow,
            R::CreateContractSizeLimit => Self::CodeLength,
            R::CreateContractStartingWithEF => Self::CodePrefix,
            R::CreateInitCodeSizeLimit => Self::InitcodeLength,
            R::CreateInitCodeStartingEF00
            | R::InvalidEOFInitCode
            | R::InvalidExtDelegateCallTarget
            | R::InvalidImmediateEncoding
            | R::FatalExternalError => Self::Other { reason: format!("{result:?}") },
        })
    }
}
