//! Messages: what is written is read again; what is cut, lengthened or too much is refused.

use alloy_primitives::{B256, Bytes};
use quintet_lux_protocol::{
    certificate::{Certificate, CertificateError, Signed},
    evidence::{Evidence, EvidenceError, Offence, TwoBlocks, TwoVotes},
    header::Position,
    vote::{Checkpoint, SignedVote, Vote},
    wire::{
        HEADERS_MAX, Headers, HeadersRequest, Request, Response, Status, VoteMessage, WireError,
        decode_transactions, encode_transactions,
    },
};

use crate::world::World;

fn link(source: u64, target: u64, block: u8) -> Vote {
    Vote {
        source: Checkpoint { slot: source, block: B256::ZERO },
        target: Checkpoint { slot: target, block: B256::repeat_byte(block) },
    }
}

fn signed(world: &World, validator: usize, vote: Vote) -> SignedVote {
    vote.sign(&world.params, &world.keys[validator].secp).unwrap()
}

fn certificate(world: &World, vote: Vote, validators: &[usize]) -> Certificate {
    let signed = validators.iter().map(|one| Signed {
        validator: u16::try_from(*one).unwrap(),
        signature: signed(world, *one, vote).signature,
    });
    Certificate { vote, signed: signed.collect() }
}

/// Reads every prefix and one byte more than all; only the whole may be read.
fn only_whole<T: std::fmt::Debug>(bytes: &[u8], read: impl Fn(&[u8]) -> Result<T, WireError>) -> T {
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
    }
    assert!(read(&[bytes, &[0]].concat()).is_err());
    read(bytes).unwrap()
}

#[test]
fn messages_are_read_whole_or_not_at_all() {
    let world = World::new(4);
    let vote = signed(&world, 0, link(1, 2, 3));
    let both = TwoVotes { first: vote, second: signed(&world, 0, link(1, 2, 4)) };
    let genesis = Position::genesis(&world.params);
    let [first, second] = [0, 1].map(|salt| world.block(&genesis, 1, salt));
    let blocks = TwoBlocks { first: first.clone(), second };
    for message in [
        VoteMessage::Vote(Box::new(vote)),
        VoteMessage::Evidence(Evidence::Votes(Box::new(both))),
        VoteMessage::Evidence(Evidence::Blocks(Box::new(blocks))),
        VoteMessage::Certificate(certificate(&world, link(1, 2, 3), &[0, 1, 2])),
    ] {
        assert_eq!(only_whole(&message.encode(), VoteMessage::decode), message);
    }
    let status = Status {
        genesis: B256::repeat_byte(1),
        head_number: 9,
        head: B256::repeat_byte(2),
        finalised_number: 7,
        finalised: link(1, 2, 3).target,
        certificates: vec![certificate(&world, link(1, 2, 3), &[0, 1, 2])],
    };
    for request in [
        Request::Status(Box::new(status.clone())),
        Request::Headers(HeadersRequest { from: 3, count: 4 }),
        Request::Blocks(vec![B256::repeat_byte(1); 3]),
    ] {
        assert_eq!(only_whole(&request.encode(), Request::decode), request);
    }
    let headers = Headers { headers: vec![first], certificate: status.certificates.clone() };
    for response in [
        Response::Status(Box::new(status)),
        Response::Headers(Box::new(headers)),
        Response::Blocks(vec![Bytes::from_static(b"block"); 2]),
    ] {
        assert_eq!(only_whole(&response.encode(), Response::decode), response);
    }
    let transactions = vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    assert_eq!(only_whole(&encode_transactions(&transactions), decode_transactions), transactions);
}

#[test]
fn more_than_a_message_may_hold_is_refused() {
    let many = vec![Bytes::from_static(b"x"); 1_025];
    let refused = decode_transactions(&encode_transactions(&many));
    assert!(matches!(refused, Err(WireError::Count { actual: 1_025, .. })), "{refused:?}");
    let refused = Request::decode(&Request::Blocks(vec![B256::ZERO; 257]).encode());
    assert!(matches!(refused, Err(WireError::Count { actual: 257, .. })), "{refused:?}");
    let headers = vec![alloy_consensus::Header::default(); HEADERS_MAX + 1];
    let headers = Response::Headers(Box::new(Headers { headers, certificate: vec![] }));
    assert!(matches!(Response::decode(&headers.encode()), Err(WireError::Count { .. })));
    let long = vec![0; 64 * 1024 + 1];
    assert!(matches!(VoteMessage::decode(&long), Err(WireError::Length { .. })));
}

#[test]
fn a_certificate_is_two_thirds_of_the_stake_in_order_with_their_own_signatures() {
    use CertificateError as E;
    let world = World::new(4);
    let vote = link(1, 2, 3);
    let check = |one: Certificate| one.check(&world.params, &world.set).map(|_| ());
    assert_eq!(check(certificate(&world, vote, &[0, 1, 3])), Ok(()));
    let few = check(certificate(&world, vote, &[0, 1]));
    assert_eq!(few, Err(E::Stake { total: 4_000, actual: 2_000 }));
    assert_eq!(check(certificate(&world, vote, &[0, 1, 1])), Err(E::Index { actual: 1 }));
    assert_eq!(check(certificate(&world, vote, &[0, 2, 1])), Err(E::Index { actual: 1 }));
    let mut stranger = certificate(&world, vote, &[0, 1, 3]);
    stranger.signed[2].validator = 9;
    assert_eq!(check(stranger), Err(E::Index { actual: 9 }));
    let mut lent = certificate(&world, vote, &[0, 1, 3]);
    lent.signed[2].validator = 2;
    assert_eq!(check(lent), Err(E::Signature { validator: 2 }));
    let mut other = certificate(&world, vote, &[0, 1, 3]);
    other.vote = link(1, 2, 4);
    assert_eq!(check(other), Err(E::Signature { validator: 0 }));
    let back = certificate(&world, link(2, 2, 3), &[0, 1, 3]);
    assert_eq!(check(back), Err(E::Order { origin: 2, target: 2 }));
}

#[test]
fn evidence_is_two_things_by_one_validator_that_conflict() {
    let world = World::new(4);
    let check = |first, second| {
        let both = TwoVotes { first, second };
        Evidence::Votes(Box::new(both)).check(&world.params, &world.set)
    };
    let vote =
        |validator, source, target, block| signed(&world, validator, link(source, target, block));
    let double = check(vote(2, 1, 5, 1), vote(2, 1, 5, 2)).unwrap();
    assert_eq!((double.validator(), double.offence()), (2, Offence::DoubleVote));
    let surround = check(vote(2, 1, 5, 1), vote(2, 2, 4, 2)).unwrap();
    assert_eq!(surround.offence(), Offence::SurroundVote);
    let none = check(vote(2, 1, 5, 1), vote(2, 1, 6, 2));
    assert_eq!(none.unwrap_err(), EvidenceError::NoConflict);
    let two = check(vote(2, 1, 5, 1), vote(1, 1, 5, 2));
    assert!(matches!(two, Err(EvidenceError::Signers { .. })), "{two:?}");
    let genesis = Position::genesis(&world.params);
    let [first, second] = [0, 1].map(|salt| world.block(&genesis, 1, salt));
    let same = TwoBlocks { first: first.clone(), second: first.clone() };
    let same = Evidence::Blocks(Box::new(same)).check(&world.params, &world.set);
    assert_eq!(same.unwrap_err(), EvidenceError::NoConflict);
    let both = Evidence::Blocks(Box::new(TwoBlocks { first, second }));
    let both = both.check(&world.params, &world.set).unwrap();
    assert_eq!(both.offence(), Offence::DoubleBlock);
    assert_eq!(both.validator(), genesis.proposer(&world.params, &world.set, 1));
}
