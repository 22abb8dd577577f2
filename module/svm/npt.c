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
	WR_PT_NATIVE,
};
