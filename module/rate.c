// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic of clocks: cycles, nanoseconds, and the ratio of two frequencies. Pure, tested alone.
 */
#include <linux/ktime.h>
#include <linux/math64.h>

#include "clock.h"
#include "compat.h"

#define TSC_TOLERANCE_PPM	250

/**
 * wr_clock_scale - factors for struct pvclock_vcpu_time_info
 * @hz: of the TSC, not 0
 * @mul: out: 32-bit fraction
 * @shift: out: to be applied to the cycles before it, to the left when positive
 */
void wr_clock_scale(u64 hz, u32 *mul, s8 *shift)
{
	*shift = 0;
	for (; hz > 2ULL * NSEC_PER_SEC; hz >>= 1)
		(*shift)--;
	for (; hz <= NSEC_PER_SEC; hz <<= 1)
		(*shift)++;
	*mul = div64_u64((u64)NSEC_PER_SEC << 32, hz);
}
WR_EXPORT_FOR_KUNIT(wr_clock_scale);

/**
 * wr_clock_cycles_to_ns - what a guest computes from its page
 * @cycles: of the TSC
 * @mul: of wr_clock_scale()
 * @shift: of wr_clock_scale()
 */
u64 wr_clock_cycles_to_ns(u64 cycles, u32 mul, s8 shift)
{
	cycles = shift < 0 ? cycles >> -shift : cycles << shift;
	return mul_u64_u32_shr(cycles, mul, 32);
}
WR_EXPORT_FOR_KUNIT(wr_clock_cycles_to_ns);

/**
 * wr_cycles_to_ns - time that a TSC takes
 * @cycles: any number
 * @khz: of the TSC
 *
 * Return: ns, KTIME_MAX when it is longer or @khz is 0.
 */
u64 wr_cycles_to_ns(u64 cycles, u32 khz)
{
	u64 ms, rest;

	if (!khz)
		return KTIME_MAX;
	ms = div64_u64_rem(cycles, khz, &rest);
	if (ms >= KTIME_MAX / NSEC_PER_MSEC)
		return KTIME_MAX;
	return ms * NSEC_PER_MSEC + div64_u64(rest * NSEC_PER_MSEC, khz);
}
WR_EXPORT_FOR_KUNIT(wr_cycles_to_ns);

/**
 * wr_ns_to_cycles - how far a TSC goes
 * @ns: time
 * @khz: of the TSC
 *
 * Return: cycles, modulo 2^64.
 */
u64 wr_ns_to_cycles(u64 ns, u32 khz)
{
	u64 rest;
	u64 ms = div64_u64_rem(ns, NSEC_PER_MSEC, &rest);

	return ms * khz + div64_u64(rest * khz, NSEC_PER_MSEC);
}
WR_EXPORT_FOR_KUNIT(wr_ns_to_cycles);

/**
 * wr_tsc_khz_tolerable - is a frequency near enough to the host's to be called the same?
 * @khz: wanted
 * @host_khz: there is
 */
bool wr_tsc_khz_tolerable(u32 khz, u32 host_khz)
{
	u64 slack = div_u64((u64)host_khz * TSC_TOLERANCE_PPM, 1000000);

	return khz >= host_khz - slack && khz <= host_khz + slack;
}
WR_EXPORT_FOR_KUNIT(wr_tsc_khz_tolerable);

/**
 * wr_tsc_ratio - how much faster than the host's a guest's TSC is
 * @khz: the guest's
 * @host_khz: the host's
 * @bits: of the fraction, below 64
 * @max: largest ratio there is
 *
 * Return: fixed point, rounded down; 0 when it is more than @max, or @bits is 0.
 */
u64 wr_tsc_ratio(u32 khz, u32 host_khz, u8 bits, u64 max)
{
	/* The integer part first: the division faults on a quotient of more than 64 bits. */
	if (!bits || khz / host_khz > max >> bits)
		return 0;
	return mul_u64_u64_div_u64(1ULL << bits, khz, host_khz);
}
WR_EXPORT_FOR_KUNIT(wr_tsc_ratio);

/**
 * wr_tsc_scale - what the hardware makes of the host's TSC
 * @tsc: the host's
 * @ratio: not 0
 * @bits: of @ratio's fraction
 *
 * Return: modulo 2^64.
 */
u64 wr_tsc_scale(u64 tsc, u64 ratio, u8 bits)
{
	return mul_u64_u64_shr(tsc, ratio, bits);
}
WR_EXPORT_FOR_KUNIT(wr_tsc_scale);

/**
 * wr_tsc_unscale - how far the host's TSC goes in a guest's time
 * @cycles: of the guest, any number
 * @ratio: not 0
 * @bits: of @ratio's fraction, 1 to 62
 *
 * Return: the host's cycles, rounded up, at most 2^63.
 */
u64 wr_tsc_unscale(u64 cycles, u64 ratio, u8 bits)
{
	/* As above: the guest chooses @cycles. */
	if (cycles >> (63 - bits) >= ratio)
		return 1ULL << 63;
	return mul_u64_u64_div_u64(cycles, 1ULL << bits, ratio) + 1;
}
WR_EXPORT_FOR_KUNIT(wr_tsc_unscale);
