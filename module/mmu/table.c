// SPDX-License-Identifier: GPL-2.0-only
/*
 * The iterator over stage-2 tables and the changes made with it. See table.h for what flush each
 * change owes.
 */
#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "compat.h"
#include "table.h"

/* Go to the next entry of this table, or of the nearest parent that has one. */
static void step_side(struct wr_pt_iter *it)
{
	it->gfn += wr_pt_pages(it->level);
	if (it->gfn >= it->end) {
		it->entry = NULL;
		return;
	}
	while (it->level < it->root_level && !(it->gfn & (wr_pt_pages(it->level + 1) - 1)))
		it->level++;
	wr_pt_load(it);
}

/**
 * wr_pt_next - visit the next entry: the first child of a table, else what comes after
 * @it: the cursor; who has just emptied the entry has set @it->value, so that nothing below is
 *	visited
 */
void wr_pt_next(struct wr_pt_iter *it)
{
	if (!wr_pt_down(it))
		step_side(it);
}
WR_EXPORT_FOR_KUNIT(wr_pt_next);

/**
 * wr_table_cache_fill - have at least @nr pages for tables
 * @cache: a vCPU's
 * @nr: up to WR_TABLE_CACHE_SIZE
 *
 * Return: 0 or -ENOMEM. Context: may sleep.
 */
int wr_table_cache_fill(struct wr_table_cache *cache, int nr)
{
	while (cache->nr < nr) {
		void *page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

		if (!page)
			return -ENOMEM;
		cache->page[cache->nr++] = page;
	}
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_table_cache_fill);

/**
 * wr_table_cache_free - give back the pages of a vCPU that ends
 * @cache: its cache
 */
void wr_table_cache_free(struct wr_table_cache *cache)
{
	while (cache->nr)
		free_page((unsigned long)cache->page[--cache->nr]);
}
WR_EXPORT_FOR_KUNIT(wr_table_cache_free);

/**
 * wr_table_root_init - make the root table
 * @mmu: its format is set
 *
 * Return: 0 or -ENOMEM. Context: may sleep.
 */
int wr_table_root_init(struct wr_mmu *mmu)
{
	void *root = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

	if (!root)
		return -ENOMEM;
	mmu->root = __pa(root);
	atomic_long_set(&mmu->tables, 1);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_table_root_init);

/*
 * Free a table at @level that no CPU can reach, and all below it. As deep as the format has levels.
 */
static void free_tree(struct wr_mmu *mmu, u64 *table, int level, bool may_sleep)
{
	int i;

	for (i = 0; level > 1 && i < WR_PT_ENTRIES; i++)
		if (wr_pt_is_table(mmu->format, table[i], level))
			free_tree(mmu, wr_pt_table(mmu->format, table[i]), level - 1, may_sleep);
	free_page((unsigned long)table);
	atomic_long_dec(&mmu->tables);
	if (may_sleep)
		cond_resched();
}

/**
 * wr_table_root_free - free all tables
 * @mmu: no vCPU and no notifier uses it any more
 *
 * Context: may sleep.
 */
void wr_table_root_free(struct wr_mmu *mmu)
{
	if (mmu->root)
		free_tree(mmu, __va(mmu->root), mmu->format->levels, true);
	mmu->root = 0;
}
WR_EXPORT_FOR_KUNIT(wr_table_root_free);

/*
 * The list of detached tables runs through page_private(), never through the tables: until the
 * flush the hardware may still read them. The low bits of the link hold the level of the table that
 * it hangs on.
 */
static void gather_table(struct wr_gather *gather, u64 *table, int level)
{
	struct page *page = virt_to_page(table);

	BUILD_BUG_ON(__alignof__(struct page) < 8);
	set_page_private(page, (unsigned long)gather->tables | level);
	gather->tables = page;
}

/**
 * wr_gather_free - free the tables that were detached
 * @mmu: whose they were
 * @gather: the flush that it owed has been done
 * @may_sleep: reschedule where that is due
 *
 * Context: as @may_sleep says; needs no lock.
 */
void wr_gather_free(struct wr_mmu *mmu, struct wr_gather *gather, bool may_sleep)
{
	while (gather->tables) {
		struct page *page = gather->tables;
		unsigned long link = page_private(page);

		gather->tables = (struct page *)(link & ~7UL);
		set_page_private(page, 0);
		free_tree(mmu, page_address(page), link & 7, may_sleep);
	}
}
WR_EXPORT_FOR_KUNIT(wr_gather_free);

/**
 * wr_pt_clear - empty an entry; the hardware may still set A and D meanwhile
 * @it: the cursor, at the entry; wr_mmu.lock is held for writing
 * @gather: takes the table, if there was one
 */
void wr_pt_clear(struct wr_pt_iter *it, struct wr_gather *gather)
{
	u64 old = xchg(it->entry, 0);

	it->value = 0;
	if (!wr_pt_is_present(it->format, old))
		return;
	gather->flush = true;
	if (!wr_pt_is_leaf(it->format, old, it->level))
		gather_table(gather, wr_pt_table(it->format, old), it->level - 1);
}

/* Hang an empty table into an absent entry; when another vCPU was faster its table will do. */
static enum wr_map link_table(struct wr_mmu *mmu, struct wr_table_cache *cache,
			      struct wr_pt_iter *it)
{
	u64 old = it->value;
	u64 entry;

	if (!cache->nr)
		return WR_MAP_NO_TABLE;
	if (atomic_long_read(&mmu->tables) >= READ_ONCE(mmu->max_tables))
		return WR_MAP_LIMIT;
	entry = __pa(cache->page[cache->nr - 1]) | it->format->table;
	if (try_cmpxchg(it->entry, &old, entry)) {
		cache->nr--;
		atomic_long_inc(&mmu->tables);
		old = entry;
	}
	it->value = old;
	return WR_MAP_DONE;
}

/* What a 4 KiB or 2 MiB leaf is that maps a piece of @leaf, at @level, with the same rights. */
static u64 piece_of(const struct wr_pt_format *f, u64 leaf, int level)
{
	if (level > 2)
		return leaf;
	leaf &= ~f->large;
	/* The hardware can log these: a clear D instead of a fault. */
	if (f->dirty_by_log && (leaf & WR_PT_SW_LOGGED))
		leaf = (leaf & ~(WR_PT_SW_LOGGED | f->dirty)) | f->writable;
	return leaf;
}

/*
 * Replace a large leaf by a table of leaves of the next level that map the same: with the others' right to read they keep what
 * the host would be asked for. The lock is held for writing.
 */
static enum wr_map split_leaf(struct wr_mmu *mmu, struct wr_table_cache *cache, struct wr_pt_iter *it,
			      struct wr_gather *gather)
{
	u64 piece = piece_of(it->format, it->value, it->level);
	u64 size = wr_pt_level_size(it->level - 1);
	enum wr_map r;
	u64 *table;
	int i;

	if (!cache->nr)
		return WR_MAP_NO_TABLE;
	table = cache->page[cache->nr - 1];
	wr_pt_clear(it, gather);
	r = link_table(mmu, cache, it);
	for (i = 0; r == WR_MAP_DONE && i < WR_PT_ENTRIES; i++)
		WRITE_ONCE(table[i], piece + i * size);
	return r;
}

/* Does @old already allow what @leaf would? Both map the same pages. */
static bool covers(const struct wr_pt_format *f, u64 old, u64 leaf)
{
	u64 rights = f->writable | WR_PT_SW_LOGGED;

	return (old & f->writable) || !(leaf & rights & ~old);
}

static enum wr_map set_leaf(struct wr_mmu *mmu, struct wr_pt_iter *it, u64 leaf, struct wr_gather *gather)
{
	const struct wr_pt_format *f = it->format;
	u64 old = it->value;
	u64 new;

	do {
		new = leaf;
		if (!wr_pt_is_present(f, old))
			continue;
		if (!wr_pt_is_leaf(f, old, it->level) || ((old ^ leaf) & WR_PT_ADDR_MASK)) {
			if (!gather)
				return WR_MAP_EXCLUSIVE;
			if (wr_shadow_of(mmu))
				wr_shadow_zap(mmu, it->gfn, it->gfn + wr_pt_pages(it->level), gather);
			wr_pt_clear(it, gather);
			old = 0;
			continue;
		}
		if (covers(f, old, leaf))
			return WR_MAP_DONE;
		new |= old & (f->accessed | f->dirty);
	} while (!try_cmpxchg(it->entry, &old, new));
	return WR_MAP_DONE;
}

/**
 * wr_table_map - map a page, adding the tables that are missing
 * @mmu: wr_mmu.lock is held, for reading or for writing
 * @cache: pages for tables
 * @gfn: page that the guest wants
 * @level: of the leaf
 * @leaf: value of the leaf, aligned for @level
 * @gather: NULL when the lock is held for reading: then nothing that is present is removed or
 *	narrowed
 *
 * A larger leaf that is there already and allows what @leaf does is left as it is. Absent entries
 * are zero.
 */
enum wr_map wr_table_map(struct wr_mmu *mmu, struct wr_table_cache *cache, u64 gfn, int level,
			 u64 leaf, struct wr_gather *gather)
{
	const struct wr_pt_format *f = mmu->format;
	struct wr_pt_iter it;
	enum wr_map r;

	wr_pt_start(&it, mmu, level, gfn, gfn + 1);
	if (!it.entry)
		return WR_MAP_LIMIT;
	while (it.level > level) {
		if (wr_pt_down(&it))
			continue;
		if (wr_pt_is_present(f, it.value)) {
			if (covers(f, it.value, leaf))
				return WR_MAP_DONE;
			if (!gather)
				return WR_MAP_EXCLUSIVE;
			r = split_leaf(mmu, cache, &it, gather);
		} else {
			r = link_table(mmu, cache, &it);
		}
		if (r != WR_MAP_DONE)
			return r;
	}
	return set_leaf(mmu, &it, leaf, gather);
}
WR_EXPORT_FOR_KUNIT(wr_table_map);

/**
 * wr_table_zap - remove every mapping in a range
 * @mmu: wr_mmu.lock is held for writing
 * @start: first gfn
 * @end: past the last gfn
 * @gather: takes tables that lie wholly in the range; a leaf that lies partly in it goes too
 */
void wr_table_zap(struct wr_mmu *mmu, u64 start, u64 end, struct wr_gather *gather)
{
	struct wr_pt_iter it;

	if (wr_shadow_of(mmu))
		wr_shadow_zap(mmu, start, end, gather);
	wr_pt_for_each(&it, mmu, 1, start, end) {
		bool whole = it.gfn >= start && it.gfn + wr_pt_pages(it.level) <= end;

		if (!wr_pt_is_present(it.format, it.value))
			continue;
		if (whole || wr_pt_is_leaf(it.format, it.value, it.level))
			wr_pt_clear(&it, gather);
	}
}
WR_EXPORT_FOR_KUNIT(wr_table_zap);

/*
 * See to it that the next write to a leaf is noticed: by a fault, or by the hardware's log. Both sides change D atomically: each
 * write that comes after this and the flush sets D again, and is logged.
 */
static void protect_leaf(struct wr_pt_iter *it, struct wr_gather *gather)
{
	const struct wr_pt_format *f = it->format;
	bool by_log = f->dirty_by_log && it->level == 1;
	u64 clear = by_log ? f->dirty : f->writable;
	u64 set = by_log ? 0 : WR_PT_SW_LOGGED;
	u64 old = it->value;

	if (!wr_pt_is_present(f, old) || !wr_pt_is_leaf(f, old, it->level))
		return;
	while (old & clear) {
		if (!try_cmpxchg(it->entry, &old, (old & ~clear) | set))
			continue;
		gather->flush = true;
		break;
	}
}

/**
 * wr_table_protect - take the right to write from every leaf in a range, and note that it may be
 * given back; or D, from 4 KiB leaves where the hardware logs
 * @mmu: wr_mmu.lock is held for writing
 * @start: first gfn
 * @end: past the last gfn
 * @gather: says whether a flush is owed
 */
void wr_table_protect(struct wr_mmu *mmu, u64 start, u64 end, struct wr_gather *gather)
{
	struct wr_pt_iter it;

	if (wr_shadow_of(mmu))
		wr_shadow_protect(mmu, start, end, gather);
	wr_pt_for_each(&it, mmu, 1, start, end)
		protect_leaf(&it, gather);
}
WR_EXPORT_FOR_KUNIT(wr_table_protect);

/**
 * wr_table_protect_masked - the same for single pages, as one word of a dirty bitmap has them
 * @mmu: wr_mmu.lock is held for writing
 * @gfn: of bit 0
 * @mask: not zero
 * @gather: says whether a flush is owed
 *
 * Of a larger leaf, which a log that began as all set leaves writable, all is protected.
 */
void wr_table_protect_masked(struct wr_mmu *mmu, u64 gfn, unsigned long mask,
			     struct wr_gather *gather)
{
	struct wr_pt_iter it;

	if (wr_shadow_of(mmu))
		wr_shadow_protect_masked(mmu, gfn, mask, gather);
	wr_pt_for_each(&it, mmu, 1, gfn + __ffs(mask), gfn + __fls(mask) + 1)
		if (it.level > 1 || (mask & BIT(it.gfn - gfn)))
			protect_leaf(&it, gather);
}
WR_EXPORT_FOR_KUNIT(wr_table_protect_masked);

/**
 * wr_table_unprotect - give the right to write back to a 4 KiB leaf that lost it for dirty logging
 * alone
 * @mmu: wr_mmu.lock is held for reading
 * @gfn: the page
 *
 * Return: true when the page is writable now; the caller marks it in the log under the same hold of
 * the lock.
 */
bool wr_table_unprotect(struct wr_mmu *mmu, u64 gfn)
{
	const struct wr_pt_format *f = mmu->format;
	struct wr_pt_iter it;
	u64 old;

	wr_pt_start(&it, mmu, 1, gfn, gfn + 1);
	if (!it.entry)
		return false;
	while (wr_pt_down(&it))
		;
	if (it.level > 1)
		return false;
	old = it.value;
	while (wr_pt_is_present(f, old) && (old & WR_PT_SW_LOGGED))
		if (try_cmpxchg(it.entry, &old, (old & ~WR_PT_SW_LOGGED) | f->writable))
			return true;
	return wr_pt_is_present(f, old) && (old & f->writable);
}
WR_EXPORT_FOR_KUNIT(wr_table_unprotect);

/**
 * wr_table_leaf_entry - where the 4 KiB leaf of a page is
 * @mmu: wr_mmu.lock is held, either side
 * @gfn: the page
 *
 * Return: the entry; NULL: there is no leaf. As long as the lock is held for writing it stays, unless the holder removes it.
 */
const u64 *wr_table_leaf_entry(const struct wr_mmu *mmu, u64 gfn)
{
	struct wr_pt_iter it;

	wr_pt_start(&it, mmu, 1, gfn, gfn + 1);
	if (!it.entry)
		return NULL;
	while (wr_pt_down(&it))
		;
	return it.level == 1 && wr_pt_is_present(mmu->format, it.value) ? it.entry : NULL;
}

/**
 * wr_table_leaf - the 4 KiB leaf of a page
 * @mmu: wr_mmu.lock is held, either side
 * @gfn: the page
 *
 * Return: its value, 0: there is none.
 */
u64 wr_table_leaf(const struct wr_mmu *mmu, u64 gfn)
{
	const u64 *entry = wr_table_leaf_entry(mmu, gfn);

	return entry ? READ_ONCE(*entry) : 0;
}

/**
 * wr_table_age - were pages in a range used, and forget it
 * @mmu: wr_mmu.lock is held for reading; its format has an A bit
 * @start: first gfn
 * @end: past the last gfn
 * @clear: forget
 *
 * Return: true when a leaf has A set.
 */
bool wr_table_age(struct wr_mmu *mmu, u64 start, u64 end, bool clear)
{
	const struct wr_pt_format *f = mmu->format;
	struct wr_pt_iter it;
	bool young = wr_shadow_of(mmu) && wr_shadow_age(mmu, start, end, clear);

	wr_pt_for_each(&it, mmu, 1, start, end) {
		u64 old = it.value;

		if (!wr_pt_is_present(f, old) || !wr_pt_is_leaf(f, old, it.level))
			continue;
		if (!(old & f->accessed))
			continue;
		young = true;
		if (!clear)
			return true;
		while (wr_pt_is_present(f, old) && (old & f->accessed) &&
		       !try_cmpxchg(it.entry, &old, old & ~f->accessed))
			;
	}
	return young;
}
WR_EXPORT_FOR_KUNIT(wr_table_age);
