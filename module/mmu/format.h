/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page table format as data: the vendor provides one for its stage-2 tables (npt.c, ept.c), so
 * that the code in mmu/ knows no vendor. All formats have 512 entries of 8 bytes a table and the
 * address in bits 12 to 51.
 */
#ifndef WARREN_MMU_FORMAT_H
#define WARREN_MMU_FORMAT_H

#include <linux/bits.h>
#include <linux/types.h>

#define WR_PT_ENTRIES		512
#define WR_PT_ADDR_MASK		GENMASK_ULL(51, 12)

enum wr_pt_memtype {
	WR_MEM_WB,
	WR_MEM_UC,
};

/*
 * struct wr_pt_format
 *
 * Levels count from 1 (4 KiB leaves) up; a leaf at level n maps 1 << (12 + 9 * (n - 1)) bytes.
 */
struct wr_pt_format {
	const char *name;
	u8 levels;		/* of the root: 4 or 5 */
	u8 max_leaf_level;	/* 3 with 1 GiB leaves, 2 without */

	u64 present;		/* any of these bits: the entry is present */
	u64 writable;		/* set in leaves that may be written */
	u64 accessed, dirty;	/* hardware's A and D, 0 where there is none */
	bool dirty_by_log;	/* the hardware logs each 4 KiB page where it sets D, see dirty.c */
	u64 large;		/* marks a leaf above level 1 */
	u64 table;		/* all bits but the address of an entry that points to a table */

	/* Value of a leaf. @pfn in 4 KiB units, aligned for @level. */
	u64 (*make_leaf)(u64 pfn, int level, bool writable, bool executable,
			 enum wr_pt_memtype memtype);
};

/* Software bits: ignored by the hardware in every format, PAE paging's included, which has nothing but addresses up to bit 62. */
/* Write-protected for dirty logging alone: may be made writable without asking the host. */
#define WR_PT_SW_LOGGED		BIT_ULL(11)

u64 wr_pt_native_leaf(u64 pfn, int level, bool writable, bool executable, enum wr_pt_memtype type);

/*
 * Of tables of the CPU's own format, all but the name. Four levels are enough for what 48 bits reach. Entries of tables have A,
 * so that the hardware need not write them, and all rights: leaves decide.
 */
#define WR_PT_NATIVE								\
	.levels = 4,								\
	.max_leaf_level = 3,							\
	.present = _PAGE_PRESENT,						\
	.writable = _PAGE_RW,							\
	.accessed = _PAGE_ACCESSED,						\
	.dirty = _PAGE_DIRTY,							\
	.large = _PAGE_PSE,							\
	.table = _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED,	\
	.make_leaf = wr_pt_native_leaf

static inline bool wr_pt_is_present(const struct wr_pt_format *f, u64 entry)
{
	return entry & f->present;
}

static inline bool wr_pt_is_leaf(const struct wr_pt_format *f, u64 entry, int level)
{
	return level == 1 || (entry & f->large);
}

static inline u64 wr_pt_level_size(int level)
{
	return 1ULL << (12 + 9 * (level - 1));
}

#endif
