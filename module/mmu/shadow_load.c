// SPDX-License-Identifier: GPL-2.0-only
/*
 * The root that a vCPU runs on with shadow paging: found again at each of the guest's flushes.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "backend.h"
#include "compat.h"
#include "shadow.h"
#include "state.h"

/* What became of an attempt to load */
enum load_result {
	LOAD_DONE,
	LOAD_SPARE,		/* shadow_refill() */
	LOAD_MORE,		/* unsync pages are left to be looked at */
};

/**
 * shadow_settle - what the guest dropped others' TLBs may keep, see shadow.h; its own forgets it
 * @vcpu: on its own thread; wr_mmu.lock is held for writing
 * @gather: what it dropped
 */
void shadow_settle(struct wr_vcpu *vcpu, const struct wr_gather *gather)
{
	if (!gather->flush)
		return;
	vcpu->vm->mmu.shadow->stale = true;
	wr_vcpu_request(vcpu, WR_REQ_TLB_FLUSH);
}

/* PAE paging's four entries are the root; P is all that they may have besides the address. */
static void load_pae_root(struct wr_vcpu *vcpu, struct shadow_page *const root[4])
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

/* One of those that the vCPU has kept, which nobody has taken out of use. May be asked without the lock: see use_roots(). */
static struct shadow_page *find_kept(const struct wr_vcpu *vcpu, u64 gfn, union shadow_role role)
{
	struct shadow_page *sp;
	int i;

	for (i = 0; i < WR_SHADOW_KEPT; i++) {
		sp = vcpu->shadow.kept[i];
		if (sp && sp->gfn == gfn && sp->role.word == role.word && !hlist_unhashed_lockless(&sp->hash))
			return sp;
	}
	return NULL;
}

static struct shadow_page *find_root(struct wr_vcpu *vcpu, u64 gfn, union shadow_role role, bool locked)
{
	struct shadow_page *sp = find_kept(vcpu, gfn, role);

	return sp || !locked ? sp : shadow_find_or_make(vcpu, gfn, role);
}

/* The roots of the guest's paging mode. False: shadow_refill() first, or without the lock: some are not kept. */
static bool find_roots(struct wr_vcpu *vcpu, struct shadow_page *root[4], bool locked)
{
	union shadow_role role = shadow_root_role(vcpu->cr0, vcpu->cr4, vcpu->efer);
	u64 gpa = vcpu->cr3 & WR_PT_ADDR_MASK;
	int i;

	if (role.mode == SHADOW_64) {
		root[0] = find_root(vcpu, gpa >> PAGE_SHIFT, role, locked);
		return root[0];
	}
	for (i = 0; i < 4; i++) {
		gpa = vcpu->cr3 & GENMASK_ULL(31, 12);
		if (role.mode == SHADOW_PAE) {
			gpa = vcpu->pdptr[i] & WR_PT_ADDR_MASK;
			if (!(vcpu->pdptr[i] & SPTE_P))
				continue;
		} else {
			role.quadrant = i;
		}
		root[i] = find_root(vcpu, gpa >> PAGE_SHIFT, role, locked);
		if (!root[i])
			return false;
	}
	return true;
}

static bool is_among(const struct shadow_page *sp, struct shadow_page *const *pages, int nr)
{
	while (nr--)
		if (pages[nr] == sp)
			return true;
	return false;
}

/* Keep @root, in the place of what is not of the same set. wr_mmu.lock is held for writing. */
static void keep_roots(struct wr_vcpu *vcpu, struct shadow_page *const root[4])
{
	struct wr_shadow_vcpu *sv = &vcpu->shadow;
	struct shadow_page **place;
	int i;

	for (i = 0; i < 4; i++) {
		if (!root[i] || is_among(root[i], sv->kept, WR_SHADOW_KEPT))
			continue;
		do {
			place = &sv->kept[sv->next_kept++ % WR_SHADOW_KEPT];
		} while (*place && is_among(*place, root, 4));
		if (*place)
			shadow_put_root(vcpu->vm->mmu.shadow, *place);
		*place = root[i];
		sv->kept_cr3[place - sv->kept] = WR_CR3_NONE;
		root[i]->roots++;
	}
}

static void use_long_root(struct wr_vcpu *vcpu, struct shadow_page *root)
{
	struct wr_shadow_vcpu *sv = &vcpu->shadow;

	sv->root[0] = root;
	sv->cr3 = __pa(root->spt);
	if (vcpu->cr4 & X86_CR4_PCIDE)
		sv->cr3 |= vcpu->cr3 & X86_CR3_PCID_MASK;
}

/*
 * Should one of them be taken out of use at this moment: it is empty then and remains so, as no fault fills what is unhashed, and
 * the first that comes asks for another root.
 */
static void use_roots(struct wr_vcpu *vcpu, struct shadow_page *const root[4])
{
	struct wr_shadow_vcpu *sv = &vcpu->shadow;

	sv->direct = !wr_is_paging(vcpu);
	sv->legacy = !(vcpu->efer & EFER_LMA);
	memcpy(sv->root, root, sizeof(sv->root));
	if (sv->legacy)
		load_pae_root(vcpu, root);
	else
		use_long_root(vcpu, root[0]);
}

/* What the vCPU has loaded is in sync: until its PCID is flushed it can be gone back to as it is. */
static void remember_pcid(struct wr_vcpu *vcpu)
{
	struct wr_shadow_vcpu *sv = &vcpu->shadow;
	int i;

	if (!(vcpu->cr4 & X86_CR4_PCIDE) || sv->legacy)
		return;
	for (i = 0; i < WR_SHADOW_KEPT; i++)
		if (sv->kept[i] == sv->root[0])
			sv->kept_cr3[i] = vcpu->cr3;
}

/**
 * wr_shadow_forget_pcids - the guest flushes all PCIDs
 * @vcpu: on its own thread
 */
void wr_shadow_forget_pcids(struct wr_vcpu *vcpu)
{
	int i;

	for (i = 0; i < WR_SHADOW_KEPT; i++)
		vcpu->shadow.kept_cr3[i] = WR_CR3_NONE;
}

/* One that the vCPU has loaded by the present CR3, and nobody has taken out of use; the PCID was not flushed since. */
static struct shadow_page *find_fresh(const struct wr_vcpu *vcpu)
{
	const struct wr_shadow_vcpu *sv = &vcpu->shadow;
	const struct shadow_page *now = sv->root[0];
	struct shadow_page *sp;
	int i;

	for (i = 0; i < WR_SHADOW_KEPT && now; i++) {
		sp = sv->kept[i];
		if (sv->kept_cr3[i] == vcpu->cr3 && sp && sp->role.word == now->role.word && !hlist_unhashed_lockless(&sp->hash))
			return sp;
	}
	return NULL;
}

/**
 * wr_shadow_write_cr3 - MOV to CR3 with PCIDs
 * @vcpu: on its own thread; vcpu->cr3 is the new one
 * @keep: what was translated with its PCID may be used; else that is flushed
 *
 * The hardware gets the guest's PCID with our root, so that its TLB is as much the guest's as the hardware's own would be: a root
 * that comes back is neither looked at nor flushed. A kernel that isolates its tables from its programs loads CR3 twice for each
 * entry to it.
 */
void wr_shadow_write_cr3(struct wr_vcpu *vcpu, bool keep)
{
	struct wr_shadow_vcpu *sv = &vcpu->shadow;
	struct shadow_page *root;
	int i;

	/* A load that is due for another reason may find other roots. */
	if (keep && !test_bit(WR_REQ_SHADOW, &vcpu->requests)) {
		root = find_fresh(vcpu);
		if (root) {
			use_long_root(vcpu, root);
			return;
		}
	}
	for (i = 0; i < WR_SHADOW_KEPT && !keep; i++)
		if (!((sv->kept_cr3[i] ^ vcpu->cr3) & X86_CR3_PCID_MASK))
			sv->kept_cr3[i] = WR_CR3_NONE;
	wr_vcpu_request(vcpu, WR_REQ_SHADOW);
}

/* wr_mmu.lock is held for writing. */
static enum load_result load_locked(struct wr_vcpu *vcpu, u64 *pass)
{
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;
	struct shadow_page *root[4] = {};
	struct wr_gather gather = {};
	bool done = true;

	shadow_make_room(vcpu->vm);
	if (!*pass)
		*pass = ++sh->pass;
	if (wr_is_paging(vcpu) && !find_roots(vcpu, root, true))
		return LOAD_SPARE;
	keep_roots(vcpu, root);
	use_roots(vcpu, root);
	wr_shadow_refresh(vcpu);
	if (wr_is_paging(vcpu) && !shadow_is_quiet(sh))
		done = shadow_sync_below(vcpu, root, *pass, true, &gather);
	if (done)
		remember_pcid(vcpu);
	shadow_settle(vcpu, &gather);
	return done ? LOAD_DONE : LOAD_MORE;
}

static enum load_result load_once(struct wr_vcpu *vcpu, u64 *pass)
{
	struct wr_vm *vm = vcpu->vm;
	enum load_result r;
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	write_lock(&vm->mmu.lock);
	r = load_locked(vcpu, pass);
	shadow_check_sometimes(vm);
	write_unlock(&vm->mmu.lock);
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

/**
 * wr_shadow_load - find the root for the guest's paging mode and CR3; the guest has flushed
 * @vcpu: on its own thread, outside a stay; current->mm is the VM's
 *
 * Return: 0 or -ENOMEM. Context: may sleep.
 */
int wr_shadow_load(struct wr_vcpu *vcpu)
{
	enum load_result result;
	u64 pass = 0;
	int r = 0;

	if (!vcpu->shadow.pae_root) {
		vcpu->shadow.pae_root = (void *)__get_free_page(GFP_KERNEL_ACCOUNT | GFP_DMA32 | __GFP_ZERO);
		if (!vcpu->shadow.pae_root)
			return -ENOMEM;
	}
	do {
		result = load_once(vcpu, &pass);
		if (result == LOAD_SPARE)
			r = shadow_refill(vcpu);
		else
			cond_resched();
	} while (result != LOAD_DONE && !r);
	wr_vcpu_request(vcpu, WR_REQ_TLB_FLUSH);
	return r;
}

/**
 * wr_shadow_load_atomic - wr_shadow_load() where nothing may sleep
 * @vcpu: on its own thread, in a stay; current->mm is the VM's
 *
 * Return: false: wr_shadow_load() must do it. Context: interrupts on.
 */
bool wr_shadow_load_atomic(struct wr_vcpu *vcpu)
{
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;
	struct shadow_page *root[4] = {};
	u64 pass = 0;

	if (!vcpu->shadow.pae_root)
		return false;
	wr_vcpu_request(vcpu, WR_REQ_TLB_FLUSH);
	if (wr_is_paging(vcpu) && shadow_is_quiet(sh) && find_roots(vcpu, root, false)) {
		use_roots(vcpu, root);
		remember_pcid(vcpu);
		return true;
	}
	return load_once(vcpu, &pass) == LOAD_DONE;
}

/**
 * wr_shadow_set_cr3 - wr_backend.set_cr3 of both vendors
 * @vcpu: see there
 */
void wr_shadow_set_cr3(struct wr_vcpu *vcpu)
{
	wr_vcpu_request(vcpu, WR_REQ_SHADOW);
}

/**
 * wr_shadow_sync_pdptrs - wr_backend.sync_pdptrs of both vendors
 * @vcpu: see there
 *
 * Return: 0: the shadow is made from those that CR3 loaded.
 */
int wr_shadow_sync_pdptrs(struct wr_vcpu *vcpu)
{
	return 0;
}
