// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arithmetic of TSCs with another frequency, and of the timer that makes guests exit.
 */
#include <kunit/test.h>

#include "clock.h"
#include "vmx/vmx.h"

#define VMX_BITS	48
#define SVM_BITS	32
#define SVM_MAX		0xffffffffffull

static void ratios(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, wr_tsc_ratio(2000000, 2000000, VMX_BITS, U64_MAX), 1ull << 48);
	KUNIT_EXPECT_EQ(test, wr_tsc_ratio(3000000, 2000000, VMX_BITS, U64_MAX), 3ull << 47);
	KUNIT_EXPECT_EQ(test, wr_tsc_ratio(1000000, 2000000, SVM_BITS, SVM_MAX), 1ull << 31);
	/* Down, so that the guest is never ahead */
	KUNIT_EXPECT_EQ(test, wr_tsc_ratio(1000000, 3000000, SVM_BITS, SVM_MAX), 0x55555555ull);
	KUNIT_EXPECT_EQ(test, wr_tsc_ratio(1, U32_MAX, VMX_BITS, U64_MAX), 0x10000ull);

	/* Farther than the hardware goes, or where it does not scale at all */
	KUNIT_EXPECT_EQ(test, wr_tsc_ratio(255000, 1000, SVM_BITS, SVM_MAX), 255ull << 32);
	KUNIT_EXPECT_EQ(test, wr_tsc_ratio(256000, 1000, SVM_BITS, SVM_MAX), 0ull);
	KUNIT_EXPECT_EQ(test, wr_tsc_ratio(65535999, 1000, VMX_BITS, U64_MAX) >> 48, 65535ull);
	KUNIT_EXPECT_EQ(test, wr_tsc_ratio(65536000, 1000, VMX_BITS, U64_MAX), 0ull);
	KUNIT_EXPECT_EQ(test, wr_tsc_ratio(U32_MAX, 1, VMX_BITS, U64_MAX), 0ull);
	KUNIT_EXPECT_EQ(test, wr_tsc_ratio(1000, 2000, 0, 0), 0ull);
}

static void scaling(struct kunit *test)
{
	u64 ratio = wr_tsc_ratio(2500000, 2000000, VMX_BITS, U64_MAX);

	KUNIT_EXPECT_EQ(test, wr_tsc_scale(0, ratio, VMX_BITS), 0ull);
	KUNIT_EXPECT_EQ(test, wr_tsc_scale(4000000000ull, ratio, VMX_BITS), 5000000000ull);
	/* The product has 128 bits, the TSC has 64. */
	KUNIT_EXPECT_EQ(test, wr_tsc_scale(1ull << 62, 8ull << 48, VMX_BITS), 0ull);
	KUNIT_EXPECT_EQ(test, wr_tsc_scale((1ull << 62) + 3, 8ull << 48, VMX_BITS), 24ull);
}

/* Back in the host's time the guest's is reached, and not by far. */
static void unscaling(struct kunit *test)
{
	static const u32 khz[] = { 1, 1000, 999999, 2000001, 3333333, 10000000 };
	static const u64 cycles[] = { 1, 2, 1000, 12345678901ull, 1ull << 40 };
	int i, j;

	for (i = 0; i < ARRAY_SIZE(khz); i++) {
		u64 ratio = wr_tsc_ratio(khz[i], 2000000, VMX_BITS, U64_MAX);

		for (j = 0; j < ARRAY_SIZE(cycles); j++) {
			u64 host = wr_tsc_unscale(cycles[j], ratio, VMX_BITS);

			KUNIT_EXPECT_GE(test, wr_tsc_scale(host, ratio, VMX_BITS), cycles[j]);
			KUNIT_EXPECT_LE(test, wr_tsc_scale(host - 1, ratio, VMX_BITS), cycles[j]);
		}
	}
}

/* A guest can ask for any deadline: none makes the division fault. */
static void unscaling_has_limits(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, wr_tsc_unscale(U64_MAX, 1, VMX_BITS), 1ull << 63);
	KUNIT_EXPECT_EQ(test, wr_tsc_unscale(U64_MAX, 1ull << 48, VMX_BITS), 1ull << 63);
	KUNIT_EXPECT_EQ(test, wr_tsc_unscale(U64_MAX, 1ull << 32, SVM_BITS), 1ull << 63);
	KUNIT_EXPECT_EQ(test, wr_tsc_unscale(1ull << 63, 1ull << 48, VMX_BITS), 1ull << 63);
	KUNIT_EXPECT_EQ(test, wr_tsc_unscale((1ull << 63) - 1, 1ull << 48, VMX_BITS), 1ull << 63);
	KUNIT_EXPECT_EQ(test, wr_tsc_unscale(U64_MAX, U64_MAX, VMX_BITS), (1ull << 48) + 1);
}

static void timer_ticks(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vmx_timer_ticks(1000, 900, 0), 100u);
	KUNIT_EXPECT_EQ(test, vmx_timer_ticks(1000, 1000, 0), 0u);
	KUNIT_EXPECT_EQ(test, vmx_timer_ticks(1000, 1001, 5), 0u);
	KUNIT_EXPECT_EQ(test, vmx_timer_ticks(0, 0, 5), 0u);
	/* The bit changes at 32, 64, 96: none of it may come before the deadline. */
	KUNIT_EXPECT_EQ(test, vmx_timer_ticks(64, 31, 5), 2u);
	KUNIT_EXPECT_EQ(test, vmx_timer_ticks(64, 32, 5), 1u);
	KUNIT_EXPECT_EQ(test, vmx_timer_ticks(65, 32, 5), 2u);
	KUNIT_EXPECT_EQ(test, vmx_timer_ticks(34, 33, 5), 1u);
	KUNIT_EXPECT_EQ(test, vmx_timer_ticks(U32_MAX, 0, 0), U32_MAX);
	KUNIT_EXPECT_EQ(test, vmx_timer_ticks(1ull << 32, 0, 0), U32_MAX);
	KUNIT_EXPECT_EQ(test, vmx_timer_ticks(U64_MAX, 1, 5), U32_MAX);
	KUNIT_EXPECT_EQ(test, vmx_timer_ticks(1ull << 37, 1ull << 36, 5), 1u << 31);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(ratios),
	KUNIT_CASE(scaling),
	KUNIT_CASE(unscaling),
	KUNIT_CASE(unscaling_has_limits),
	KUNIT_CASE(timer_ticks),
	{}
};

struct kunit_suite wr_clock_suite = {
	.name = "warren-clock",
	.test_cases = cases,
};
