//! What cryptoki's errors mean for the signer.

use cryptoki::error::{Error, RvError};

use crate::KeyError;
use crate::pool::Fault;

/// Tells a lost session or device from an error that a new session does not cure.
pub(super) fn fault(error: Error) -> Fault {
    let text = error.to_string();
    if is_lost(&error) {
        Fault::Lost(text)
    } else {
        Fault::Broken(KeyError::Device(text))
    }
}

fn is_lost(error: &Error) -> bool {
    let Error::Pkcs11(error, _) = error else {
        return false;
    };
    matches!(
        error,
        RvError::SessionHandleInvalid
            | RvError::SessionClosed
            | RvError::ObjectHandleInvalid
            | RvError::KeyHandleInvalid
            | RvError::UserNotLoggedIn
            | RvError::DeviceError
            | RvError::DeviceMemory
            | RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::SlotIdInvalid
            | RvError::GeneralError
            | RvError::FunctionFailed
            | RvError::FunctionCanceled
            | RvError::OperationActive
            | RvError::OperationNotInitialized
            | RvError::CryptokiNotInitialized
    )
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn takes_a_lost_session_for_curable_and_a_wrong_mechanism_for_final() {
        for (error, curable) in [
            (RvError::SessionHandleInvalid, true),
            (RvError::KeyHandleInvalid, true),
            (RvError::UserNotLoggedIn, true),
            (RvError::DeviceRemoved, true),
            (RvError::GeneralError, true),
            (RvError::MechanismInvalid, false),
            (RvError::KeyFunctionNotPermitted, false),
            (RvError::PinIncorrect, false),
        ] {
            let found = fault(Error::Pkcs11(error, Function::Sign));

            assert_eq!(matches!(found, Fault::Lost(_)), curable, "{error:?}");
        }
    }
}
