//! Products in AMX tiles.
//!
//! The tiles are reached through inline assembly: their intrinsics are not stable. A tile holds 16 x 16 sums, 16 windows, 32 values
//! deep, or as much of a panel for 16 columns.
//!
//! Only three or four of the eight tiles are used. With 32 x 32 sums in four tiles and their factors in the other four, a product
//! needs a third fewer loads. Even so it is slower while another hardware thread works on the same core: 28 to 33 ns per product with
//! eight tiles, 14 with four. Products of three parts take 25 to 27 ns with eight and 11 with three. While that thread rests, a
//! product takes 7 ns, however many tiles are used. We suspect that both hardware threads share the physical tile registers, so
//! using fewer names leaves more for renaming. `docs/performance/amx.md` has the table.

use std::arch::asm;
use std::arch::x86_64::{__cpuid_count, _MM_HINT_T1, _mm_prefetch};
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

/// Runs a product of bfloat16 values, 16 rows at a time.
///
/// # Safety
/// [`begin`] must have been called on this thread, and [`end`] not since; the rest as [`super::block::run`].
pub(super) unsafe fn run(product: &Product<'_>) {
    check(product);
    for start in (0..product.rows).step_by(ROW_STEP) {
        // SAFETY: rows `start..start + 16` are rows of the product.
        unsafe { tile(product, start) };
    }
}

/// Runs a product of numbers in three parts, 16 rows and 16 columns at a time.
///
/// # Safety
/// As [`run`].
pub(super) unsafe fn run_split(product: &Product<'_>) {
    check(product);
    for start in (0..product.rows).step_by(ROW_STEP) {
        ask_ahead(product, start);
        // SAFETY: rows `start..start + 16` are rows of the product; a panel has twice 16 columns.
        unsafe {
            half_tile_split(product, start, 0);
            half_tile_split(product, start, COLUMNS / 2);
        }
    }
}

fn check(product: &Product<'_>) {
    debug_assert!(product.rows.is_multiple_of(ROW_STEP) && product.depth.is_multiple_of(DEPTH_STEP));
    debug_assert!(product.depth > 0 && !product.taps.is_empty());
}

/// Asks for the part of the next panel that falls to 16 rows of this product.
fn ask_ahead(product: &Product<'_>, start: usize) {
    let len = product.next_len * ROW_STEP / product.rows;
    for line in (start / ROW_STEP * len..(start / ROW_STEP + 1) * len).step_by(64) {
        // SAFETY: a hint, which reads no memory.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(product.next.wrapping_byte_add(line).cast()) };
    }
}

/// What a block reads and writes: its windows, their rows (in bytes) and its sums.
fn block(product: &Product<'_>, start: usize) -> (*const u16, usize, *mut f32) {
    let windows = product.windows.wrapping_add(start * product.window_row);
    (windows, product.window_row * 2, product.sums.wrapping_add(start * COLUMNS))
}

/// # Safety
/// As [`run`], and rows `start..start + 16` of the product.
unsafe fn tile(product: &Product<'_>, start: usize) {
    let (windows, row, sums) = block(product, start);
    let taps = product.taps.as_ptr_range();
    // SAFETY: a tile is 16 rows of 64 bytes: of windows at `row` bytes from each other, 32 values from the step's first
    // on, which are part of the depth of a tap; of the panel, 16 rows of pairs; of sums, 16 rows of half a panel's
    // columns. All these addresses are valid by the caller's promise, as are the taps, each a number of 8 bytes.
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
            "mov {window}, qword ptr [{tap}]",
            "lea {window}, [{windows} + {window}*2]",
            "mov {steps:e}, {depth:e}",
            "4:",
            "tileloadd tmm2, [{window} + {row}*1]",
            "tileloadd tmm3, [{panel} + {panel_row}*1]",
            "tdpbf16ps tmm0, tmm2, tmm3",
            "tileloadd tmm3, [{panel} + {panel_row}*1 + 64]",
            "tdpbf16ps tmm1, tmm2, tmm3",
            "add {window}, 64",
            "add {panel}, 2048",
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
            row = in(reg) row,
            window = out(reg) _,
            tap = inout(reg) taps.start => _,
            end = in(reg) taps.end,
            depth = in(reg) (product.depth / DEPTH_STEP) as u32,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            options(nostack),
        );
    }
}

/// The products are those of [`PRODUCTS`](super::block::PRODUCTS), in their order: each keeps the tile of one factor.
///
/// # Safety
/// As [`run_split`], and rows `start..start + 16` and columns `column..column + 16` of the product.
unsafe fn half_tile_split(product: &Product<'_>, start: usize, column: usize) {
    let (windows, row, sums) = block(product, start);
    let taps = product.taps.as_ptr_range();
    // SAFETY: as for `tile`, with windows in three planes, and steps of the panel, 6,144 bytes, in as many of 2,048.
    unsafe {
        asm!(
            "test {steps:e}, {steps:e}",
            "jnz 2f",
            "tilezero tmm0",
            "jmp 3f",
            "2:",
            "tileloadd tmm0, [{sums} + {panel_row}*1]",
            "3:",
            "mov {high}, qword ptr [{tap}]",
            "lea {high}, [{windows} + {high}*2]",
            "mov {steps:e}, {depth:e}",
            "4:",
            "tileloadd tmm1, [{high} + {row}*1]",
            "tileloadd tmm2, [{panel} + {panel_row}*1 + 4096]",
            "tdpbf16ps tmm0, tmm1, tmm2",
            "tileloadd tmm2, [{panel} + {panel_row}*1 + 2048]",
            "tdpbf16ps tmm0, tmm1, tmm2",
            "lea {part}, [{high} + {plane}]",
            "tileloadd tmm1, [{part} + {row}*1]",
            "tdpbf16ps tmm0, tmm1, tmm2",
            "tileloadd tmm2, [{panel} + {panel_row}*1]",
            "tdpbf16ps tmm0, tmm1, tmm2",
            "add {part}, {plane}",
            "tileloadd tmm1, [{part} + {row}*1]",
            "tdpbf16ps tmm0, tmm1, tmm2",
            "tileloadd tmm1, [{high} + {row}*1]",
            "tdpbf16ps tmm0, tmm1, tmm2",
            "add {high}, 64",
            "add {panel}, 6144",
            "dec {steps:e}",
            "jnz 4b",
            "add {tap}, 8",
            "cmp {tap}, {end}",
            "jne 3b",
            "tilestored [{sums} + {panel_row}*1], tmm0",
            steps = inout(reg) u64::from(product.accumulate) => _,
            sums = in(reg) sums.wrapping_add(column),
            panel_row = in(reg) PANEL_ROW,
            panel = inout(reg) product.panel.wrapping_add(2 * column) => _,
            windows = in(reg) windows,
            plane = in(reg) product.window_plane * 2,
            row = in(reg) row,
            high = out(reg) _,
            part = out(reg) _,
            tap = inout(reg) taps.start => _,
            end = in(reg) taps.end,
            depth = in(reg) (product.depth / DEPTH_STEP) as u32,
            out("tmm0") _, out("tmm1") _, out("tmm2") _,
            options(nostack),
        );
    }
}
