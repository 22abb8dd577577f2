// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow paging as a vCPU meets it: its root, page faults, and the guest's flushes.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "backend.h"
#include "compat.h"
#include "shadow.h"
#include "state.h"

#define MAX_TRIES	16

/* Leaves that one fault makes, at most: a cache line of the table; and of a large page of the guest's, one to its kernel */
#define NEIGHBOURS	8
#define PIECES		64

/* What became of an attempt to map */
enum map_result {
	MAP_DONE,
	MAP_AGAIN,		/* the guest's tables have changed: it tries again by itself */
	MAP_STAGE2,		/* stage 2 does not have the page, or not so */
	MAP_SPARE,		/* shadow_refill() */
};

/* struct shadow_path - a fault under way */
struct shadow_path {
	u64 gva, gpa;
	u32 access;		/* WR_ACC_* */
	bool asked;		/* for this page, and not for one near it: else the hardware says when it is used */
	const u64 *stage2;	/* leaf of @gpa */
	struct shadow_page *sp;	/* present level */
	unsigned int i;		/* present entry of it */
	u32 rights;		/* SHADOW_*: what all entries down to here allow */
	u64 gfn;		/* what the present entry points to: a table, or the page */
	bool leaf;		/* it is, or lies in, a page */
	u64 value;		/* the guest's entry */
};

/* Bits that the walker takes exception to. Those of a large page's address are left out of shadow_leaf_gfn(). */
static u64 shadow_reserved(const struct wr_vcpu *vcpu, union shadow_role role, u64 value)
{
	u64 reserved = vcpu->cpuid.reserved_gpa_bits | (role.nxe ? 0 : SPTE_NX);

	if (role.mode == SHADOW_32)
		return 0;
	if (role.mode == SHADOW_PAE)
		reserved |= GENMASK_ULL(62, 52);
	return role.level > 2 && !shadow_is_leaf(role, value) ? reserved | SPTE_PS : reserved;
}

/* What an entry of the guest's allows, and what it points to. */
static void take_entry(struct shadow_path *path, u64 value)
{
	const struct shadow_page *sp = path->sp;

	path->value = value;
	path->rights = sp->role.access & shadow_entry_rights(sp->role, value);
	path->leaf = shadow_is_leaf(sp->role, value);
	path->gfn = (value & WR_PT_ADDR_MASK) >> PAGE_SHIFT;
	if (!path->leaf)
		return;
	path->gfn = shadow_leaf_gfn(sp->role, path->i, value);
	/* The first write must be seen: it sets D. */
	if (!(value & SPTE_D))
		path->rights &= ~SHADOW_W;
}

static void take_piece(struct shadow_path *path)
{
	path->gfn = path->sp->gfn + path->i * wr_pt_pages(path->sp->role.level);
	path->rights = path->sp->role.access;
	path->leaf = true;
}

/* Take over what the entry at the present level says. */
static enum map_result look(struct wr_vcpu *vcpu, struct shadow_path *path)
{
	struct shadow_page *sp = path->sp;
	u64 value;

	path->i = shadow_index(path->gva, sp->role.level);
	if (sp->role.direct) {
		take_piece(path);
		return MAP_DONE;
	}
	if (!shadow_read_entry(vcpu, sp, path->i, &value))
		return MAP_AGAIN;
	/* What the walk has not seen: it will, and the guest gets its fault. */
	if (!(value & SPTE_P) || value & shadow_reserved(vcpu, sp->role, value))
		return MAP_AGAIN;
	/*
	 * The walk has set A, and D for a write. Where they are not, the table is in a ROM, or the guest has taken them away again:
	 * then this is as if the hardware had used the entry before, and the next flush finds the difference.
	 */
	value |= SPTE_A;
	if (path->access & WR_ACC_WRITE && shadow_is_leaf(sp->role, value))
		value |= SPTE_D;
	take_entry(path, value);
	return MAP_DONE;
}

static union shadow_role child_role(const struct shadow_path *path)
{
	union shadow_role role = path->sp->role;

	role.level--;
	role.access = path->rights;
	role.direct = path->leaf;
	role.quadrant = 0;
	if (role.mode == SHADOW_32 && !path->leaf)
		role.quadrant = path->i & 1;
	return role;
}

/* One level down, where the entry points to. */
static enum map_result step_down(struct wr_vcpu *vcpu, struct shadow_path *path, struct wr_gather *gather)
{
	union shadow_role role = child_role(path);
	struct shadow_page *sp = path->sp, *child = NULL;
	u64 entry = READ_ONCE(sp->spt[path->i]);

	if (entry & SPTE_P)
		child = shadow_of_entry(entry);
	if (!child || child->gfn != path->gfn || child->role.word != role.word) {
		child = shadow_get(vcpu, path->gfn, role, gather);
		if (!child)
			return MAP_SPARE;
		shadow_drop(sp, path->i, gather);
		shadow_link(vcpu->vm->mmu.shadow, sp, path->i, child, gather);
	}
	child->used = true;
	sp->guest[path->i] = path->value;
	path->sp = child;
	return MAP_DONE;
}

static u64 make_entry(const struct shadow_path *path, u64 leaf, bool writable)
{
	u32 rights = shadow_final_rights(path->sp->role, path->rights, path->access);
	u64 entry = (leaf & (WR_PT_ADDR_MASK | SPTE_CACHE)) | SPTE_P | (path->asked ? SPTE_A : 0);

	if (rights & SHADOW_W && writable)
		entry |= SPTE_W | SPTE_D;
	if (rights & SHADOW_U)
		entry |= SPTE_U;
	if (!(rights & SHADOW_X))
		entry |= SPTE_NX;
	return entry;
}

/* A neighbour of a leaf that has just been made: only what the hardware could use without setting a bit in the guest's table. */
static void map_neighbour(struct wr_vcpu *vcpu, struct shadow_path *near, u64 like, struct wr_gather *gather)
{
	struct wr_mmu *mmu = &vcpu->vm->mmu;
	struct shadow_page *sp = near->sp;
	struct wr_gfn_chunk *chunk;
	u64 value, leaf;

	/* With the same bits on top as an entry that the walk has passed none of them is reserved. */
	if (!shadow_read_entry(vcpu, sp, near->i, &value) || ~value & (SPTE_P | SPTE_A) ||
	    (value ^ like) & ~(WR_PT_ADDR_MASK | (PAGE_SIZE - 1)))
		return;
	take_entry(near, value);
	chunk = shadow_chunk(mmu->shadow, near->gfn);
	leaf = chunk ? wr_table_leaf(mmu, near->gfn) : 0;
	if (!leaf)
		return;
	sp->guest[near->i] = near->value;
	shadow_add(mmu->shadow, sp, near->i, make_entry(near, leaf, leaf & mmu->format->writable),
		   &chunk->rmap[near->gfn % WR_PT_ENTRIES], gather);
}

static void map_neighbours(struct wr_vcpu *vcpu, const struct shadow_path *path, struct wr_gather *gather)
{
	struct shadow_path near = { .sp = path->sp, .value = path->value };
	unsigned int first = round_down(path->i, NEIGHBOURS);

	for (near.i = first; near.i < first + NEIGHBOURS; near.i++)
		if (!(path->sp->spt[near.i] & SPTE_P))
			map_neighbour(vcpu, &near, path->value, gather);
}

/* Pieces of a large page, as far as stage 2 has them: all that is asked of the 512 pages there lies in one row. */
static void map_pieces(struct wr_mmu *mmu, const struct shadow_path *path, struct wr_gfn_chunk *chunk, struct wr_gather *gather)
{
	const u64 *stage2 = path->stage2 - path->i;
	struct shadow_path near = *path;
	struct shadow_page *sp = path->sp;
	u64 leaf;

	near.access = 0;
	near.asked = false;
	near.i = round_down(path->i, PIECES);
	for (; near.i < round_down(path->i, PIECES) + PIECES; near.i++) {
		leaf = READ_ONCE(stage2[near.i]);
		if (sp->spt[near.i] & SPTE_P || !wr_pt_is_present(mmu->format, leaf))
			continue;
		sp->guest[near.i] = path->value;
		shadow_add(mmu->shadow, sp, near.i, make_entry(&near, leaf, leaf & mmu->format->writable),
			   &chunk->rmap[near.i], gather);
	}
}

static enum map_result set_leaf(struct wr_vcpu *vcpu, struct shadow_path *path, struct wr_gather *gather)
{
	struct wr_mmu *mmu = &vcpu->vm->mmu;
	struct wr_gfn_chunk *chunk = shadow_chunk(mmu->shadow, path->gfn);
	u64 leaf = READ_ONCE(*path->stage2), writable = leaf & mmu->format->writable;
	struct shadow_page *sp = path->sp;
	u64 entry, old = sp->spt[path->i];
	/* Two gfns may be one page of the host's: then the reverse map of one does not do for the other. */
	bool same = sp->role.direct || !((sp->guest[path->i] ^ path->value) & WR_PT_ADDR_MASK);

	if (!chunk) {
		vcpu->shadow.need_gfn = path->gfn;
		return MAP_SPARE;
	}
	if (path->access & WR_ACC_WRITE && !writable) {
		if (!wr_stage2_unprotect(vcpu, path->gfn))
			return MAP_STAGE2;
		writable = true;
	}
	entry = make_entry(path, leaf, writable);
	sp->guest[path->i] = path->value;
	if (same && shadow_is_widened(old, entry)) {
		WRITE_ONCE(sp->spt[path->i], entry);
		return MAP_DONE;
	}
	shadow_drop(sp, path->i, gather);
	shadow_add(mmu->shadow, sp, path->i, entry, &chunk->rmap[path->gfn % WR_PT_ENTRIES], gather);
	/*
	 * What a program reads or executes lies in files mostly, and others have used the next pages before: they may as well be found
	 * by a look as by a fault. What is written to is new, and so is most of what a kernel touches.
	 */
	if (old)
		return MAP_DONE;
	if (sp->role.direct)
		map_pieces(mmu, path, chunk, gather);
	else if (path->access & WR_ACC_USER && !(path->access & WR_ACC_WRITE))
		map_neighbours(vcpu, path, gather);
	return MAP_DONE;
}

/*
 * One level down by an entry that is there already: an upper table that is in sync says what the guest's does, so that neither the
 * guest's nor the role of the next one need be looked at.
 */
static bool step_by_entry(struct shadow_path *path)
{
	struct shadow_page *sp = path->sp;
	u64 entry;

	if (sp->role.level == 1 || shadow_is_unsync(sp))
		return false;
	path->i = shadow_index(path->gva, sp->role.level);
	entry = sp->spt[path->i];
	if (!(entry & SPTE_P))
		return false;
	path->value = sp->guest[path->i];
	path->sp = shadow_of_entry(entry);
	path->sp->used = true;
	return true;
}

/* From the root down to the leaf's table. */
static enum map_result descend(struct wr_vcpu *vcpu, struct shadow_path *path, bool trust, struct wr_gather *gather)
{
	enum map_result r;

	path->sp = vcpu->shadow.root[vcpu->shadow.legacy ? path->gva >> 30 & 3 : 0];
	if (!path->sp || hlist_unhashed(&path->sp->hash)) {
		/* Reclaimed meanwhile */
		wr_vcpu_request(vcpu, WR_REQ_SHADOW);
		return MAP_AGAIN;
	}
	for (;;) {
		if (trust && step_by_entry(path))
			continue;
		r = look(vcpu, path);
		if (r != MAP_DONE || path->sp->role.level == 1)
			return r;
		r = step_down(vcpu, path, gather);
		if (r != MAP_DONE)
			return r;
	}
}

/* Is this the page that was walked to, and do all levels allow the access? */
static bool arrived(const struct shadow_path *path)
{
	u32 need = 0;

	if (path->access & WR_ACC_WRITE)
		need |= SHADOW_W;
	if (path->access & WR_ACC_USER)
		need |= SHADOW_U;
	if (path->access & WR_ACC_FETCH)
		need |= SHADOW_X;
	return path->gfn == path->gpa >> PAGE_SHIFT && !(need & ~path->rights);
}

/* wr_mmu.lock is held for writing. */
static enum map_result map_locked(struct wr_vcpu *vcpu, struct shadow_path *path, struct wr_gather *gather)
{
	enum map_result r;

	/* Often the page was never touched before: that is found out first. */
	path->stage2 = wr_table_leaf_entry(&vcpu->vm->mmu, path->gpa >> PAGE_SHIFT);
	if (!path->stage2)
		return MAP_STAGE2;
	r = descend(vcpu, path, true, gather);
	/* The walk may have set D in an upper entry, which makes no table unsync; and the host may have written to one. */
	if (r == MAP_AGAIN || (r == MAP_DONE && !arrived(path)))
		r = descend(vcpu, path, false, gather);
	if (r != MAP_DONE)
		return r;
	/* Not what was walked: the guest has changed it. */
	if (path->gfn != path->gpa >> PAGE_SHIFT)
		return MAP_AGAIN;
	return set_leaf(vcpu, path, gather);
}

static enum map_result map_once(struct wr_vcpu *vcpu, struct shadow_path *path)
{
	struct wr_vm *vm = vcpu->vm;
	struct wr_gather gather = {};
	enum map_result r;
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	write_lock(&vm->mmu.lock);
	shadow_make_room(vm);
	r = map_locked(vcpu, path, &gather);
	shadow_settle(vcpu, &gather);
	write_unlock(&vm->mmu.lock);
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

static enum wr_fault fault_paged(struct wr_vcpu *vcpu, u64 gva, u64 gpa, u32 access, bool atomic)
{
	struct shadow_path path = { .gva = gva, .gpa = gpa, .access = access, .asked = true };
	enum wr_fault r;
	int tries;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		switch (map_once(vcpu, &path)) {
		case MAP_STAGE2:
			r = wr_mmu_fault(vcpu, gpa, access, atomic);
			if (r != WR_FAULT_FIXED)
				return r;
			break;
		case MAP_SPARE:
			if (atomic)
				return WR_FAULT_SLEEP;
			if (shadow_refill(vcpu))
				return WR_FAULT_NOMEM;
			break;
		default:
			return WR_FAULT_FIXED;
		}
	}
	return WR_FAULT_FIXED;
}

/**
 * wr_shadow_fault - the shadow tables do not allow what the guest's own do
 * @vcpu: the vCPU, on its own thread; current->mm is the VM's
 * @gva: linear address
 * @gpa: what it is, by a walk of the guest's tables that allowed the access
 * @access: WR_ACC_WRITE and _USER count
 * @atomic: as for wr_mmu_fault()
 *
 * Return: as wr_mmu_fault(). Context: as there.
 */
enum wr_fault wr_shadow_fault(struct wr_vcpu *vcpu, u64 gva, u64 gpa, u32 access, bool atomic)
{
	struct wr_mmu *mmu = &vcpu->vm->mmu;
	enum wr_fault r;

	if (wr_is_paging(vcpu))
		return fault_paged(vcpu, gva, gpa, access, atomic);
	r = wr_mmu_fault(vcpu, gpa, access, atomic);
	if (r == WR_FAULT_FIXED) {
		read_lock(&mmu->lock);
		wr_shadow_refresh(vcpu);
		read_unlock(&mmu->lock);
	}
	return r;
}

/* If the guest's table says something else by now than an entry of its shadow, which is unsync, the entry goes. */
static void drop_changed(struct wr_vcpu *vcpu, struct shadow_page *sp, unsigned int i, struct wr_gather *gather)
{
	bool same;
	u64 value;
	int idx;

	if (!(sp->spt[i] & SPTE_P))
		return;
	idx = srcu_read_lock(&vcpu->vm->srcu);
	same = shadow_read_entry(vcpu, sp, i, &value) && shadow_same(sp->guest[i], value);
	srcu_read_unlock(&vcpu->vm->srcu, idx);
	if (!same)
		shadow_drop(sp, i, gather);
}

static void invlpg_below(struct wr_vcpu *vcpu, struct shadow_page *sp, u64 gva, struct wr_gather *gather)
{
	unsigned int i;
	u64 entry;

	while (sp) {
		i = shadow_index(gva, sp->role.level);
		if (shadow_is_unsync(sp)) {
			drop_changed(vcpu, sp, i, gather);
			/* A directory's entry of 4 bytes is shadowed by two. */
			if (sp->role.mode == SHADOW_32 && sp->role.level == 2)
				drop_changed(vcpu, sp, i ^ 1, gather);
		}
		entry = sp->spt[i];
		if (sp->role.level == 1 || !(entry & SPTE_P))
			return;
		sp = shadow_of_entry(entry);
	}
}

/* What another root has of an address, unless that is the same tables */
static void invlpg_other(struct wr_vcpu *vcpu, struct shadow_page *sp, u64 gva, struct wr_gather *gather)
{
	const struct shadow_page *root = vcpu->shadow.root[0];
	unsigned int i = shadow_index(gva, root->role.level);

	if (sp->role.word == root->role.word && (sp->spt[i] ^ root->spt[i]) & WR_PT_ADDR_MASK)
		invlpg_below(vcpu, sp, gva, gather);
}

/* wr_mmu.lock is held for writing. */
static void invlpg_locked(struct wr_vcpu *vcpu, u64 gva, struct wr_gather *gather)
{
	struct wr_shadow_vcpu *sv = &vcpu->shadow;
	int i;

	shadow_sync_written(&vcpu->vm->mmu);
	invlpg_below(vcpu, sv->root[sv->legacy ? gva >> 30 & 3 : 0], gva, gather);
	if (!(vcpu->cr4 & X86_CR4_PCIDE) || sv->legacy || !sv->root[0])
		return;
	/* Of global pages it drops what there is with any PCID, and the guest comes back to those without a flush. */
	for (i = 0; i < WR_SHADOW_KEPT; i++)
		if (sv->kept[i] && sv->kept_cr3[i] != WR_CR3_NONE && sv->kept[i] != sv->root[0])
			invlpg_other(vcpu, sv->kept[i], gva, gather);
}

/**
 * wr_shadow_invlpg - the guest flushes an address
 * @vcpu: the vCPU, on its own thread; current->mm is the VM's
 * @gva: linear address
 *
 * Context: interrupts on; takes wr_mmu.lock and vm->srcu.
 */
void wr_shadow_invlpg(struct wr_vcpu *vcpu, u64 gva)
{
	struct wr_vm *vm = vcpu->vm;
	struct wr_gather gather = {};

	if (shadow_is_quiet(vm->mmu.shadow))
		return;
	write_lock(&vm->mmu.lock);
	invlpg_locked(vcpu, gva, &gather);
	shadow_settle(vcpu, &gather);
	write_unlock(&vm->mmu.lock);
}
