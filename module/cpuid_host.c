// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID of the host: what Warren can offer, that is the features that it handles and those that it
 * provides itself.
 *
 * A feature is offered only when its name stands in a table below. Host features are taken from
 * boot_cpu_data and from the CPU itself, so that what the host kernel turned off stays off.
 */
#include <linux/errno.h>
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/processor.h>
#include <asm/processor-flags.h>
#include <asm/tsc.h>

#include "backend.h"
#include "compat.h"
#include "cpuid.h"
#include "mmu/mmu.h"
#include "warren.h"

/* The legacy area and the header are always there. */
#define XSAVE_HEADER_END	(512 + 64)

/* Features of 8000_0001 EDX that AMD repeats from leaf 1. */
#define AMD_ALIAS_MASK		0x0183f3ffu

/* Where the kernel's feature words come from. */
const struct wr_cpuid_word wr_cpuid_words[WR_NR_CPUID_WORDS] = {
	{ CPUID_1_EDX,		WR_CPUID_EDX, 1 },
	{ CPUID_1_ECX,		WR_CPUID_ECX, 1 },
	{ CPUID_6_EAX,		WR_CPUID_EAX, 6 },
	{ CPUID_7_0_EBX,	WR_CPUID_EBX, 7 },
	{ CPUID_7_ECX,		WR_CPUID_ECX, 7 },
	{ CPUID_7_EDX,		WR_CPUID_EDX, 7 },
	{ CPUID_7_1_EAX,	WR_CPUID_EAX, 7, 1 },
	{ CPUID_D_1_EAX,	WR_CPUID_EAX, 0xd, 1 },
	{ CPUID_8000_0001_EDX,	WR_CPUID_EDX, 0x80000001 },
	{ CPUID_8000_0001_ECX,	WR_CPUID_ECX, 0x80000001 },
	{ CPUID_8000_0008_EBX,	WR_CPUID_EBX, 0x80000008 },
};

/* Offered when the host has them. */
static const u16 host_features[] = {
	/* 1 EDX */
	X86_FEATURE_FPU, X86_FEATURE_VME, X86_FEATURE_DE, X86_FEATURE_PSE, X86_FEATURE_TSC,
	X86_FEATURE_MSR, X86_FEATURE_PAE, X86_FEATURE_MCE, X86_FEATURE_CX8, X86_FEATURE_APIC,
	X86_FEATURE_SEP, X86_FEATURE_MTRR, X86_FEATURE_PGE, X86_FEATURE_MCA, X86_FEATURE_CMOV,
	X86_FEATURE_PAT, X86_FEATURE_PSE36, X86_FEATURE_CLFLUSH, X86_FEATURE_MMX,
	X86_FEATURE_FXSR, X86_FEATURE_XMM, X86_FEATURE_XMM2,
	/* 1 ECX */
	X86_FEATURE_XMM3, X86_FEATURE_PCLMULQDQ, X86_FEATURE_SSSE3, X86_FEATURE_FMA,
	X86_FEATURE_CX16, X86_FEATURE_PCID, X86_FEATURE_XMM4_1, X86_FEATURE_XMM4_2,
	X86_FEATURE_MOVBE, X86_FEATURE_POPCNT, X86_FEATURE_AES, X86_FEATURE_XSAVE,
	X86_FEATURE_AVX, X86_FEATURE_F16C, X86_FEATURE_RDRAND,
	/* 7 EBX */
	X86_FEATURE_FSGSBASE, X86_FEATURE_BMI1, X86_FEATURE_AVX2, X86_FEATURE_FDP_EXCPTN_ONLY,
	X86_FEATURE_SMEP, X86_FEATURE_BMI2, X86_FEATURE_ERMS, X86_FEATURE_INVPCID,
	X86_FEATURE_ZERO_FCS_FDS, X86_FEATURE_AVX512F, X86_FEATURE_AVX512DQ, X86_FEATURE_RDSEED,
	X86_FEATURE_ADX, X86_FEATURE_SMAP, X86_FEATURE_AVX512IFMA, X86_FEATURE_CLFLUSHOPT,
	X86_FEATURE_CLWB, X86_FEATURE_AVX512CD, X86_FEATURE_SHA_NI, X86_FEATURE_AVX512BW,
	X86_FEATURE_AVX512VL,
	/* 7 ECX; PKU has a rule of its own */
	X86_FEATURE_AVX512VBMI, X86_FEATURE_UMIP, X86_FEATURE_AVX512_VBMI2, X86_FEATURE_GFNI,
	X86_FEATURE_VAES, X86_FEATURE_VPCLMULQDQ, X86_FEATURE_AVX512_VNNI,
	X86_FEATURE_AVX512_BITALG, X86_FEATURE_AVX512_VPOPCNTDQ, X86_FEATURE_RDPID,
	X86_FEATURE_CLDEMOTE, X86_FEATURE_MOVDIRI, X86_FEATURE_MOVDIR64B,
	/* 7 EDX */
	X86_FEATURE_FSRM, X86_FEATURE_AVX512_VP2INTERSECT, X86_FEATURE_MD_CLEAR,
	X86_FEATURE_SERIALIZE, X86_FEATURE_AVX512_FP16, X86_FEATURE_SPEC_CTRL,
	X86_FEATURE_INTEL_STIBP, X86_FEATURE_SPEC_CTRL_SSBD,
	/* 7.1 EAX */
	X86_FEATURE_AVX_VNNI, X86_FEATURE_AVX512_BF16,
	/* d.1 EAX; XSAVES has a rule of its own */
	X86_FEATURE_XSAVEOPT, X86_FEATURE_XSAVEC, X86_FEATURE_XGETBV1,
	/* 8000_0001 EDX */
	X86_FEATURE_SYSCALL, X86_FEATURE_NX, X86_FEATURE_MMXEXT, X86_FEATURE_FXSR_OPT,
	X86_FEATURE_GBPAGES, X86_FEATURE_RDTSCP, X86_FEATURE_LM, X86_FEATURE_3DNOWEXT,
	X86_FEATURE_3DNOW,
	/* 8000_0001 ECX */
	X86_FEATURE_LAHF_LM, X86_FEATURE_CR8_LEGACY, X86_FEATURE_ABM, X86_FEATURE_SSE4A,
	X86_FEATURE_MISALIGNSSE, X86_FEATURE_3DNOWPREFETCH, X86_FEATURE_XOP, X86_FEATURE_FMA4,
	X86_FEATURE_TBM, X86_FEATURE_TOPOEXT,
	/* 8000_0008 EBX */
	X86_FEATURE_CLZERO, X86_FEATURE_XSAVEERPTR, X86_FEATURE_WBNOINVD, X86_FEATURE_AMD_IBPB,
	X86_FEATURE_AMD_IBRS, X86_FEATURE_AMD_STIBP, X86_FEATURE_AMD_STIBP_ALWAYS_ON,
	X86_FEATURE_AMD_SSBD, X86_FEATURE_AMD_SSB_NO, X86_FEATURE_BTC_NO,
};

/* Offered on every host: Warren provides them itself. */
static const u16 own_features[] = {
	X86_FEATURE_X2APIC, X86_FEATURE_HYPERVISOR, X86_FEATURE_TSC_ADJUST, X86_FEATURE_ARAT,
	X86_FEATURE_ARCH_CAPABILITIES,
};

/* Provided too, but announced by a capability, since it comes with the local APIC. */
static const u16 silent_features[] = {
	X86_FEATURE_TSC_DEADLINE_TIMER,
};

/* Set by wr_cpuid_init(), constant afterwards */
static u32 supported[NCAPINTS];		/* what KVM_GET_SUPPORTED_CPUID reports */
u32 wr_cpuid_usable[NCAPINTS];		/* what a guest can be given: also the silent ones */
struct wr_xstate_comp wr_xstate[64];
static u64 host_xcr0;

/* Leaf and subleaf of the host; zeros past its last leaf, where Intel would repeat another. */
static void host_cpuid(struct kvm_cpuid_entry2 *e, u32 function, u32 index)
{
	e->eax = 0;
	e->ebx = 0;
	e->ecx = 0;
	e->edx = 0;
	if (function <= cpuid_eax(function & 0x80000000))
		cpuid_count(function, index, &e->eax, &e->ebx, &e->ecx, &e->edx);
}

static void add_features(u32 *set, const u16 *features, size_t nr)
{
	while (nr--)
		set[features[nr] / 32] |= BIT(features[nr] % 32);
}

static u32 host_word(const struct wr_cpuid_word *w)
{
	struct kvm_cpuid_entry2 e;

	host_cpuid(&e, w->function, w->index);
	if (w->function == 7 && w->index) {
		host_cpuid(&e, 7, 0);
		if (e.eax < w->index)
			return 0;
		host_cpuid(&e, w->function, w->index);
	}
	return *wr_cpuid_reg(&e, w->reg) & boot_cpu_data.x86_capability[w->word];
}

static void init_features(void)
{
	u32 own[NCAPINTS] = {};
	size_t i;

	memset(supported, 0, sizeof(supported));
	add_features(supported, host_features, ARRAY_SIZE(host_features));
	add_features(own, own_features, ARRAY_SIZE(own_features));

	for (i = 0; i < ARRAY_SIZE(wr_cpuid_words); i++) {
		u32 *set = &supported[wr_cpuid_words[i].word];

		*set = (*set & host_word(&wr_cpuid_words[i])) | own[wr_cpuid_words[i].word];
	}
	if (boot_cpu_has(X86_FEATURE_OSPKE) && (host_xcr0 & XFEATURE_MASK_PKRU))
		add_features(supported, (const u16[]){ X86_FEATURE_PKU }, 1);
	/* Shadow tables have no keys. INVPCID would exit, as does a write of CR3 that flushes a PCID: guests do with that. */
	if (wr_backend->shadow) {
		supported[CPUID_7_ECX] &= ~BIT(X86_FEATURE_PKU % 32);
		supported[CPUID_7_0_EBX] &= ~BIT(X86_FEATURE_INVPCID % 32);
	}
	/* For IA32_XSS = 0 only: it is what it is in every stay. */
	if (boot_cpu_has(X86_FEATURE_XSAVES) && wr_backend->caps->xsaves)
		add_features(supported, (const u16[]){ X86_FEATURE_XSAVES }, 1);
	if (boot_cpu_data.x86_vendor != X86_VENDOR_INTEL)
		supported[CPUID_8000_0001_EDX] |= supported[CPUID_1_EDX] & AMD_ALIAS_MASK;

	memcpy(wr_cpuid_usable, supported, sizeof(wr_cpuid_usable));
	add_features(wr_cpuid_usable, silent_features, ARRAY_SIZE(silent_features));
}

static void init_xstate(void)
{
	struct kvm_cpuid_entry2 e;
	int i;

	host_xcr0 = 0;
	if (!boot_cpu_has(X86_FEATURE_OSXSAVE) || !boot_cpu_has(X86_FEATURE_XSAVE))
		return;
	host_cpuid(&e, 0xd, 0);
	host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK) & (e.eax | (u64)e.edx << 32) &
		    (XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM | XFEATURE_MASK_AVX512 |
		     XFEATURE_MASK_PKRU);
	for (i = 2; i < ARRAY_SIZE(wr_xstate); i++) {
		if (!(host_xcr0 & BIT_ULL(i)))
			continue;
		host_cpuid(&e, 0xd, i);
		wr_xstate[i] = (struct wr_xstate_comp){ e.eax, e.ebx, e.ecx };
	}
}

/**
 * wr_cpuid_init - find out what this host lets Warren offer
 *
 * Return: 0, or -ENODEV on a CPU without a time stamp counter or long mode. Context: module load,
 * may sleep.
 */
int wr_cpuid_init(void)
{
	if (!boot_cpu_has(X86_FEATURE_TSC) || !boot_cpu_has(X86_FEATURE_LM))
		return -ENODEV;
	init_xstate();
	init_features();
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_cpuid_init);

/**
 * wr_cpuid_supports - can a guest be given a feature here?
 * @feature: X86_FEATURE_* of a word that CPUID enumerates
 */
bool wr_cpuid_supports(unsigned int feature)
{
	return feature / 32 < NCAPINTS && (wr_cpuid_usable[feature / 32] & BIT(feature % 32));
}

/**
 * wr_cpuid_xcr0 - XCR0 bits that a guest may have on this host; 0 without XSAVE
 */
u64 wr_cpuid_xcr0(void)
{
	return host_xcr0;
}
WR_EXPORT_FOR_KUNIT(wr_cpuid_xcr0);

/**
 * wr_xstate_size - bytes that XSAVE uses for a set of state components
 * @comp: the components, 64 of them
 * @xcr0: which; x87 and SSE lie in the legacy area, which always counts
 * @compacted: by XSAVEC
 */
u32 wr_xstate_size(const struct wr_xstate_comp *comp, u64 xcr0, bool compacted)
{
	u32 size = XSAVE_HEADER_END;
	int i;

	for (i = 2; i < 64; i++) {
		u32 offset = comp[i].offset;

		if (!(xcr0 & BIT_ULL(i)))
			continue;
		if (compacted)
			offset = comp[i].flags & 2 ? ALIGN(size, 64) : size;
		size = max(size, offset + comp[i].size);
	}
	return size;
}
WR_EXPORT_FOR_KUNIT(wr_xstate_size);

/* Leaves under construction for KVM_GET_SUPPORTED_CPUID */
struct leaves {
	struct kvm_cpuid_entry2 *e;
	u32 nr, max;
};

/* The next entry, filled from the host; NULL when userspace's table is full. */
static struct kvm_cpuid_entry2 *add_leaf(struct leaves *l, u32 function, u32 index, u32 flags)
{
	struct kvm_cpuid_entry2 *e;

	if (l->nr == l->max)
		return NULL;
	e = &l->e[l->nr++];
	e->function = function;
	e->index = index;
	e->flags = flags;
	host_cpuid(e, function, index);
	return e;
}

static void zero_regs(struct kvm_cpuid_entry2 *e)
{
	e->eax = 0;
	e->ebx = 0;
	e->ecx = 0;
	e->edx = 0;
}

static int leaf_0(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	e->eax = min_t(u32, e->eax, 0x16);
	return 0;
}

/* The words of features are put in afterwards, so that only the rest needs a line here. */
static int leaf_1(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	/* CLFLUSH line size; the APIC id and the number of siblings are userspace's to set. */
	e->ebx &= 0xff00;
	return 0;
}

static int leaf_host(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	return 0;
}

static int leaf_zero(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	zero_regs(e);
	return 0;
}

/* Caches: subleaves until one of type "none". */
static int leaf_caches(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	u32 function = e->function, i;

	e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	for (i = 1; (e->eax & 0x1f) && i < 16; i++) {
		e = add_leaf(l, function, i, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
		if (!e)
			return -E2BIG;
	}
	return 0;
}

static int leaf_7(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	bool more = e->eax;

	zero_regs(e);
	e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	if (!more)
		return 0;
	e->eax = 1;
	e = add_leaf(l, 7, 1, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	if (!e)
		return -E2BIG;
	zero_regs(e);
	return 0;
}

static int leaf_topology(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	zero_regs(e);
	e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	return 0;
}

static int leaf_d(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	int i;

	zero_regs(e);
	e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	if (!host_xcr0)
		return 0;
	e->eax = host_xcr0;
	e->edx = host_xcr0 >> 32;
	e->ebx = wr_xstate_size(wr_xstate, host_xcr0, false);
	e->ecx = e->ebx;

	e = add_leaf(l, 0xd, 1, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	if (!e)
		return -E2BIG;
	zero_regs(e);
	if (wr_cpuid_supports(X86_FEATURE_XSAVEC))
		e->ebx = wr_xstate_size(wr_xstate, host_xcr0, true);

	for (i = 2; i < ARRAY_SIZE(wr_xstate); i++) {
		if (!(host_xcr0 & BIT_ULL(i)))
			continue;
		e = add_leaf(l, 0xd, i, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
		if (!e)
			return -E2BIG;
		e->eax = wr_xstate[i].size;
		e->ebx = wr_xstate[i].offset;
		e->ecx = wr_xstate[i].flags & 2;
		e->edx = 0;
	}
	return 0;
}

static int leaf_kvm(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	e->eax = KVM_CPUID_FEATURES;
	e->ebx = WR_KVM_SIGNATURE_EBX;
	e->ecx = WR_KVM_SIGNATURE_ECX;
	e->edx = WR_KVM_SIGNATURE_EDX;
	return 0;
}

static int leaf_kvm_features(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	zero_regs(e);
	e->eax = WR_KVM_FEATURES;
	return 0;
}

static int leaf_80000000(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	e->eax = clamp_t(u32, e->eax, 0x80000008, 0x80000021);
	return 0;
}

static int leaf_80000001(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	/* The package type; the rest of EBX is reserved. */
	e->ebx &= 0xf0000000;
	return 0;
}

static int leaf_80000007(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	bool invariant = boot_cpu_has(X86_FEATURE_CONSTANT_TSC) &&
			 boot_cpu_has(X86_FEATURE_NONSTOP_TSC) && !check_tsc_unstable();
	u32 edx = e->edx;

	zero_regs(e);
	e->edx = invariant ? edx & BIT(8) : 0;
	return 0;
}

static int leaf_80000008(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	u32 bits = e->eax & 0xff;

	/* Stage-2 tables bound what a guest can address; a guest has four levels of its own. */
	zero_regs(e);
	e->eax = min(bits ? bits : 36, wr_mmu_gpa_bits()) | 48 << 8;
	return 0;
}

static int leaf_8000001a(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	u32 eax = e->eax;

	zero_regs(e);
	e->eax = eax & 7;
	return 0;
}

static int leaf_80000021(struct leaves *l, struct kvm_cpuid_entry2 *e)
{
	u32 eax = e->eax;

	/* LFENCE serialises, loading a null selector clears the base, not subject to SRSO */
	zero_regs(e);
	e->eax = eax & (BIT(2) | BIT(6) | BIT(29));
	return 0;
}

/* What is offered, in the order of the answer; leaves past the host's last one are left out. */
static const struct leaf {
	u32 function;
	int (*fill)(struct leaves *l, struct kvm_cpuid_entry2 *e);
} leaf_table[] = {
	{ 0x0,		leaf_0 },
	{ 0x1,		leaf_1 },
	{ 0x2,		leaf_host },
	{ 0x4,		leaf_caches },
	{ 0x5,		leaf_zero },
	{ 0x6,		leaf_zero },
	{ 0x7,		leaf_7 },
	{ 0xa,		leaf_zero },
	{ 0xb,		leaf_topology },
	{ 0xd,		leaf_d },
	{ 0x14,		leaf_zero },
	{ 0x15,		leaf_host },
	{ 0x16,		leaf_host },
	{ KVM_CPUID_SIGNATURE,	leaf_kvm },
	{ KVM_CPUID_FEATURES,	leaf_kvm_features },
	{ 0x80000000,	leaf_80000000 },
	{ 0x80000001,	leaf_80000001 },
	{ 0x80000002,	leaf_host },
	{ 0x80000003,	leaf_host },
	{ 0x80000004,	leaf_host },
	{ 0x80000005,	leaf_host },
	{ 0x80000006,	leaf_host },
	{ 0x80000007,	leaf_80000007 },
	{ 0x80000008,	leaf_80000008 },
	{ 0x8000000a,	leaf_zero },
	{ 0x80000019,	leaf_host },
	{ 0x8000001a,	leaf_8000001a },
	{ 0x8000001d,	leaf_caches },
	{ 0x8000001e,	leaf_zero },
	{ 0x80000021,	leaf_80000021 },
};

static bool leaf_is_there(const struct leaf *leaf)
{
	u32 class = leaf->function & 0xf0000000;

	/* The hypervisor's leaves and the address widths are there on any host. */
	if (class == 0x40000000 || leaf->function == 0x80000008)
		return true;
	return leaf->function <= cpuid_eax(class);
}

/* Put the words of supported features into the leaves that carry them. */
static void set_feature_words(struct leaves *l)
{
	const struct wr_cpuid_word *w;
	u32 i, j;

	for (i = 0; i < l->nr; i++)
		for (j = 0; j < ARRAY_SIZE(wr_cpuid_words); j++) {
			w = &wr_cpuid_words[j];
			if (l->e[i].function == w->function && l->e[i].index == w->index)
				*wr_cpuid_reg(&l->e[i], w->reg) = supported[w->word];
		}
}

static int fill_supported(struct leaves *l)
{
	struct kvm_cpuid_entry2 *e;
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(leaf_table); i++) {
		if (!leaf_is_there(&leaf_table[i]))
			continue;
		e = add_leaf(l, leaf_table[i].function, 0, 0);
		if (!e)
			return -E2BIG;
		ret = leaf_table[i].fill(l, e);
		if (ret)
			return ret;
	}
	set_feature_words(l);
	return 0;
}

/**
 * wr_cpuid_supported - KVM_GET_SUPPORTED_CPUID and KVM_GET_EMULATED_CPUID
 * @user: room for nent entries; nent becomes the number of entries filled
 * @emulated: the second: nothing is emulated that the host lacks, so there is no entry
 *
 * Return: 0, -EFAULT, -ENOMEM, or -E2BIG when nent is too small. Context: may sleep.
 */
int wr_cpuid_supported(struct kvm_cpuid2 __user *user, bool emulated)
{
	struct leaves l = {};
	int ret = 0;

	if (get_user(l.max, &user->nent))
		return -EFAULT;
	if (emulated)
		return put_user(0, &user->nent);
	l.max = min_t(u32, l.max, WR_MAX_CPUID_ENTRIES);
	if (!l.max)
		return -E2BIG;
	l.e = kvcalloc(l.max, sizeof(*l.e), GFP_KERNEL_ACCOUNT);
	if (!l.e)
		return -ENOMEM;

	ret = fill_supported(&l);
	if (!ret && (copy_to_user(user->entries, l.e, l.nr * sizeof(*l.e)) ||
		     put_user(l.nr, &user->nent)))
		ret = -EFAULT;
	kvfree(l.e);
	return ret;
}
