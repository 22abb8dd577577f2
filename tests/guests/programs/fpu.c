// SPDX-License-Identifier: GPL-2.0-only
/*
 * fpu SECONDS SEED: keep values that depend on SEED in the x87, SSE and (if there) AVX registers and
 * look whether they stay, through exits, preemption and whatever else the machine runs.
 * It runs in guests and on hosts at the same time: a register that leaks shows on either side.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct xmm {
	uint64_t q[16][2];
};

struct ymm {
	uint64_t q[16][4];
};

/* Load 16 registers, spin, store them: the compiler must not get in between. */
#define EACH(op, size)								\
	op(0, size) op(1, size) op(2, size) op(3, size) op(4, size) op(5, size)	\
	op(6, size) op(7, size) op(8, size) op(9, size) op(10, size)		\
	op(11, size) op(12, size) op(13, size) op(14, size) op(15, size)
#define LOAD_XMM(n, size) "movdqu " #n "*" #size "(%0), %%xmm" #n "\n\t"
#define STORE_XMM(n, size) "movdqu %%xmm" #n ", " #n "*" #size "(%1)\n\t"
#define LOAD_YMM(n, size) "vmovdqu " #n "*" #size "(%0), %%ymm" #n "\n\t"
#define STORE_YMM(n, size) "vmovdqu %%ymm" #n ", " #n "*" #size "(%1)\n\t"
#define SPIN "mov $20000, %%ecx\n1:\n\tpause\n\tdec %%ecx\n\tjnz 1b\n\t"

static void hold_xmm(const struct xmm *in, struct xmm *out)
{
	asm volatile(EACH(LOAD_XMM, 16) SPIN EACH(STORE_XMM, 16)
		     : : "r"(in), "r"(out)
		     : "ecx", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
		       "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
		       "xmm15");
}

__attribute__((target("avx"))) static void hold_ymm(const struct ymm *in, struct ymm *out)
{
	asm volatile(EACH(LOAD_YMM, 32) SPIN EACH(STORE_YMM, 32)
		     : : "r"(in), "r"(out)
		     : "ecx", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
		       "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
		       "xmm15");
}

static uint64_t hold_x87(uint64_t value)
{
	uint64_t out;

	asm volatile("fildll %1\n\t" SPIN "fistpll %0" : "=m"(out) : "m"(value) : "ecx", "cc");
	return out;
}

static void fill(void *p, size_t size, uint64_t seed, uint64_t round)
{
	uint64_t *q = p;
	size_t i;

	for (i = 0; i < size / 8; i++)
		q[i] = (seed << 48) ^ (round << 16) ^ (i * 0x0101010101010101ull);
}

static int have_avx(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx");
}

static int one_round(uint64_t seed, uint64_t round, int avx)
{
	struct xmm xi, xo;
	struct ymm yi, yo;
	uint64_t small = (seed << 40) ^ round;

	fill(&xi, sizeof(xi), seed, round);
	memset(&xo, 0, sizeof(xo));
	hold_xmm(&xi, &xo);
	if (memcmp(&xi, &xo, sizeof(xi)))
		return printf("fpu: SSE registers changed\n");
	if (hold_x87(small) != small)
		return printf("fpu: x87 registers changed\n");
	if (!avx)
		return 0;
	fill(&yi, sizeof(yi), seed, round);
	memset(&yo, 0, sizeof(yo));
	hold_ymm(&yi, &yo);
	if (memcmp(&yi, &yo, sizeof(yi)))
		return printf("fpu: AVX registers changed\n");
	return 0;
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
	uint64_t seed = argc > 2 ? (uint64_t)atoi(argv[2]) : 1, rounds = 0;
	int avx = have_avx();

	while (time(NULL) < end || !rounds)
		if (one_round(seed, rounds++, avx))
			return 1;
	printf("fpu: fine (%llu rounds%s)\n", (unsigned long long)rounds, avx ? ", AVX" : "");
	return 0;
}
