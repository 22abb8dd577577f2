// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks of the guest's own page tables: linear to guest physical address, with all the checks that
 * the hardware makes.
 */
#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/pkru.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "backend.h"
#include "compat.h"
#include "internal.h"
#include "state.h"
#include "walk.h"

#define PTE_P		BIT_ULL(0)
#define PTE_W		BIT_ULL(1)
#define PTE_U		BIT_ULL(2)
#define PTE_A		BIT_ULL(5)
#define PTE_D		BIT_ULL(6)
#define PTE_PS		BIT_ULL(7)
#define PTE_G		BIT_ULL(8)
#define PTE_PKEY_SHIFT	59
#define PTE_NX		BIT_ULL(63)
#define PTE_ADDR	GENMASK_ULL(51, 12)

#define MAX_LEVELS	5

/*
 * An entry that changes under the walk starts it again, this often before the guest itself must try
 * again.
 */
#define MAX_RESTARTS	8

/* struct walk - a walk under way */
struct walk {
	const struct wr_paging *p;
	u64 gva;
	u32 access;
	u8 top;			/* level of the first entry in memory */
	u8 level;		/* of the present entry, in the end of the leaf */
	u8 entry_size;		/* 4 or 8 */
	u8 index_bits;		/* 10 or 9 */
	bool long_mode;
	u64 all;		/* AND of the entries: what every level must allow */
	u64 any;		/* OR of the entries: what one level can forbid */
	u64 reserved;		/* bits that no entry may have */
	u64 table;		/* gpa of the present table */
	struct {
		u64 gpa, value;
	} step[MAX_LEVELS + 1];	/* entries used, by level */
};

static int fault(const struct walk *w, struct wr_walk *out, u32 error)
{
	const struct wr_paging *p = w->p;

	error |= w->access & (WR_ACC_WRITE | WR_ACC_USER);
	/* A fetch is told apart only where fetches can be forbidden. */
	if ((w->access & WR_ACC_FETCH) &&
	    (((p->efer & EFER_NX) && (p->cr4 & X86_CR4_PAE)) || (p->cr4 & X86_CR4_SMEP)))
		error |= WR_ACC_FETCH;
	out->error = error;
	out->vector = X86_TRAP_PF;
	return 1;
}

static __always_inline int shift_of(const struct walk *w, int level)
{
	return PAGE_SHIFT + w->index_bits * (level - 1);
}

/*
 * Can an entry with PS set at this level be a leaf? Where not, PS is reserved or, without PSE,
 * ignored.
 */
static __always_inline bool large_allowed(const struct walk *w)
{
	if (w->level == 2)
		return w->entry_size == 8 || (w->p->cr4 & X86_CR4_PSE);
	return w->level == 3 && w->p->gbpages;
}

static __always_inline bool is_leaf(const struct walk *w, u64 value)
{
	return w->level == 1 || ((value & PTE_PS) && large_allowed(w));
}

/* Bits 13 to 20 of a 4 MiB leaf are address bits 32 to 39 on CPUs with PSE-36. */
static u64 reserved_4m(const struct wr_paging *p)
{
	if (!p->pse36)
		return GENMASK_ULL(21, 13);
	return BIT_ULL(21) | (((p->reserved >> 32) & 0xff) << 13);
}

static __always_inline u64 reserved_bits(const struct walk *w, u64 value)
{
	u64 reserved = w->reserved;

	if (w->level > 1 && is_leaf(w, value)) {
		if (w->entry_size == 4)
			return reserved_4m(w->p);
		return reserved | (GENMASK_ULL(shift_of(w, w->level) - 1, 13));
	}
	if (w->level >= 3) {
		reserved |= PTE_PS;
		if (w->level >= 4 && w->p->amd)
			reserved |= PTE_G;
	}
	return reserved;
}

/* Choose the format. 0, or the fault of an absent PAE page directory pointer. */
static __always_inline int begin(struct walk *w, struct wr_walk *out)
{
	const struct wr_paging *p = w->p;
	u64 pdpte;

	w->all = ~0ULL;
	w->any = 0;
	w->entry_size = 8;
	w->index_bits = 9;
	w->reserved = p->reserved | (p->efer & EFER_NX ? 0 : PTE_NX);
	w->table = p->cr3 & PTE_ADDR;
	if (w->long_mode) {
		w->top = p->cr4 & X86_CR4_LA57 ? 5 : 4;
		return 0;
	}
	w->top = 2;
	if (!(p->cr4 & X86_CR4_PAE)) {
		w->entry_size = 4;
		w->index_bits = 10;
		w->reserved = 0;
		w->table &= U32_MAX;
		return 0;
	}
	w->reserved |= GENMASK_ULL(62, 52);
	pdpte = p->pdptr[(w->gva >> 30) & 3];
	if (!(pdpte & PTE_P))
		return fault(w, out, 0);
	w->table = pdpte & PTE_ADDR;
	return 0;
}

/* From the root to the leaf; the rights are not looked at yet. */
static __always_inline int descend(struct walk *w, const struct wr_walk_ops *ops,
				   struct wr_walk *out)
{
	u64 mask = (1ULL << w->index_bits) - 1;
	u64 gpa, value;
	int r;

	for (w->level = w->top;; w->level--) {
		gpa = w->table + ((w->gva >> shift_of(w, w->level)) & mask) * w->entry_size;
		r = ops->read(w->p, gpa, &value, w->entry_size);
		if (r == -EAGAIN)
			return r;
		if (r || !(value & PTE_P))
			return fault(w, out, 0);
		if (value & reserved_bits(w, value))
			return fault(w, out, WR_ACC_PRESENT | WR_ACC_RSVD);
		w->step[w->level].gpa = gpa;
		w->step[w->level].value = value;
		w->all &= value;
		w->any |= value;
		if (is_leaf(w, value))
			return 0;
		w->table = value & PTE_ADDR;
	}
}

/* Does the page's protection key forbid the access? Keys are for data in user pages. */
static bool key_forbids(const struct walk *w)
{
	const struct wr_paging *p = w->p;
	u32 bits;

	if (!w->long_mode || !(p->cr4 & X86_CR4_PKE) || !(w->all & PTE_U) ||
	    (w->access & WR_ACC_FETCH))
		return false;
	bits = p->pkru >> 2 * ((w->step[w->level].value >> PTE_PKEY_SHIFT) & 15);
	if (bits & 1)
		return true;
	return (bits & 2) && (w->access & WR_ACC_WRITE) &&
	       ((w->access & WR_ACC_USER) || (p->cr0 & X86_CR0_WP));
}

static __always_inline bool rights_forbid(const struct walk *w)
{
	const struct wr_paging *p = w->p;
	bool user_page = w->all & PTE_U;
	bool user = w->access & WR_ACC_USER;

	if ((w->access & WR_ACC_FETCH) && w->entry_size == 8 && (w->any & PTE_NX))
		return true;
	if ((w->access & WR_ACC_WRITE) && !(w->all & PTE_W) && (user || (p->cr0 & X86_CR0_WP)))
		return true;
	if (user || !user_page)
		return user && !user_page;
	/* The supervisor at a user page */
	if (w->access & WR_ACC_FETCH)
		return p->cr4 & X86_CR4_SMEP;
	return (p->cr4 & X86_CR4_SMAP) && (!p->ac || (w->access & WR_ACC_IMPLICIT));
}

/* Set A where it is not and D for a write. -ESTALE: an entry changed meanwhile. */
static int set_accessed_dirty(struct walk *w, const struct wr_walk_ops *ops)
{
	int level, r;

	for (level = w->top; level >= w->level; level--) {
		u64 old = w->step[level].value;
		u64 new = old | PTE_A;

		if (level == w->level && (w->access & WR_ACC_WRITE))
			new |= PTE_D;
		if (new == old)
			continue;
		r = ops->update(w->p, w->step[level].gpa, old, new, w->entry_size);
		/* Tables in a ROM: the hardware's write would go nowhere either. */
		if (r && r != -EPERM)
			return r > 0 ? -ESTALE : r;
	}
	return 0;
}

static __always_inline void finish(const struct walk *w, struct wr_walk *out)
{
	u64 value = w->step[w->level].value;
	u64 offset;

	out->page_size = 1ULL << shift_of(w, w->level);
	offset = out->page_size - 1;
	out->gpa = (value & PTE_ADDR & ~offset) | (w->gva & offset);
	if (w->entry_size == 4 && w->level == 2)
		out->gpa |= ((value >> 13) & 0xff) << 32;
	out->writable = w->all & PTE_W;
	out->user = w->all & PTE_U;
	out->error = 0;
	out->vector = 0;
}

static __always_inline int walk_once(struct walk *w, const struct wr_walk_ops *ops,
				     struct wr_walk *out)
{
	int r = begin(w, out);

	if (!r)
		r = descend(w, ops, out);
	if (r)
		return r;
	if (unlikely(w->p->cr4 & X86_CR4_PKE) && key_forbids(w))
		return fault(w, out, WR_ACC_PRESENT | WR_ACC_PK);
	if (rights_forbid(w))
		return fault(w, out, WR_ACC_PRESENT);
	finish(w, out);
	if ((w->all & PTE_A) &&
	    (!(w->access & WR_ACC_WRITE) || (w->step[w->level].value & PTE_D)))
		return 0;
	r = set_accessed_dirty(w, ops);
	if (r && r != -EAGAIN && r != -ESTALE)
		return fault(w, out, 0);
	return r;
}

static __always_inline int walk(const struct wr_paging *p, const struct wr_walk_ops *ops, u64 gva,
				u32 access, struct wr_walk *out)
{
	struct walk w;
	int restarts, r;

	w.p = p;
	w.access = access;
	w.long_mode = p->efer & EFER_LMA;
	w.gva = w.long_mode ? gva : (u32)gva;
	if (!(p->cr0 & X86_CR0_PG)) {
		*out = (struct wr_walk) {
			.gpa = w.gva, .page_size = PAGE_SIZE, .writable = true, .user = true,
		};
		return 0;
	}
	for (restarts = 0; restarts < MAX_RESTARTS; restarts++) {
		r = walk_once(&w, ops, out);
		if (r != -ESTALE)
			return r;
	}
	return -EAGAIN;
}

/**
 * wr_walk_paging - walk page tables that some memory holds
 * @p: the paging mode
 * @ops: access to that memory
 * @gva: linear address, canonical
 * @access: WR_ACC_WRITE, _USER, _FETCH, _IMPLICIT
 * @out: as wr_walk()
 *
 * Return: as wr_walk(). Context: as @ops.
 */
int wr_walk_paging(const struct wr_paging *p, const struct wr_walk_ops *ops, u64 gva, u32 access,
		   struct wr_walk *out)
{
	return walk(p, ops, gva, access, out);
}
WR_EXPORT_FOR_KUNIT(wr_walk_paging);

static int read_entry(const struct wr_paging *p, u64 gpa, u64 *value, u32 size)
{
	const struct wr_slot *slot = wr_slot_find_cached(p->cache, p->slots, gpa >> PAGE_SHIFT);
	unsigned long hva;
	u32 half = 0;
	int r;

	if (!slot)
		return -ENXIO;
	hva = wr_slot_hva(slot, gpa >> PAGE_SHIFT) + offset_in_page(gpa);
	if (likely(size == 8)) {
		r = __get_user(*value, (u64 __user *)hva);
	} else {
		r = __get_user(half, (u32 __user *)hva);
		*value = half;
	}
	if (unlikely(r))
		return faulthandler_disabled() ? -EAGAIN : -EFAULT;
	return 0;
}

static int update_entry(const struct wr_paging *p, u64 gpa, u64 old, u64 new, u32 size)
{
	/* Little endian: the low half of old and new is where a 4-byte entry is looked for. */
	return wr_gpa_update_entry(p->vm, gpa, &old, &new, size);
}

static const struct wr_walk_ops guest_ops = {
	.read = read_entry,
	.update = update_entry,
};

/*
 * The common case in a third of the instructions, for exits that must look at the guest's code: 4
 * levels, all tables in one slot, every entry present and accessed, none with a reserved bit, a
 * leaf of 4 KiB or 2 MiB that allows the access without a second look. It never faults: all else is
 * left to walk(). @entries, if any, get what was read; no array, whose bounds might be checked while user memory is open.
 */
static __always_inline bool walk_plain(const struct wr_vcpu *vcpu, const struct wr_slot *slot, u64 gva, u32 access,
				       struct wr_walk *out, struct wr_fetch_entry *entries)
{
	u64 base = slot->gfn << PAGE_SHIFT, size = slot->npages << PAGE_SHIFT;
	u64 table = vcpu->cr3 & PTE_ADDR;
	u64 all = ~0ULL, any = 0, upper = 0;
	u64 value = 0, offset;
	int shift = PAGE_SHIFT + 3 * 9;

	if (!user_read_access_begin((void __user *)slot->hva, size))
		return false;
	for (;; shift -= 9) {
		offset = table - base + (gva >> shift & 511) * sizeof(u64);
		if (offset >= size)
			goto not_plain;
		/* The guest chose it: not even speculation may leave the slot. */
		offset = array_index_nospec(offset, size);
		unsafe_get_user(value, (u64 __user *)(slot->hva + offset), not_plain);
		if (entries)
			entries[(shift - PAGE_SHIFT) / 9] = (struct wr_fetch_entry) { slot->hva + offset, value };
		all &= value;
		any |= value;
		if (shift == PAGE_SHIFT || (value & PTE_PS))
			break;
		upper |= shift > 21 ? value : 0;
		table = value & PTE_ADDR;
	}
	user_read_access_end();

	offset = (1ULL << shift) - 1;
	if (shift > 21 || (upper & PTE_G) || (value & offset & GENMASK_ULL(20, 13)))
		return false;
	if (~all & (PTE_P | PTE_A | (access & WR_ACC_WRITE ? PTE_W : 0) |
		    (access & WR_ACC_USER ? PTE_U : 0)))
		return false;
	if (any & vcpu->cpuid.reserved_gpa_bits)
		return false;
	if ((any & PTE_NX) && (!(vcpu->efer & EFER_NX) || (access & WR_ACC_FETCH)))
		return false;
	if ((access & WR_ACC_WRITE) && !(value & PTE_D))
		return false;
	if ((all & PTE_U) && !(access & WR_ACC_USER) &&
	    (vcpu->cr4 & (X86_CR4_SMEP | X86_CR4_SMAP)))
		return false;
	*out = (struct wr_walk) {
		.gpa = (value & PTE_ADDR & ~offset) | (gva & offset),
		.page_size = offset + 1,
		.writable = all & PTE_W,
		.user = all & PTE_U,
	};
	return true;

not_plain:
	user_read_access_end();
	return false;
}

/* May walk_plain() be tried? */
static bool is_plain(const struct wr_vcpu *vcpu)
{
	return (vcpu->cr0 & X86_CR0_PG) && (vcpu->efer & EFER_LMA) &&
	       !(vcpu->cr4 & (X86_CR4_LA57 | X86_CR4_PKE));
}

/* In a stay the guest's PKRU is in the register. */
static u32 guest_pkru(const struct wr_vcpu *vcpu)
{
	if (!(vcpu->cr4 & X86_CR4_PKE))
		return 0;
	/* The register holds the guest's only in the guest. */
	return vcpu->fpu.pkru;
}

static noinline int walk_vcpu(struct wr_vcpu *vcpu, const struct wr_slots *slots, u64 gva,
			      u32 access, struct wr_walk *out)
{
	struct wr_paging p = {
		.cr0 = vcpu->cr0, .cr3 = vcpu->cr3, .cr4 = vcpu->cr4, .efer = vcpu->efer,
		.reserved = vcpu->cpuid.reserved_gpa_bits,
		.pdptr = vcpu->pdptr,
		.pkru = guest_pkru(vcpu),
		.ac = vcpu->rflags & X86_EFLAGS_AC,
		.gbpages = wr_guest_has(vcpu, X86_FEATURE_GBPAGES),
		.pse36 = wr_guest_has(vcpu, X86_FEATURE_PSE36),
		.amd = vcpu->cpuid.amd,
		.vm = vcpu->vm,
		.slots = slots,
		.cache = &vcpu->walk_cache,
	};
	int r;

	/* The guest has loaded them without an exit. */
	if (wr_is_pae_paging(vcpu)) {
		r = wr_backend->sync_pdptrs(vcpu);
		if (r)
			return r;
	}
	return walk(&p, &guest_ops, gva, access, out);
}

static int walk_locked(struct wr_vcpu *vcpu, const struct wr_slots *slots, u64 gva, u32 access,
		       struct wr_walk *out)
{
	const struct wr_slot *slot = NULL;

	if (is_plain(vcpu))
		slot = wr_slot_find_cached(&vcpu->walk_cache, slots, vcpu->cr3 >> PAGE_SHIFT);
	if (slot && walk_plain(vcpu, slot, gva, access, out, NULL))
		return 0;
	return walk_vcpu(vcpu, slots, gva, access, out);
}

/**
 * wr_walk - translate a linear address as the guest's CPU would
 * @vcpu: the vCPU, on its own thread; current->mm is the VM's
 * @gva: linear address, canonical: segmentation has seen to that
 * @access: WR_ACC_WRITE, _FETCH; _USER at CPL 3; _IMPLICIT for accesses to system tables
 *	(those are never _USER)
 * @out: on 0 the result; on 1 the exception
 *
 * Sets A and D in the guest's tables as the hardware does. Tables outside memory are absent.
 *
 * Return: 0; 1 when the guest gets the page fault in @out; -EAGAIN when a table must be brought in
 * and nothing may sleep, or when the guest keeps changing it: try again, where sleeping
 * is allowed.
 * Context: any.
 */
int wr_walk(struct wr_vcpu *vcpu, u64 gva, u32 access, struct wr_walk *out)
{
	struct wr_vm *vm = vcpu->vm;
	int idx = srcu_read_lock(&vm->srcu);
	int r = walk_locked(vcpu, wr_slots(vm), gva, access, out);

	srcu_read_unlock(&vm->srcu, idx);
	return r;
}
WR_EXPORT_FOR_KUNIT(wr_walk);

static bool same_mode(const struct wr_vcpu *vcpu, const struct wr_fetch_memo *memo)
{
	return memo->cr3 == vcpu->cr3 && memo->cr4 == vcpu->cr4 && memo->cr0 == vcpu->cr0 && memo->efer == vcpu->efer &&
		memo->reserved == vcpu->cpuid.reserved_gpa_bits;
}

/* Fetch from a page that an earlier fetch was from, if nothing has changed on the way there: the entries tell. */
static bool fetch_again(const struct wr_vcpu *vcpu, const struct wr_slots *slots, u64 gva, u32 access, void *data, u32 len,
			const struct wr_fetch_memo *memo)
{
	const struct wr_fetch_entry *entries = memo->entry;
	unsigned long hva = memo->hva + offset_in_page(gva);
	u64 value;
	int i;

	if (memo->generation != slots->generation || memo->page != (gva & PAGE_MASK) || memo->access != access ||
	    len < 8 || len > 16 || !same_mode(vcpu, memo))
		return false;
	if (!user_read_access_begin((void __user *)hva, len))
		return false;
#pragma GCC unroll 4
	for (i = 0; i < ARRAY_SIZE(memo->entry); i++) {
		unsafe_get_user(value, (u64 __user *)entries[i].hva, changed);
		if (value != entries[i].value)
			goto changed;
	}
	/* Two loads that may share bytes */
	unsafe_get_user(*(u64 *)data, (u64 __user *)hva, changed);
	unsafe_get_user(*(u64 *)(data + len - 8), (u64 __user *)(hva + len - 8), changed);
	user_read_access_end();
	return true;

changed:
	user_read_access_end();
	return false;
}

/* As walk_locked(). @memo: becomes true but for the page's own address, or its generation 0 */
static int walk_fetch(struct wr_vcpu *vcpu, const struct wr_slots *slots, u64 gva, u32 access, struct wr_walk *out,
		      struct wr_fetch_memo *memo)
{
	const struct wr_slot *slot = NULL;

	memo->generation = 0;
	if (is_plain(vcpu))
		slot = wr_slot_find_cached(&vcpu->walk_cache, slots, vcpu->cr3 >> PAGE_SHIFT);
	if (!slot || !walk_plain(vcpu, slot, gva, access, out, memo->entry))
		return walk_vcpu(vcpu, slots, gva, access, out);
	/* A large page has no entry of the lowest level. */
	if (out->page_size > PAGE_SIZE)
		memo->entry[0] = memo->entry[1];
	memo->generation = slots->generation;
	memo->page = gva & PAGE_MASK;
	memo->access = access;
	memo->cr0 = vcpu->cr0;
	memo->cr3 = vcpu->cr3;
	memo->cr4 = vcpu->cr4;
	memo->efer = vcpu->efer;
	memo->reserved = vcpu->cpuid.reserved_gpa_bits;
	return 0;
}

static int fetch_locked(struct wr_vcpu *vcpu, const struct wr_slots *slots, u64 gva, u32 access, void *data, u32 len,
			struct wr_walk *out)
{
	struct wr_fetch_memo *memo = &vcpu->walk_cache.fetch[(gva >> PAGE_SHIFT) % ARRAY_SIZE(vcpu->walk_cache.fetch)];
	const struct wr_slot *slot;
	u64 gfn;
	int r;

	if (fetch_again(vcpu, slots, gva, access, data, len, memo))
		return 0;
	r = walk_fetch(vcpu, slots, gva, access, out, memo);
	if (r)
		return r;
	gfn = out->gpa >> PAGE_SHIFT;
	slot = wr_slot_find_cached(&vcpu->walk_cache, slots, gfn);
	if (!slot) {
		memo->generation = 0;
		return -ENXIO;
	}
	memo->hva = wr_slot_hva(slot, gfn);
	return wr_hva_read(memo->hva + offset_in_page(out->gpa), data, len);
}

/**
 * wr_gva_fetch - fetch code, within a page
 * @vcpu: as for wr_walk()
 * @gva: as for wr_walk()
 * @user: at CPL 3
 * @data: filled
 * @len: bytes; none past the page
 * @out: on 1 the exception
 *
 * Return: as wr_walk(), and the errors of wr_gpa_read(). Context: any.
 */
int wr_gva_fetch(struct wr_vcpu *vcpu, u64 gva, bool user, void *data, u32 len, struct wr_walk *out)
{
	struct wr_vm *vm = vcpu->vm;
	int idx = srcu_read_lock(&vm->srcu);
	int r = fetch_locked(vcpu, wr_slots(vm), gva, WR_ACC_FETCH | (user ? WR_ACC_USER : 0), data, len, out);

	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

/**
 * wr_pdptrs_check - may these page directory pointers be loaded?
 * @pdptr: four of them
 * @reserved: address bits past MAXPHYADDR
 *
 * Return: 0 or -EINVAL: the guest gets #GP.
 */
int wr_pdptrs_check(const u64 *pdptr, u64 reserved)
{
	int i;

	reserved |= GENMASK_ULL(63, 52) | GENMASK_ULL(8, 5) | GENMASK_ULL(2, 1);
	for (i = 0; i < 4; i++)
		if ((pdptr[i] & PTE_P) && (pdptr[i] & reserved))
			return -EINVAL;
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_pdptrs_check);

/**
 * wr_load_pdptrs - load the page directory pointers of PAE paging, as a write to CR3 does
 * @vcpu: the vCPU, on its own thread; current->mm is the VM's
 * @cr3: the new CR3
 *
 * Return: 0; -EINVAL when the guest gets #GP, and nothing is loaded; errors of wr_gpa_read().
 * Context: any.
 */
int wr_load_pdptrs(struct wr_vcpu *vcpu, u64 cr3)
{
	u64 pdptr[4];
	int r = wr_gpa_read(vcpu->vm, cr3 & GENMASK_ULL(31, 5), pdptr, sizeof(pdptr));

	if (!r)
		r = wr_pdptrs_check(pdptr, vcpu->cpuid.reserved_gpa_bits);
	if (!r)
		memcpy(vcpu->pdptr, pdptr, sizeof(pdptr));
	return r;
}
