// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs: the table, what may be written to memory type registers; and the arithmetic of clocks.
 */
#include <kunit/test.h>
#include <linux/kvm_para.h>
#include <linux/slab.h>
#include <asm/msr-index.h>
#include <asm/mtrr.h>

#include "compat.h"
#include "warren.h"

static void table_is_sorted(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, wr_msr_table_sorted());
}

static void table_finds(struct kunit *test)
{
	static const u32 known[] = {
		0, 1, MSR_IA32_TSC, MSR_IA32_APICBASE, MSR_MTRRcap, MTRRphysBase_MSR(0),
		MTRRphysMask_MSR(7), MSR_MTRRfix4K_F8000, MSR_MTRRdefType, 0x800, 0x8ff, MSR_EFER,
		MSR_TSC_AUX, MSR_KVM_STEAL_TIME, MSR_KVM_SYSTEM_TIME_NEW, MSR_KVM_PV_EOI_EN, MSR_F15H_EX_CFG,
	};
	static const u32 unknown[] = {
		2, MTRRphysBase_MSR(8), 0x7ff, 0x900, MSR_KVM_ASYNC_PF_EN,
		0x40000000, 0xdeadbeef, 0xffffffff, MSR_AMD64_LS_CFG, MSR_IA32_VMX_BASIC,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		KUNIT_EXPECT_TRUE_MSG(test, wr_msr_known(known[i]), "msr %x", known[i]);
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		KUNIT_EXPECT_FALSE_MSG(test, wr_msr_known(unknown[i]), "msr %x", unknown[i]);
}

static void pat_values(struct kunit *test)
{
	int slot, type;

	for (slot = 0; slot < 8; slot++)
		for (type = 0; type < 256; type++) {
			bool valid = type < 8 && type != 2 && type != 3;
			u64 pat = (0x0007040600070406ULL & ~(0xffULL << (8 * slot))) |
				  (u64)type << (8 * slot);

			KUNIT_EXPECT_EQ_MSG(test, wr_pat_valid(pat), valid, "pat %llx", pat);
		}
}

static void mtrr_slots(struct kunit *test)
{
	DECLARE_BITMAP(seen, WR_NR_MTRRS) = {};
	u32 index;
	int slot;

	for (index = 0; index < 0x1000; index++) {
		slot = wr_mtrr_slot(index);
		if (slot < 0)
			continue;
		KUNIT_ASSERT_LT(test, slot, WR_NR_MTRRS);
		KUNIT_EXPECT_FALSE_MSG(test, __test_and_set_bit(slot, seen), "msr %x", index);
	}
	KUNIT_EXPECT_TRUE(test, bitmap_full(seen, WR_NR_MTRRS));
	KUNIT_EXPECT_EQ(test, wr_mtrr_slot(MSR_MTRRcap), -EINVAL);
	KUNIT_EXPECT_EQ(test, wr_mtrr_slot(MTRRphysMask_MSR(0)), WR_MTRR_VARIABLE + 1);
}

static void mtrr_values(struct kunit *test)
{
	u64 reserved = GENMASK_ULL(51, 40);

	KUNIT_EXPECT_TRUE(test, wr_mtrr_valid(MSR_MTRRdefType, 0xc06, reserved));
	KUNIT_EXPECT_FALSE(test, wr_mtrr_valid(MSR_MTRRdefType, 0xc02, reserved));
	KUNIT_EXPECT_FALSE(test, wr_mtrr_valid(MSR_MTRRdefType, 0x1006, reserved));
	KUNIT_EXPECT_TRUE(test, wr_mtrr_valid(MSR_MTRRfix4K_C8000, 0x0605040100060606ULL, 0));
	KUNIT_EXPECT_FALSE(test, wr_mtrr_valid(MSR_MTRRfix4K_C8000, 0x0605040100060607ULL, 0));
	KUNIT_EXPECT_FALSE(test, wr_mtrr_valid(MSR_MTRRfix64K_00000, 0x0200000000000000ULL, 0));
	KUNIT_EXPECT_TRUE(test, wr_mtrr_valid(MTRRphysBase_MSR(1), 0xfffffff006, reserved));
	KUNIT_EXPECT_FALSE(test, wr_mtrr_valid(MTRRphysBase_MSR(1), 0x1fffffff006, reserved));
	KUNIT_EXPECT_FALSE(test, wr_mtrr_valid(MTRRphysBase_MSR(1), 0x106, reserved));
	KUNIT_EXPECT_FALSE(test, wr_mtrr_valid(MTRRphysBase_MSR(1), 2, reserved));
	KUNIT_EXPECT_FALSE(test, wr_mtrr_valid(MTRRphysBase_MSR(1), BIT_ULL(63), 0));
	KUNIT_EXPECT_TRUE(test, wr_mtrr_valid(MTRRphysMask_MSR(1), 0xff80000800, reserved));
	KUNIT_EXPECT_FALSE(test, wr_mtrr_valid(MTRRphysMask_MSR(1), 0xff80000801, reserved));
	KUNIT_EXPECT_FALSE(test, wr_mtrr_valid(MSR_IA32_TSC, 0, 0));
}

/* The guest's arithmetic must agree with the plain one over an hour, at odd frequencies too. */
static void clock_scale(struct kunit *test)
{
	static const u64 hz[] = {
		1000, 999999, 33000000, 999999999, 1000000000, 1000000001, 1999999999,
		2000000000, 2000000001, 2495999000, 3000000000, 5700000000, 10000000000,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hz); i++) {
		u64 ns, want = 3600ULL * NSEC_PER_SEC;
		s8 shift;
		u32 mul;

		wr_clock_scale(hz[i], &mul, &shift);
		ns = wr_clock_cycles_to_ns(3600 * hz[i], mul, shift);
		/* 10 ns a second at most */
		KUNIT_EXPECT_LE_MSG(test, abs((s64)(ns - want)), 36000, "%llu Hz", hz[i]);
	}
}

static void cycles_and_ns(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, wr_cycles_to_ns(0, 2500000), 0ull);
	KUNIT_EXPECT_EQ(test, wr_cycles_to_ns(5, 2500000), 2ull);
	KUNIT_EXPECT_EQ(test, wr_cycles_to_ns(2500000000ull, 2500000), (u64)NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, wr_ns_to_cycles(NSEC_PER_SEC, 2500000), 2500000000ull);
	KUNIT_EXPECT_EQ(test, wr_ns_to_cycles(2, 2500000), 5ull);
	/* A guest's deadline can be anything. */
	KUNIT_EXPECT_EQ(test, wr_cycles_to_ns(U64_MAX, 1), (u64)KTIME_MAX);
	KUNIT_EXPECT_EQ(test, wr_cycles_to_ns(U64_MAX, 1000), (u64)KTIME_MAX);
	KUNIT_EXPECT_EQ(test, wr_cycles_to_ns(1, 0), (u64)KTIME_MAX);
	KUNIT_EXPECT_LE(test, wr_cycles_to_ns(U64_MAX, 5000000), (u64)KTIME_MAX);
}

static void frequency_tolerance(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, wr_tsc_khz_tolerable(2000000, 2000000));
	KUNIT_EXPECT_TRUE(test, wr_tsc_khz_tolerable(2000500, 2000000));
	KUNIT_EXPECT_TRUE(test, wr_tsc_khz_tolerable(1999500, 2000000));
	KUNIT_EXPECT_FALSE(test, wr_tsc_khz_tolerable(2000501, 2000000));
	KUNIT_EXPECT_FALSE(test, wr_tsc_khz_tolerable(1999499, 2000000));
	KUNIT_EXPECT_FALSE(test, wr_tsc_khz_tolerable(0, 2000000));
	KUNIT_EXPECT_FALSE(test, wr_tsc_khz_tolerable(U32_MAX, 2000000));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(table_is_sorted),
	KUNIT_CASE(table_finds),
	KUNIT_CASE(pat_values),
	KUNIT_CASE(mtrr_slots),
	KUNIT_CASE(mtrr_values),
	KUNIT_CASE(clock_scale),
	KUNIT_CASE(cycles_and_ns),
	KUNIT_CASE(frequency_tolerance),
	{}
};

struct kunit_suite wr_msr_suite = {
	.name = "warren-msr",
	.test_cases = cases,
};
