// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID tables of a guest: look-up, out-of-range leaves, what is derived, and sizes of XSAVE areas.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <asm/processor-flags.h>

#include "compat.h"
#include "cpuid.h"

#define SIG	KVM_CPUID_FLAG_SIGNIFCANT_INDEX

#define INTEL	.ebx = 0x756e6547, .edx = 0x49656e69, .ecx = 0x6c65746e
#define AMD	.ebx = 0x68747541, .edx = 0x69746e65, .ecx = 0x444d4163

static void set_table(struct kunit *test, struct wr_cpuid *c,
		      const struct kvm_cpuid_entry2 *entries, u32 nr)
{
	memset(c, 0, sizeof(*c));
	c->entries = kunit_kcalloc(test, nr, sizeof(*entries), GFP_KERNEL);
	c->order = kunit_kcalloc(test, nr, sizeof(*c->order), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c->entries);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, c->order);
	memcpy(c->entries, entries, nr * sizeof(*entries));
	c->nr = nr;
	KUNIT_ASSERT_EQ(test, wr_cpuid_index(c), 0);
	wr_cpuid_derive(c);
}

/* EAX of a leaf, as the guest sees it */
static u32 eax_of(struct wr_cpuid *c, u32 function, u32 index)
{
	u32 eax = function, ebx = ~0, ecx = index, edx = ~0;

	wr_cpuid_lookup(c, &eax, &ebx, &ecx, &edx);
	return eax;
}

static void lookup_finds_each(struct kunit *test)
{
	/* Not in order, on purpose. */
	static const struct kvm_cpuid_entry2 entries[] = {
		{ .function = 0x80000001, .eax = 81 },
		{ .function = 7, .index = 1, .flags = SIG, .eax = 71 },
		{ .function = 7, .index = 0, .flags = SIG, .eax = 70 },
		{ .function = 1, .eax = 10 },
		{ .function = 0xd, .index = 2, .flags = SIG, .eax = 132 },
		{ .function = 0, .eax = 0xd, AMD },
		{ .function = 0x40000000, .eax = 40 },
	};
	struct wr_cpuid c;
	int pass;

	set_table(test, &c, entries, ARRAY_SIZE(entries));
	/* Twice, each also right after itself: the last hit must not answer for another leaf. */
	for (pass = 0; pass < 4; pass++) {
		KUNIT_EXPECT_EQ(test, eax_of(&c, 7, 0), 70u);
		KUNIT_EXPECT_EQ(test, eax_of(&c, 7, 0), 70u);
		KUNIT_EXPECT_EQ(test, eax_of(&c, 7, 1), 71u);
		KUNIT_EXPECT_EQ(test, eax_of(&c, 7, 2), 0u);
		KUNIT_EXPECT_EQ(test, eax_of(&c, 1, 0), 10u);
		KUNIT_EXPECT_EQ(test, eax_of(&c, 1, 99), 10u);
		KUNIT_EXPECT_EQ(test, eax_of(&c, 0x80000001, 0), 81u);
		KUNIT_EXPECT_EQ(test, eax_of(&c, 0xd, 2), 132u);
		KUNIT_EXPECT_EQ(test, eax_of(&c, 0xd, 0), 0u);
		KUNIT_EXPECT_EQ(test, eax_of(&c, 0x40000000, 0), 40u);
		KUNIT_EXPECT_EQ(test, eax_of(&c, 0, 0), 0xdu);
	}
}

/* Userspace may repeat a leaf: the first one counts, whatever was looked up before. */
static void lookup_takes_first_of_repeated(struct kunit *test)
{
	static const struct kvm_cpuid_entry2 entries[] = {
		{ .function = 0, .eax = 7, AMD },
		{ .function = 7, .index = 3, .flags = SIG, .eax = 1 },
		{ .function = 7, .eax = 2 },
		{ .function = 7, .index = 3, .flags = SIG, .eax = 3 },
	};
	struct wr_cpuid c;

	set_table(test, &c, entries, ARRAY_SIZE(entries));
	KUNIT_EXPECT_EQ(test, eax_of(&c, 7, 0), 2u);
	KUNIT_EXPECT_EQ(test, eax_of(&c, 7, 3), 1u);
	KUNIT_EXPECT_EQ(test, eax_of(&c, 7, 3), 1u);
	KUNIT_EXPECT_EQ(test, eax_of(&c, 7, 4), 2u);
	KUNIT_EXPECT_EQ(test, eax_of(&c, 7, 3), 1u);
}

static void empty_table_answers_zero(struct kunit *test)
{
	struct wr_cpuid c = {};
	u32 eax = 1, ebx = 1, ecx = 1, edx = 1;

	KUNIT_EXPECT_EQ(test, wr_cpuid_index(&c), 0);
	wr_cpuid_derive(&c);
	wr_cpuid_lookup(&c, &eax, &ebx, &ecx, &edx);
	KUNIT_EXPECT_EQ(test, eax | ebx | ecx | edx, 0u);
	KUNIT_EXPECT_EQ(test, c.maxphyaddr, 36);
	KUNIT_EXPECT_TRUE(test, c.cr4_reserved & X86_CR4_SMEP);
	KUNIT_EXPECT_FALSE(test, c.cr4_reserved & X86_CR4_PAE);
}

static void too_long_table_is_refused(struct kunit *test)
{
	struct wr_cpuid c = { .nr = WR_MAX_CPUID_ENTRIES + 1 };

	KUNIT_EXPECT_EQ(test, wr_cpuid_index(&c), -E2BIG);
}

/* Intel repeats the last basic leaf past the end of a class; AMD answers zeros. */
static void out_of_range_by_vendor(struct kunit *test)
{
	struct kvm_cpuid_entry2 entries[] = {
		{ .function = 0, .eax = 2, INTEL },
		{ .function = 2, .eax = 22 },
		{ .function = 0x40000000, .eax = 0x40000001 },
		{ .function = 0x80000000, .eax = 0x80000008 },
	};
	struct wr_cpuid c;

	set_table(test, &c, entries, ARRAY_SIZE(entries));
	KUNIT_EXPECT_FALSE(test, c.amd);
	KUNIT_EXPECT_EQ(test, eax_of(&c, 3, 0), 22u);
	KUNIT_EXPECT_EQ(test, eax_of(&c, 0x80000009, 0), 22u);
	KUNIT_EXPECT_EQ(test, eax_of(&c, 0x40000002, 0), 22u);
	/* In range but not there */
	KUNIT_EXPECT_EQ(test, eax_of(&c, 1, 0), 0u);
	KUNIT_EXPECT_EQ(test, eax_of(&c, 0x80000003, 0), 0u);
	KUNIT_EXPECT_EQ(test, eax_of(&c, 0x40000001, 0), 0u);

	entries[0] = (struct kvm_cpuid_entry2){ .function = 0, .eax = 2, AMD };
	set_table(test, &c, entries, ARRAY_SIZE(entries));
	KUNIT_EXPECT_TRUE(test, c.amd);
	KUNIT_EXPECT_EQ(test, eax_of(&c, 3, 0), 0u);
	KUNIT_EXPECT_EQ(test, eax_of(&c, 0x80000009, 0), 0u);
}

static void undescribed_topology_level(struct kunit *test)
{
	static const struct kvm_cpuid_entry2 entries[] = {
		{ .function = 0, .eax = 0xb, INTEL },
		{ .function = 0xb, .index = 0, .flags = SIG, .edx = 5 },
		{ .function = 0xb, .index = 1, .flags = SIG, .edx = 5 },
	};
	u32 eax = 0xb, ebx = 1, ecx = 0x102, edx = 0;
	struct wr_cpuid c;

	set_table(test, &c, entries, ARRAY_SIZE(entries));
	wr_cpuid_lookup(&c, &eax, &ebx, &ecx, &edx);
	KUNIT_EXPECT_EQ(test, eax, 0u);
	KUNIT_EXPECT_EQ(test, ebx, 0u);
	KUNIT_EXPECT_EQ(test, ecx, 2u);
	KUNIT_EXPECT_EQ(test, edx, 5u);
}

static void address_width(struct kunit *test)
{
	struct kvm_cpuid_entry2 entries[] = {
		{ .function = 0x80000000, .eax = 0x80000008 },
		{ .function = 0x80000008, .eax = 0x3028 },
	};
	struct wr_cpuid c;

	set_table(test, &c, entries, ARRAY_SIZE(entries));
	KUNIT_EXPECT_EQ(test, c.maxphyaddr, 40);
	KUNIT_EXPECT_EQ(test, c.reserved_gpa_bits, GENMASK_ULL(51, 40));

	/* Userspace can say anything. */
	entries[1].eax = 0xffffffff;
	set_table(test, &c, entries, ARRAY_SIZE(entries));
	KUNIT_EXPECT_EQ(test, c.maxphyaddr, 52);
	KUNIT_EXPECT_EQ(test, c.reserved_gpa_bits, 0ull);
	entries[1].eax = 0;
	set_table(test, &c, entries, ARRAY_SIZE(entries));
	KUNIT_EXPECT_EQ(test, c.maxphyaddr, 32);

	/* Without the leaf's class it does not count. */
	entries[0].eax = 0x80000001;
	set_table(test, &c, entries, ARRAY_SIZE(entries));
	KUNIT_EXPECT_EQ(test, c.maxphyaddr, 36);
}

/* A guest has what it was given and the host supports, no more. */
static void features_are_masked(struct kunit *test)
{
	static const struct kvm_cpuid_entry2 all[] = {
		{ .function = 1, .ecx = ~0u, .edx = ~0u },
		{ .function = 7, .flags = SIG, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
		{ .function = 0xd, .flags = SIG, .eax = ~0u, .edx = ~0u },
		{ .function = 0x80000001, .ecx = ~0u, .edx = ~0u },
	};
	static const struct kvm_cpuid_entry2 none[] = {
		{ .function = 1 },
		{ .function = 7, .flags = SIG },
	};
	struct { struct wr_cpuid cpuid; } vcpu;

	KUNIT_ASSERT_EQ(test, wr_cpuid_init(), 0);
	set_table(test, &vcpu.cpuid, all, ARRAY_SIZE(all));
	KUNIT_EXPECT_TRUE(test, wr_guest_has(&vcpu, X86_FEATURE_X2APIC));
	KUNIT_EXPECT_TRUE(test, wr_guest_has(&vcpu, X86_FEATURE_TSC_ADJUST));
	KUNIT_EXPECT_TRUE(test, wr_guest_has(&vcpu, X86_FEATURE_TSC_DEADLINE_TIMER));
	KUNIT_EXPECT_TRUE(test, wr_guest_has(&vcpu, X86_FEATURE_LM));
	KUNIT_EXPECT_FALSE(test, wr_guest_has(&vcpu, X86_FEATURE_VMX));
	KUNIT_EXPECT_FALSE(test, wr_guest_has(&vcpu, X86_FEATURE_SVM));
	KUNIT_EXPECT_FALSE(test, wr_guest_has(&vcpu, X86_FEATURE_MWAIT));
	KUNIT_EXPECT_FALSE(test, wr_guest_has(&vcpu, X86_FEATURE_LA57));
	KUNIT_EXPECT_EQ(test, !wr_guest_has(&vcpu, X86_FEATURE_SMEP),
			!!(vcpu.cpuid.cr4_reserved & X86_CR4_SMEP));
	KUNIT_EXPECT_EQ(test, vcpu.cpuid.xcr0_supported, wr_cpuid_xcr0());

	set_table(test, &vcpu.cpuid, none, ARRAY_SIZE(none));
	KUNIT_EXPECT_FALSE(test, wr_guest_has(&vcpu, X86_FEATURE_X2APIC));
	KUNIT_EXPECT_FALSE(test, wr_guest_has(&vcpu, X86_FEATURE_FPU));
	KUNIT_EXPECT_TRUE(test, vcpu.cpuid.cr4_reserved & X86_CR4_OSXSAVE);
	KUNIT_EXPECT_EQ(test, vcpu.cpuid.xcr0_supported, 0ull);
}

static void kvm_leaves(struct kunit *test)
{
	struct kvm_cpuid_entry2 entries[] = {
		{ .function = 0x40000000, .ebx = 0x7263694d },
		{ .function = 0x40000100, .ebx = WR_KVM_SIGNATURE_EBX,
		  .ecx = WR_KVM_SIGNATURE_ECX, .edx = WR_KVM_SIGNATURE_EDX },
		{ .function = 0x40000101, .eax = ~0u },
	};
	struct wr_cpuid c;

	set_table(test, &c, entries, ARRAY_SIZE(entries));
	KUNIT_EXPECT_TRUE(test, c.kvm_signature);
	KUNIT_EXPECT_EQ(test, c.kvm_features, (u32)WR_KVM_FEATURES);
	entries[1].ecx = 0;
	set_table(test, &c, entries, ARRAY_SIZE(entries));
	KUNIT_EXPECT_FALSE(test, c.kvm_signature);
	KUNIT_EXPECT_EQ(test, c.kvm_features, 0u);
}

static void xstate_sizes(struct kunit *test)
{
	/* YMM at 576; a small aligned one far up in the standard format */
	static const struct wr_xstate_comp comp[64] = {
		[2] = { 256, 576, 0 },
		[5] = { 64, 1088, 0 },
		[9] = { 8, 2688, 0 },
		[10] = { 16, 4000, 2 },
	};

	KUNIT_EXPECT_EQ(test, wr_xstate_size(comp, 0, false), 576u);
	KUNIT_EXPECT_EQ(test, wr_xstate_size(comp, 3, false), 576u);
	KUNIT_EXPECT_EQ(test, wr_xstate_size(comp, 7, false), 832u);
	KUNIT_EXPECT_EQ(test, wr_xstate_size(comp, 3 | BIT(9), false), 2696u);
	KUNIT_EXPECT_EQ(test, wr_xstate_size(comp, 7 | BIT(9), true), 840u);
	KUNIT_EXPECT_EQ(test, wr_xstate_size(comp, 7 | BIT(9) | BIT(10), true), 912u);
	KUNIT_EXPECT_EQ(test, wr_xstate_size(comp, 3 | BIT(5), true), 640u);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(lookup_finds_each),
	KUNIT_CASE(lookup_takes_first_of_repeated),
	KUNIT_CASE(empty_table_answers_zero),
	KUNIT_CASE(too_long_table_is_refused),
	KUNIT_CASE(out_of_range_by_vendor),
	KUNIT_CASE(undescribed_topology_level),
	KUNIT_CASE(address_width),
	KUNIT_CASE(features_are_masked),
	KUNIT_CASE(kvm_leaves),
	KUNIT_CASE(xstate_sizes),
	{}
};

struct kunit_suite wr_cpuid_suite = {
	.name = "warren-cpuid",
	.test_cases = cases,
};
