// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID of a guest: the table that userspace gave, how it is looked up, and what follows from it.
 */
#include <linux/errno.h>
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "backend.h"
#include "compat.h"
#include "cpuid.h"
#include "warren.h"

static int compare_order(const void *a, const void *b, const void *entries)
{
	const struct kvm_cpuid_entry2 *e = entries;
	u8 i = *(const u8 *)a, j = *(const u8 *)b;

	if (e[i].function != e[j].function)
		return e[i].function < e[j].function ? -1 : 1;
	return i < j ? -1 : 1;
}

/**
 * wr_cpuid_index - sort a table for look-up
 * @c: entries and nr are set, and order has room for nr
 *
 * Return: 0, or -E2BIG for a table that is too long.
 */
int wr_cpuid_index(struct wr_cpuid *c)
{
	u32 i;

	BUILD_BUG_ON(WR_MAX_CPUID_ENTRIES > 256);
	if (c->nr > WR_MAX_CPUID_ENTRIES)
		return -E2BIG;
	for (i = 0; i < c->nr; i++)
		c->order[i] = i;
	sort_r(c->order, c->nr, sizeof(c->order[0]), compare_order, NULL, c->entries);
	c->last = NULL;
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_cpuid_index);

/* Place in @order of the first entry of a function, or of the next function. */
static u32 first_of(const struct wr_cpuid *c, u32 function)
{
	u32 low = 0, high = c->nr;

	while (low < high) {
		u32 middle = (low + high) / 2;

		if (c->entries[c->order[middle]].function < function)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/**
 * wr_cpuid_find - the entry of a leaf
 * @c: indexed table
 * @function: EAX
 * @index: ECX, where the entry says that it matters
 *
 * Return: the first one that userspace gave for it, or NULL.
 */
struct kvm_cpuid_entry2 *wr_cpuid_find(struct wr_cpuid *c, u32 function, u32 index)
{
	u32 first = first_of(c, function), i;

	for (i = first; i < c->nr; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[c->order[i]];

		if (e->function != function)
			return NULL;
		if (!wr_cpuid_answers(e, function, index))
			continue;
		/* Keep no entry that another one of the same leaf might hide, nor the one that must be made up to date first. */
		if ((i == first || (e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)) && function != WR_CPUID_XSTATE)
			c->last = e;
		return e;
	}
	return NULL;
}
WR_EXPORT_FOR_KUNIT(wr_cpuid_find);

/* Intel: a leaf past the last one of its class answers as the last basic leaf does. */
static struct kvm_cpuid_entry2 *out_of_range(struct wr_cpuid *c, u32 function, u32 index)
{
	struct kvm_cpuid_entry2 *basic, *class;

	basic = wr_cpuid_find(c, 0, 0);
	if (!basic || c->amd)
		return NULL;
	if (function >= 0x40000000 && function <= 0x4fffffff)
		class = wr_cpuid_find(c, function & 0xffffff00, 0);
	else if (function >= 0xc0000000)
		class = wr_cpuid_find(c, 0xc0000000, 0);
	else
		class = wr_cpuid_find(c, function & 0x80000000, 0);
	if (class && function <= class->eax)
		return NULL;
	return wr_cpuid_find(c, basic->eax, index);
}

/* A topology level that is not described: its number in ECX, the x2APIC id in EDX. */
static void undescribed_level(struct wr_cpuid *c, u32 function, u32 *ecx, u32 *edx)
{
	struct kvm_cpuid_entry2 *level;
	u32 index = *ecx;

	*ecx = 0;
	*edx = 0;
	if (function != 0xb && function != 0x1f)
		return;
	level = wr_cpuid_find(c, function, 1);
	if (level) {
		*ecx = index & 0xff;
		*edx = level->edx;
	}
}

/**
 * wr_cpuid_lookup - what CPUID returns, from a table
 * @c: indexed and derived table
 * @eax: in: function
 * @ebx: out
 * @ecx: in: index
 * @edx: out
 */
void wr_cpuid_lookup(struct wr_cpuid *c, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	u32 function = *eax, index = *ecx;
	const struct kvm_cpuid_entry2 *e = wr_cpuid_again(c, function, index);

	if (!e)
		e = wr_cpuid_find(c, function, index);
	if (!e)
		e = out_of_range(c, function, index);
	if (unlikely(!e)) {
		*eax = 0;
		*ebx = 0;
		undescribed_level(c, function, ecx, edx);
		return;
	}
	*eax = e->eax;
	*ebx = e->ebx;
	*ecx = e->ecx;
	*edx = e->edx;
}
WR_EXPORT_FOR_KUNIT(wr_cpuid_lookup);

/**
 * wr_cpuid_query - do to a guest's registers what CPUID does
 * @vcpu: the vCPU; its thread calls
 *
 * Context: any, in or outside a stay. Bits that follow CR4, XCR0 and the APIC base are as of the
 * last wr_cpuid_update().
 */
void wr_cpuid_query(struct wr_vcpu *vcpu)
{
	u32 eax = vcpu->regs[WR_RAX], ecx = vcpu->regs[WR_RCX], ebx, edx;

	wr_cpuid_lookup(&vcpu->cpuid, &eax, &ebx, &ecx, &edx);
	vcpu->regs[WR_RAX] = eax;
	vcpu->regs[WR_RBX] = ebx;
	vcpu->regs[WR_RCX] = ecx;
	vcpu->regs[WR_RDX] = edx;
}

static void change_bit_in(u32 *word, unsigned int feature, bool on)
{
	u32 bit = BIT(feature % 32);

	*word = on ? *word | bit : *word & ~bit;
}

/* Bring the bits of @c that follow other state of the vCPU up to date. */
static void update_dynamic(struct wr_vcpu *vcpu, struct wr_cpuid *c)
{
	struct kvm_cpuid_entry2 *e;
	struct kvm_cpuid_entry2 *last = c->last;

	e = wr_cpuid_find(c, 1, 0);
	if (e) {
		bool apic = vcpu->apic_base & MSR_IA32_APICBASE_ENABLE;

		if (c->caps[CPUID_1_ECX] & BIT(X86_FEATURE_XSAVE % 32))
			change_bit_in(&e->ecx, X86_FEATURE_OSXSAVE, vcpu->cr4 & X86_CR4_OSXSAVE);
		if (wr_quirk_disabled(vcpu, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT))
			change_bit_in(&e->ecx, X86_FEATURE_MWAIT, vcpu->misc_enable & MSR_IA32_MISC_ENABLE_MWAIT);
		change_bit_in(&e->edx, X86_FEATURE_APIC, apic);
		change_bit_in(&c->caps[CPUID_1_EDX], X86_FEATURE_APIC, apic);
	}
	e = wr_cpuid_find(c, 7, 0);
	if (e && (c->caps[CPUID_7_ECX] & BIT(X86_FEATURE_PKU % 32)))
		change_bit_in(&e->ecx, X86_FEATURE_OSPKE, vcpu->cr4 & X86_CR4_PKE);
	e = wr_cpuid_find(c, 0xd, 0);
	if (e)
		e->ebx = wr_xstate_size(wr_xstate, vcpu->fpu.xcr0, false);
	e = wr_cpuid_find(c, 0xd, 1);
	if (e && (e->eax & BIT(X86_FEATURE_XSAVEC % 32)))
		e->ebx = wr_xstate_size(wr_xstate, vcpu->fpu.xcr0, true);
	c->last = last;
}

/**
 * wr_cpuid_update - CR4, XCR0, the APIC base or IA32_MISC_ENABLE changed
 * @vcpu: the vCPU; its thread calls
 *
 * Context: any, in or outside a stay.
 */
void wr_cpuid_update(struct wr_vcpu *vcpu)
{
	update_dynamic(vcpu, &vcpu->cpuid);
}

/* CR4 bits that need a feature */
static const struct {
	u64 bit;
	u16 feature;
} cr4_features[] = {
	{ X86_CR4_OSXSAVE,	X86_FEATURE_XSAVE },
	{ X86_CR4_SMEP,		X86_FEATURE_SMEP },
	{ X86_CR4_SMAP,		X86_FEATURE_SMAP },
	{ X86_CR4_FSGSBASE,	X86_FEATURE_FSGSBASE },
	{ X86_CR4_PKE,		X86_FEATURE_PKU },
	{ X86_CR4_UMIP,		X86_FEATURE_UMIP },
	{ X86_CR4_PCIDE,	X86_FEATURE_PCID },
};

static u64 cr4_reserved(const u32 *caps)
{
	u64 allowed = X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE |
		      X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE |
		      X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++)
		if (caps[cr4_features[i].feature / 32] & BIT(cr4_features[i].feature % 32))
			allowed |= cr4_features[i].bit;
	return ~allowed;
}

static bool is_amd(const struct kvm_cpuid_entry2 *e)
{
	/* AuthenticAMD, HygonGenuine */
	return (e->ebx == 0x68747541 && e->edx == 0x69746e65 && e->ecx == 0x444d4163) ||
	       (e->ebx == 0x6f677948 && e->edx == 0x6e65476e && e->ecx == 0x656e6975);
}

static void derive_address_width(struct wr_cpuid *c)
{
	struct kvm_cpuid_entry2 *e = wr_cpuid_find(c, 0x80000000, 0);

	c->maxphyaddr = 36;
	if (e && e->eax >= 0x80000008)
		e = wr_cpuid_find(c, 0x80000008, 0);
	else
		e = NULL;
	if (e)
		c->maxphyaddr = clamp_t(u32, e->eax & 0xff, 32, 52);
	c->reserved_gpa_bits = c->maxphyaddr >= 52 ? 0 : GENMASK_ULL(51, c->maxphyaddr);
}

/* The leaf of KVM's features or NULL. Hyper-V's leaves may come first: the signature is at a multiple of 0x100. */
static struct kvm_cpuid_entry2 *find_kvm_features(struct wr_cpuid *c, bool *signature)
{
	struct kvm_cpuid_entry2 *e;
	u32 base;

	for (base = KVM_CPUID_SIGNATURE; base < 0x40010000; base += 0x100) {
		e = wr_cpuid_find(c, base, 0);
		*signature = e && e->ebx == WR_KVM_SIGNATURE_EBX && e->ecx == WR_KVM_SIGNATURE_ECX &&
			e->edx == WR_KVM_SIGNATURE_EDX;
		if (*signature)
			return wr_cpuid_find(c, base | 1, 0);
	}
	return NULL;
}

static void derive_kvm_leaves(struct wr_cpuid *c)
{
	struct kvm_cpuid_entry2 *e = find_kvm_features(c, &c->kvm_signature);

	c->kvm_features = e ? e->eax & WR_KVM_FEATURES : 0;
}

/* A HLT that does not exit is not ended by a kick. */
static void hide_unhalt(struct wr_cpuid *c)
{
	bool signature;
	struct kvm_cpuid_entry2 *e = find_kvm_features(c, &signature);

	if (e)
		e->eax &= ~BIT(KVM_FEATURE_PV_UNHALT);
}

/**
 * wr_cpuid_derive - compute what other code asks of a table
 * @c: indexed table; all but the table itself is set
 */
void wr_cpuid_derive(struct wr_cpuid *c)
{
	struct kvm_cpuid_entry2 *e;
	size_t i;

	memset(c->caps, 0, sizeof(c->caps));
	for (i = 0; i < ARRAY_SIZE(wr_cpuid_words); i++) {
		const struct wr_cpuid_word *w = &wr_cpuid_words[i];

		e = wr_cpuid_find(c, w->function, w->index);
		if (e)
			c->caps[w->word] = *wr_cpuid_reg(e, w->reg) & wr_cpuid_usable[w->word];
	}
	e = wr_cpuid_find(c, 0, 0);
	c->amd = e && is_amd(e);
	e = wr_cpuid_find(c, 0xd, 0);
	c->xcr0_supported = e ? (e->eax | (u64)e->edx << 32) & wr_cpuid_xcr0() : 0;
	c->cr4_reserved = cr4_reserved(c->caps);
	derive_address_width(c);
	derive_kvm_leaves(c);
}
WR_EXPORT_FOR_KUNIT(wr_cpuid_derive);

/**
 * wr_cpuid_vcpu_init - a vCPU that was given no CPUID yet
 * @vcpu: new
 *
 * As long as nobody said what the guest has, CR4 takes what it could be given: a VMM may set registers first.
 */
void wr_cpuid_vcpu_init(struct wr_vcpu *vcpu)
{
	wr_cpuid_derive(&vcpu->cpuid);
	vcpu->cpuid.cr4_reserved = cr4_reserved(wr_cpuid_usable);
}

static void free_table(struct wr_cpuid *c)
{
	kvfree(c->entries);
	kvfree(c->order);
	c->entries = NULL;
	c->order = NULL;
	c->nr = 0;
}

/**
 * wr_cpuid_free - give back the table
 * @vcpu: goes away; may sleep
 */
void wr_cpuid_free(struct wr_vcpu *vcpu)
{
	free_table(&vcpu->cpuid);
}

static int alloc_table(struct wr_cpuid *c, u32 nr)
{
	memset(c, 0, sizeof(*c));
	if (nr > WR_MAX_CPUID_ENTRIES)
		return -E2BIG;
	if (!nr)
		return 0;
	c->entries = kvcalloc(nr, sizeof(*c->entries), GFP_KERNEL_ACCOUNT);
	c->order = kvcalloc(nr, sizeof(*c->order), GFP_KERNEL_ACCOUNT);
	if (!c->entries || !c->order) {
		free_table(c);
		return -ENOMEM;
	}
	c->nr = nr;
	return 0;
}

/* A guest has four levels of page tables; userspace may say 57 bits and leave LA57 off. */
static bool table_valid(struct wr_cpuid *c)
{
	struct kvm_cpuid_entry2 *e = wr_cpuid_find(c, 0x80000008, 0);
	u32 bits = e ? e->eax >> 8 & 0xff : 0;

	return !bits || bits == 48 || bits == 57;
}

static bool tables_equal(const struct wr_cpuid *a, const struct wr_cpuid *b)
{
	return a->nr == b->nr &&
	       (!a->nr || !memcmp(a->entries, b->entries, a->nr * sizeof(*a->entries)));
}

/* Give the vCPU a table that was filled; @new is used up, whatever is returned. */
static int install_table(struct wr_vcpu *vcpu, struct wr_cpuid *new)
{
	struct wr_cpuid *old = &vcpu->cpuid;
	int ret = -EINVAL;

	wr_cpuid_index(new);
	if (!table_valid(new))
		goto free_new;
	if (vcpu->vm->policy.disabled_exits & KVM_X86_DISABLE_EXITS_HLT)
		hide_unhalt(new);
	wr_cpuid_derive(new);
	update_dynamic(vcpu, new);

	/* Once the guest has seen its CPU it cannot become another; to say the same is allowed. */
	if (vcpu->ran) {
		if (tables_equal(new, old))
			ret = 0;
		goto free_new;
	}
	free_table(old);
	*old = *new;
	vcpu->has_cpuid = old->nr;
	wr_backend->cpuid_changed(vcpu);
	return 0;

free_new:
	free_table(new);
	return ret;
}

/**
 * wr_cpuid_set - KVM_SET_CPUID2
 * @vcpu: the vCPU, locked
 * @head: in kernel memory
 * @user: head->nent entries
 *
 * Return: 0, -E2BIG for more than WR_MAX_CPUID_ENTRIES, -EFAULT, -ENOMEM, -EINVAL for an impossible
 * address width or for another table than before after KVM_RUN. Context: may sleep.
 */
int wr_cpuid_set(struct wr_vcpu *vcpu, const struct kvm_cpuid2 *head,
		 const struct kvm_cpuid_entry2 __user *user)
{
	struct wr_cpuid new;
	int ret = alloc_table(&new, head->nent);

	if (ret)
		return ret;
	if (new.nr && copy_from_user(new.entries, user, new.nr * sizeof(*new.entries))) {
		free_table(&new);
		return -EFAULT;
	}
	return install_table(vcpu, &new);
}

/**
 * wr_cpuid_set_old - KVM_SET_CPUID
 * @vcpu: the vCPU, locked
 * @head: in kernel memory
 * @user: head->nent entries, without index and flags
 *
 * Return and context: as wr_cpuid_set().
 */
int wr_cpuid_set_old(struct wr_vcpu *vcpu, const struct kvm_cpuid *head,
		     const struct kvm_cpuid_entry __user *user)
{
	struct kvm_cpuid_entry in;
	struct wr_cpuid new;
	int ret = alloc_table(&new, head->nent);
	u32 i;

	if (ret)
		return ret;
	for (i = 0; i < new.nr; i++) {
		if (copy_from_user(&in, &user[i], sizeof(in))) {
			free_table(&new);
			return -EFAULT;
		}
		new.entries[i] = (struct kvm_cpuid_entry2){
			.function = in.function,
			.eax = in.eax, .ebx = in.ebx, .ecx = in.ecx, .edx = in.edx,
		};
	}
	return install_table(vcpu, &new);
}

/**
 * wr_cpuid_get - KVM_GET_CPUID2
 * @vcpu: the vCPU, locked
 * @head: in kernel memory: nent in: room, out: entries there are
 * @user: where they go
 *
 * Return: 0, -E2BIG without enough room, -EFAULT. Context: may sleep.
 */
int wr_cpuid_get(struct wr_vcpu *vcpu, struct kvm_cpuid2 *head,
		 struct kvm_cpuid_entry2 __user *user)
{
	struct wr_cpuid *c = &vcpu->cpuid;
	u32 room = head->nent;

	head->nent = c->nr;
	if (room < c->nr)
		return -E2BIG;
	if (c->nr && copy_to_user(user, c->entries, c->nr * sizeof(*c->entries)))
		return -EFAULT;
	return 0;
}
