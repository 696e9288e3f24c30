//! The real-time clock of the PC (MC146818), taken to run in UTC, as Linux does.

use super::super::port::{inb, outb};

const STATUS_A: u8 = 0x0a;
const STATUS_B: u8 = 0x0b;
const UPDATING: u8 = 0x80;
const BINARY: u8 = 0x04;
const HOURS_24: u8 = 0x02;

fn register(index: u8) -> u8 {
    outb(0x70, index);
    inb(0x71)
}

/// Second, minute, hour, day, month, year, century: as the clock shows them.
fn show() -> [u8; 7] {
    [0, 2, 4, 7, 8, 9, 0x32].map(register)
}

/// Seconds since the Unix epoch; 0 when there is no clock. Read twice, in case it just ticks.
pub fn unix() -> i64 {
    let mut seen = show();
    for _ in 0..100 {
        // Bounded: a missing clock reads 0xff, "updating" for ever.
        for _ in 0..10_000 {
            if register(STATUS_A) & UPDATING == 0 {
                break;
            }
        }
        let again = show();
        if again == seen {
            break;
        }
        seen = again;
    }
    let status = register(STATUS_B);
    decode(seen, status).unwrap_or(0)
}

/// Turns registers into seconds, if they are a date.
fn decode(shown: [u8; 7], status: u8) -> Option<i64> {
    let afternoon = status & HOURS_24 == 0 && shown[2] & 0x80 != 0;
    let number = |value: u8| {
        let value = if status & BINARY == 0 { (value >> 4) * 10 + (value & 15) } else { value };
        i64::from(value)
    };
    let mut hour = number(if status & HOURS_24 == 0 { shown[2] & 0x7f } else { shown[2] });
    if status & HOURS_24 == 0 {
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    let (second, minute, day, month) =
        (number(shown[0]), number(shown[1]), number(shown[3]), number(shown[4]));
    let century = match number(shown[6]) {
        century @ 19..=21 => century,
        _ => 20,
    };
    let year = century * 100 + number(shown[5]);
    let valid = second < 60 && minute < 60 && hour < 24;
    if !valid || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days from 1970-01-01 in the Gregorian calendar; years start in March, so that leap days end
/// them.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
