// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow pages: made, found by gfn and role, linked, and freed; see shadow.h for the rules.
 */
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "backend.h"
#include "compat.h"
#include "shadow.h"

/* Only ever turned on, at load */
DEFINE_STATIC_KEY_FALSE(wr_shadow_key);

#define LINK_BYTES	(PAGE_SIZE << SHADOW_LINK_ORDER)

/* What an entry to a lower table allows: everything, leaves decide. */
#define SPTE_TABLE	(SPTE_P | SPTE_W | SPTE_U | SPTE_A)

/* Pages that one fault may need: a path */
#define PATH_PAGES	WR_PT_MAX_LEVELS

/* Least number of pages, so that those in use at the time are never reclaimed */
#define MIN_PAGES	64
#define RECLAIM_PAGES	16

static_assert(WR_PT_ENTRIES * sizeof(struct hlist_node) == LINK_BYTES);

static struct hlist_head *bucket(struct wr_shadow *sh, u64 gfn)
{
	return &sh->hash[hash_64(gfn, SHADOW_HASH_BITS)];
}

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

/* The page that an entry of a shadow table points to. */
struct shadow_page *shadow_of_entry(u64 entry)
{
	return (void *)page_private(pfn_to_page((entry & WR_PT_ADDR_MASK) >> PAGE_SHIFT));
}

static struct shadow_page *page_of_link(const struct hlist_node *link, unsigned int *i)
{
	unsigned long base = (unsigned long)link & ~(LINK_BYTES - 1);

	*i = ((unsigned long)link - base) / sizeof(*link);
	return (void *)page_private(virt_to_page((void *)base));
}

/* May be NULL: nothing is known of the pages there. The lock is held, or RCU. */
struct wr_gfn_chunk *shadow_chunk(struct wr_shadow *sh, u64 gfn)
{
	return xa_load(&sh->chunks, gfn / WR_PT_ENTRIES);
}

/* Have a chunk for a gfn. 0 or -ENOMEM; may sleep. */
int shadow_chunk_make(struct wr_shadow *sh, u64 gfn)
{
	struct wr_gfn_chunk *chunk;
	int r;

	if (shadow_chunk(sh, gfn))
		return 0;
	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return -ENOMEM;
	r = xa_insert(&sh->chunks, gfn / WR_PT_ENTRIES, chunk, GFP_KERNEL_ACCOUNT);
	if (r)
		kfree(chunk);
	return r == -EBUSY ? 0 : r;
}

/* Have pages for what a vCPU is about to do. 0 or -ENOMEM; may sleep. */
int shadow_topup(struct wr_vcpu *vcpu, int pages)
{
	struct wr_shadow_vcpu *sv = &vcpu->shadow;

	while (sv->nr_spare < pages) {
		struct shadow_page *sp = page_alloc();

		if (!sp)
			return -ENOMEM;
		sv->spare[sv->nr_spare++] = sp;
	}
	return 0;
}

/* Empty an entry. What it owes: see shadow.h, D. */
void shadow_drop(struct shadow_page *sp, unsigned int i, struct wr_gather *gather)
{
	if (!(READ_ONCE(sp->spt[i]) & SPTE_P))
		return;
	WRITE_ONCE(sp->spt[i], 0);
	hlist_del(&sp->link[i]);
	sp->present--;
	gather->flush = true;
}

static void drop_list(struct hlist_head *list, struct wr_gather *gather)
{
	struct shadow_page *sp;
	unsigned int i;

	while (!hlist_empty(list)) {
		sp = page_of_link(list->first, &i);
		shadow_drop(sp, i, gather);
	}
}

/* Make an absent entry point to a page. */
void shadow_link(struct shadow_page *parent, unsigned int i, struct shadow_page *child)
{
	hlist_add_head(&parent->link[i], &child->parents);
	parent->present++;
	WRITE_ONCE(parent->spt[i], __pa(child->spt) | SPTE_TABLE);
}

static bool gfn_in_sync(struct wr_shadow *sh, u64 gfn)
{
	struct shadow_page *sp;

	hlist_for_each_entry(sp, bucket(sh, gfn), hash)
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
	unsigned int i;

	for (i = 0; sp->present && i < WR_PT_ENTRIES; i++)
		shadow_drop(sp, i, gather);
	drop_list(&sp->parents, gather);
	hlist_del_init(&sp->hash);
	list_del_init(&sp->unsync_link);
	sh->nr--;
	gather->flush = true;
	if (!sp->role.direct)
		update_table_bit(sh, sp->gfn);
	if (sp->roots)
		list_del_init(&sp->lru);
	else
		list_move(&sp->lru, &sh->dead);
}

/* The vCPU that had it has not entered since with that root, and flushes before it enters with another. */
void shadow_put_root(struct shadow_page *sp)
{
	if (!--sp->roots && hlist_unhashed(&sp->hash))
		page_free(sp);
}

static unsigned long limit(const struct wr_vm *vm)
{
	unsigned long max = READ_ONCE(vm->mmu.shadow->max);

	/* One page for 32 of the slots, and some */
	if (!max)
		max = READ_ONCE(vm->mmu.max_tables) * (WR_PT_ENTRIES / 32) + 256;
	return max_t(unsigned long, max, MIN_PAGES);
}

/* Take the pages out of use that were not used for longest. */
static unsigned long reclaim(struct wr_shadow *sh, unsigned long nr, struct wr_gather *gather)
{
	struct shadow_page *sp, *next;
	unsigned long done = 0;

	list_for_each_entry_safe_reverse(sp, next, &sh->lru, lru) {
		if (done >= nr)
			break;
		if (sp->roots)
			continue;
		shadow_zap_page(sh, sp, gather);
		done++;
	}
	return done;
}

/**
 * shadow_make_room - before a path is built: none of its pages can be reclaimed under it then
 * @vm: wr_mmu.lock is held for writing
 * @gather: what is owed
 */
void shadow_make_room(struct wr_vm *vm, struct wr_gather *gather)
{
	struct wr_shadow *sh = vm->mmu.shadow;

	if (sh->nr + PATH_PAGES > limit(vm))
		reclaim(sh, RECLAIM_PAGES, gather);
	/* Freed only by a flush */
	if (!list_empty(&sh->dead))
		gather->flush = true;
	if (gather->flush)
		wr_stage2_flush(vm, gather);
}

static struct shadow_page *find(struct wr_shadow *sh, u64 gfn, union shadow_role role)
{
	struct shadow_page *sp;

	hlist_for_each_entry(sp, bucket(sh, gfn), hash)
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

	hlist_for_each_entry(sp, bucket(sh, gfn), hash)
		if (sp->gfn == gfn && shadow_is_unsync(sp))
			return true;
	return false;
}

static struct shadow_page *make(struct wr_vcpu *vcpu, u64 gfn, union shadow_role role)
{
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;
	struct wr_shadow_vcpu *sv = &vcpu->shadow;
	bool hot = !role.direct && gfn_is_unsync(sh, gfn);
	struct shadow_page *sp;

	if (!sv->nr_spare || (!role.direct && !shadow_chunk(sh, gfn))) {
		sv->need_gfn = gfn;
		return NULL;
	}
	sp = sv->spare[--sv->nr_spare];
	sp->gfn = gfn;
	sp->role = role;
	hlist_add_head(&sp->hash, bucket(sh, gfn));
	list_add(&sp->lru, &sh->lru);
	sh->nr++;
	/* A table that is being written to: its other shadow pages are unsync, and this one begins so. */
	if (hot)
		list_add(&sp->unsync_link, &sh->unsync);
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
 * Return: the page; NULL when shadow_topup() and a chunk for vcpu->shadow.need_gfn are needed first.
 */
struct shadow_page *shadow_find_or_make(struct wr_vcpu *vcpu, u64 gfn, union shadow_role role)
{
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;
	struct shadow_page *sp = find(sh, gfn, role);

	if (!sp)
		return make(vcpu, gfn, role);
	list_move(&sp->lru, &sh->lru);
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
	struct shadow_page *sp = shadow_find_or_make(vcpu, gfn, role);

	if (!sp || role.direct)
		return sp;
	shadow_sync_written(&vcpu->vm->mmu);
	if (list_empty(&vcpu->vm->mmu.shadow->unsync))
		return sp;
	if (role.level > 1)
		shadow_sync_all(vcpu, false, gather);
	else if (shadow_is_unsync(sp))
		shadow_sync_page(vcpu, sp, gather);
	return sp;
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
	list_for_each_entry_safe(sp, next, &sh->dead, lru)
		page_free(sp);
	INIT_LIST_HEAD(&sh->dead);
}

/* Which gfns of a chunk lie in a range, as indices. */
static void chunk_part(unsigned long index, u64 start, u64 end, unsigned int *first, unsigned int *past)
{
	u64 base = (u64)index * WR_PT_ENTRIES;

	*first = start > base ? start - base : 0;
	*past = min_t(u64, end - base, WR_PT_ENTRIES);
}

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
	unsigned int i, first, past;
	struct wr_gfn_chunk *chunk;
	unsigned long index;

	owe_stale(sh, gather);
	xa_for_each_range(&sh->chunks, index, chunk, start / WR_PT_ENTRIES, (end - 1) / WR_PT_ENTRIES) {
		chunk_part(index, start, end, &first, &past);
		for (i = first; i < past; i++) {
			drop_list(&chunk->rmap[i], gather);
			/* Other memory may come there. */
			if (test_bit(i, chunk->tables)) {
				set_bit(i, chunk->written);
				WRITE_ONCE(sh->written, true);
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
		sp = page_of_link(link, &i);
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
	unsigned int i, first, past;
	struct wr_gfn_chunk *chunk;
	unsigned long index;

	owe_stale(sh, gather);
	xa_for_each_range(&sh->chunks, index, chunk, start / WR_PT_ENTRIES, (end - 1) / WR_PT_ENTRIES) {
		chunk_part(index, start, end, &first, &past);
		for (i = first; i < past; i++)
			protect_list(&chunk->rmap[i], gather);
	}
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
	unsigned int i, k, first, past;
	struct wr_gfn_chunk *chunk;
	struct hlist_node *link;
	struct shadow_page *sp;
	unsigned long index;
	bool young = false;

	xa_for_each_range(&sh->chunks, index, chunk, start / WR_PT_ENTRIES, (end - 1) / WR_PT_ENTRIES) {
		chunk_part(index, start, end, &first, &past);
		for (i = first; i < past; i++) {
			hlist_for_each(link, &chunk->rmap[i]) {
				sp = page_of_link(link, &k);
				if (!(READ_ONCE(sp->spt[k]) & SPTE_A))
					continue;
				young = true;
				if (clear)
					clear_bit(SPTE_A_SHIFT, (unsigned long *)&sp->spt[k]);
			}
		}
	}
	return young;
}

/**
 * wr_shadow_is_table - does a gfn have shadow pages that must be told of writes?
 * @mmu: wr_mmu.lock is held, either side
 * @gfn: the page
 */
bool wr_shadow_is_table(struct wr_mmu *mmu, u64 gfn)
{
	struct wr_gfn_chunk *chunk = shadow_chunk(mmu->shadow, gfn);

	return chunk && test_bit(gfn % WR_PT_ENTRIES, chunk->tables);
}

/**
 * wr_shadow_unsync - a guest is going to write to a table
 * @mmu: wr_mmu.lock is held for writing
 * @gfn: the table
 */
void wr_shadow_unsync(struct wr_mmu *mmu, u64 gfn)
{
	struct wr_shadow *sh = mmu->shadow;
	struct shadow_page *sp;

	hlist_for_each_entry(sp, bucket(sh, gfn), hash) {
		if (sp->gfn != gfn || sp->role.direct || shadow_is_unsync(sp))
			continue;
		list_add(&sp->unsync_link, &sh->unsync);
		sp->idle = 0;
	}
	update_table_bit(sh, gfn);
}

/**
 * wr_shadow_written - the host has written to guest memory, for the guest
 * @vm: the VM
 * @gfn: the page
 *
 * If that is a table its shadow pages are looked at when the guest next flushes. Context: any.
 */
void wr_shadow_written(struct wr_vm *vm, u64 gfn)
{
	struct wr_shadow *sh = vm->mmu.shadow;
	struct wr_gfn_chunk *chunk;

	rcu_read_lock();
	chunk = shadow_chunk(sh, gfn);
	if (chunk && test_bit(gfn % WR_PT_ENTRIES, chunk->tables)) {
		set_bit(gfn % WR_PT_ENTRIES, chunk->written);
		/* The bit before the flag: pairs with xchg() in shadow_sync_written(). */
		smp_store_release(&sh->written, true);
	}
	rcu_read_unlock();
}

/**
 * wr_shadow_distrust - userspace may have written to tables, which nobody tells us
 * @vm: the VM; the vCPUs look at their tables when they next flush
 */
void wr_shadow_distrust(struct wr_vm *vm)
{
	struct wr_shadow *sh = vm->mmu.shadow;
	struct shadow_page *sp;

	if (!sh)
		return;
	write_lock(&vm->mmu.lock);
	list_for_each_entry(sp, &sh->lru, lru)
		if (!sp->role.direct)
			wr_shadow_unsync(&vm->mmu, sp->gfn);
	write_unlock(&vm->mmu.lock);
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
	xa_init(&sh->chunks);
	mmu->shadow = sh;
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
	list_splice(&sh->lru, &sh->dead);
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
	for (i = 0; i < ARRAY_SIZE(sv->root); i++)
		if (sv->root[i])
			shadow_put_root(sv->root[i]);
	write_unlock(&mmu->lock);
	while (sv->nr_spare)
		page_free(sv->spare[--sv->nr_spare]);
	free_page((unsigned long)sv->pae_root);
}
