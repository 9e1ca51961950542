//! Cutting the solution out of the script that holds it.

/// What the push begins with that holds the solution.
const MARK: [u8; 4] = [0xec, 0xc7, 0xda, 0xa2];

const OP_PUSHDATA1: u8 = 0x4c;
const OP_PUSHDATA2: u8 = 0x4d;
const OP_PUSHDATA4: u8 = 0x4e;

/// A script and what was cut out of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// The script with only the mark left of the solution's push; as it was, if there is none.
    pub(super) script: Vec<u8>,
    /// The solution without its mark.
    pub(super) solution: Option<Vec<u8>>,
}

/// Cuts out the first push that begins with the mark and goes on after it.
///
/// What comes out is written anew, push by push: pushes get their shortest length form, an empty push with a length keeps
/// only its opcode, and what follows an unfinished push is gone. Signers computed it so, and it cannot be changed.
///
/// **Spec:** Core's `FetchAndClearCommitmentSection`.
pub(super) fn cut_solution(script: &[u8]) -> Cut {
    let mut rest = script;
    let mut rewritten = Vec::with_capacity(script.len());
    let mut solution = None;
    while let Some((opcode, data)) = next(&mut rest) {
        let marked = data.strip_prefix(&MARK).filter(|after| !after.is_empty());
        match marked {
            Some(after) if solution.is_none() => {
                solution = Some(after.to_vec());
                push(&mut rewritten, &MARK);
            }
            _ if data.is_empty() => rewritten.push(opcode),
            _ => push(&mut rewritten, data),
        }
    }
    if solution.is_none() {
        rewritten = script.to_vec();
    }
    Cut { script: rewritten, solution }
}

/// Takes the next opcode with what it pushes; none at the end and in front of an unfinished push.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&opcode, after) = rest.split_first()?;
    let (len, after) = match opcode {
        ..OP_PUSHDATA1 => (usize::from(opcode), after),
        OP_PUSHDATA1 => after.split_first_chunk().map(|(&[len], after)| (len.into(), after))?,
        OP_PUSHDATA2 => after
            .split_first_chunk()
            .map(|(&len, after)| (u16::from_le_bytes(len).into(), after))?,
        OP_PUSHDATA4 => {
            let (&len, after) = after.split_first_chunk()?;
            (usize::try_from(u32::from_le_bytes(len)).ok()?, after)
        }
        _ => (0, after),
    };
    let (data, after) = after.split_at_checked(len)?;
    *rest = after;
    Some((opcode, data))
}

/// Appends a push with its length in the shortest form.
fn push(script: &mut Vec<u8>, data: &[u8]) {
    let len = data.len().to_le_bytes();
    match data.len() {
        0..=0x4b => script.push(len[0]),
        0x4c..=0xff => script.extend_from_slice(&[OP_PUSHDATA1, len[0]]),
        0x100..=0xffff => {
            script.push(OP_PUSHDATA2);
            script.extend_from_slice(&len[..2]);
        }
        _ => {
            script.push(OP_PUSHDATA4);
            script.extend_from_slice(&len[..4]);
        }
    }
    script.extend_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(after: &[u8]) -> Vec<u8> {
        [&MARK, after].concat()
    }

    #[test]
    fn the_solution_is_cut_and_its_mark_stays() {
        let mut script = vec![0x6a];
        push(&mut script, &marked(&[7; 100]));
        push(&mut script, &[1, 2]);
        let mut expected = vec![0x6a];
        push(&mut expected, &MARK);
        push(&mut expected, &[1, 2]);
        assert_eq!(cut_solution(&script), Cut { script: expected, solution: Some(vec![7; 100]) });
    }

    #[test]
    fn a_script_without_a_solution_stays_as_it_is() {
        // No mark; a mark with nothing after it; a mark in an unfinished push; a push in a longer form.
        for script in [
            vec![0x6a, 2, 1, 2],
            [&[4][..], &MARK].concat(),
            [&[9][..], &MARK, &[1]].concat(),
            vec![OP_PUSHDATA1, 1, 9],
        ] {
            assert_eq!(cut_solution(&script), Cut { script, solution: None });
        }
    }

    #[test]
    fn only_the_first_marked_push_is_the_solution() {
        let mut script = Vec::new();
        push(&mut script, &marked(&[1]));
        push(&mut script, &marked(&[2]));
        let cut = cut_solution(&script);
        assert_eq!(cut.solution, Some(vec![1]));
        assert!(cut.script.ends_with(&marked(&[2])));
    }

    #[test]
    fn the_rest_is_written_anew() {
        let mut script = vec![OP_PUSHDATA2, 1, 0, 9, OP_PUSHDATA1, 0];
        push(&mut script, &marked(&[1]));
        script.extend_from_slice(&[OP_PUSHDATA1, 9, 9]);
        let mut expected = vec![1, 9, OP_PUSHDATA1];
        push(&mut expected, &MARK);
        assert_eq!(cut_solution(&script).script, expected);
    }

    #[test]
    fn every_length_of_push_is_read_back() {
        for len in [1, 0x4b, 0x4c, 0xff, 0x100, 0xffff, 0x1_0000] {
            let mut script = Vec::new();
            push(&mut script, &vec![5; len]);
            let mut rest = &script[..];
            assert_eq!(next(&mut rest).map(|(_, data)| data.len()), Some(len));
            assert!(rest.is_empty());
        }
    }
}
