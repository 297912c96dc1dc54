//! Products in AMX tiles.
//!
//! The tiles are reached through inline assembly: their intrinsics are not stable. `tmm0` to `tmm3` hold 32 x 32 sums,
//! `tmm4` and `tmm5` 16 windows each, 32 values deep, `tmm6` and `tmm7` as much of the panel, 16 columns each.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::sync::OnceLock;

use super::block::{DEPTH_STEP, Product, ROW_STEP};

/// Columns of a panel.
const COLUMNS: usize = 32;
/// Bytes of a panel's row of pairs, which are also those of a row of sums.
const PANEL_ROW: usize = COLUMNS * 4;

/// What `ldtilecfg` reads: every tile has 16 rows of 64 bytes.
#[repr(C, align(64))]
struct TileConfig {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static CONFIG: TileConfig = {
    let (mut row_bytes, mut rows, mut tile) = ([0; 16], [0; 16], 0);
    while tile < 8 {
        (row_bytes[tile], rows[tile]) = (64, 16);
        tile += 1;
    }
    TileConfig { palette: 1, start_row: 0, reserved: [0; 14], row_bytes, rows }
};

/// Whether the processor has AMX with bfloat16 and the system lets this process use it, which is asked for once.
pub(in crate::plan) fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| processor_has_tiles() && system_permits())
}

fn processor_has_tiles() -> bool {
    const BF16: u32 = 1 << 22;
    const TILES: u32 = 1 << 24;
    // Leaf 7 is there wherever AVX-512 is.
    is_x86_feature_detected!("avx512f") && __cpuid_count(7, 0).edx & (BF16 | TILES) == BF16 | TILES
}

/// Linux saves tiles only for processes that have asked for it (arch_prctl(2)); the permission holds for all threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn system_permits() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_ulong = 0x1023;
    const TILE_DATA: libc::c_ulong = 18;
    // SAFETY: the call takes two numbers and touches no memory of ours; a kernel that does not know it gives an error.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0 }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn system_permits() -> bool {
    false
}

/// Configures this thread's tiles for [`run`].
///
/// # Safety
/// [`is_available`] must have said so.
pub(super) unsafe fn begin() {
    // SAFETY: the configuration is a valid one of palette 1. Nothing else in this program uses tiles, so they keep
    // their content from here to `tilerelease`; a thread that is interrupted gets them back from the system.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const CONFIG, options(nostack, readonly, preserves_flags)) };
}

/// Lets go of this thread's tiles, so that the system need not save them any more.
///
/// # Safety
/// [`is_available`] must have said so.
pub(super) unsafe fn end() {
    // SAFETY: no tile is needed any more; what follows configures them again.
    unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) };
}

/// Runs a product, 32 rows at a time.
///
/// # Safety
/// [`begin`] must have been called on this thread, and [`end`] not since; the rest as [`super::block::run`].
pub(super) unsafe fn run(product: &Product<'_>) {
    debug_assert!(product.rows.is_multiple_of(ROW_STEP) && product.depth.is_multiple_of(DEPTH_STEP));
    debug_assert!(product.depth > 0 && !product.taps.is_empty());
    let mut start = 0;
    while start < product.rows {
        // SAFETY: rows `start..start + 32`, or `+ 16` where no more are left, are rows of the product.
        unsafe {
            if product.rows - start >= 2 * ROW_STEP {
                two_tiles(product, start);
                start += 2 * ROW_STEP;
            } else {
                one_tile(product, start);
                start += ROW_STEP;
            }
        }
    }
}

/// What a block reads and writes: its windows, their rows (in bytes) and its sums.
fn block(product: &Product<'_>, start: usize) -> (*const u16, usize, *mut f32) {
    let windows = product.windows.wrapping_add(start * product.window_row);
    (windows, product.window_row * 2, product.sums.wrapping_add(start * COLUMNS))
}

/// # Safety
/// As [`run`], and rows `start..start + 32` of the product.
unsafe fn two_tiles(product: &Product<'_>, start: usize) {
    let (windows, row, sums) = block(product, start);
    let taps = product.taps.as_ptr_range();
    // SAFETY: a tile is 16 rows of 64 bytes: of windows at `row` bytes from each other, 32 values from the step's first
    // on, which are part of the depth of a tap; of the panel, 16 rows of pairs; of sums, 16 rows of half a panel's
    // columns. All these addresses are valid by the caller's promise, as are the taps, each a number of 8 bytes.
    unsafe {
        asm!(
            "test {accumulate:e}, {accumulate:e}",
            "jnz 2f",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "jmp 3f",
            "2:",
            "tileloadd tmm0, [{sums} + {panel_row}*1]",
            "tileloadd tmm1, [{sums} + {panel_row}*1 + 64]",
            "tileloadd tmm2, [{sums} + {panel_row}*1 + 2048]",
            "tileloadd tmm3, [{sums} + {panel_row}*1 + 2112]",
            "3:",
            "mov {upper}, qword ptr [{tap}]",
            "lea {upper}, [{windows} + {upper}*2]",
            "lea {lower}, [{upper} + {half}]",
            "mov {steps:e}, {depth:e}",
            "4:",
            "tileloadd tmm6, [{panel} + {panel_row}*1]",
            "tileloadd tmm4, [{upper} + {row}*1]",
            "tileloadd tmm7, [{panel} + {panel_row}*1 + 64]",
            "tileloadd tmm5, [{lower} + {row}*1]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {upper}, 64",
            "add {lower}, 64",
            "add {panel}, 2048",
            "dec {steps:e}",
            "jnz 4b",
            "add {tap}, 8",
            "cmp {tap}, {end}",
            "jne 3b",
            "tilestored [{sums} + {panel_row}*1], tmm0",
            "tilestored [{sums} + {panel_row}*1 + 64], tmm1",
            "tilestored [{sums} + {panel_row}*1 + 2048], tmm2",
            "tilestored [{sums} + {panel_row}*1 + 2112], tmm3",
            accumulate = in(reg) u32::from(product.accumulate),
            sums = in(reg) sums,
            panel_row = in(reg) PANEL_ROW,
            panel = inout(reg) product.panel => _,
            windows = in(reg) windows,
            half = in(reg) ROW_STEP * row,
            row = in(reg) row,
            upper = out(reg) _,
            lower = out(reg) _,
            tap = inout(reg) taps.start => _,
            end = in(reg) taps.end,
            depth = in(reg) (product.depth / DEPTH_STEP) as u32,
            steps = out(reg) _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// # Safety
/// As [`run`], and rows `start..start + 16` of the product.
unsafe fn one_tile(product: &Product<'_>, start: usize) {
    let (windows, row, sums) = block(product, start);
    let taps = product.taps.as_ptr_range();
    // SAFETY: as for `two_tiles`.
    unsafe {
        asm!(
            "test {accumulate:e}, {accumulate:e}",
            "jnz 2f",
            "tilezero tmm0",
            "tilezero tmm1",
            "jmp 3f",
            "2:",
            "tileloadd tmm0, [{sums} + {panel_row}*1]",
            "tileloadd tmm1, [{sums} + {panel_row}*1 + 64]",
            "3:",
            "mov {upper}, qword ptr [{tap}]",
            "lea {upper}, [{windows} + {upper}*2]",
            "mov {steps:e}, {depth:e}",
            "4:",
            "tileloadd tmm6, [{panel} + {panel_row}*1]",
            "tileloadd tmm4, [{upper} + {row}*1]",
            "tileloadd tmm7, [{panel} + {panel_row}*1 + 64]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "add {upper}, 64",
            "add {panel}, 2048",
            "dec {steps:e}",
            "jnz 4b",
            "add {tap}, 8",
            "cmp {tap}, {end}",
            "jne 3b",
            "tilestored [{sums} + {panel_row}*1], tmm0",
            "tilestored [{sums} + {panel_row}*1 + 64], tmm1",
            accumulate = in(reg) u32::from(product.accumulate),
            sums = in(reg) sums,
            panel_row = in(reg) PANEL_ROW,
            panel = inout(reg) product.panel => _,
            windows = in(reg) windows,
            row = in(reg) row,
            upper = out(reg) _,
            tap = inout(reg) taps.start => _,
            end = in(reg) taps.end,
            depth = in(reg) (product.depth / DEPTH_STEP) as u32,
            steps = out(reg) _,
            out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// Runs a product of numbers in three parts, 32 rows at a time.
///
/// # Safety
/// As [`run`].
pub(super) unsafe fn run_split(product: &Product<'_>) {
    debug_assert!(product.rows.is_multiple_of(ROW_STEP) && product.depth.is_multiple_of(DEPTH_STEP));
    debug_assert!(product.depth > 0 && !product.taps.is_empty());
    let mut start = 0;
    while start < product.rows {
        // SAFETY: as in `run`.
        unsafe {
            if product.rows - start >= 2 * ROW_STEP {
                two_tiles_split(product, start);
                start += 2 * ROW_STEP;
            } else {
                one_tile_split(product, start);
                start += ROW_STEP;
            }
        }
    }
}

/// The products are those of [`PRODUCTS`](super::block::PRODUCTS), in their order: each keeps the tiles of one factor.
///
/// # Safety
/// As [`run_split`], and rows `start..start + 32` of the product.
unsafe fn two_tiles_split(product: &Product<'_>, start: usize) {
    let (windows, row, sums) = block(product, start);
    let taps = product.taps.as_ptr_range();
    // SAFETY: a tile is 16 rows of 64 bytes: of windows at `row` bytes from each other, 32 values from the step's first
    // on, which are part of the depth of a tap, in the first plane, the second or the third; of the panel, whose steps are 6,144 bytes,
    // 16 rows of pairs of one of three planes of 2,048 bytes; of sums, 16 rows of half a panel's columns. All these addresses are valid by the
    // caller's promise, as are the taps, each a number of 8 bytes.
    unsafe {
        asm!(
            "test {steps:e}, {steps:e}",
            "jnz 2f",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "jmp 3f",
            "2:",
            "tileloadd tmm0, [{sums} + {panel_row}*1]",
            "tileloadd tmm1, [{sums} + {panel_row}*1 + 64]",
            "tileloadd tmm2, [{sums} + {panel_row}*1 + 2048]",
            "tileloadd tmm3, [{sums} + {panel_row}*1 + 2112]",
            "3:",
            "mov {upper}, qword ptr [{tap}]",
            "lea {upper}, [{windows} + {upper}*2]",
            "lea {lower}, [{upper} + {half}]",
            "mov {steps:e}, {depth:e}",
            "4:",
            "tileloadd tmm6, [{panel} + {panel_row}*1 + 4096]",
            "tileloadd tmm4, [{upper} + {row}*1]",
            "tileloadd tmm7, [{panel} + {panel_row}*1 + 4160]",
            "tileloadd tmm5, [{lower} + {row}*1]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "tileloadd tmm6, [{panel} + {panel_row}*1 + 2048]",
            "tileloadd tmm7, [{panel} + {panel_row}*1 + 2112]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {upper}, {plane}",
            "add {lower}, {plane}",
            "tileloadd tmm4, [{upper} + {row}*1]",
            "tileloadd tmm5, [{lower} + {row}*1]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "tileloadd tmm6, [{panel} + {panel_row}*1]",
            "tileloadd tmm7, [{panel} + {panel_row}*1 + 64]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {upper}, {plane}",
            "add {lower}, {plane}",
            "tileloadd tmm4, [{upper} + {row}*1]",
            "tileloadd tmm5, [{lower} + {row}*1]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "sub {upper}, {plane}",
            "sub {lower}, {plane}",
            "sub {upper}, {plane}",
            "sub {lower}, {plane}",
            "tileloadd tmm4, [{upper} + {row}*1]",
            "tileloadd tmm5, [{lower} + {row}*1]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {upper}, 64",
            "add {lower}, 64",
            "add {panel}, 6144",
            "dec {steps:e}",
            "jnz 4b",
            "add {tap}, 8",
            "cmp {tap}, {end}",
            "jne 3b",
            "tilestored [{sums} + {panel_row}*1], tmm0",
            "tilestored [{sums} + {panel_row}*1 + 64], tmm1",
            "tilestored [{sums} + {panel_row}*1 + 2048], tmm2",
            "tilestored [{sums} + {panel_row}*1 + 2112], tmm3",
            steps = inout(reg) u64::from(product.accumulate) => _,
            sums = in(reg) sums,
            panel_row = in(reg) PANEL_ROW,
            panel = inout(reg) product.panel => _,
            windows = in(reg) windows,
            plane = in(reg) product.window_plane * 2,
            half = in(reg) ROW_STEP * row,
            row = in(reg) row,
            upper = out(reg) _,
            lower = out(reg) _,
            tap = inout(reg) taps.start => _,
            end = in(reg) taps.end,
            depth = in(reg) (product.depth / DEPTH_STEP) as u32,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// # Safety
/// As [`run_split`], and rows `start..start + 16` of the product.
unsafe fn one_tile_split(product: &Product<'_>, start: usize) {
    let (windows, row, sums) = block(product, start);
    let taps = product.taps.as_ptr_range();
    // SAFETY: as for `two_tiles_split`.
    unsafe {
        asm!(
            "test {steps:e}, {steps:e}",
            "jnz 2f",
            "tilezero tmm0",
            "tilezero tmm1",
            "jmp 3f",
            "2:",
            "tileloadd tmm0, [{sums} + {panel_row}*1]",
            "tileloadd tmm1, [{sums} + {panel_row}*1 + 64]",
            "3:",
            "mov {upper}, qword ptr [{tap}]",
            "lea {upper}, [{windows} + {upper}*2]",
            "mov {steps:e}, {depth:e}",
            "4:",
            "tileloadd tmm4, [{upper} + {row}*1]",
            "tileloadd tmm6, [{panel} + {panel_row}*1 + 4096]",
            "tileloadd tmm7, [{panel} + {panel_row}*1 + 4160]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm6, [{panel} + {panel_row}*1 + 2048]",
            "tileloadd tmm7, [{panel} + {panel_row}*1 + 2112]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "add {upper}, {plane}",
            "tileloadd tmm5, [{upper} + {row}*1]",
            "tdpbf16ps tmm0, tmm5, tmm6",
            "tdpbf16ps tmm1, tmm5, tmm7",
            "tileloadd tmm6, [{panel} + {panel_row}*1]",
            "tileloadd tmm7, [{panel} + {panel_row}*1 + 64]",
            "tdpbf16ps tmm0, tmm5, tmm6",
            "tdpbf16ps tmm1, tmm5, tmm7",
            "add {upper}, {plane}",
            "tileloadd tmm5, [{upper} + {row}*1]",
            "tdpbf16ps tmm0, tmm5, tmm6",
            "tdpbf16ps tmm1, tmm5, tmm7",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "sub {upper}, {plane}",
            "sub {upper}, {plane}",
            "add {upper}, 64",
            "add {panel}, 6144",
            "dec {steps:e}",
            "jnz 4b",
            "add {tap}, 8",
            "cmp {tap}, {end}",
            "jne 3b",
            "tilestored [{sums} + {panel_row}*1], tmm0",
            "tilestored [{sums} + {panel_row}*1 + 64], tmm1",
            steps = inout(reg) u64::from(product.accumulate) => _,
            sums = in(reg) sums,
            panel_row = in(reg) PANEL_ROW,
            panel = inout(reg) product.panel => _,
            windows = in(reg) windows,
            plane = in(reg) product.window_plane * 2,
            row = in(reg) row,
            upper = out(reg) _,
            tap = inout(reg) taps.start => _,
            end = in(reg) taps.end,
            depth = in(reg) (product.depth / DEPTH_STEP) as u32,
            out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
