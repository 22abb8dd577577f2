/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What shadow entries are made of, as far as it needs nothing but the guest's registers and entries.
 */
#ifndef WARREN_MMU_SHADOW_RULES_H
#define WARREN_MMU_SHADOW_RULES_H

#include <linux/bits.h>
#include <linux/minmax.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "format.h"
#include "mmu.h"
#include "table.h"

/* Entries of the guest's tables, and of the shadow's: both are the CPU's own */
#define SPTE_P		BIT_ULL(0)
#define SPTE_W		BIT_ULL(1)
#define SPTE_U		BIT_ULL(2)
#define SPTE_CACHE	(BIT_ULL(3) | BIT_ULL(4))
#define SPTE_A_SHIFT	5
#define SPTE_A		BIT_ULL(5)
#define SPTE_D		BIT_ULL(6)
#define SPTE_PS		BIT_ULL(7)
#define SPTE_NX		BIT_ULL(63)

/* Access that all levels down to an entry allow */
#define SHADOW_W	BIT(0)
#define SHADOW_U	BIT(1)
#define SHADOW_X	BIT(2)
#define SHADOW_ALL	(SHADOW_W | SHADOW_U | SHADOW_X)

/* How the guest's entries are read */
enum shadow_mode {
	SHADOW_32,		/* 4 bytes: a table is shadowed in 2 pages, a directory in 4 */
	SHADOW_PAE,
	SHADOW_64,
};

/* union shadow_role - what besides the gfn makes two shadow pages different */
union shadow_role {
	u32 word;
	struct {
		u32 level : 4;
		u32 direct : 1;		/* a piece of a large guest page: no table is behind it */
		u32 quadrant : 2;	/* SHADOW_32: which part of the guest's table */
		u32 access : 3;		/* SHADOW_*: what the levels above allow */
		u32 mode : 2;
		u32 nxe : 1;		/* EFER.NXE */
		u32 pse : 1;		/* SHADOW_32: CR4.PSE */
		u32 wp : 1;		/* CR0.WP */
		u32 smep : 1;		/* CR4.SMEP, where CR0.WP is clear: see shadow_final_rights() */
		u32 smap : 1;		/* CR4.SMAP, likewise */
		u32 unused : 15;
	};
};

/* The role of the roots of a guest that pages */
static inline union shadow_role shadow_root_role(u64 cr0, u64 cr4, u64 efer)
{
	union shadow_role role = { .word = 0 };

	role.access = SHADOW_ALL;
	role.nxe = !!(efer & EFER_NX);
	role.wp = !!(cr0 & X86_CR0_WP);
	role.smep = !role.wp && cr4 & X86_CR4_SMEP;
	role.smap = !role.wp && cr4 & X86_CR4_SMAP;
	role.level = 2;
	if (efer & EFER_LMA) {
		role.mode = SHADOW_64;
		role.level = cr4 & X86_CR4_LA57 ? 5 : 4;
	} else if (cr4 & X86_CR4_PAE) {
		role.mode = SHADOW_PAE;
	} else {
		role.mode = SHADOW_32;
		role.pse = !!(cr4 & X86_CR4_PSE);
	}
	return role;
}

/* Which entry of a shadow page at a level maps an address */
static inline unsigned int shadow_index(u64 gva, int level)
{
	return gva >> (PAGE_SHIFT + 9 * (level - 1)) & (WR_PT_ENTRIES - 1);
}

/* Does an entry that has become @now still allow what the shadow of @then does? A and D only matter where they went away. */
static inline bool shadow_same(u64 then, u64 now)
{
	u64 diff = then ^ now;

	return !(diff & ~(SPTE_A | SPTE_D)) && !(then & diff);
}

static inline u32 shadow_entry_rights(union shadow_role role, u64 value)
{
	u32 rights = 0;

	if (value & SPTE_W)
		rights |= SHADOW_W;
	if (value & SPTE_U)
		rights |= SHADOW_U;
	if (role.mode == SHADOW_32 || !(value & SPTE_NX))
		rights |= SHADOW_X;
	return rights;
}

/* Does the guest's entry map a page? */
static inline bool shadow_is_leaf(union shadow_role role, u64 value)
{
	if (role.level == 1)
		return true;
	if (!(value & SPTE_PS))
		return false;
	if (role.mode == SHADOW_32)
		return role.pse;
	return role.level == 2 || (role.level == 3 && role.mode == SHADOW_64);
}

/* First page that the guest's leaf maps for entry @i of the shadow page; a 4 MiB page has two entries. */
static inline u64 shadow_leaf_gfn(union shadow_role role, unsigned int i, u64 value)
{
	u64 gfn = (value & WR_PT_ADDR_MASK) >> PAGE_SHIFT;

	if (role.level == 1)
		return gfn;
	if (role.mode != SHADOW_32)
		return gfn & ~(wr_pt_pages(role.level) - 1);
	gfn = (value & GENMASK_ULL(31, 22)) | ((value >> 13) & 0xff) << 32;
	return (gfn >> PAGE_SHIFT) + (i & 1 ? wr_pt_pages(2) : 0);
}

/*
 * A supervisor's write to a page that is read-only, with CR0.WP clear: the hardware, which has it set, must let it through. Then no
 * user may have the page, who is not to write; nor, with SMEP, may the supervisor execute it.
 */
static inline u32 shadow_final_rights(union shadow_role role, u32 rights, u32 access)
{
	if (!(access & WR_ACC_WRITE) || access & WR_ACC_USER || rights & SHADOW_W || role.wp)
		return rights;
	if (rights & SHADOW_U && role.smep)
		rights &= ~SHADOW_X;
	return (rights | SHADOW_W) & ~SHADOW_U;
}

/* No fewer rights: nothing that a TLB may still hold is wrong. */
static inline bool shadow_is_widened(u64 old, u64 new)
{
	return old & SPTE_P && !((old ^ new) & (WR_PT_ADDR_MASK | SPTE_CACHE)) && !(old & ~new & (SPTE_W | SPTE_U)) &&
		!(new & ~old & SPTE_NX);
}

/* Which gfns of a chunk lie in a range that meets it, as indices. */
static inline void shadow_chunk_part(unsigned long index, u64 start, u64 end, unsigned int *first, unsigned int *past)
{
	u64 base = (u64)index * WR_PT_ENTRIES;

	*first = start > base ? start - base : 0;
	*past = min_t(u64, end - base, WR_PT_ENTRIES);
}

#endif
