// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V's nested page tables: the x86-64 long mode format, walked as user accesses.
 */
#include <linux/pgtable.h>

#include "../mmu/format.h"
#include "svm.h"

/* The walk has as many levels as the host's own paging: svm_probe() raises it to 5 where the host uses 5. */
struct wr_pt_format svm_npt_format __ro_after_init = {
	.name = "npt",
	.levels = 4,
	.max_leaf_level = 3,
	.present = _PAGE_PRESENT,
	.writable = _PAGE_RW,
	.accessed = _PAGE_ACCESSED,
	.dirty = _PAGE_DIRTY,
	.large = _PAGE_PSE,
	/* Accessed, so that the hardware need not write tables; all rights: leaves decide. */
	.table = _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED,
	.make_leaf = wr_pt_native_leaf,
};
