//! What the fuzz target for the flash log does with its input: whatever is on a flash, the log mounts, and works.

use crate::flash::world::plain;
use crate::flash::{Fault, Nor};
use nuthatch_core::{FlashError, FlashGeometry, FlashLog, StoreOp, flash_block_on as block_on};

const GEOMETRY: FlashGeometry = FlashGeometry { segment: 512, segments: 9, write: 1 };

fn key(number: u8) -> Vec<u8> {
    format!("k{}", number % 16).into_bytes()
}

fn mounted(mut nor: Nor) -> FlashLog<Nor> {
    nor.forget();
    #[expect(clippy::expect_used, reason = "this is what the fuzzer looks for")]
    let mut log = FlashLog::new(nor, GEOMETRY, 16).expect("a fit geometry");
    assert_eq!(block_on(log.mount()), Ok(()), "it does not mount");
    log
}

/// A log is written, then its flash is overwritten in places that the input names, with bytes that it gives: three bytes a
/// place. Where the first byte is odd nothing was written before, and the input is what is on the flash.
pub fn flash(input: &[u8]) {
    let Some((&first, rest)) = input.split_first() else { return };
    let mut log = mounted(Nor::new(GEOMETRY, 1));
    if first & 1 == 0 {
        for round in 0..first {
            put(&mut log, round, usize::from(round) * 5 % 90);
        }
        if first & 2 == 0 {
            put(&mut log, first, 700);
        }
        let mut nor = log.into_device();
        for place in rest.chunks_exact(3) {
            let at = usize::from(u16::from_le_bytes([place[0], place[1]])) % nor.bytes.len();
            nor.bytes[at] = place[2];
        }
        log = mounted(nor);
    } else {
        let mut nor = log.into_device();
        nor.bytes.iter_mut().zip(rest).for_each(|(byte, new)| *byte = *new);
        log = mounted(nor);
    }
    tried(&mut log);
    tried(&mut mounted(log.into_device()));
}

fn put(log: &mut FlashLog<Nor>, number: u8, len: usize) {
    let key = key(number);
    let deadline = number.is_multiple_of(5).then_some(i64::from(number));
    let record = plain(&key, &vec![number; len], deadline);
    let _full = block_on(log.write(&[StoreOp::Put { db: u32::from(number % 2), key, record }], true));
}

/// Every task, and what was written is there.
fn tried(log: &mut FlashLog<Nor>) {
    for number in 0..16 {
        let found = block_on(log.read(0, &key(number)));
        assert!(matches!(found, Ok(_) | Err(FlashError::Damaged)), "{found:?}");
    }
    let page = block_on(log.scan(1, 0, 100, 100));
    assert!(matches!(page, Ok(_) | Err(FlashError::Damaged)), "{page:?}");
    log.set_now(20);
    for round in 0..40u8 {
        let (key, len) = (key(round), usize::from(round) * 7 % 100);
        let record = plain(&key, &vec![round; len], None);
        let put = StoreOp::Put { db: 0, key: key.clone(), record: record.clone() };
        match block_on(log.write(&[put], true)) {
            Ok(()) => {
                assert_eq!(block_on(log.read(0, &key)), Ok(Some(record)), "what was written is not there");
            }
            Err(error) => assert!(matches!(error, FlashError::Full), "{error:?}"),
        }
    }
    let cleared = block_on(log.clear(1));
    assert!(!matches!(cleared, Err(FlashError::Device(Fault) | FlashError::Unmounted)), "{cleared:?}");
}

#[cfg(test)]
mod tests {
    use super::flash;
    use crate::sim::Dice;

    #[test]
    fn random_input() {
        let mut dice = Dice::new(1);
        for _ in 0..3000 {
            let len = dice.below(100);
            flash(&(0..len).map(|_| dice.roll() as u8).collect::<Vec<_>>());
        }
        for _ in 0..60 {
            flash(
                &(0..4608)
                    .map(|_| if dice.once_in(3) { 0xff } else { dice.roll() as u8 })
                    .collect::<Vec<_>>(),
            );
        }
    }
}
