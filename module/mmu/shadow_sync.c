// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow pages that the guest's tables have left behind, brought up to them again when the guest flushes.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "shadow.h"

/* Syncs without a change after which a table is write-protected again */
#define IDLE_SYNCS	2

/* Pages looked at under one hold of the lock; and of those that the flush does not concern */
#define SYNC_BATCH	64
#define OTHERS		4

/* Links followed to find out whether a page is below a root: beyond that it is taken to be */
#define UP_LINKS	64

static __always_inline unsigned int entry_size(const struct shadow_page *sp)
{
	return sp->role.mode == SHADOW_32 ? 4 : 8;
}

/* Where in the guest's table the entry is that @i shadows: of 4-byte ones a shadow page has a half, or a quarter. */
static __always_inline unsigned int entry_offset(const struct shadow_page *sp, unsigned int i)
{
	if (sp->role.mode != SHADOW_32)
		return i * 8;
	if (sp->role.level == 1)
		return (sp->role.quadrant * WR_PT_ENTRIES + i) * 4;
	return (sp->role.quadrant * WR_PT_ENTRIES + i) / 2 * 4;
}

static bool read_at(unsigned long hva, unsigned int size, u64 *value)
{
	u32 half;
	int r;

	pagefault_disable();
	if (size == 8) {
		r = __get_user(*value, (u64 __user *)hva);
	} else {
		r = __get_user(half, (u32 __user *)hva);
		*value = half;
	}
	pagefault_enable();
	return !r;
}

/**
 * shadow_read_entry - read what the guest's table says
 * @vcpu: on its own thread, inside vm->srcu; current->mm is the VM's
 * @sp: a shadow page of the table
 * @i: index in @sp
 * @value: set
 *
 * Return: false when no memory is there, or not at the time. Context: atomic.
 */
bool shadow_read_entry(struct wr_vcpu *vcpu, const struct shadow_page *sp, unsigned int i, u64 *value)
{
	const struct wr_slot *slot = wr_slot_find_cached(&vcpu->walk_cache, wr_slots(vcpu->vm), sp->gfn);

	return slot && read_at(wr_slot_hva(slot, sp->gfn) + entry_offset(sp, i), entry_size(sp), value);
}

/* The first present entry from @i on of which the table at @hva says something else, or cannot be read; WR_PT_ENTRIES: none. */
static __always_inline unsigned int next_changed(const struct shadow_page *sp, unsigned long hva, unsigned int i, unsigned int size)
{
	const unsigned long *map = sp->map;	/* an array's bounds may be checked, which calls out of line */
	unsigned int word = i / BITS_PER_LONG;
	unsigned long bits;
	u64 value;
	u32 half;

	if (i >= WR_PT_ENTRIES || !user_read_access_begin((const void __user *)hva, PAGE_SIZE))
		return i;
	bits = map[word] & (~0UL << i % BITS_PER_LONG);
	for (;;) {
		while (!bits && ++word < WR_PT_ENTRIES / BITS_PER_LONG)
			bits = map[word];
		i = WR_PT_ENTRIES;
		if (!bits)
			break;
		i = word * BITS_PER_LONG + __ffs(bits);
		bits &= bits - 1;
		if (size == 8) {
			unsafe_get_user(value, (u64 __user *)(hva + i * 8), done);
		} else {
			unsafe_get_user(half, (u32 __user *)(hva + entry_offset(sp, i)), done);
			value = half;
		}
		if (!shadow_same(sp->guest[i], value))
			break;
	}
done:
	user_read_access_end();
	return i;
}

static unsigned int find_changed(const struct shadow_page *sp, unsigned long hva, unsigned int i)
{
	return entry_size(sp) == 8 ? next_changed(sp, hva, i, 8) : next_changed(sp, hva, i, 4);
}

/**
 * shadow_sync_page - drop the entries of which the guest's table says something else by now
 * @vcpu: as for shadow_read_entry(); wr_mmu.lock is held for writing
 * @sp: the shadow page
 * @gather: what is owed
 *
 * Return: was there any? What cannot be read counts as changed.
 */
bool shadow_sync_page(struct wr_vcpu *vcpu, struct shadow_page *sp, struct wr_gather *gather)
{
	const struct wr_slot *slot = wr_slot_find_cached(&vcpu->walk_cache, wr_slots(vcpu->vm), sp->gfn);
	bool changed = false;
	unsigned long hva;
	unsigned int i;

	if (!slot) {
		changed = !bitmap_empty(sp->map, WR_PT_ENTRIES);
		shadow_empty(sp, gather);
		return changed;
	}
	hva = wr_slot_hva(slot, sp->gfn);
	pagefault_disable();
	for (i = find_changed(sp, hva, 0); i < WR_PT_ENTRIES; i = find_changed(sp, hva, i + 1)) {
		shadow_drop(sp, i, gather);
		changed = true;
	}
	pagefault_enable();
	return changed;
}

/**
 * shadow_sync_written - tables that the host wrote to are unsync
 * @mmu: wr_mmu.lock is held for writing
 */
void shadow_sync_written(struct wr_mmu *mmu)
{
	struct wr_shadow *sh = mmu->shadow;
	struct wr_gfn_chunk *chunk;
	unsigned long index;
	unsigned int i;

	if (likely(!xa_marked(&sh->chunks, CHUNK_WRITTEN)))
		return;
	shadow_count_unsync(sh, 1);
	/* Who asks without the lock must find the mark or the count, see shadow_is_quiet(). */
	smp_wmb();
	xa_for_each_marked(&sh->chunks, index, chunk, CHUNK_WRITTEN) {
		/* The mark before the bits, see wr_shadow_written() */
		xa_clear_mark(&sh->chunks, index, CHUNK_WRITTEN);
		for_each_set_bit(i, chunk->written, WR_PT_ENTRIES) {
			clear_bit(i, chunk->written);
			shadow_unsync_gfn(sh, (u64)index * WR_PT_ENTRIES + i, 0);
		}
	}
	shadow_count_unsync(sh, -1);
}

/* Write-protect tables that have not changed for a while. The flush comes before the look that makes them be in sync. */
static void protect_idle(struct wr_vcpu *vcpu, struct list_head *idle, struct wr_gather *gather)
{
	struct wr_mmu *mmu = &vcpu->vm->mmu;
	struct shadow_page *sp, *next;
	struct wr_gather owed = {};

	list_for_each_entry(sp, idle, unsync_link) {
		set_bit(sp->gfn % WR_PT_ENTRIES, shadow_chunk(mmu->shadow, sp->gfn)->tables);
		wr_table_protect_masked(mmu, sp->gfn, 1, &owed);
	}
	wr_stage2_flush(vcpu->vm, &owed);
	list_for_each_entry_safe(sp, next, idle, unsync_link) {
		list_del_init(&sp->unsync_link);
		shadow_sync_page(vcpu, sp, gather);
		shadow_count_unsync(mmu->shadow, -1);
	}
}

/* Is a page one of @top, or below one? Levels bound how deep this goes. */
static bool is_below(const struct shadow_page *sp, struct shadow_page *const top[4], int *links)
{
	const struct hlist_node *link;
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (sp == top[i])
			return true;
	hlist_for_each(link, &sp->parents)
		if (--*links < 0 || is_below(shadow_of_link(link, &i), top, links))
			return true;
	return false;
}

/* What is unsync and has not changed goes to @idle, or away when nobody uses it. */
static void look_again(struct wr_vcpu *vcpu, struct shadow_page *sp, struct list_head *idle, struct wr_gather *gather)
{
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;

	if (shadow_sync_page(vcpu, sp, gather)) {
		sp->idle = 0;
		return;
	}
	if (!idle || ++sp->idle < IDLE_SYNCS)
		return;
	if (!sp->roots && (bitmap_empty(sp->map, WR_PT_ENTRIES) || !shadow_chunk(sh, sp->gfn)))
		shadow_zap_page(sh, sp, gather);
	else if (shadow_chunk(sh, sp->gfn))
		list_move(&sp->unsync_link, idle);
}

/* Pages that no flush concerns any more, a few at a time: without that they would be unsync for ever. */
static void look_at_others(struct wr_vcpu *vcpu, u64 pass, struct list_head *idle, struct wr_gather *gather)
{
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;
	struct shadow_page *sp;
	unsigned int nr = min_t(unsigned int, OTHERS, sh->nr_unsync);

	while (nr-- && !list_empty(&sh->unsync)) {
		sp = list_last_entry(&sh->unsync, struct shadow_page, unsync_link);
		list_move(&sp->unsync_link, &sh->unsync);
		if (sp->pass >= pass)
			continue;
		sp->pass = pass;
		look_again(vcpu, sp, idle, gather);
	}
}

/**
 * shadow_sync_below - bring unsync pages up to the guest's tables
 * @vcpu: as for shadow_read_entry(); wr_mmu.lock is held for writing
 * @top: pages, or NULL: those and what is below them
 * @pass: what has been in sync since wr_shadow.pass was this need not be looked at
 * @tidy: the caller holds on to no shadow page but roots: those that are empty may go, and tables be protected again
 * @gather: what the vCPU's own TLB owes; other vCPUs' owe nothing to the guest, see shadow.h
 *
 * Return: false: there is more than may be done at a time, call again.
 */
bool shadow_sync_below(struct wr_vcpu *vcpu, struct shadow_page *const top[4], u64 pass, bool tidy, struct wr_gather *gather)
{
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;
	struct shadow_page *sp, *next;
	int links, left = SYNC_BATCH;
	bool others = false;
	LIST_HEAD(idle);

	shadow_sync_written(&vcpu->vm->mmu);
	list_for_each_entry_safe(sp, next, &sh->unsync, unsync_link) {
		links = UP_LINKS;
		if (sp->pass >= pass)
			continue;
		if (!is_below(sp, top, &links)) {
			others = true;
			continue;
		}
		if (!left--)
			break;
		sp->pass = pass;
		look_again(vcpu, sp, tidy ? &idle : NULL, gather);
	}
	if (tidy && left >= 0 && others)
		look_at_others(vcpu, pass, &idle, gather);
	if (!list_empty(&idle))
		protect_idle(vcpu, &idle, gather);
	return left >= 0;
}
