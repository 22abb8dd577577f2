// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decoder: lengths, operands, and what it refuses, byte by byte.
 */
#include <kunit/test.h>
#include <linux/errno.h>

#include "emulate/emulate.h"

#define R16	WR_EMU_REAL
#define V86	WR_EMU_VM86
#define P16	WR_EMU_PROT16
#define P32	WR_EMU_PROT32
#define P64	WR_EMU_PROT64

struct length_case {
	enum wr_emu_mode mode;
	u8 len;
	u8 code[WR_INSN_MAX];
};

/* The length is that of the initializer; each shorter beginning must ask for more. */
static const struct length_case lengths[] = {
	/* ModRM, SIB and displacement, by address size */
	{ R16, 2, { 0x8b, 0x07 } },				/* mov ax, [bx] */
	{ R16, 3, { 0x8b, 0x47, 0x10 } },
	{ R16, 4, { 0x8b, 0x87, 0x00, 0x10 } },
	{ R16, 4, { 0x8b, 0x06, 0x34, 0x12 } },			/* [disp16] */
	{ R16, 3, { 0x8b, 0x46, 0x00 } },			/* [bp] */
	{ R16, 3, { 0x67, 0x8b, 0x00 } },			/* [eax] */
	{ R16, 8, { 0x67, 0x8b, 0x84, 0x88, 1, 2, 3, 4 } },
	{ V86, 4, { 0x8b, 0x0e, 0x00, 0x20 } },
	{ P16, 4, { 0x89, 0x0e, 0x00, 0x20 } },
	{ P32, 2, { 0x8b, 0x00 } },
	{ P32, 3, { 0x8b, 0x04, 0x24 } },
	{ P32, 6, { 0x8b, 0x05, 1, 2, 3, 4 } },
	{ P32, 7, { 0x8b, 0x04, 0x25, 1, 2, 3, 4 } },
	{ P32, 4, { 0x67, 0x8b, 0x47, 0x10 } },
	{ P64, 2, { 0x8b, 0x07 } },
	{ P64, 3, { 0x48, 0x8b, 0x07 } },
	{ P64, 6, { 0x8b, 0x05, 1, 2, 3, 4 } },			/* rip-relative */
	{ P64, 7, { 0x8b, 0x04, 0x25, 1, 2, 3, 4 } },
	{ P64, 4, { 0x8b, 0x44, 0x24, 0x08 } },
	{ P64, 7, { 0x41, 0x8b, 0x85, 1, 2, 3, 4 } },
	{ P64, 5, { 0x43, 0x8b, 0x44, 0x25, 0x10 } },
	/* Immediates, by operand size */
	{ P64, 2, { 0xb0, 1 } },
	{ P64, 5, { 0xb8, 1, 2, 3, 4 } },
	{ P64, 4, { 0x66, 0xb8, 1, 2 } },
	{ P64, 10, { 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ R16, 3, { 0xb8, 1, 2 } },
	{ R16, 6, { 0x66, 0xb8, 1, 2, 3, 4 } },
	{ P64, 6, { 0xc7, 0x07, 1, 2, 3, 4 } },
	{ P64, 7, { 0x48, 0xc7, 0x07, 1, 2, 3, 4 } },
	{ P64, 5, { 0x66, 0xc7, 0x07, 1, 2 } },
	{ P64, 3, { 0xc6, 0x07, 1 } },
	{ P64, 10, { 0xc7, 0x05, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ P64, 9, { 0xa1, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ P64, 6, { 0x67, 0xa1, 1, 2, 3, 4 } },
	{ P32, 5, { 0xa3, 1, 2, 3, 4 } },
	{ R16, 3, { 0xa0, 1, 2 } },
	{ P64, 3, { 0x83, 0x07, 1 } },
	{ P64, 6, { 0x81, 0x07, 1, 2, 3, 4 } },
	{ P64, 2, { 0xf6, 0xd8 } },				/* neg: no immediate */
	{ P64, 3, { 0xf6, 0xc0, 1 } },				/* test: one */
	{ P64, 6, { 0xf7, 0xc0, 1, 2, 3, 4 } },
	{ P64, 6, { 0x69, 0xc0, 1, 2, 3, 4 } },
	{ P64, 4, { 0xc8, 1, 2, 3 } },
	{ P64, 3, { 0xc2, 1, 2 } },
	{ P32, 7, { 0xea, 1, 2, 3, 4, 5, 6 } },
	{ R16, 5, { 0x9a, 1, 2, 3, 4 } },
	{ P64, 5, { 0xe8, 1, 2, 3, 4 } },
	{ R16, 3, { 0xe8, 1, 2 } },
	{ P64, 6, { 0x0f, 0x84, 1, 2, 3, 4 } },
	{ P64, 2, { 0x74, 1 } },
	{ P64, 4, { 0x0f, 0xa4, 0xc0, 1 } },
	{ P64, 4, { 0x0f, 0xba, 0x27, 1 } },
	/* What exits without hardware help need to step over */
	{ P64, 2, { 0x0f, 0xa2 } },				/* cpuid */
	{ R16, 2, { 0x0f, 0xa2 } },
	{ P64, 2, { 0x0f, 0x30 } },				/* wrmsr */
	{ P64, 2, { 0x0f, 0x31 } },				/* rdtsc */
	{ P64, 2, { 0x0f, 0x32 } },				/* rdmsr */
	{ P64, 2, { 0x0f, 0x33 } },				/* rdpmc */
	{ P64, 1, { 0xf4 } },					/* hlt */
	{ P64, 3, { 0x0f, 0x01, 0xd9 } },			/* vmmcall */
	{ P64, 3, { 0x0f, 0x01, 0xc1 } },			/* vmcall */
	{ P64, 3, { 0x0f, 0x01, 0xd1 } },			/* xsetbv */
	{ P64, 3, { 0x0f, 0x01, 0xc8 } },			/* monitor */
	{ P64, 3, { 0x0f, 0x01, 0xc9 } },			/* mwait */
	{ P64, 3, { 0x0f, 0x01, 0xf9 } },			/* rdtscp */
	{ P64, 3, { 0x0f, 0x01, 0x38 } },			/* invlpg [rax] */
	{ P64, 4, { 0x41, 0x0f, 0x01, 0x38 } },
	{ P64, 7, { 0x0f, 0x01, 0x3d, 1, 2, 3, 4 } },
	{ P64, 3, { 0x0f, 0x01, 0xf0 } },			/* lmsw ax */
	{ P64, 3, { 0x0f, 0x20, 0xc0 } },			/* mov rax, cr0 */
	{ P64, 4, { 0x44, 0x0f, 0x22, 0xc0 } },			/* mov cr8, rax */
	{ P64, 3, { 0x0f, 0x22, 0x05 } },			/* mod is not looked at */
	{ P64, 3, { 0x0f, 0x21, 0xf8 } },			/* mov rax, dr7 */
	{ P64, 3, { 0x0f, 0x23, 0xf8 } },
	{ P64, 2, { 0x0f, 0x06 } },				/* clts */
	{ P64, 2, { 0x0f, 0x08 } },				/* invd */
	{ P64, 2, { 0x0f, 0x09 } },				/* wbinvd */
	{ P64, 2, { 0xf3, 0x90 } },				/* pause */
	{ P64, 2, { 0xe4, 1 } },
	{ P64, 1, { 0xec } },
	{ P64, 2, { 0x66, 0xef } },
	{ P64, 2, { 0xf3, 0x6d } },
	{ R16, 3, { 0xf3, 0x66, 0x6f } },
	/* Hints */
	{ P64, 4, { 0xf3, 0x0f, 0x1e, 0xfa } },			/* endbr64 */
	{ P64, 9, { 0x66, 0x0f, 0x1f, 0x84, 0x00, 0, 0, 0, 0 } },
	{ P64, 3, { 0x0f, 0x18, 0x08 } },
	{ P64, 3, { 0x0f, 0xae, 0xe8 } },			/* lfence */
	/* Vector moves */
	{ P64, 3, { 0x0f, 0x10, 0x07 } },
	{ P64, 4, { 0x66, 0x0f, 0x6f, 0x07 } },
	{ P64, 4, { 0xc5, 0xfe, 0x6f, 0x07 } },			/* vmovdqu ymm0, [rdi] */
	{ P64, 5, { 0xc4, 0xc1, 0x7e, 0x7f, 0x07 } },		/* vmovdqu [r15], ymm0 */
	{ P32, 4, { 0xc5, 0xfa, 0x6f, 0x07 } },
	{ P32, 2, { 0xc5, 0x07 } },				/* lds */
	{ P64, 5, { 0x0f, 0x38, 0xf0, 0x47, 0x10 } },		/* movbe */
	/* Prefixes up to the limit */
	{ P64, 15, { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
		    0x66, 0x8b, 0x07 } },
	{ P64, 13, { 0x65, 0x48, 0xc7, 0x84, 0x88, 1, 2, 3, 4, 5, 6, 7, 8 } },
};

static void lengths_in_full(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		const struct length_case *c = &lengths[i];
		int len = wr_insn_length(c->code, WR_INSN_MAX, c->mode);

		KUNIT_EXPECT_EQ_MSG(test, len, (int)c->len, "row %u", i);
		len = wr_insn_length(c->code, c->len, c->mode);
		KUNIT_EXPECT_EQ_MSG(test, len, (int)c->len, "row %u", i);
	}
}

static void lengths_cut_short(struct kunit *test)
{
	unsigned int i, n;
	int len;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		for (n = 1; n < lengths[i].len; n++) {
			len = wr_insn_length(lengths[i].code, n, lengths[i].mode);
			KUNIT_EXPECT_EQ_MSG(test, len, -ENODATA, "row %u, %u bytes", i, n);
		}
}

struct refusal_case {
	enum wr_emu_mode mode;
	int err;
	u8 code[WR_INSN_MAX];
};

static const struct refusal_case refusals[] = {
	/* Past 15 bytes */
	{ P64, -E2BIG, { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
		    0x66, 0x66, 0x66 } },
	{ P64, -E2BIG, { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
		    0x66, 0xb8, 0x01 } },
	/* LOCK where it is not allowed */
	{ P64, -EINVAL, { 0xf0, 0x89, 0x07 } },			/* mov */
	{ P64, -EINVAL, { 0xf0, 0x01, 0xc0 } },			/* add to a register */
	{ P64, -EINVAL, { 0xf0, 0x03, 0x07 } },			/* add from memory */
	{ P64, -EINVAL, { 0xf0, 0x39, 0x07 } },			/* cmp */
	{ P64, -EINVAL, { 0xf0, 0x84, 0x07 } },			/* test */
	{ P64, -EINVAL, { 0xf0, 0x0f, 0xa3, 0x07 } },		/* bt */
	{ P64, -EINVAL, { 0xf0, 0xd1, 0x27 } },			/* shl */
	{ P64, -EINVAL, { 0xf0, 0x90 } },
	{ P64, -EINVAL, { 0xf0, 0x0f, 0xa2 } },
	{ P64, -EOPNOTSUPP, { 0xf0, 0x0f, 0x20, 0xc0 } },	/* another register on some CPUs */
	/* Not in 64-bit mode */
	{ P64, -EINVAL, { 0x06 } }, { P64, -EINVAL, { 0x1f } }, { P64, -EINVAL, { 0x27 } },
	{ P64, -EINVAL, { 0x37 } }, { P64, -EINVAL, { 0x60 } }, { P64, -EINVAL, { 0x61 } },
	{ P64, -EINVAL, { 0x82, 0xc0, 1 } }, { P64, -EINVAL, { 0x9a } }, { P64, -EINVAL, { 0xea } },
	{ P64, -EINVAL, { 0xce } }, { P64, -EINVAL, { 0xd4, 10 } }, { P64, -EINVAL, { 0xd6 } },
	/* A register where only memory can be, and the other way round */
	{ P64, -EINVAL, { 0x8d, 0xc0 } },			/* lea */
	{ P32, -EINVAL, { 0x0f, 0xb2, 0xc0 } },			/* lss */
	{ R16, -EINVAL, { 0xc4, 0xc0 } },			/* les: no VEX in real mode */
	/* Registers that do not exist */
	{ P64, -EINVAL, { 0x8e, 0xf0 } },			/* segment register 6 */
	{ P64, -EINVAL, { 0x0f, 0x20, 0xc8 } },			/* cr1 */
	{ P32, -EINVAL, { 0x0f, 0x20, 0xe8 } },			/* cr5 */
	/* VEX after a prefix, or with a register too many */
	{ P64, -EINVAL, { 0x66, 0xc5, 0xfe, 0x6f, 0x07 } },
	{ P64, -EINVAL, { 0x48, 0xc5, 0xfe, 0x6f, 0x07 } },
	{ P64, -EINVAL, { 0xc5, 0xf6, 0x6f, 0x07 } },
	/* Not in the table */
	{ P64, -EOPNOTSUPP, { 0x0f, 0x58, 0xc1 } },		/* addps */
	{ P64, -EOPNOTSUPP, { 0x0f, 0x70, 0x07, 0 } },		/* pshufw */
	{ P64, -EOPNOTSUPP, { 0xc5, 0xf0, 0x58, 0xc1 } },
	{ P64, -EOPNOTSUPP, { 0x62, 0xf1, 0x7c, 0x48, 0x10, 0x07 } },	/* EVEX */
	{ P32, -EOPNOTSUPP, { 0x62, 0xf1, 0x7c, 0x48, 0x10, 0x07 } },
	{ P64, -EOPNOTSUPP, { 0xf3, 0x0f, 0x10, 0xc1 } },	/* movss between registers */
	{ P64, -EOPNOTSUPP, { 0x0f, 0x3a, 0x0f, 0xc1, 1 } },
	{ P64, -EOPNOTSUPP, { 0x66, 0xe8, 1, 2, 3, 4 } },	/* each vendor's own */
	{ P64, -EOPNOTSUPP, { 0xff, 0xf8 } },
};

static void refused(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal_case *c = &refusals[i];
		int len = wr_insn_length(c->code, WR_INSN_MAX, c->mode);

		KUNIT_EXPECT_EQ_MSG(test, len, c->err, "row %u", i);
	}
}

struct address_case {
	enum wr_emu_mode mode;
	u8 code[WR_INSN_MAX];
	u8 addr_size, seg, base, index, scale;
	s64 disp;
};

#define NONE	0xff
#define RIP	0xfe

enum { AX, CX, DX, BX, SP, BP, SI, DI, R8, R9, R10, R11, R12, R13 };
enum { ES, CS, SS, DS, FS, GS };

static const struct address_case addresses[] = {
	{ R16, { 0x8b, 0x00 }, 2, DS, BX, SI },
	{ R16, { 0x8b, 0x01 }, 2, DS, BX, DI },
	{ R16, { 0x8b, 0x02 }, 2, SS, BP, SI },
	{ R16, { 0x8b, 0x03 }, 2, SS, BP, DI },
	{ R16, { 0x8b, 0x04 }, 2, DS, SI, NONE },
	{ R16, { 0x8b, 0x45, 0xff }, 2, DS, DI, NONE, 0, -1 },
	{ R16, { 0x8b, 0x46, 0x02 }, 2, SS, BP, NONE, 0, 2 },
	{ R16, { 0x8b, 0x06, 0xfe, 0xff }, 2, DS, NONE, NONE, 0, -2 },
	{ R16, { 0x26, 0x8b, 0x46, 0x02 }, 2, ES, BP, NONE, 0, 2 },
	{ R16, { 0x67, 0x8b, 0x04, 0x24 }, 4, SS, SP, NONE },
	{ P32, { 0x8b, 0x45, 0x00 }, 4, SS, BP, NONE },
	{ P32, { 0x8b, 0x04, 0x4d, 1, 0, 0, 0 }, 4, DS, NONE, CX, 1, 1 },
	{ P32, { 0x2e, 0x8b, 0x04, 0xc8 }, 4, CS, AX, CX, 3 },
	{ P32, { 0x64, 0x8b, 0x05, 0, 0, 0, 0x80 }, 4, FS, NONE, NONE, 0, -0x80000000LL },
	{ P64, { 0x8b, 0x05, 0xff, 0xff, 0xff, 0xff }, 8, DS, RIP, NONE, 0, -1 },
	{ P64, { 0x67, 0x8b, 0x07 }, 4, DS, DI, NONE },
	{ P64, { 0x41, 0x8b, 0x45, 0x00 }, 8, DS, R13, NONE },
	{ P64, { 0x41, 0x8b, 0x04, 0x24 }, 8, DS, R12, NONE },
	{ P64, { 0x42, 0x8b, 0x04, 0x20 }, 8, DS, AX, R12 },
	{ P64, { 0x8b, 0x04, 0x24 }, 8, SS, SP, NONE },
	{ P64, { 0x65, 0x8b, 0x04, 0x25, 4, 0, 0, 0 }, 8, GS, NONE, NONE, 0, 4 },
	/* Other overrides do nothing there, not even to an earlier one. */
	{ P64, { 0x65, 0x2e, 0x8b, 0x00 }, 8, GS, AX, NONE },
	{ P64, { 0x2e, 0x8b, 0x00 }, 8, DS, AX, NONE },
	{ P64, { 0xa1, 1, 2, 3, 4, 5, 6, 7, 8 }, 8, DS, NONE, NONE, 0, 0x0807060504030201LL },
};

static void memory_operands(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		const struct address_case *c = &addresses[i];
		struct wr_insn insn;
		int err = wr_decode(&insn, c->code, WR_INSN_MAX, c->mode);

		KUNIT_ASSERT_EQ_MSG(test, err, 0, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, insn.addr_size, c->addr_size, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, insn.seg, c->seg, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, insn.base, c->base, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, insn.index, c->index, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, insn.scale, c->scale, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, insn.disp, c->disp, "row %u", i);
	}
}

struct operand_case {
	enum wr_emu_mode mode;
	u8 code[WR_INSN_MAX];
	struct wr_operand dst, src;
};

static const struct operand_case operands[] = {
	/* ah */
	{ P64, { 0x88, 0x27 }, { WR_OP_MEM, 0, 1 }, { WR_OP_REG, AX, 1, true } },
	/* spl */
	{ P64, { 0x40, 0x88, 0x27 }, { WR_OP_MEM, 0, 1 }, { WR_OP_REG, SP, 1 } },
	{ P64, { 0x44, 0x88, 0x07 }, { WR_OP_MEM, 0, 1 }, { WR_OP_REG, R8, 1 } },
	/* A REX that is not the last prefix does not count. */
	{ P64, { 0x48, 0x66, 0x89, 0x07 }, { WR_OP_MEM, 0, 2 }, { WR_OP_REG, AX, 2 } },
	{ P64, { 0x66, 0x48, 0x89, 0x07 }, { WR_OP_MEM, 0, 8 }, { WR_OP_REG, AX, 8 } },
	{ P64, { 0x4d, 0x8b, 0xc8 }, { WR_OP_REG, R9, 8 }, { WR_OP_REG, R8, 8 } },
	/* dec eax */
	{ P32, { 0x48 }, { WR_OP_REG, AX, 4 }, { } },
	{ P64, { 0x0f, 0xb6, 0x07 }, { WR_OP_REG, AX, 4 }, { WR_OP_MEM, 0, 1 } },
	{ P64, { 0x48, 0x0f, 0xbf, 0x07 }, { WR_OP_REG, AX, 8 }, { WR_OP_MEM, 0, 2 } },
	{ P64, { 0x48, 0x63, 0x07 }, { WR_OP_REG, AX, 8 }, { WR_OP_MEM, 0, 4 } },
	{ P64, { 0x48, 0xc7, 0x07, 0xff, 0xff, 0xff, 0xff }, { WR_OP_MEM, 0, 8 },
	  { WR_OP_IMM, 0, 8, false, ~0ULL } },
	{ P64, { 0x83, 0x07, 0x80 }, { WR_OP_MEM, 0, 4 }, { WR_OP_IMM, 0, 4, false, -128ULL } },
	{ P64, { 0x8c, 0x1f }, { WR_OP_MEM, 0, 4 }, { WR_OP_SEG, DS, 4 } },
	{ P64, { 0x50 }, { }, { WR_OP_REG, AX, 8 } },
	{ P64, { 0x66, 0x50 }, { }, { WR_OP_REG, AX, 2 } },
	{ P64, { 0x0f, 0x10, 0x07 }, { WR_OP_VEC, 0, 16 }, { WR_OP_MEM, 0, 16 } },
	{ P64, { 0xc5, 0x7c, 0x11, 0x07 }, { WR_OP_MEM, 0, 32 }, { WR_OP_VEC, R8, 32 } },
	{ P64, { 0xf3, 0x0f, 0x10, 0x07 }, { WR_OP_VEC, 0, 16 }, { WR_OP_MEM, 0, 4 } },
	{ P64, { 0x66, 0x48, 0x0f, 0x7e, 0x07 }, { WR_OP_MEM, 0, 8 }, { WR_OP_VEC, 0, 16 } },
	{ P64, { 0x48, 0x0f, 0xc7, 0x0f }, { WR_OP_MEM, 0, 16 }, { } },
	{ P64, { 0x44, 0x0f, 0x20, 0xc3 }, { WR_OP_REG, BX, 8 }, { WR_OP_CR, R8, 8 } },
};

static void expect_operand(struct kunit *test, const struct wr_operand *have,
			   const struct wr_operand *want, unsigned int row)
{
	KUNIT_EXPECT_EQ_MSG(test, have->kind, want->kind, "row %u", row);
	KUNIT_EXPECT_EQ_MSG(test, have->reg, want->reg, "row %u", row);
	KUNIT_EXPECT_EQ_MSG(test, have->size, want->size, "row %u", row);
	KUNIT_EXPECT_EQ_MSG(test, have->high8, want->high8, "row %u", row);
	KUNIT_EXPECT_EQ_MSG(test, have->imm, want->imm, "row %u", row);
}

static void operands_of_both_sides(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(operands); i++) {
		const struct operand_case *c = &operands[i];
		struct wr_insn insn;
		int err = wr_decode(&insn, c->code, WR_INSN_MAX, c->mode);

		KUNIT_ASSERT_EQ_MSG(test, err, 0, "row %u", i);
		expect_operand(test, &insn.dst, &c->dst, i);
		expect_operand(test, &insn.src, &c->src, i);
	}
}

static bool is_answer(int len)
{
	return len > 0 || len == -EINVAL || len == -ENODATA || len == -EOPNOTSUPP;
}

static const u8 before[][2] = {
	{ 0x0f, 0x38 }, { 0x0f, 0x3a }, { 0xc5, 0xf8 }, { 0x66, 0x0f }, { 0xf3, 0x0f },
	{ 0xf2, 0x48 }, { 0xf0, 0x0f }, { 0x67, 0x67 },
};

static void try_mode(struct kunit *test, enum wr_emu_mode mode, unsigned int p)
{
	unsigned int opcode, modrm;
	int len;

	for (opcode = 0; opcode < 256; opcode++)
		for (modrm = 0; modrm < 256; modrm += 3) {
			u8 code[] = { before[p][0], before[p][1], opcode, modrm, modrm, 1, 2, 3 };

			len = wr_insn_length(code, sizeof(code), mode);
			if (!is_answer(len))
				KUNIT_FAIL(test, "%d: mode %d, prefix %u, %x, %x", len, mode, p,
					   opcode, modrm);
		}
}

/* Whatever the bytes, the answer is a length or one of the errors. */
static void all_opcodes_answer(struct kunit *test)
{
	enum wr_emu_mode mode;
	unsigned int p;

	for (mode = WR_EMU_REAL; mode <= WR_EMU_PROT64; mode++)
		for (p = 0; p < ARRAY_SIZE(before); p++)
			try_mode(test, mode, p);
}

static void cache_answers_as_the_decoder(struct kunit *test)
{
	static const u8 first[WR_INSN_MAX] = { 0x8b, 0x07 };
	static const u8 other[WR_INSN_MAX] = { 0x8b, 0x07, [14] = 1 };
	static const u8 third[WR_INSN_MAX] = { 0x40, 0x8b, 0x07 };
	static const u8 wrong[WR_INSN_MAX] = { 0x8d, 0xc0 };
	struct wr_insn_cache cache = { };

	KUNIT_EXPECT_EQ(test, wr_decode_cached(&cache, first, WR_INSN_MAX, P64), 0);
	cache.insn.len = 99;		/* seen again only if it was not decoded again */
	KUNIT_EXPECT_EQ(test, wr_decode_cached(&cache, first, WR_INSN_MAX, P64), 0);
	KUNIT_EXPECT_EQ(test, cache.insn.len, (u8)99);
	KUNIT_EXPECT_EQ(test, wr_decode_cached(&cache, first, WR_INSN_MAX, P32), 0);
	KUNIT_EXPECT_EQ(test, cache.insn.len, (u8)2);
	KUNIT_EXPECT_EQ(test, cache.insn.op_size, (u8)4);
	cache.insn.len = 99;
	KUNIT_EXPECT_EQ(test, wr_decode_cached(&cache, other, WR_INSN_MAX, P32), 0);
	KUNIT_EXPECT_EQ(test, cache.insn.len, (u8)2);
	cache.insn.len = 99;
	/* Fewer bytes are always decoded. */
	KUNIT_EXPECT_EQ(test, wr_decode_cached(&cache, other, 2, P32), 0);
	KUNIT_EXPECT_EQ(test, cache.insn.len, (u8)2);
	KUNIT_EXPECT_EQ(test, wr_decode_cached(&cache, other, 1, P32), -ENODATA);
	KUNIT_EXPECT_EQ(test, wr_decode_cached(&cache, third, WR_INSN_MAX, P64), 0);
	KUNIT_EXPECT_EQ(test, cache.insn.len, (u8)3);
	/* What failed is not remembered, nor is what was there before. */
	KUNIT_EXPECT_EQ(test, wr_decode_cached(&cache, wrong, WR_INSN_MAX, P64), -EINVAL);
	KUNIT_EXPECT_EQ(test, wr_decode_cached(&cache, wrong, WR_INSN_MAX, P64), -EINVAL);
	KUNIT_EXPECT_EQ(test, wr_decode_cached(&cache, third, WR_INSN_MAX, P64), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(lengths_in_full),
	KUNIT_CASE(lengths_cut_short),
	KUNIT_CASE(refused),
	KUNIT_CASE(memory_operands),
	KUNIT_CASE(operands_of_both_sides),
	KUNIT_CASE(all_opcodes_answer),
	KUNIT_CASE(cache_answers_as_the_decoder),
	{}
};

struct kunit_suite wr_decode_suite = {
	.name = "warren-decode",
	.test_cases = cases,
};
