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

#define MAX_TRIES	16

/* What became of an attempt to map */
enum map_result {
	MAP_DONE,
	MAP_AGAIN,		/* the guest's tables have changed: it tries again by itself */
	MAP_STAGE2,		/* stage 2 does not have the page, or not so */
	MAP_SPARE,		/* shadow_topup(), and a chunk for vcpu->shadow.need_gfn */
};

/* struct shadow_path - a fault under way */
struct shadow_path {
	u64 gva, gpa;
	u32 access;		/* WR_ACC_* */
	struct shadow_page *sp;	/* present level */
	unsigned int i;		/* present entry of it */
	u32 rights;		/* SHADOW_*: what all entries down to here allow */
	u64 gfn;		/* what the present entry points to: a table, or the page */
	bool leaf;		/* it is, or lies in, a page */
	u64 value;		/* the guest's entry */
};

static bool is_paging(const struct wr_vcpu *vcpu)
{
	return vcpu->cr0 & X86_CR0_PG;
}

static union shadow_role root_role(const struct wr_vcpu *vcpu)
{
	union shadow_role role = { .access = SHADOW_ALL };

	role.nxe = !!(vcpu->efer & EFER_NX);
	role.wp = !!(vcpu->cr0 & X86_CR0_WP);
	role.smep = !role.wp && vcpu->cr4 & X86_CR4_SMEP;
	role.level = 2;
	if (vcpu->efer & EFER_LMA) {
		role.mode = SHADOW_64;
		role.level = vcpu->cr4 & X86_CR4_LA57 ? 5 : 4;
	} else if (vcpu->cr4 & X86_CR4_PAE) {
		role.mode = SHADOW_PAE;
	} else {
		role.mode = SHADOW_32;
		role.pse = !!(vcpu->cr4 & X86_CR4_PSE);
	}
	return role;
}

/* Make @root the vCPU's roots. */
static void set_roots(struct wr_vcpu *vcpu, struct shadow_page *root[4])
{
	struct shadow_page *old;
	int i;

	for (i = 0; i < 4; i++)
		if (root[i])
			root[i]->roots++;
	for (i = 0; i < 4; i++) {
		old = vcpu->shadow.root[i];
		vcpu->shadow.root[i] = root[i];
		if (old)
			shadow_put_root(old);
	}
}

/* PAE paging's four entries are the root; P is all that they may have besides the address. */
static void load_pae_root(struct wr_vcpu *vcpu, struct shadow_page *root[4])
{
	u64 *entry = vcpu->shadow.pae_root;
	int i;

	for (i = 0; i < 4; i++)
		WRITE_ONCE(entry[i], root[i] ? __pa(root[i]->spt) | SPTE_P : 0);
	vcpu->shadow.cr3 = __pa(entry);
}

/**
 * wr_shadow_refresh - follow stage 2's upper tables, which an unpaged guest runs on
 * @vcpu: on its own thread
 *
 * Context: with interrupts off and wr_vcpu.mode saying that the vCPU may be in the guest, or under wr_mmu.lock: whoever removes a
 * table waits for both.
 */
void wr_shadow_refresh(struct wr_vcpu *vcpu)
{
	const struct wr_mmu *mmu = &vcpu->vm->mmu;
	const struct wr_pt_format *f = mmu->format;
	u64 *table = __va(mmu->root);
	int level, i;
	u64 value;

	if (!vcpu->shadow.direct)
		return;
	for (level = f->levels; level > 3 && table; level--) {
		value = READ_ONCE(table[0]);
		table = wr_pt_is_table(f, value, level) ? wr_pt_table(f, value) : NULL;
	}
	for (i = 0; i < 4; i++) {
		value = table ? READ_ONCE(table[i]) : 0;
		WRITE_ONCE(vcpu->shadow.pae_root[i],
			   wr_pt_is_table(f, value, 3) ? (value & WR_PT_ADDR_MASK & ~f->table) | SPTE_P : 0);
	}
}

/* The roots of the guest's paging mode. False: shadow_topup() first. */
static bool find_roots(struct wr_vcpu *vcpu, struct shadow_page *root[4])
{
	union shadow_role role = root_role(vcpu);
	u64 gfn = vcpu->cr3 & WR_PT_ADDR_MASK;
	int i;

	if (role.mode == SHADOW_64) {
		root[0] = shadow_find_or_make(vcpu, gfn >> PAGE_SHIFT, role);
		return root[0];
	}
	for (i = 0; i < 4; i++) {
		gfn = vcpu->cr3 & GENMASK_ULL(31, 12);
		if (role.mode == SHADOW_PAE) {
			gfn = vcpu->pdptr[i] & WR_PT_ADDR_MASK;
			if (!(vcpu->pdptr[i] & SPTE_P))
				continue;
		} else {
			role.quadrant = i;
		}
		root[i] = shadow_find_or_make(vcpu, gfn >> PAGE_SHIFT, role);
		if (!root[i])
			return false;
	}
	return true;
}

static void use_roots(struct wr_vcpu *vcpu, struct shadow_page *root[4])
{
	vcpu->shadow.direct = !is_paging(vcpu);
	vcpu->shadow.legacy = !(vcpu->efer & EFER_LMA);
	if (vcpu->shadow.legacy)
		load_pae_root(vcpu, root);
	else
		vcpu->shadow.cr3 = __pa(root[0]->spt);
	wr_shadow_refresh(vcpu);
	set_roots(vcpu, root);
}

/* What the guest dropped others' TLBs may keep, see shadow.h; its own forgets it. */
static void settle(struct wr_vcpu *vcpu, const struct wr_gather *gather)
{
	if (!gather->flush)
		return;
	vcpu->vm->mmu.shadow->stale = true;
	wr_vcpu_request(vcpu, WR_REQ_TLB_FLUSH);
}

static bool load_locked(struct wr_vcpu *vcpu)
{
	struct shadow_page *root[4] = {};
	struct wr_gather gather = {}, mine = {};
	bool done = true;

	shadow_make_room(vcpu->vm, &gather);
	if (is_paging(vcpu)) {
		shadow_sync_all(vcpu, true, &mine);
		done = find_roots(vcpu, root);
	}
	if (done)
		use_roots(vcpu, root);
	settle(vcpu, &mine);
	return done;
}

/* 0 or -ENOMEM */
static int refill(struct wr_vcpu *vcpu)
{
	int r = shadow_topup(vcpu, WR_SHADOW_SPARE);

	return r ? r : shadow_chunk_make(vcpu->vm->mmu.shadow, vcpu->shadow.need_gfn);
}

/**
 * wr_shadow_load - find the root for the guest's paging mode and CR3; the guest has flushed
 * @vcpu: on its own thread, outside a stay; current->mm is the VM's
 *
 * Return: 0 or -ENOMEM. Context: may sleep.
 */
int wr_shadow_load(struct wr_vcpu *vcpu)
{
	struct wr_vm *vm = vcpu->vm;
	bool done = false;
	int idx, r = 0;

	if (!vcpu->shadow.pae_root) {
		vcpu->shadow.pae_root = (void *)__get_free_page(GFP_KERNEL_ACCOUNT | GFP_DMA32 | __GFP_ZERO);
		if (!vcpu->shadow.pae_root)
			return -ENOMEM;
	}
	while (!done && !r) {
		idx = srcu_read_lock(&vm->srcu);
		write_lock(&vm->mmu.lock);
		done = load_locked(vcpu);
		shadow_check_sometimes(vm);
		write_unlock(&vm->mmu.lock);
		srcu_read_unlock(&vm->srcu, idx);
		if (!done)
			r = refill(vcpu);
	}
	wr_vcpu_request(vcpu, WR_REQ_TLB_FLUSH);
	return r;
}

static u32 entry_rights(const struct shadow_page *sp, u64 value)
{
	u32 rights = 0;

	if (value & SPTE_W)
		rights |= SHADOW_W;
	if (value & SPTE_U)
		rights |= SHADOW_U;
	if (sp->role.mode == SHADOW_32 || !(value & SPTE_NX))
		rights |= SHADOW_X;
	return rights;
}

static bool is_leaf(const struct shadow_page *sp, u64 value)
{
	if (sp->role.level == 1)
		return true;
	if (!(value & SPTE_PS))
		return false;
	if (sp->role.mode == SHADOW_32)
		return sp->role.pse;
	return sp->role.level == 2 || (sp->role.level == 3 && sp->role.mode == SHADOW_64);
}

/* First page that entry @i of a large page maps; a 4 MiB page has two entries. */
static u64 leaf_gfn(const struct shadow_path *path, u64 value)
{
	const struct shadow_page *sp = path->sp;
	u64 gfn = (value & WR_PT_ADDR_MASK) >> PAGE_SHIFT;

	if (sp->role.level == 1)
		return gfn;
	if (sp->role.mode != SHADOW_32)
		return gfn & ~(wr_pt_pages(sp->role.level) - 1);
	gfn = (value & GENMASK_ULL(31, 22)) | ((value >> 13) & 0xff) << 32;
	return (gfn >> PAGE_SHIFT) + (path->i & 1 ? wr_pt_pages(2) : 0);
}

/* Take over what the entry at the present level says. */
static enum map_result look(struct wr_vcpu *vcpu, struct shadow_path *path)
{
	struct shadow_page *sp = path->sp;

	path->i = path->gva >> (PAGE_SHIFT + 9 * (sp->role.level - 1)) & (WR_PT_ENTRIES - 1);
	if (sp->role.direct) {
		path->gfn = sp->gfn + path->i * wr_pt_pages(sp->role.level);
		path->rights = sp->role.access;
		path->leaf = true;
		return MAP_DONE;
	}
	if (!shadow_read_entry(vcpu, sp, path->i, &path->value))
		return MAP_AGAIN;
	if (!(path->value & SPTE_P))
		return MAP_AGAIN;
	/*
	 * The walk has set A, and D for a write. Where they are not, the table is in a ROM, or the guest has taken them away again:
	 * then this is as if the hardware had used the entry before, and the next flush finds the difference.
	 */
	path->value |= SPTE_A;
	path->rights = sp->role.access & entry_rights(sp, path->value);
	path->leaf = is_leaf(sp, path->value);
	path->gfn = (path->value & WR_PT_ADDR_MASK) >> PAGE_SHIFT;
	if (path->leaf) {
		path->gfn = leaf_gfn(path, path->value);
		if (path->access & WR_ACC_WRITE)
			path->value |= SPTE_D;
		/* The first write must be seen: it sets D. */
		if (!(path->value & SPTE_D))
			path->rights &= ~SHADOW_W;
	}
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
		shadow_link(sp, path->i, child);
	}
	sp->guest[path->i] = path->value;
	path->sp = child;
	return MAP_DONE;
}

/*
 * A supervisor's write to a page that is read-only, with CR0.WP clear: the hardware, which has it set, must let it through. Then no
 * user may have the page, who is not to write; nor, with SMEP, may the supervisor execute it.
 */
static u32 final_rights(const struct shadow_path *path)
{
	const union shadow_role role = path->sp->role;
	u32 rights = path->rights;

	if (!(path->access & WR_ACC_WRITE) || path->access & WR_ACC_USER || rights & SHADOW_W || role.wp)
		return rights;
	if (rights & SHADOW_U && role.smep)
		rights &= ~SHADOW_X;
	return (rights | SHADOW_W) & ~SHADOW_U;
}

/* No fewer rights: nothing that a TLB may still hold is wrong. */
static bool is_widened(u64 old, u64 new)
{
	return old & SPTE_P && !((old ^ new) & (WR_PT_ADDR_MASK | SPTE_CACHE)) && !(old & ~new & (SPTE_W | SPTE_U)) &&
		!(new & ~old & SPTE_NX);
}

static enum map_result set_leaf(struct wr_vcpu *vcpu, struct shadow_path *path, struct wr_gather *gather)
{
	struct wr_mmu *mmu = &vcpu->vm->mmu;
	struct wr_gfn_chunk *chunk = shadow_chunk(mmu->shadow, path->gfn);
	u64 leaf = wr_table_leaf(mmu, path->gfn);
	struct shadow_page *sp = path->sp;
	u32 rights = final_rights(path);
	u64 old = sp->spt[path->i];
	/* Two gfns may be one page of the host's: then the reverse map of one does not do for the other. */
	bool same = sp->role.direct || !((sp->guest[path->i] ^ path->value) & WR_PT_ADDR_MASK);
	u64 entry;

	/* First: of what is no memory nothing need be known. */
	if (!leaf || (path->access & WR_ACC_WRITE && !(leaf & mmu->format->writable)))
		return MAP_STAGE2;
	if (!chunk) {
		vcpu->shadow.need_gfn = path->gfn;
		return MAP_SPARE;
	}
	entry = (leaf & (WR_PT_ADDR_MASK | SPTE_CACHE)) | SPTE_P | SPTE_A;
	if (rights & SHADOW_W && leaf & mmu->format->writable)
		entry |= SPTE_W | SPTE_D;
	if (rights & SHADOW_U)
		entry |= SPTE_U;
	if (!(rights & SHADOW_X))
		entry |= SPTE_NX;
	sp->guest[path->i] = path->value;
	if (same && is_widened(old, entry)) {
		WRITE_ONCE(sp->spt[path->i], entry);
		return MAP_DONE;
	}
	shadow_drop(sp, path->i, gather);
	hlist_add_head(&sp->link[path->i], &chunk->rmap[path->gfn % WR_PT_ENTRIES]);
	sp->present++;
	WRITE_ONCE(sp->spt[path->i], entry);
	return MAP_DONE;
}

/* wr_mmu.lock is held for writing. */
static enum map_result map_locked(struct wr_vcpu *vcpu, struct shadow_path *path, struct wr_gather *gather)
{
	enum map_result r;

	path->sp = vcpu->shadow.root[vcpu->shadow.legacy ? path->gva >> 30 & 3 : 0];
	if (!path->sp || hlist_unhashed(&path->sp->hash)) {
		/* Reclaimed meanwhile */
		wr_vcpu_request(vcpu, WR_REQ_SHADOW);
		return MAP_AGAIN;
	}
	for (;;) {
		r = look(vcpu, path);
		if (r != MAP_DONE)
			return r;
		if (path->sp->role.level == 1)
			break;
		r = step_down(vcpu, path, gather);
		if (r != MAP_DONE)
			return r;
	}
	/* Not what was walked: the guest has changed it. */
	if (path->gfn != path->gpa >> PAGE_SHIFT)
		return MAP_AGAIN;
	return set_leaf(vcpu, path, gather);
}

static enum map_result map_once(struct wr_vcpu *vcpu, struct shadow_path *path)
{
	struct wr_vm *vm = vcpu->vm;
	struct wr_gather gather = {}, mine = {};
	enum map_result r;
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	write_lock(&vm->mmu.lock);
	shadow_make_room(vm, &gather);
	r = map_locked(vcpu, path, &mine);
	settle(vcpu, &mine);
	write_unlock(&vm->mmu.lock);
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

static enum wr_fault fault_paged(struct wr_vcpu *vcpu, u64 gva, u64 gpa, u32 access, bool atomic)
{
	struct shadow_path path = { .gva = gva, .gpa = gpa, .access = access };
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
			if (refill(vcpu))
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

	if (is_paging(vcpu))
		return fault_paged(vcpu, gva, gpa, access, atomic);
	r = wr_mmu_fault(vcpu, gpa, access, atomic);
	if (r == WR_FAULT_FIXED) {
		read_lock(&mmu->lock);
		wr_shadow_refresh(vcpu);
		read_unlock(&mmu->lock);
	}
	return r;
}

/* wr_mmu.lock is held for writing. */
static void invlpg_locked(struct wr_vcpu *vcpu, u64 gva, struct wr_gather *gather)
{
	struct shadow_page *sp = vcpu->shadow.root[vcpu->shadow.legacy ? gva >> 30 & 3 : 0];
	unsigned int i;
	u64 value;

	shadow_sync_written(&vcpu->vm->mmu);
	while (sp) {
		i = gva >> (PAGE_SHIFT + 9 * (sp->role.level - 1)) & (WR_PT_ENTRIES - 1);
		if (!(sp->spt[i] & SPTE_P))
			return;
		if (shadow_is_unsync(sp) &&
		    (!shadow_read_entry(vcpu, sp, i, &value) || !shadow_same(sp->guest[i], value))) {
			shadow_drop(sp, i, gather);
			return;
		}
		sp = sp->role.level > 1 ? shadow_of_entry(sp->spt[i]) : NULL;
	}
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
	int idx = srcu_read_lock(&vm->srcu);

	write_lock(&vm->mmu.lock);
	invlpg_locked(vcpu, gva, &gather);
	settle(vcpu, &gather);
	write_unlock(&vm->mmu.lock);
	srcu_read_unlock(&vm->srcu, idx);
}
