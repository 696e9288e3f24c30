//! Copies between the kernel and a program's memory.

use hal::mem::{Fault, Frame};
use hal::user::USER_END;

use crate::kernel::{CODE, Check, DATA, check, program};

pub fn copies() -> Check {
    let (space, _) = program(&[]);
    let mut big = [7u8; 64];
    // One mapped page: copies that run over its end stop there.
    for (start, length) in [(60, 64), (1, 3), (13, 29), (8, 16), (0, 1)] {
        let at = DATA + 4096 - start;
        let result = space.copy_out(at, &big[..length]);
        let expected = if length <= start as usize { None } else { Some(start as usize) };
        check!(result.map_err(|fault| fault.done).err() == expected);
        if let Err(Fault { addr, access, .. }) = result {
            check!(addr == DATA + 4096 && access.write);
        }
        let result = space.copy_in(at, &mut big[..length]);
        check!(result.map_err(|fault| fault.done).err() == expected);
        let result = space.zero_out(at, length);
        check!(result.map_err(|fault| fault.done).err() == expected);
        big = [7; 64];
    }
    check!(space.copy_out(DATA, &[1, 2, 3, 4, 5, 6, 7, 8, 9]).is_ok());
    let mut back = [0; 9];
    check!(space.copy_in(DATA, &mut back).is_ok() && back == [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    check!(space.zero_out(DATA + 1, 7).is_ok() && space.copy_in(DATA, &mut back).is_ok());
    check!(back == [1, 0, 0, 0, 0, 0, 0, 0, 9]);
    check!(space.copy_out(CODE, &[1]).is_err());
    for at in [USER_END, USER_END - 1, u64::MAX, u64::MAX - 3, 0xffff_8880_0000_0000, 1 << 47] {
        let fault = space.copy_in(at, &mut back).unwrap_err();
        check!(fault.done == 0 && fault.addr >= at.min(USER_END - 1));
        check!(space.load_u32(at).is_err() && space.cas_u32(at, 0, 0).is_err());
    }
    check!(space.copy_in(USER_END, &mut []).is_ok());
    let frame = Frame::zeroed().unwrap();
    frame.write(100, b"frame");
    check!(space.copy_frame_out(DATA + 50, &frame, 100, 5).is_ok());
    check!(space.copy_frame_in(DATA + 50, &frame, 200, 5).is_ok());
    let mut text = [0; 5];
    frame.read(200, &mut text);
    check!(&text == b"frame");
    // Another space's memory is named, not assumed.
    let (other, _) = program(&[]);
    check!(other.copy_in(DATA, &mut back).is_ok() && back == [0; 9]);
    check!(space.copy_in(DATA, &mut back).is_ok() && back[0] == 1);
    Ok(())
}

pub fn words() -> Check {
    let (space, _) = program(&[]);
    check!(space.cas_u32(DATA, 0, 5) == Ok(0) && space.cas_u32(DATA, 0, 6) == Ok(5));
    check!(space.load_u32(DATA) == Ok(5));
    let fault = space.load_u32(DATA + 0x1000).unwrap_err();
    check!(fault.addr == DATA + 0x1000 && !fault.access.write);
    check!(space.cas_u32(CODE, 0, 1).is_err_and(|fault| fault.access.write));
    Ok(())
}

pub fn strings() -> Check {
    let (space, _) = program(&[]);
    let mut text = [0; 200];
    check!(space.copy_out(DATA, b"a string\0").is_ok());
    check!(space.copy_str_in(DATA, &mut text) == Ok(Some(8)) && &text[..8] == b"a string");
    check!(space.copy_str_in(DATA, &mut text[..4]) == Ok(None));
    check!(space.copy_out(DATA + 4093, b"ab\0").is_ok());
    check!(space.copy_str_in(DATA + 4093, &mut text) == Ok(Some(2)));
    check!(space.copy_out(DATA + 4093, b"abc").is_ok());
    check!(space.copy_str_in(DATA + 4093, &mut text).is_err_and(|fault| fault.done == 3));
    Ok(())
}
