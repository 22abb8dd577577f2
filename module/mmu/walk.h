/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest page walks without a guest: the walker as a function of the paging mode and of two accesses
 * to memory. walk.c gives it a vCPU's, the tests give it an array's.
 */
#ifndef WARREN_MMU_WALK_H
#define WARREN_MMU_WALK_H

#include "mmu.h"

struct wr_slots;

/* struct wr_paging - all that the walk depends on, besides memory */
struct wr_paging {
	u64 cr0, cr3, cr4, efer;
	u64 reserved;			/* address bits past MAXPHYADDR, up to 51 */
	const u64 *pdptr;		/* PAE: four of them */
	u32 pkru;
	bool ac;			/* EFLAGS.AC */
	bool gbpages, pse36;		/* features of the guest's CPU */
	bool amd;			/* reserves G in entries of levels 4 and 5 */
	/* For the accesses */
	struct wr_vm *vm;
	const struct wr_slots *slots;
	struct wr_walk_cache *cache;
	void *data;
};

/*
 * struct wr_walk_ops - access to entries of @size 4 or 8 bytes
 *
 * @read: 0 or a negative error.
 * @update: compare and exchange: 0, 1 when @old was not there any more, or a negative error.
 *
 * -EAGAIN ends the walk with that; other errors mean that there is no memory (-EPERM: none to
 * write).
 */
struct wr_walk_ops {
	int (*read)(const struct wr_paging *p, u64 gpa, u64 *value, u32 size);
	int (*update)(const struct wr_paging *p, u64 gpa, u64 old, u64 new, u32 size);
};

int wr_walk_paging(const struct wr_paging *p, const struct wr_walk_ops *ops, u64 gva, u32 access,
		   struct wr_walk *out);
int wr_pdptrs_check(const u64 *pdptr, u64 reserved);

#endif
