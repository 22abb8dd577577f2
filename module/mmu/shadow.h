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
 * All of it changes under wr_mmu.lock, held for writing. Only INVLPG, and a vCPU that goes back to a root which it has kept, take no
 * lock when nothing is unsync: nothing of the VM changes then, and what was written before the flush was made unsync before.
 *
 * On its way down a fault takes what is present in upper tables that are in sync for what the guest's own say. It can be too little:
 * the walk sets D of a large page's entry and tells nobody, and the host may have written. So where it does not arrive at the page of
 * the walk, or not with the rights, it looks at the guest's entries.
 *
 * With PCIDs a write of CR3 need not be a flush: see wr_shadow_write_cr3().
 *
 * A flush looks at unsync pages below the roots of its vCPU alone. The others' time comes when they are loaded as a root or linked
 * below one: the guest flushes for the one, and shadow_get() looks for the other.
 *
 * The shrinker (shadow_shrink.c) takes pages that were not used lately when the host is short of memory.
 *
 * What a guest can make us hold or do at a time is bounded: the pages by limit(), those that wait for a flush, or to be used again,
 * by MAX_DEAD and MAX_FREE; chunks are of the slots' memory alone and go with it; unsync pages are zapped beyond MAX_UNSYNC, and
 * SYNC_BATCH of them are looked at under one hold of the lock; a list of links grows to about CROWD.
 */
#ifndef WARREN_MMU_SHADOW_H
#define WARREN_MMU_SHADOW_H

#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/xarray.h>

#include "internal.h"
#include "shadow_rules.h"

/* struct shadow_page - one table that the hardware walks */
struct shadow_page {
	struct hlist_node hash;		/* wr_shadow.hash; unhashed: gone, but still some vCPU's root */
	struct list_head lru;		/* wr_shadow.lru, or wr_shadow.dead */
	struct list_head unsync_link;	/* wr_shadow.unsync, empty: in sync */
	struct hlist_head parents;	/* links of the entries that point here */
	u64 gfn;			/* of the guest's table; direct: of the first page that it maps */
	union shadow_role role;
	DECLARE_BITMAP(map, WR_PT_ENTRIES);	/* present entries */
	u8 idle;			/* syncs in a row that found nothing changed */
	bool used;			/* since reclaim came by */
	u32 roots;			/* vCPUs that keep it as a root */
	u64 pass;			/* unsync: wr_shadow.pass when it was last in sync */
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
#define SHADOW_LINK_BYTES	(PAGE_SIZE << SHADOW_LINK_ORDER)

/* struct wr_gfn_chunk - what is known of 512 guest pages; made when first needed */
struct wr_gfn_chunk {
	struct rcu_head rcu;
	DECLARE_BITMAP(tables, WR_PT_ENTRIES);	/* has shadow pages in sync: must not be writable */
	DECLARE_BITMAP(written, WR_PT_ENTRIES);	/* ... and the host has written to it: set without the lock */
	struct hlist_head rmap[WR_PT_ENTRIES];	/* links of the shadow leaves */
};

#define SHADOW_HASH_BITS	10

/* struct wr_shadow - shadow paging of a VM; all under wr_mmu.lock unless said otherwise */
struct wr_shadow {
	struct hlist_head hash[1 << SHADOW_HASH_BITS];	/* by gfn */
	struct list_head lru;		/* the last used first */
	struct list_head unsync;
	struct list_head dead;		/* to be freed after the next flush of all vCPUs */
	struct list_head free;		/* blank, to be used again */
	struct xarray chunks;		/* by gfn / 512; added without the lock, removed with it, read under RCU */
	unsigned long nr;		/* pages hashed; read without the lock by the shrinker */
	unsigned int nr_unsync;		/* read without the lock: are there any? */
	unsigned int nr_dead, nr_free;
	unsigned long max;		/* [A] set by userspace; 0: by the size of the slots */
	u64 pass;			/* flushes of vCPUs, counted */
	u64 seed;			/* [I] of @hash, which no guest can crowd */
	u32 dice;			/* which links are counted, see crowded() */
	bool stale;			/* TLBs may hold more than the reverse maps know */
	struct list_head vms;		/* shrinker's */
	struct wr_vm *vm;		/* [I] */
#ifdef WARREN_CHECKS
	u64 next_check;			/* shadow_check.c: in ns */
#endif
};

/* A mark of wr_shadow.chunks: wr_gfn_chunk.written is not empty. Set without wr_mmu.lock. */
#define CHUNK_WRITTEN	XA_MARK_0

static inline struct hlist_head *shadow_bucket(struct wr_shadow *sh, u64 gfn)
{
	return &sh->hash[hash_64(gfn * sh->seed, SHADOW_HASH_BITS)];
}

/*
 * Whoever looks for what the guest's flush must bring in sync finds nothing. No lock: what is on its way from the mark to the list,
 * or from the list to being in sync, is counted all the way.
 */
static inline bool shadow_is_quiet(struct wr_shadow *sh)
{
	if (xa_marked(&sh->chunks, CHUNK_WRITTEN))
		return false;
	/* The mark before the count, as shadow_sync_written() counts before it takes the mark. */
	smp_rmb();
	/* What was counted last is in sync in the tables that the vCPU is about to use. */
	return !smp_load_acquire(&sh->nr_unsync);
}

static inline void shadow_count_unsync(struct wr_shadow *sh, int more)
{
	/* Fewer only after the entries are dropped: pairs with shadow_is_quiet(). */
	smp_store_release(&sh->nr_unsync, sh->nr_unsync + more);
}

/* The page that an entry of a shadow table points to. */
static inline struct shadow_page *shadow_of_entry(u64 entry)
{
	return (void *)page_private(pfn_to_page((entry & WR_PT_ADDR_MASK) >> PAGE_SHIFT));
}

/* The page that a link is of, and its entry. */
static inline struct shadow_page *shadow_of_link(const struct hlist_node *link, unsigned int *i)
{
	unsigned long base = (unsigned long)link & ~(SHADOW_LINK_BYTES - 1);

	*i = ((unsigned long)link - base) / sizeof(*link);
	return (void *)page_private(virt_to_page((void *)base));
}

/* shadow.c */
int shadow_refill(struct wr_vcpu *vcpu);
struct shadow_page *shadow_find_or_make(struct wr_vcpu *vcpu, u64 gfn, union shadow_role role);
struct shadow_page *shadow_get(struct wr_vcpu *vcpu, u64 gfn, union shadow_role role, struct wr_gather *gather);
void shadow_link(struct wr_shadow *sh, struct shadow_page *parent, unsigned int i, struct shadow_page *child,
		 struct wr_gather *gather);
void shadow_add(struct wr_shadow *sh, struct shadow_page *sp, unsigned int i, u64 entry, struct hlist_head *list,
		struct wr_gather *gather);
void shadow_drop(struct shadow_page *sp, unsigned int i, struct wr_gather *gather);
void shadow_zap_page(struct wr_shadow *sh, struct shadow_page *sp, struct wr_gather *gather);
void shadow_empty(struct shadow_page *sp, struct wr_gather *gather);
void shadow_put_root(struct wr_shadow *sh, struct shadow_page *sp);
unsigned long shadow_reclaim(struct wr_shadow *sh, unsigned long nr, struct wr_gather *gather);
void shadow_unsync_gfn(struct wr_shadow *sh, u64 gfn, u64 pass);
void shadow_make_room(struct wr_vm *vm);
struct wr_gfn_chunk *shadow_chunk(struct wr_shadow *sh, u64 gfn);
void shadow_settle(struct wr_vcpu *vcpu, const struct wr_gather *gather);

void shadow_free_blank(struct wr_shadow *sh);

/* shadow_shrink.c */
void shadow_shrink_add(struct wr_shadow *sh);
void shadow_shrink_remove(struct wr_shadow *sh);

/* shadow_sync.c */
bool shadow_sync_page(struct wr_vcpu *vcpu, struct shadow_page *sp, struct wr_gather *gather);
bool shadow_sync_below(struct wr_vcpu *vcpu, struct shadow_page *const top[4], u64 pass, bool tidy, struct wr_gather *gather);
void shadow_sync_written(struct wr_mmu *mmu);
bool shadow_read_entry(struct wr_vcpu *vcpu, const struct shadow_page *sp, unsigned int i, u64 *value);

/* shadow_check.c: debug builds only */
#ifdef WARREN_CHECKS
void shadow_check_sometimes(struct wr_vm *vm);
#else
static inline void shadow_check_sometimes(struct wr_vm *vm) { }
#endif

static inline bool shadow_is_unsync(const struct shadow_page *sp)
{
	return !list_empty(&sp->unsync_link);
}

#endif
