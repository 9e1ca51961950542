//! The examples of RFC 9381, appendix B.3, and what must be refused.

use quintet_primitives::hex;

use super::*;

/// Seed, public key, message, proof, output: examples 16 to 18.
const EXAMPLES: [[&str; 5]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805",
        "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed5933bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02",
        "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf8096bb474e53895c362d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e",
        "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c452118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f",
    ],
];

struct Example {
    secret: SecretKey,
    public: [u8; 32],
    message: Vec<u8>,
    proof: Proof,
    output: Output,
}

fn examples() -> impl Iterator<Item = Example> {
    EXAMPLES.iter().map(|[seed, public, message, proof, output]| Example {
        secret: SecretKey::from_seed(&hex::decode_array(seed).unwrap()),
        public: hex::decode_array(public).unwrap(),
        message: hex::decode(message).unwrap(),
        proof: hex::decode_array(proof).unwrap(),
        output: hex::decode_array(output).unwrap(),
    })
}

#[test]
fn proves_and_verifies_as_the_rfc_does() {
    for example in examples() {
        assert_eq!(example.secret.public_key(), example.public);
        let proved = example.secret.prove(&example.message).unwrap();
        assert_eq!(proved, (example.output, example.proof));
        assert_eq!(verify(&example.public, &example.message, &example.proof), Ok(example.output));
    }
}

#[test]
fn refuses_a_proof_with_any_bit_flipped_and_any_other_message() {
    for example in examples() {
        for bit in 0..PROOF_LEN * 8 {
            let mut flipped = example.proof;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&example.public, &example.message, &flipped).is_err(), "bit {bit}");
        }
        let mut other = example.message.clone();
        other.push(0);
        assert_eq!(verify(&example.public, &other, &example.proof), Err(VrfError::Mismatch));
    }
}

#[test]
fn refuses_keys_of_small_order_and_encodings_that_are_not_canonical() {
    let example = examples().next().unwrap();
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(verify(&identity, b"", &example.proof), Err(VrfError::PublicKey));
    // The identity with y = p + 1 in place of 1.
    let mut twice = [0xff; 32];
    twice[0] = 0xee;
    twice[31] = 0x7f;
    assert_eq!(verify(&twice, b"", &example.proof), Err(VrfError::PublicKey));
    // The scalar with the group's order added.
    let mut long = example.proof;
    long[79] |= 0xf0;
    assert_eq!(verify(&example.public, b"", &long), Err(VrfError::Proof));
}
