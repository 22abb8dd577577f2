// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow pages: made, found by gfn and role, linked, and freed; see shadow.h for the rules.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "backend.h"
#include "compat.h"
#include "shadow.h"

/* Only ever turned on, at load */
DEFINE_STATIC_KEY_FALSE(wr_shadow_key);

/* What an entry to a lower table allows: everything, leaves decide. */
#define SPTE_TABLE	(SPTE_P | SPTE_W | SPTE_U | SPTE_A)

/* Pages that one fault may need: a path */
#define PATH_PAGES	WR_PT_MAX_LEVELS

/* Least number of pages, so that those in use at the time are never reclaimed */
#define MIN_PAGES	64
#define RECLAIM_PAGES	16

/* Bounds, see shadow.h */
#define MAX_FREE	64
#define MAX_DEAD	32
#define MAX_UNSYNC	512
#define CROWD		1024

static_assert(WR_PT_ENTRIES * sizeof(struct hlist_node) == SHADOW_LINK_BYTES);

static void page_free(struct shadow_page *sp)
{
	if (sp->spt)
		set_page_private(virt_to_page(sp->spt), 0);
	if (sp->link)
		set_page_private(virt_to_page(sp->link), 0);
	free_page((unsigned long)sp->spt);
	free_page((unsigned long)sp->guest);
	free_pages((unsigned long)sp->link, SHADOW_LINK_ORDER);
	kfree(sp);
}

static struct shadow_page *page_alloc(void)
{
	struct shadow_page *sp = kzalloc(sizeof(*sp), GFP_KERNEL_ACCOUNT);

	if (!sp)
		return NULL;
	sp->spt = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	sp->guest = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	sp->link = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT, SHADOW_LINK_ORDER);
	if (!sp->spt || !sp->guest || !sp->link) {
		page_free(sp);
		return NULL;
	}
	set_page_private(virt_to_page(sp->spt), (unsigned long)sp);
	set_page_private(virt_to_page(sp->link), (unsigned long)sp);
	INIT_LIST_HEAD(&sp->unsync_link);
	return sp;
}

/* Nobody's any more, and no TLB's: keep it for the next use. All its entries are absent. */
static void page_retire(struct wr_shadow *sh, struct shadow_page *sp)
{
	if (!sh || sh->nr_free >= MAX_FREE) {
		page_free(sp);
		return;
	}
	list_add(&sp->lru, &sh->free);
	sh->nr_free++;
}

static struct shadow_page *page_take(struct wr_vcpu *vcpu)
{
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;
	struct wr_shadow_vcpu *sv = &vcpu->shadow;
	struct shadow_page *sp = list_first_entry_or_null(&sh->free, struct shadow_page, lru);

	if (!sp)
		return sv->nr_spare ? sv->spare[--sv->nr_spare] : NULL;
	list_del(&sp->lru);
	sh->nr_free--;
	return sp;
}

/* May be NULL: nothing is known of the pages there. The lock is held, or RCU. */
struct wr_gfn_chunk *shadow_chunk(struct wr_shadow *sh, u64 gfn)
{
	return xa_load(&sh->chunks, gfn / WR_PT_ENTRIES);
}

/* Is there memory behind a gfn, for longer than until its slot has gone? Inside vm->srcu. */
static bool has_memory(struct wr_vcpu *vcpu, u64 gfn)
{
	const struct wr_slot *slot = wr_slot_find_cached(&vcpu->walk_cache, wr_slots(vcpu->vm), gfn);

	return slot && !(READ_ONCE(slot->flags) & WR_SLOT_DYING);
}

/*
 * Have a chunk for a gfn, if it is memory: who takes a slot away waits for vm->srcu before the chunks go. 0 or -ENOMEM; may sleep.
 */
static int chunk_make(struct wr_vcpu *vcpu, u64 gfn)
{
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;
	struct wr_gfn_chunk *chunk;
	int idx, r = -EBUSY;

	if (shadow_chunk(sh, gfn))
		return 0;
	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return -ENOMEM;
	idx = srcu_read_lock(&vcpu->vm->srcu);
	if (has_memory(vcpu, gfn))
		r = xa_insert(&sh->chunks, gfn / WR_PT_ENTRIES, chunk, GFP_KERNEL_ACCOUNT);
	srcu_read_unlock(&vcpu->vm->srcu, idx);
	if (r)
		kfree(chunk);
	return r == -EBUSY ? 0 : r;
}

/**
 * shadow_refill - have what a vCPU lacked: pages, and a chunk for vcpu->shadow.need_gfn
 * @vcpu: on its own thread
 *
 * Return: 0 or -ENOMEM. Context: may sleep; not under wr_mmu.lock, which the shrinker takes.
 */
int shadow_refill(struct wr_vcpu *vcpu)
{
	struct wr_shadow_vcpu *sv = &vcpu->shadow;

	while (sv->nr_spare < WR_SHADOW_SPARE) {
		struct shadow_page *sp = page_alloc();

		if (!sp)
			return -ENOMEM;
		sv->spare[sv->nr_spare++] = sp;
	}
	return chunk_make(vcpu, sv->need_gfn);
}

/* Empty an entry. What it owes: see shadow.h, D. */
void shadow_drop(struct shadow_page *sp, unsigned int i, struct wr_gather *gather)
{
	if (!(READ_ONCE(sp->spt[i]) & SPTE_P))
		return;
	WRITE_ONCE(sp->spt[i], 0);
	hlist_del(&sp->link[i]);
	__clear_bit(i, sp->map);
	gather->flush = true;
}

/* Empty all entries. */
void shadow_empty(struct shadow_page *sp, struct wr_gather *gather)
{
	unsigned int i;

	for_each_set_bit(i, sp->map, WR_PT_ENTRIES)
		shadow_drop(sp, i, gather);
}

static void drop_list(struct hlist_head *list, struct wr_gather *gather)
{
	struct shadow_page *sp;
	unsigned int i;

	while (!hlist_empty(list)) {
		sp = shadow_of_link(list->first, &i);
		shadow_drop(sp, i, gather);
	}
}

/* Is a list too long to be gone through under the lock? Asked at each addition, looked at now and then, nobody knows when. */
static bool crowded(struct wr_shadow *sh, const struct hlist_head *list)
{
	const struct hlist_node *link;
	unsigned int n = 0;

	if (hlist_empty(list))
		return false;
	sh->dice = sh->dice * 1664525 + 1013904223;
	if (sh->dice >> 26)
		return false;
	hlist_for_each(link, list)
		if (++n > CROWD)
			return true;
	return false;
}

/**
 * shadow_add - make an absent entry present
 * @sh: wr_mmu.lock is held for writing
 * @sp: whose entry
 * @i: its index
 * @entry: its value
 * @list: the reverse map of a leaf's gfn, or the parents of a table
 * @gather: what is owed
 */
void shadow_add(struct wr_shadow *sh, struct shadow_page *sp, unsigned int i, u64 entry, struct hlist_head *list,
		struct wr_gather *gather)
{
	if (crowded(sh, list))
		drop_list(list, gather);
	hlist_add_head(&sp->link[i], list);
	__set_bit(i, sp->map);
	WRITE_ONCE(sp->spt[i], entry);
}

/* Make an absent entry point to a page. */
void shadow_link(struct wr_shadow *sh, struct shadow_page *parent, unsigned int i, struct shadow_page *child,
		 struct wr_gather *gather)
{
	shadow_add(sh, parent, i, __pa(child->spt) | SPTE_TABLE, &child->parents, gather);
}

static void add_unsync(struct wr_shadow *sh, struct shadow_page *sp, u64 pass)
{
	list_add(&sp->unsync_link, &sh->unsync);
	shadow_count_unsync(sh, 1);
	sp->pass = pass;
	sp->idle = 0;
}

static bool gfn_in_sync(struct wr_shadow *sh, u64 gfn)
{
	struct shadow_page *sp;

	hlist_for_each_entry(sp, shadow_bucket(sh, gfn), hash)
		if (sp->gfn == gfn && !sp->role.direct && !shadow_is_unsync(sp))
			return true;
	return false;
}

/* Is no shadow page of the gfn left that must be told of writes? */
static void update_table_bit(struct wr_shadow *sh, u64 gfn)
{
	struct wr_gfn_chunk *chunk = shadow_chunk(sh, gfn);

	if (chunk && test_bit(gfn % WR_PT_ENTRIES, chunk->tables) && !gfn_in_sync(sh, gfn))
		clear_bit(gfn % WR_PT_ENTRIES, chunk->tables);
}

/**
 * shadow_zap_page - take a shadow page out of use
 * @sh: wr_mmu.lock is held for writing
 * @sp: the page; freed after the next flush of all vCPUs, or when it is nobody's root any more
 * @gather: what is owed
 */
void shadow_zap_page(struct wr_shadow *sh, struct shadow_page *sp, struct wr_gather *gather)
{
	shadow_empty(sp, gather);
	drop_list(&sp->parents, gather);
	hlist_del_init(&sp->hash);
	if (shadow_is_unsync(sp)) {
		list_del_init(&sp->unsync_link);
		shadow_count_unsync(sh, -1);
	}
	WRITE_ONCE(sh->nr, sh->nr - 1);
	gather->flush = true;
	if (!sp->role.direct)
		update_table_bit(sh, sp->gfn);
	if (sp->roots) {
		list_del_init(&sp->lru);
	} else {
		list_move(&sp->lru, &sh->dead);
		sh->nr_dead++;
	}
}

/**
 * shadow_put_root - a vCPU keeps a root no longer
 * @sh: wr_mmu.lock is held for writing; NULL: the VM ends
 * @sp: the root; the vCPU has not entered since with it, and flushes before it enters with another
 */
void shadow_put_root(struct wr_shadow *sh, struct shadow_page *sp)
{
	if (--sp->roots || !hlist_unhashed(&sp->hash))
		return;
	if (!sh) {
		page_free(sp);
		return;
	}
	/* Another vCPU may have been walking it as no root but a table. */
	list_add(&sp->lru, &sh->dead);
	sh->nr_dead++;
}

static unsigned long limit(const struct wr_vm *vm)
{
	unsigned long max = READ_ONCE(vm->mmu.shadow->max);

	/* One page for 32 of the slots, and some */
	if (!max)
		max = READ_ONCE(vm->mmu.max_tables) * (WR_PT_ENTRIES / 32) + 256;
	return max_t(unsigned long, max, MIN_PAGES);
}

/**
 * shadow_reclaim - take pages out of use that were not used lately
 * @sh: wr_mmu.lock is held for writing
 * @nr: how many
 * @gather: what is owed
 *
 * What was used since the last visit gets a second chance, roots stay. Return: how many went.
 */
unsigned long shadow_reclaim(struct wr_shadow *sh, unsigned long nr, struct wr_gather *gather)
{
	unsigned long done = 0, looks = 8 * nr;
	struct shadow_page *sp;

	while (done < nr && looks-- && !list_empty(&sh->lru)) {
		sp = list_last_entry(&sh->lru, struct shadow_page, lru);
		if (sp->roots || sp->used) {
			sp->used = false;
			list_move(&sp->lru, &sh->lru);
			continue;
		}
		shadow_zap_page(sh, sp, gather);
		done++;
	}
	return done;
}

/* Free what is kept to be used again. wr_mmu.lock is held for writing. */
void shadow_free_blank(struct wr_shadow *sh)
{
	struct shadow_page *sp, *next;

	list_for_each_entry_safe(sp, next, &sh->free, lru)
		page_free(sp);
	INIT_LIST_HEAD(&sh->free);
	sh->nr_free = 0;
}

/* Too many tables that are written to: those that have been for longest are to be shadowed anew. */
static void trim_unsync(struct wr_shadow *sh, struct wr_gather *gather)
{
	unsigned int i;

	for (i = 0; i < RECLAIM_PAGES && sh->nr_unsync > MAX_UNSYNC; i++)
		shadow_zap_page(sh, list_last_entry(&sh->unsync, struct shadow_page, unsync_link), gather);
}

/**
 * shadow_make_room - before a path is built: none of its pages can be reclaimed under it then
 * @vm: wr_mmu.lock is held for writing
 */
void shadow_make_room(struct wr_vm *vm)
{
	struct wr_shadow *sh = vm->mmu.shadow;
	struct wr_gather gather = {};

	if (unlikely(sh->nr + PATH_PAGES > limit(vm)))
		shadow_reclaim(sh, RECLAIM_PAGES, &gather);
	if (unlikely(sh->nr_unsync > MAX_UNSYNC))
		trim_unsync(sh, &gather);
	/* Nothing that a TLB may still hold is wrong for the guest. */
	if (gather.flush)
		sh->stale = true;
	gather.flush = sh->nr_dead > MAX_DEAD;
	wr_stage2_flush(vm, &gather);
}

static struct shadow_page *find(struct wr_shadow *sh, u64 gfn, union shadow_role role)
{
	struct shadow_page *sp;

	hlist_for_each_entry(sp, shadow_bucket(sh, gfn), hash)
		if (sp->gfn == gfn && sp->role.word == role.word)
			return sp;
	return NULL;
}

/* The gfn gets its first shadow page in sync, or one more: nobody may write to it unnoticed from now on. */
static void begin_sync(struct wr_vm *vm, struct shadow_page *sp)
{
	struct wr_gfn_chunk *chunk = shadow_chunk(vm->mmu.shadow, sp->gfn);
	struct wr_gather gather = {};

	if (test_and_set_bit(sp->gfn % WR_PT_ENTRIES, chunk->tables))
		return;
	wr_table_protect_masked(&vm->mmu, sp->gfn, 1, &gather);
	wr_stage2_flush(vm, &gather);
}

static bool gfn_is_unsync(struct wr_shadow *sh, u64 gfn)
{
	struct shadow_page *sp;

	hlist_for_each_entry(sp, shadow_bucket(sh, gfn), hash)
		if (sp->gfn == gfn && shadow_is_unsync(sp))
			return true;
	return false;
}

static struct shadow_page *make(struct wr_vcpu *vcpu, u64 gfn, union shadow_role role)
{
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;
	bool known = role.direct || shadow_chunk(sh, gfn);
	/* A table that is being written to: its other shadow pages are unsync, and this one begins so; as one where no memory is. */
	bool hot = !known || (!role.direct && gfn_is_unsync(sh, gfn));
	struct shadow_page *sp = NULL;

	if (known || !has_memory(vcpu, gfn))
		sp = page_take(vcpu);
	if (!sp) {
		vcpu->shadow.need_gfn = gfn;
		return NULL;
	}
	sp->gfn = gfn;
	sp->role = role;
	sp->used = true;
	hlist_add_head(&sp->hash, shadow_bucket(sh, gfn));
	list_add(&sp->lru, &sh->lru);
	WRITE_ONCE(sh->nr, sh->nr + 1);
	if (hot)
		add_unsync(sh, sp, 0);
	else if (!role.direct)
		begin_sync(vcpu->vm, sp);
	return sp;
}

/**
 * shadow_find_or_make - a shadow page, not synced if it is there already
 * @vcpu: that wants it, on its own thread; wr_mmu.lock is held for writing
 * @gfn: of the guest's table
 * @role: and how it is used
 *
 * Return: the page; NULL when shadow_refill() is needed first.
 */
struct shadow_page *shadow_find_or_make(struct wr_vcpu *vcpu, u64 gfn, union shadow_role role)
{
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;
	struct shadow_page *sp = find(sh, gfn, role);

	if (!sp)
		return make(vcpu, gfn, role);
	sp->used = true;
	return sp;
}

/**
 * shadow_get - find or make a shadow page that is to be linked
 * @vcpu: as for shadow_find_or_make()
 * @gfn: as there
 * @role: as there
 * @gather: what the vCPU's TLB owes
 *
 * The guest need not flush what it links anew: nothing old may show, in the page or below it.
 */
struct shadow_page *shadow_get(struct wr_vcpu *vcpu, u64 gfn, union shadow_role role, struct wr_gather *gather)
{
	struct shadow_page *sp = shadow_find_or_make(vcpu, gfn, role), *const top[4] = { sp };
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;

	if (!sp || role.direct || shadow_is_quiet(sh))
		return sp;
	/* The host may have written to it while it hung nowhere. */
	shadow_sync_written(&vcpu->vm->mmu);
	/* Too much to look at: it is found anew, fault by fault. */
	if (role.level > 1 && !shadow_sync_below(vcpu, top, ++sh->pass, false, gather))
		shadow_empty(sp, gather);
	else if (role.level == 1 && shadow_is_unsync(sp))
		shadow_sync_page(vcpu, sp, gather);
	return sp;
}

/**
 * wr_shadow_owe - leaves were narrowed, and the flush comes later
 * @mmu: wr_mmu.lock is held for writing
 *
 * Until then TLBs may hold more than the tables say; who protects the guest's tables must not rely on what he finds there.
 */
void wr_shadow_owe(struct wr_mmu *mmu)
{
	mmu->shadow->stale = true;
}

/* Something in the range is removed or protected: so is what other vCPUs' TLBs know of it alone. */
static void owe_stale(const struct wr_shadow *sh, struct wr_gather *gather)
{
	if (sh->stale)
		gather->flush = true;
}

/**
 * wr_shadow_flushed - all vCPUs have been flushed
 * @mmu: wr_mmu.lock is held for writing
 */
void wr_shadow_flushed(struct wr_mmu *mmu)
{
	struct wr_shadow *sh = mmu->shadow;
	struct shadow_page *sp, *next;

	sh->stale = false;
	list_for_each_entry_safe(sp, next, &sh->dead, lru) {
		list_del(&sp->lru);
		page_retire(sh, sp);
	}
	sh->nr_dead = 0;
}

/* Chunks of a range */
#define for_each_chunk(sh, index, chunk, start, end)	\
	xa_for_each_range(&(sh)->chunks, index, chunk, (start) / WR_PT_ENTRIES, ((end) - 1) / WR_PT_ENTRIES)

/**
 * wr_shadow_zap - stage 2 removes its leaves of a range
 * @mmu: wr_mmu.lock is held for writing
 * @start: first gfn
 * @end: past the last gfn
 * @gather: what is owed
 */
void wr_shadow_zap(struct wr_mmu *mmu, u64 start, u64 end, struct wr_gather *gather)
{
	struct wr_shadow *sh = mmu->shadow;
	struct wr_gfn_chunk *chunk;
	unsigned long index;
	unsigned int i, past;

	owe_stale(sh, gather);
	for_each_chunk(sh, index, chunk, start, end) {
		for (shadow_chunk_part(index, start, end, &i, &past); i < past; i++) {
			drop_list(&chunk->rmap[i], gather);
			/* Other memory may come there. */
			if (test_bit(i, chunk->tables)) {
				set_bit(i, chunk->written);
				xa_set_mark(&sh->chunks, index, CHUNK_WRITTEN);
			}
		}
	}
}

static void protect_list(const struct hlist_head *list, struct wr_gather *gather)
{
	const struct hlist_node *link;
	struct shadow_page *sp;
	unsigned int i;

	hlist_for_each(link, list) {
		sp = shadow_of_link(link, &i);
		if (!(READ_ONCE(sp->spt[i]) & SPTE_W))
			continue;
		clear_bit(1, (unsigned long *)&sp->spt[i]);
		gather->flush = true;
	}
}

/**
 * wr_shadow_protect - stage 2 takes the right to write from a range
 * @mmu: wr_mmu.lock is held for writing
 * @start: first gfn
 * @end: past the last gfn
 * @gather: what is owed
 */
void wr_shadow_protect(struct wr_mmu *mmu, u64 start, u64 end, struct wr_gather *gather)
{
	struct wr_shadow *sh = mmu->shadow;
	struct wr_gfn_chunk *chunk;
	unsigned long index;
	unsigned int i, past;

	owe_stale(sh, gather);
	for_each_chunk(sh, index, chunk, start, end)
		for (shadow_chunk_part(index, start, end, &i, &past); i < past; i++)
			protect_list(&chunk->rmap[i], gather);
}

/**
 * wr_shadow_protect_masked - likewise, of single pages
 * @mmu: wr_mmu.lock is held for writing
 * @gfn: of bit 0
 * @mask: which pages
 * @gather: what is owed
 */
void wr_shadow_protect_masked(struct wr_mmu *mmu, u64 gfn, unsigned long mask, struct wr_gather *gather)
{
	struct wr_gfn_chunk *chunk;
	unsigned int i;

	owe_stale(mmu->shadow, gather);
	for_each_set_bit(i, &mask, BITS_PER_LONG) {
		chunk = shadow_chunk(mmu->shadow, gfn + i);
		if (chunk)
			protect_list(&chunk->rmap[(gfn + i) % WR_PT_ENTRIES], gather);
	}
}

static bool age_list(const struct hlist_head *list, bool clear)
{
	const struct hlist_node *link;
	struct shadow_page *sp;
	bool young = false;
	unsigned int i;

	hlist_for_each(link, list) {
		sp = shadow_of_link(link, &i);
		if (!(READ_ONCE(sp->spt[i]) & SPTE_A))
			continue;
		young = true;
		if (clear)
			clear_bit(SPTE_A_SHIFT, (unsigned long *)&sp->spt[i]);
	}
	return young;
}

/**
 * wr_shadow_age - were the pages of a range used?
 * @mmu: wr_mmu.lock is held, either side
 * @start: first gfn
 * @end: past the last gfn
 * @clear: ask for the next time
 */
bool wr_shadow_age(struct wr_mmu *mmu, u64 start, u64 end, bool clear)
{
	struct wr_shadow *sh = mmu->shadow;
	struct wr_gfn_chunk *chunk;
	unsigned long index;
	unsigned int i, past;
	bool young = false;

	for_each_chunk(sh, index, chunk, start, end)
		for (shadow_chunk_part(index, start, end, &i, &past); i < past; i++)
			young |= age_list(&chunk->rmap[i], clear);
	return young;
}

/**
 * wr_shadow_tables - which of 512 gfns have shadow pages that must be told of writes?
 * @mmu: wr_mmu.lock is held, either side
 * @gfn: one of them
 *
 * Return: a bitmap by gfn modulo 512; NULL: none.
 */
const unsigned long *wr_shadow_tables(struct wr_mmu *mmu, u64 gfn)
{
	struct wr_gfn_chunk *chunk = shadow_chunk(mmu->shadow, gfn);

	return chunk ? chunk->tables : NULL;
}

/**
 * wr_shadow_is_table - does a gfn have shadow pages that must be told of writes?
 * @mmu: wr_mmu.lock is held, either side
 * @gfn: the page
 */
bool wr_shadow_is_table(struct wr_mmu *mmu, u64 gfn)
{
	const unsigned long *tables = wr_shadow_tables(mmu, gfn);

	return tables && test_bit(gfn % WR_PT_ENTRIES, tables);
}

/* The shadow pages of a gfn that are in sync are so no more; @pass: of the last flush that need not look at them */
void shadow_unsync_gfn(struct wr_shadow *sh, u64 gfn, u64 pass)
{
	struct shadow_page *sp;

	hlist_for_each_entry(sp, shadow_bucket(sh, gfn), hash)
		if (sp->gfn == gfn && !sp->role.direct && !shadow_is_unsync(sp))
			add_unsync(sh, sp, pass);
	update_table_bit(sh, gfn);
}

/**
 * wr_shadow_unsync - a guest is going to write to a table
 * @mmu: wr_mmu.lock is held for writing
 * @gfn: the table
 */
void wr_shadow_unsync(struct wr_mmu *mmu, u64 gfn)
{
	/* Flushes that have begun by now need not look at it. */
	shadow_unsync_gfn(mmu->shadow, gfn, mmu->shadow->pass);
}

/**
 * wr_shadow_written - the host has written to guest memory, for the guest
 * @vm: the VM
 * @gfn: the page
 *
 * If that is a table its shadow pages are looked at when the guest next flushes. Context: any but interrupts.
 */
void wr_shadow_written(struct wr_vm *vm, u64 gfn)
{
	struct wr_shadow *sh = vm->mmu.shadow;
	struct wr_gfn_chunk *chunk;

	rcu_read_lock();
	chunk = shadow_chunk(sh, gfn);
	if (chunk && test_bit(gfn % WR_PT_ENTRIES, chunk->tables)) {
		set_bit(gfn % WR_PT_ENTRIES, chunk->written);
		/* The bit before the mark, as shadow_sync_written() takes the mark before the bits. */
		xa_set_mark(&sh->chunks, gfn / WR_PT_ENTRIES, CHUNK_WRITTEN);
	}
	rcu_read_unlock();
}

static void unsync_all(struct wr_shadow *sh)
{
	struct wr_gfn_chunk *chunk;
	struct shadow_page *sp;
	unsigned long index;

	list_for_each_entry(sp, &sh->lru, lru)
		if (!sp->role.direct && !shadow_is_unsync(sp))
			add_unsync(sh, sp, 0);
	/* Roots that are out of use are on no list, and have no bit either. */
	xa_for_each(&sh->chunks, index, chunk)
		bitmap_zero(chunk->tables, WR_PT_ENTRIES);
}

/**
 * wr_shadow_distrust - userspace may have written to tables, which nobody tells us
 * @vm: the VM; the vCPUs look at their tables when they next flush
 *
 * Context: may sleep.
 */
void wr_shadow_distrust(struct wr_vm *vm)
{
	struct wr_shadow *sh = vm->mmu.shadow;
	bool more = true;

	if (!sh)
		return;
	write_lock(&vm->mmu.lock);
	unsync_all(sh);
	write_unlock(&vm->mmu.lock);
	while (more) {
		write_lock(&vm->mmu.lock);
		shadow_make_room(vm);
		more = sh->nr_unsync > MAX_UNSYNC;
		write_unlock(&vm->mmu.lock);
		cond_resched();
	}
}

/**
 * wr_shadow_forget - a slot has gone
 * @vm: the VM; slots_lock is held, what the slot mapped is zapped, and nobody maps anything from it any more
 * @slots: that are still there, and the one that goes
 * @slot: the one that goes
 *
 * Chunks in which no other slot has a page are freed. Context: may sleep.
 */
void wr_shadow_forget(struct wr_vm *vm, const struct wr_slots *slots, const struct wr_slot *slot)
{
	unsigned long index, first = slot->gfn / WR_PT_ENTRIES, last = (slot->gfn + slot->npages - 1) / WR_PT_ENTRIES;
	struct wr_shadow *sh = vm->mmu.shadow;
	struct wr_gfn_chunk *chunk;
	unsigned int i;

	xa_for_each_range(&sh->chunks, index, chunk, first, last) {
		if (wr_slots_overlap(slots, (u64)index * WR_PT_ENTRIES, WR_PT_ENTRIES, slot))
			continue;
		write_lock(&vm->mmu.lock);
		for_each_set_bit(i, chunk->tables, WR_PT_ENTRIES)
			shadow_unsync_gfn(sh, (u64)index * WR_PT_ENTRIES + i, 0);
		xa_erase(&sh->chunks, index);
		write_unlock(&vm->mmu.lock);
		kfree_rcu(chunk, rcu);
		cond_resched();
	}
}

/**
 * wr_shadow_set_limit - KVM_SET_NR_MMU_PAGES
 * @vm: the VM
 * @pages: how many shadow pages it may have
 */
void wr_shadow_set_limit(struct wr_vm *vm, unsigned long pages)
{
	if (vm->mmu.shadow)
		WRITE_ONCE(vm->mmu.shadow->max, pages);
}

/**
 * wr_shadow_init - give a new VM what shadow paging needs
 * @mmu: the VM's
 *
 * Return: 0 or -ENOMEM. Context: may sleep.
 */
int wr_shadow_init(struct wr_mmu *mmu)
{
	struct wr_shadow *sh = kvzalloc(sizeof(*sh), GFP_KERNEL_ACCOUNT);

	if (!sh)
		return -ENOMEM;
	INIT_LIST_HEAD(&sh->lru);
	INIT_LIST_HEAD(&sh->unsync);
	INIT_LIST_HEAD(&sh->dead);
	INIT_LIST_HEAD(&sh->free);
	xa_init(&sh->chunks);
	sh->dice = get_random_u32();
	sh->seed = get_random_u64() | 1;
	sh->vm = container_of(mmu, struct wr_vm, mmu);
	mmu->shadow = sh;
	shadow_shrink_add(sh);
	return 0;
}

/**
 * wr_shadow_exit - undo wr_shadow_init()
 * @mmu: no vCPU and no notifier uses it any more
 *
 * Context: may sleep.
 */
void wr_shadow_exit(struct wr_mmu *mmu)
{
	struct wr_shadow *sh = mmu->shadow;
	struct shadow_page *sp, *next;
	struct wr_gfn_chunk *chunk;
	unsigned long index;

	if (!sh)
		return;
	shadow_shrink_remove(sh);
	list_splice(&sh->lru, &sh->dead);
	list_splice(&sh->free, &sh->dead);
	list_for_each_entry_safe(sp, next, &sh->dead, lru) {
		hlist_del_init(&sp->hash);
		/* Roots go with their vCPUs. */
		if (!sp->roots)
			page_free(sp);
	}
	xa_for_each(&sh->chunks, index, chunk)
		kfree(chunk);
	xa_destroy(&sh->chunks);
	kvfree(sh);
	mmu->shadow = NULL;
}

/**
 * wr_shadow_vcpu_free - a vCPU ends: its roots and spare pages
 * @vcpu: does not run any more
 *
 * Context: may sleep.
 */
void wr_shadow_vcpu_free(struct wr_vcpu *vcpu)
{
	struct wr_shadow_vcpu *sv = &vcpu->shadow;
	struct wr_mmu *mmu = &vcpu->vm->mmu;
	int i;

	write_lock(&mmu->lock);
	for (i = 0; i < ARRAY_SIZE(sv->kept); i++)
		if (sv->kept[i])
			shadow_put_root(mmu->shadow, sv->kept[i]);
	write_unlock(&mmu->lock);
	while (sv->nr_spare)
		page_free(sv->spare[--sv->nr_spare]);
	free_page((unsigned long)sv->pae_root);
}
