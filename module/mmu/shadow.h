/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shadow paging: tables that the hardware walks instead of the guest's own, where there is no nested paging.
 *
 * The tables of stage 2 are kept all the same. They tell which host page a guest page is and whether it may be written, as
 * dirty logging, the notifiers and the slots want it, and unpaged guests run on them directly. A shadow leaf is what both the
 * guest's tables and stage 2 allow:
 *
 *   A  A shadow leaf maps the page that stage 2 maps at its gfn, and is writable only where stage 2's leaf is. Whatever
 *      removes or narrows leaves of stage 2 (table.c) does it to all shadow leaves of the gfn, by the reverse map.
 *   B  A shadow page that is in sync is what the guest's table says, as far as its entries are present: no leaf of stage 2, so no
 *      shadow leaf either, lets the guest write to that table (wr_gfn_chunk.tables).
 *   C  The first write to such a table makes its shadow pages unsync, and goes on at full speed. They are then what a TLB is: they
 *      may hold what the guest's tables said before, until the guest flushes (INVLPG, CR3, ...). At that time the entries are
 *      compared with the table: what has changed is dropped. A table that has not changed for a while is protected again.
 *   D  A translation that the guest has dropped may stay in the hardware's TLBs of vCPUs which did not flush. No reverse map
 *      knows of it: wr_shadow.stale makes the next removal or protection in stage 2 flush them all.
 *
 * All of it changes under wr_mmu.lock, held for writing.
 */
#ifndef WARREN_MMU_SHADOW_H
#define WARREN_MMU_SHADOW_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/xarray.h>

#include "internal.h"

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
		u32 smep : 1;		/* CR4.SMEP, where CR0.WP is clear */
	};
};

/* struct shadow_page - one table that the hardware walks */
struct shadow_page {
	struct hlist_node hash;		/* wr_shadow.hash; unhashed: gone, but still some vCPU's root */
	struct list_head lru;		/* wr_shadow.lru, or wr_shadow.dead */
	struct list_head unsync_link;	/* wr_shadow.unsync, empty: in sync */
	struct hlist_head parents;	/* links of the entries that point here */
	u64 gfn;			/* of the guest's table; direct: of the first page that it maps */
	union shadow_role role;
	u16 present;			/* entries */
	u8 idle;			/* syncs in a row that found nothing changed */
	u32 roots;			/* vCPUs that have it as a root */
	u64 *spt;			/* the table */
	u64 *guest;			/* the guest's entries when those of @spt were made */
	struct hlist_node *link;	/* of each present entry: in the child's @parents, or in the gfn's reverse map */
#ifdef WARREN_CHECKS
	u32 counted;			/* shadow_check.c: vCPUs that it saw with it as a root */
	bool reached;			/* ... from the roots */
	u8 doubts;			/* ... looks in a row that found the guest's table different */
#endif
};

#define SHADOW_LINK_ORDER	1	/* 512 struct hlist_node */

/* struct wr_gfn_chunk - what is known of 512 guest pages; made when first needed */
struct wr_gfn_chunk {
	struct rcu_head rcu;
	DECLARE_BITMAP(tables, WR_PT_ENTRIES);	/* has shadow pages in sync: must not be writable */
	DECLARE_BITMAP(written, WR_PT_ENTRIES);	/* ... and the host has written to it: any context sets it */
	struct hlist_head rmap[WR_PT_ENTRIES];	/* links of the shadow leaves */
};

#define SHADOW_HASH_BITS	10

/* struct wr_shadow - shadow paging of a VM; all under wr_mmu.lock unless said otherwise */
struct wr_shadow {
	struct hlist_head hash[1 << SHADOW_HASH_BITS];	/* by gfn */
	struct list_head lru;		/* the last used first */
	struct list_head unsync;
	struct list_head dead;		/* to be freed after the next flush of all vCPUs */
	struct xarray chunks;		/* by gfn / 512; added without the lock, removed with it, read under RCU */
	unsigned long nr;		/* pages hashed */
	unsigned long max;		/* [A] set by userspace; 0: by the size of the slots */
	bool stale;			/* TLBs may hold more than the reverse maps know */
	bool written;			/* [A] some wr_gfn_chunk.written is not empty */
#ifdef WARREN_CHECKS
	u64 next_check;			/* shadow_check.c: in ns */
#endif
};

/* shadow.c */
int shadow_topup(struct wr_vcpu *vcpu, int pages);
struct shadow_page *shadow_find_or_make(struct wr_vcpu *vcpu, u64 gfn, union shadow_role role);
struct shadow_page *shadow_get(struct wr_vcpu *vcpu, u64 gfn, union shadow_role role, struct wr_gather *gather);
struct shadow_page *shadow_of_entry(u64 entry);
void shadow_link(struct shadow_page *parent, unsigned int i, struct shadow_page *child);
void shadow_drop(struct shadow_page *sp, unsigned int i, struct wr_gather *gather);
void shadow_zap_page(struct wr_shadow *sh, struct shadow_page *sp, struct wr_gather *gather);
void shadow_put_root(struct shadow_page *sp);
void shadow_make_room(struct wr_vm *vm, struct wr_gather *gather);
struct wr_gfn_chunk *shadow_chunk(struct wr_shadow *sh, u64 gfn);
int shadow_chunk_make(struct wr_shadow *sh, u64 gfn);

/* shadow_sync.c */
bool shadow_sync_page(struct wr_vcpu *vcpu, struct shadow_page *sp, struct wr_gather *gather);
void shadow_sync_all(struct wr_vcpu *vcpu, bool tidy, struct wr_gather *gather);
void shadow_sync_written(struct wr_mmu *mmu);
bool shadow_read_entry(struct wr_vcpu *vcpu, const struct shadow_page *sp, unsigned int i, u64 *value);

/* shadow_check.c: debug builds only */
#ifdef WARREN_CHECKS
void shadow_check_sometimes(struct wr_vm *vm);
#else
static inline void shadow_check_sometimes(struct wr_vm *vm) { }
#endif

/* Does an entry that has become @now still allow what the shadow of @then does? A and D only matter where they went away. */
static inline bool shadow_same(u64 then, u64 now)
{
	u64 diff = then ^ now;

	return !(diff & ~(SPTE_A | SPTE_D)) && !(then & diff);
}

static inline bool shadow_is_unsync(const struct shadow_page *sp)
{
	return !list_empty(&sp->unsync_link);
}

#endif
