/* SPDX-License-Identifier: GPL-2.0-only */
/* All vector registers at once, for guest and host. */
#ifndef SELFTESTS_VECTORS_H
#define SELFTESTS_VECTORS_H

#include "../harness.h"

struct regs512 {
	u8 r[16][32];
} __attribute__((aligned(32)));

#define EACH16(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD_XMM(n) "movdqu " #n "*32(%[p]), %%xmm" #n "\n\t"
#define STORE_XMM(n) "movdqu %%xmm" #n ", " #n "*32(%[p])\n\t"
#define LOAD_YMM(n) "vmovdqu " #n "*32(%[p]), %%ymm" #n "\n\t"
#define STORE_YMM(n) "vmovdqu %%ymm" #n ", " #n "*32(%[p])\n\t"
#define XMM_CLOBBERS "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",	\
	"xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory"

static inline void load_xmm(const struct regs512 *p)
{
	asm volatile(EACH16(LOAD_XMM) : : [p] "r"(p) : XMM_CLOBBERS);
}

static inline void store_xmm(struct regs512 *p)
{
	asm volatile(EACH16(STORE_XMM) : : [p] "r"(p) : "memory");
}

static inline void load_ymm(const struct regs512 *p)
{
	asm volatile(EACH16(LOAD_YMM) : : [p] "r"(p) : XMM_CLOBBERS);
}

static inline void store_ymm(struct regs512 *p)
{
	asm volatile(EACH16(STORE_YMM) : : [p] "r"(p) : "memory");
}

#endif
