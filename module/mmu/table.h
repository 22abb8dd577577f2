/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stage-2 tables as data structure: one iterator, and the few changes that may be made to entries.
 *
 * Nothing here knows a VM, takes a lock or flushes a TLB. Each function says which side of
 * wr_mmu.lock its caller must hold, and reports in struct wr_gather what flush is owed before the
 * lock may be given back.
 *
 * Flushes owed, by change of an entry:
 *
 *   absent -> table, absent -> leaf
 *	none: the hardware caches no absent entries
 *   leaf: becomes writable
 *	none: a write by a stale translation faults again and walks anew
 *   leaf: no longer writable
 *	owed before the caller relies on it (before GET_DIRTY_LOG returns)
 *   leaf -> absent, leaf -> leaf of another page
 *	owed before the page may be reused (before the notifier returns)
 *   leaf -> table (split)
 *	owed at once: a stale large translation would survive a zap of the small entries, of which
 *	none may be present then, so that this zap would owe nothing
 *   table -> absent, table -> leaf
 *	owed before the table's page is freed, even when the table is empty: the hardware caches
 *	pointers to tables
 *   leaf: D cleared, where the hardware logs
 *	as "no longer writable": a stale translation writes without a new entry in the log
 *   leaf: A cleared
 *	none: a stale translation only makes a page look older than it is
 */
#ifndef WARREN_MMU_TABLE_H
#define WARREN_MMU_TABLE_H

#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mm_types.h>

#include "format.h"
#include "mmu.h"

#define WR_PT_MAX_LEVELS	5

/**
 * struct wr_pt_iter - cursor over the entries that map a range of gfns, parents before children
 *
 * Valid while wr_mmu.lock is held, either side.
 */
struct wr_pt_iter {
	const struct wr_pt_format *format;
	u64 *entry;		/* the present entry; NULL: past the end */
	u64 value;		/* what it held when visited; who changes it keeps this true */
	u64 gfn;		/* first gfn under the entry */
	u64 start, end;		/* range that is walked */
	u8 level;		/* of the entry */
	u8 root_level, min_level;
	u64 *table[WR_PT_MAX_LEVELS + 1];	/* table at each level from the present one up */
};

/* struct wr_gather - what a change of tables owes */
struct wr_gather {
	bool flush;		/* every vCPU must drop its translations under this lock */
	struct page *tables;	/* detached tables, for wr_gather_free() after that flush */
};

/* What wr_table_map() did */
enum wr_map {
	WR_MAP_DONE,		/* the access is possible now */
	WR_MAP_RETRY,		/* not by wr_table_map(): the host's mapping changed meanwhile */
	WR_MAP_EXCLUSIVE,	/* something must be removed: take the lock for writing */
	WR_MAP_NO_TABLE,	/* the cache has no page for a table */
	WR_MAP_LIMIT,		/* the VM has all the tables it may have */
};

/* 4 KiB pages that an entry at @level maps */
static inline u64 wr_pt_pages(int level)
{
	return 1ULL << (9 * (level - 1));
}

static inline u64 *wr_pt_table(const struct wr_pt_format *f, u64 value)
{
	return __va(value & WR_PT_ADDR_MASK & ~f->table);
}

static inline bool wr_pt_is_table(const struct wr_pt_format *f, u64 value, int level)
{
	return wr_pt_is_present(f, value) && !wr_pt_is_leaf(f, value, level);
}

static inline void wr_pt_load(struct wr_pt_iter *it)
{
	unsigned int index = it->gfn >> (9 * (it->level - 1)) & (WR_PT_ENTRIES - 1);

	it->entry = &it->table[it->level][index];
	it->value = READ_ONCE(*it->entry);
}

/**
 * wr_pt_start - place the cursor on the root's entry of @start
 * @it: the cursor
 * @mmu: the tables
 * @min_level: entries below this level are not visited
 * @start: first gfn
 * @end: past the last gfn, more than @start
 */
static inline void wr_pt_start(struct wr_pt_iter *it, const struct wr_mmu *mmu, int min_level,
			       u64 start, u64 end)
{
	const struct wr_pt_format *f = mmu->format;

	it->format = f;
	it->root_level = f->levels;
	it->level = f->levels;
	it->min_level = min_level;
	it->start = start;
	it->end = min(end, wr_pt_pages(f->levels + 1));
	it->entry = NULL;
	if (start >= it->end)
		return;
	it->gfn = start & ~(wr_pt_pages(f->levels) - 1);
	it->table[f->levels] = __va(mmu->root);
	wr_pt_load(it);
}

/* One step down; false on leaves, absent entries and at the lowest level asked for. */
static inline bool wr_pt_down(struct wr_pt_iter *it)
{
	if (it->level <= it->min_level || !wr_pt_is_table(it->format, it->value, it->level))
		return false;
	it->level--;
	it->table[it->level] = wr_pt_table(it->format, it->value);
	it->gfn = max(it->gfn, it->start & ~(wr_pt_pages(it->level) - 1));
	wr_pt_load(it);
	return true;
}

void wr_pt_next(struct wr_pt_iter *it);

#define wr_pt_for_each(it, mmu, min_level, start, end)				\
	for (wr_pt_start(it, mmu, min_level, start, end); (it)->entry; wr_pt_next(it))

/* Tables: made, and freed when no CPU can still walk them */
int wr_table_cache_fill(struct wr_table_cache *cache, int nr);
int wr_table_root_init(struct wr_mmu *mmu);
void wr_table_root_free(struct wr_mmu *mmu);
void wr_gather_free(struct wr_mmu *mmu, struct wr_gather *gather, bool may_sleep);

/* Changes */
enum wr_map wr_table_map(struct wr_mmu *mmu, struct wr_table_cache *cache, u64 gfn, int level,
			 u64 leaf, struct wr_gather *gather);
void wr_pt_clear(struct wr_pt_iter *it, struct wr_gather *gather);
void wr_table_zap(struct wr_mmu *mmu, u64 start, u64 end, struct wr_gather *gather);
void wr_table_protect(struct wr_mmu *mmu, u64 start, u64 end, struct wr_gather *gather);
void wr_table_protect_masked(struct wr_mmu *mmu, u64 gfn, unsigned long mask,
			     struct wr_gather *gather);
bool wr_table_unprotect(struct wr_mmu *mmu, u64 gfn);
bool wr_table_age(struct wr_mmu *mmu, u64 start, u64 end, bool clear);
const u64 *wr_table_leaf_entry(const struct wr_mmu *mmu, u64 gfn);
u64 wr_table_leaf(const struct wr_mmu *mmu, u64 gfn);

/* shadow.c, with wr_mmu.shadow: what is done to leaves is done to the shadow leaves of their pages */
void wr_shadow_zap(struct wr_mmu *mmu, u64 start, u64 end, struct wr_gather *gather);
void wr_shadow_protect(struct wr_mmu *mmu, u64 start, u64 end, struct wr_gather *gather);
void wr_shadow_protect_masked(struct wr_mmu *mmu, u64 gfn, unsigned long mask, struct wr_gather *gather);
bool wr_shadow_age(struct wr_mmu *mmu, u64 start, u64 end, bool clear);
const unsigned long *wr_shadow_tables(struct wr_mmu *mmu, u64 gfn);
bool wr_shadow_is_table(struct wr_mmu *mmu, u64 gfn);
void wr_shadow_unsync(struct wr_mmu *mmu, u64 gfn);
void wr_shadow_owe(struct wr_mmu *mmu);
void wr_shadow_flushed(struct wr_mmu *mmu);

#endif
