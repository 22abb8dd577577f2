// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is what shadow.h promises true? For debug builds alone: all shadow pages of a VM against each other, stage 2 and the guest's
 * tables. The rules are written down a second time here, and nothing is used of the code that keeps them.
 *
 * What is not so is a bug of ours, and told by a WARN; nothing is mended.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/timekeeping.h>

#include "backend.h"
#include "shadow.h"

/* Of the time while a VM runs, what looking at it may take: one part in so many */
#define SHARE		20

/* In how many looks in a row a table may differ from its shadow: who writes to it tells after the write. */
#define MAX_DOUBTS	3

/* struct check - one look at a VM; wr_mmu.lock is held for writing */
struct check {
	struct wr_vm *vm;
	struct wr_shadow *sh;
	bool quiet;			/* no vCPU is in KVM_RUN, nobody is writing */
	bool failed;
	unsigned long pages, leaves, links;
};

#define MUST(c, sp, i, cond)								\
	({										\
		bool ok_ = (cond);							\
											\
		if (!ok_)								\
			wrong(c, sp, i, #cond);						\
		ok_;									\
	})

/* Without a page @i is a gfn, or nothing. */
static void wrong(struct check *c, const struct shadow_page *sp, u64 i, const char *what)
{
	bool entry = sp && i < WR_PT_ENTRIES;

	/* One is enough to look for. */
	if (c->failed)
		return;
	c->failed = true;
	WARN(1, "shadow of gfn %#llx, role %#x, entry %lld (%#llx, guest's %#llx): not so: %s\n", sp ? sp->gfn : i,
	     sp ? sp->role.word : 0, entry ? i : -1, entry ? sp->spt[i] : 0, entry ? sp->guest[i] : 0, what);
}

static bool is_present(const struct shadow_page *sp, unsigned int i)
{
	return READ_ONCE(sp->spt[i]) & SPTE_P;
}

/* Does the guest's entry map a large page, or a piece of one? */
static bool is_large(const struct shadow_page *sp, unsigned int i)
{
	if (sp->role.direct)
		return true;
	return sp->role.level > 1 && sp->guest[i] & SPTE_PS && (sp->role.mode != SHADOW_32 || sp->role.pse);
}

/* First page that an entry maps, or the table that it points to. */
static u64 target(const struct shadow_page *sp, unsigned int i)
{
	u64 value = sp->guest[i], pages = wr_pt_pages(sp->role.level);

	if (sp->role.direct)
		return sp->gfn + i * pages;
	if (!is_large(sp, i))
		return (value & WR_PT_ADDR_MASK) >> PAGE_SHIFT;
	if (sp->role.mode == SHADOW_32)
		return ((value >> 22 & 0x3ff) | (value >> 13 & 0xff) << 10) * 1024 + (i & 1) * 512;
	return (value & WR_PT_ADDR_MASK) >> PAGE_SHIFT & ~(pages - 1);
}

/* What the guest's entries down to this one allow. */
static u32 rights_of(const struct shadow_page *sp, unsigned int i)
{
	u64 value = sp->guest[i];
	u32 rights = sp->role.access;

	if (sp->role.direct)
		return rights;
	if (!(value & SPTE_W) || ((sp->role.level == 1 || is_large(sp, i)) && !(value & SPTE_D)))
		rights &= ~SHADOW_W;
	if (!(value & SPTE_U))
		rights &= ~SHADOW_U;
	if (sp->role.mode != SHADOW_32 && value & SPTE_NX)
		rights &= ~SHADOW_X;
	return rights;
}

/* Rule A, and what the guest allows: with CR0.WP clear a supervisor's write needs no right of it, and leaves none to users. */
static void check_leaf(struct check *c, struct shadow_page *sp, unsigned int i)
{
	const struct wr_pt_format *f = c->vm->mmu.format;
	u64 leaf = wr_table_leaf(&c->vm->mmu, target(sp, i)), entry = READ_ONCE(sp->spt[i]);
	u32 rights = rights_of(sp, i);

	c->leaves++;
	MUST(c, sp, i, leaf && (leaf & WR_PT_ADDR_MASK) == (entry & WR_PT_ADDR_MASK));
	MUST(c, sp, i, !(entry & SPTE_W) || leaf & f->writable);
	MUST(c, sp, i, !(entry & SPTE_W) || rights & SHADOW_W || (!sp->role.wp && !(entry & SPTE_U)));
	MUST(c, sp, i, !(entry & SPTE_U) || rights & SHADOW_U);
	MUST(c, sp, i, entry & SPTE_NX || rights & SHADOW_X);
}

static void check_table_entry(struct check *c, struct shadow_page *sp, unsigned int i)
{
	struct shadow_page *child = shadow_of_entry(sp->spt[i]);
	union shadow_role role = sp->role;

	c->links++;
	if (!MUST(c, sp, i, child && __pa(child->spt) == (sp->spt[i] & WR_PT_ADDR_MASK)))
		return;
	role.level--;
	role.direct = is_large(sp, i);
	role.access = rights_of(sp, i);
	role.quadrant = role.mode == SHADOW_32 && !role.direct ? i & 1 : 0;
	MUST(c, sp, i, !hlist_unhashed(&child->hash));
	MUST(c, sp, i, child->role.word == role.word);
	MUST(c, sp, i, child->gfn == target(sp, i));
}

static void check_entry(struct check *c, struct shadow_page *sp, unsigned int i)
{
	MUST(c, sp, i, sp->role.direct || sp->guest[i] & SPTE_P);
	MUST(c, sp, i, !hlist_unhashed(&sp->link[i]));
	if (sp->role.level == 1)
		check_leaf(c, sp, i);
	else
		check_table_entry(c, sp, i);
}

/* Is it hashed by its gfn, and nothing else by the same name? */
static unsigned int same_name(struct check *c, const struct shadow_page *sp)
{
	struct shadow_page *other;
	unsigned int n = 0;

	hlist_for_each_entry(other, shadow_bucket(c->sh, sp->gfn), hash)
		n += other->gfn == sp->gfn && other->role.word == sp->role.word;
	return n;
}

static bool is_marked(struct check *c, u64 gfn)
{
	struct wr_gfn_chunk *chunk = shadow_chunk(c->sh, gfn);

	return chunk && test_bit(gfn % WR_PT_ENTRIES, chunk->tables);
}

static void check_page(struct check *c, struct shadow_page *sp)
{
	unsigned int i;

	c->pages++;
	sp->reached = false;
	MUST(c, sp, WR_PT_ENTRIES, same_name(c, sp) == 1);
	MUST(c, sp, WR_PT_ENTRIES, shadow_of_entry(__pa(sp->spt)) == sp);
	MUST(c, sp, WR_PT_ENTRIES, !sp->role.direct || !shadow_is_unsync(sp));
	MUST(c, sp, WR_PT_ENTRIES, sp->role.direct || shadow_is_unsync(sp) || is_marked(c, sp->gfn));
	for (i = 0; i < WR_PT_ENTRIES; i++) {
		MUST(c, sp, i, is_present(sp, i) == test_bit(i, sp->map));
		if (is_present(sp, i))
			check_entry(c, sp, i);
	}
}

/* Each link is that of an entry which points here: as there are as many, none is missing. */
static void check_parents(struct check *c, struct shadow_page *sp)
{
	struct shadow_page *parent;
	struct hlist_node *link;
	unsigned int i;

	hlist_for_each(link, &sp->parents) {
		parent = shadow_of_link(link, &i);
		c->links--;
		MUST(c, parent, i, !hlist_unhashed(&parent->hash) && parent->role.level == sp->role.level + 1);
		MUST(c, parent, i, is_present(parent, i) && shadow_of_entry(parent->spt[i]) == sp);
	}
}

/* Likewise of leaves; and rule B: no table that must be in sync can be written to. */
static void check_gfn(struct check *c, const struct wr_gfn_chunk *chunk, u64 gfn)
{
	const struct hlist_node *link;
	struct shadow_page *sp;
	unsigned int i;

	hlist_for_each(link, &chunk->rmap[gfn % WR_PT_ENTRIES]) {
		sp = shadow_of_link(link, &i);
		c->leaves--;
		MUST(c, sp, i, !hlist_unhashed(&sp->hash) && sp->role.level == 1);
		MUST(c, sp, i, is_present(sp, i) && target(sp, i) == gfn);
	}
	if (!test_bit(gfn % WR_PT_ENTRIES, chunk->tables))
		return;
	i = 0;
	hlist_for_each_entry(sp, shadow_bucket(c->sh, gfn), hash)
		i += sp->gfn == gfn && !sp->role.direct && !shadow_is_unsync(sp);
	MUST(c, NULL, gfn, i > 0);
	MUST(c, NULL, gfn, !(wr_table_leaf(&c->vm->mmu, gfn) & c->vm->mmu.format->writable));
}

static void check_chunks(struct check *c)
{
	struct wr_gfn_chunk *chunk;
	unsigned long index;
	unsigned int i;

	xa_for_each(&c->sh->chunks, index, chunk)
		for (i = 0; i < WR_PT_ENTRIES; i++)
			check_gfn(c, chunk, (u64)index * WR_PT_ENTRIES + i);
}

static void check_dead(struct check *c, struct shadow_page *sp)
{
	MUST(c, sp, WR_PT_ENTRIES, hlist_unhashed(&sp->hash) && !sp->roots);
	MUST(c, sp, WR_PT_ENTRIES, bitmap_empty(sp->map, WR_PT_ENTRIES) && hlist_empty(&sp->parents) && !shadow_is_unsync(sp));
}

static void check_roots(struct check *c)
{
	struct shadow_page *sp;
	struct wr_vcpu *vcpu;
	unsigned long n;
	unsigned int i;

	list_for_each_entry(sp, &c->sh->lru, lru)
		sp->counted = 0;
	wr_for_each_vcpu(n, vcpu, c->vm)
		for (i = 0; i < ARRAY_SIZE(vcpu->shadow.kept); i++) {
			sp = vcpu->shadow.kept[i];
			if (!sp)
				continue;
			sp->counted++;
			MUST(c, sp, WR_PT_ENTRIES, sp->roots >= 1);
			MUST(c, sp, WR_PT_ENTRIES, !hlist_unhashed(&sp->hash) || bitmap_empty(sp->map, WR_PT_ENTRIES));
		}
	wr_for_each_vcpu(n, vcpu, c->vm)
		for (i = 0; i < ARRAY_SIZE(vcpu->shadow.root); i++) {
			sp = READ_ONCE(vcpu->shadow.root[i]);
			if (!sp)
				continue;
			sp->reached = true;
			MUST(c, sp, WR_PT_ENTRIES, sp->roots >= 1);
			/* A vCPU takes up a root that it has kept without the lock. */
			if (c->quiet && vcpu->shadow.legacy && !vcpu->shadow.direct)
				MUST(c, sp, WR_PT_ENTRIES, (vcpu->shadow.pae_root[i] & WR_PT_ADDR_MASK) == __pa(sp->spt));
		}
	list_for_each_entry(sp, &c->sh->lru, lru)
		MUST(c, sp, WR_PT_ENTRIES, sp->counted == sp->roots);
}

/* The guest's table, by the host's own tables: this need not be the creator's thread. NULL: it is not there at the time. */
static const void *guest_table(struct check *c, u64 gfn)
{
	const struct wr_slot *slot = wr_slot_find(wr_slots(c->vm), gfn);
	struct wr_host_page page;

	if (!slot || !wr_host_walk(c->vm->mm, wr_slot_hva(slot, gfn), false, false, &page))
		return NULL;
	return page.special || !pfn_valid(page.pfn) ? NULL : page_address(pfn_to_page(page.pfn));
}

static u64 guest_entry(const struct shadow_page *sp, const void *table, unsigned int i)
{
	if (sp->role.mode != SHADOW_32)
		return READ_ONCE(((const u64 *)table)[i]);
	i += sp->role.quadrant * WR_PT_ENTRIES;
	return READ_ONCE(((const u32 *)table)[sp->role.level == 2 ? i / 2 : i]);
}

/* An entry that a table has now is what its shadow was made of, but for A and D that came. */
static bool is_as_made(const struct shadow_page *sp, const void *table, unsigned int i)
{
	u64 then = sp->guest[i], now = guest_entry(sp, table, i);

	return !is_present(sp, i) || (then | SPTE_A | SPTE_D) == (now | SPTE_A | SPTE_D);
}

/*
 * Rule B: what is in sync is what the guest's table says. That somebody has written is told after the write, and not at all by
 * a VMM's devices: those write to pages that are tables no longer, which a look that starts from the roots does not meet.
 */
static void check_content(struct check *c, struct shadow_page *sp)
{
	struct wr_gfn_chunk *chunk = shadow_chunk(c->sh, sp->gfn);
	const void *table;
	unsigned int i;

	if (sp->role.direct || shadow_is_unsync(sp) || test_bit(sp->gfn % WR_PT_ENTRIES, chunk->written))
		return;
	table = guest_table(c, sp->gfn);
	for (i = 0; table && i < WR_PT_ENTRIES; i++)
		if (!is_as_made(sp, table, i))
			break;
	if (!table || i == WR_PT_ENTRIES)
		sp->doubts = 0;
	else if (c->quiet || ++sp->doubts >= MAX_DOUBTS)
		wrong(c, sp, i, "the guest's table says the same");
}

static void reach_children(const struct shadow_page *sp)
{
	unsigned int i;

	for (i = 0; i < WR_PT_ENTRIES; i++)
		if (is_present(sp, i))
			shadow_of_entry(sp->spt[i])->reached = true;
}

/* From the roots down */
static void check_reached(struct check *c)
{
	struct shadow_page *sp;
	int level;

	for (level = WR_PT_MAX_LEVELS; level >= 1; level--)
		list_for_each_entry(sp, &c->sh->lru, lru) {
			if (sp->role.level != level || !sp->reached)
				continue;
			check_content(c, sp);
			if (level > 1)
				reach_children(sp);
		}
}

static unsigned long count_hashed(const struct wr_shadow *sh)
{
	struct shadow_page *sp;
	unsigned long n = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sh->hash); i++)
		hlist_for_each_entry(sp, &sh->hash[i], hash)
			n++;
	return n;
}

/* wr_mmu.lock is held for writing, and vm->srcu. */
static void check(struct wr_vm *vm, bool quiet)
{
	struct check c = { .vm = vm, .sh = vm->mmu.shadow, .quiet = quiet };
	struct shadow_page *sp;

	lockdep_assert_held_write(&vm->mmu.lock);
	list_for_each_entry(sp, &c.sh->lru, lru)
		check_page(&c, sp);
	MUST(&c, NULL, 0, c.pages == c.sh->nr && count_hashed(c.sh) == c.sh->nr);
	/* Links of what is wrong by now need not lead anywhere. */
	if (c.failed)
		return;
	list_for_each_entry(sp, &c.sh->lru, lru)
		check_parents(&c, sp);
	check_chunks(&c);
	MUST(&c, NULL, 0, !c.links && !c.leaves);
	list_for_each_entry(sp, &c.sh->dead, lru)
		check_dead(&c, sp);
	check_roots(&c);
	if (!c.failed)
		check_reached(&c);
}

/**
 * shadow_check_sometimes - look for what is not as shadow.h says, as often as it costs little
 * @vm: runs; wr_mmu.lock is held for writing, and vm->srcu
 */
void shadow_check_sometimes(struct wr_vm *vm)
{
	struct wr_shadow *sh = vm->mmu.shadow;
	u64 start = ktime_get_ns();

	if (start < sh->next_check)
		return;
	check(vm, false);
	sh->next_check = ktime_get_ns() + SHARE * (ktime_get_ns() - start);
}

/**
 * wr_shadow_check_end - the same when the creator's memory, or the VM, is about to go
 * @vm: the VM; no vCPU runs any more
 *
 * Context: may sleep.
 */
void wr_shadow_check_end(struct wr_vm *vm)
{
	int idx;

	if (!vm->mmu.shadow)
		return;
	idx = srcu_read_lock(&vm->srcu);
	write_lock(&vm->mmu.lock);
	check(vm, true);
	write_unlock(&vm->mmu.lock);
	srcu_read_unlock(&vm->srcu, idx);
}
