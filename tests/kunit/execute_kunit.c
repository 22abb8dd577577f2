// SPDX-License-Identifier: GPL-2.0-only
/*
 * Execution against a flat memory: a table of instructions with what they change (all else must
 * stay), then segments, faults, atomicity, strings, ports, vectors, real mode.
 */
#include <kunit/test.h>

#include "execute_fake.h"

/* What a case can change: registers by number, then these */
enum {
	IP = NR_REGS, FL,
	M0, M1,		/* 8 bytes each at CELL */
	T1, T2,		/* 8 bytes each below STACK_END: the first pushed, the second */
	NR_THINGS,
};

struct change {
	u8 what;
	u64 before, after;
};

#define MAX_CHANGES	6

struct exec_case {
	const char *name;
	enum wr_emu_mode mode;
	u8 len;
	u8 code[WR_INSN_MAX];
	struct change change[MAX_CHANGES];	/* ends at one that is all zero */
};

static u8 *cell_of(struct fake *f, unsigned int what)
{
	switch (what) {
	case M0:
		return f->memory + CELL;
	case M1:
		return f->memory + CELL + 8;
	case T1:
		return f->memory + STACK_END - 8;
	default:
		return f->memory + STACK_END - 16;
	}
}

static void set_thing(struct fake *f, unsigned int what, u64 value)
{
	if (what < IP)
		f->emu.regs[what] = value;
	else if (what == IP)
		f->emu.rip = value;
	else if (what == FL)
		f->emu.rflags = value | X86_EFLAGS_FIXED;
	else
		memcpy(cell_of(f, what), &value, 8);
}

static u64 get_thing(struct fake *f, unsigned int what)
{
	u64 value;

	if (what < IP)
		return f->emu.regs[what];
	if (what == IP)
		return f->emu.rip;
	if (what == FL)
		return f->emu.rflags & ~(u64)X86_EFLAGS_FIXED;
	memcpy(&value, cell_of(f, what), 8);
	return value;
}

static bool is_change(const struct change *c)
{
	return c->what || c->before || c->after;
}

static void run_case(struct kunit *test, const struct exec_case *c)
{
	struct fake *f = fake_make(test, c->mode);
	u64 expect[NR_THINGS];
	unsigned int i;

	for (i = 0; i < MAX_CHANGES && is_change(&c->change[i]); i++)
		set_thing(f, c->change[i].what, c->change[i].before);
	for (i = 0; i < NR_THINGS; i++)
		expect[i] = get_thing(f, i);
	expect[IP] += c->len;
	for (i = 0; i < MAX_CHANGES && is_change(&c->change[i]); i++)
		expect[c->change[i].what] = c->change[i].after;

	KUNIT_EXPECT_EQ_MSG(test, (int)step(f, c->code), (int)WR_EMU_DONE, "%s", c->name);
	for (i = 0; i < NR_THINGS; i++)
		KUNIT_EXPECT_EQ_MSG(test, get_thing(f, i), expect[i], "%s: thing %u", c->name, i);
}

#include "execute_cases.h"

static void instructions(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(exec_cases); i++)
		run_case(test, &exec_cases[i]);
}

/* A fault must leave memory as it was, all zero; registers are the caller's to drop. */

static void expect_fault(struct kunit *test, struct fake *f, enum wr_emu_result ret, u8 vector,
			 bool has_error)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, (int)ret, (int)WR_EMU_FAULT);
	KUNIT_EXPECT_EQ(test, f->emu.fault.vector, vector);
	KUNIT_EXPECT_EQ(test, f->emu.fault.has_error, has_error);
	for (i = 0; i < MEMORY; i++)
		if (f->memory[i])
			break;
	KUNIT_EXPECT_EQ(test, i, (unsigned int)MEMORY);
}

static void divide_errors(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	expect_fault(test, f, STEP(f, 0xf7, 0xf1), DE, false);		/* by 0 */
	f->emu.regs[CX] = 2;
	f->emu.regs[DX] = 2;
	expect_fault(test, f, STEP(f, 0xf7, 0xf1), DE, false);		/* does not fit */
	expect_fault(test, f, STEP(f, 0xf6, 0xf5), DE, false);	/* by CH, which is 0 */
	f->emu.regs[AX] = 1ULL << 63;
	f->emu.regs[DX] = ~0ULL;
	f->emu.regs[CX] = ~0ULL;
	expect_fault(test, f, STEP(f, 0x48, 0xf7, 0xf9), DE, false);	/* least number by -1 */
	f = fake_make(test, P32);
	expect_fault(test, f, STEP(f, 0xd4, 0x00), DE, false);		/* aam 0 */
}

static void non_canonical(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->emu.regs[DI] = 1ULL << 47;
	f->emu.regs[SP] = 1ULL << 47;
	f->emu.regs[BP] = ~0ULL;
	expect_fault(test, f, STEP(f, 0x8b, 0x07), GP, true);
	expect_fault(test, f, STEP(f, 0x8b, 0x47, 0xfd), GP, true);	/* its last byte alone */
	expect_fault(test, f, STEP(f, 0x8b, 0x04, 0x24), STACK, true);
	expect_fault(test, f, STEP(f, 0x8b, 0x45, 0x00), STACK, true);	/* wraps to 0 */
	expect_fault(test, f, STEP(f, 0x8b, 0x07), GP, true);
	f->emu.regs[SP] += 8;
	expect_fault(test, f, STEP(f, 0x50), STACK, true);
	expect_fault(test, f, STEP(f, 0xff, 0xe7), GP, true);		/* jmp there */
	/* Canonical with 57 bits: past the page tables of this test, no more. */
	f->emu.cr4 |= X86_CR4_LA57;
	expect_fault(test, f, STEP(f, 0x8b, 0x07), PAGE, true);
	/* The base of FS counts. */
	f->emu.cr4 = 0;
	f->seg[FS].base = CELL - (1ULL << 47);
	DONE(test, f, 0x64, 0x8b, 0x07);
}

static void segment_limits(struct kunit *test)
{
	struct fake *f = fake_make(test, P32);

	f->seg[DS].limit = CELL + 3;
	f->emu.regs[DI] = CELL;
	DONE(test, f, 0x8b, 0x07);
	expect_fault(test, f, STEP(f, 0x8b, 0x47, 0x01), GP, true);
	expect_fault(test, f, STEP(f, 0x89, 0x47, 0x01), GP, true);
	DONE(test, f, 0x26, 0x8b, 0x47, 0x01);
	/* The end of a 4 GiB segment: an operand does not wrap. */
	f->emu.regs[BP] = ~0U;
	expect_fault(test, f, STEP(f, 0x8b, 0x45, 0x00), STACK, true);

	/* Expand-down: valid above the limit */
	f->seg[DS].type = 7;
	expect_fault(test, f, STEP(f, 0x8b, 0x07), GP, true);
	expect_fault(test, f, STEP(f, 0x8b, 0x47, 0x03), GP, true);
	DONE(test, f, 0x8b, 0x47, 0x04);
	f->emu.regs[DI] = 0xfffd;
	f->seg[DS].db = 0;
	expect_fault(test, f, STEP(f, 0x8b, 0x07), GP, true);
}

static void segment_types(struct kunit *test)
{
	struct fake *f = fake_make(test, P32);

	f->emu.regs[DI] = CELL;
	f->seg[DS].type = 1;						/* read-only */
	DONE(test, f, 0x8b, 0x07);
	expect_fault(test, f, STEP(f, 0x89, 0x07), GP, true);
	expect_fault(test, f, STEP(f, 0x01, 0x07), GP, true);
	DONE(test, f, 0x39, 0x07);	/* cmp only reads */
	/* Code is never written. */
	expect_fault(test, f, STEP(f, 0x2e, 0x89, 0x07), GP, true);
	f->seg[CS].type = 9;						/* execute-only */
	expect_fault(test, f, STEP(f, 0x2e, 0x8b, 0x07), GP, true);
	f->seg[ES].unusable = 1;
	expect_fault(test, f, STEP(f, 0xaa), GP, true);
	/* Not in 64-bit mode, not in real mode */
	f->emu.mode = P64;
	DONE(test, f, 0x89, 0x07);
	f->emu.mode = R16;
	DONE(test, f, 0x2e, 0x89, 0x05);
}

static void real_mode_limits(struct kunit *test)
{
	struct fake *f = fake_make(test, R16);

	f->emu.regs[DI] = 0xffff;
	/* No error code in real mode, one in virtual-8086 mode */
	expect_fault(test, f, STEP(f, 0x8b, 0x05), GP, false);
	f->emu.regs[BP] = 0xffff;
	expect_fault(test, f, STEP(f, 0x8b, 0x46, 0x00), STACK, false);
	DONE(test, f, 0x8a, 0x05);
	f->emu.mode = V86;
	expect_fault(test, f, STEP(f, 0x8b, 0x05), GP, true);
	/* A big segment, as "unreal" mode has */
	f->emu.mode = R16;
	f->seg[DS].limit = ~0U;
	f->seg[DS].base = 0xffff1001;
	DONE(test, f, 0x8b, 0x05);
}

/* With a base, an operand may lie across the end of the 4 GiB of linear addresses. */
static void linear_wrap(struct kunit *test)
{
	struct fake *f = fake_make(test, P32);

	f->seg[DS].base = 0xfffff000;
	f->emu.regs[DI] = 0x1000;
	f->emu.regs[AX] = 0x11223344;
	DONE(test, f, 0x89, 0x07);
	KUNIT_EXPECT_EQ(test, get16(f, 0), (u16)0x3344);
	memset(f->memory, 0, 4);
	f->emu.regs[DI] = 0xffe;
	/* The part below the end faults. */
	expect_fault(test, f, STEP(f, 0x89, 0x07), PAGE, true);
	f->emu.regs[DI] = 0xfff;
	expect_fault(test, f, STEP(f, 0xf0, 0x01, 0x07), PAGE, true);
}

static void faults_half_way(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->absent = STACK_END - 64;
	f->absent_end = STACK_END;
	f->emu.regs[DI] = CELL;
	expect_fault(test, f, STEP(f, 0x50), PAGE, true);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_END);
	expect_fault(test, f, STEP(f, 0xff, 0x37), PAGE, true);
	expect_fault(test, f, STEP(f, 0xe8, 0, 0, 0, 0), PAGE, true);
	KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)CODE);
	expect_fault(test, f, STEP(f, 0xc8, 64, 0, 0), PAGE, true);

	/* Eight pushes, the last of which faults */
	f = fake_make(test, P32);
	f->emu.regs[AX] = 1;
	f->absent = STACK_END - 32;
	f->absent_end = STACK_END - 28;
	expect_fault(test, f, STEP(f, 0x60), PAGE, true);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_END);
	KUNIT_EXPECT_EQ(test, f->writes, 0u);
	/* Eight pops, the last */
	f->absent += 28;
	f->absent_end += 28;
	f->emu.regs[SP] = STACK_END - 32;
	expect_fault(test, f, STEP(f, 0x61), PAGE, true);
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], 1ULL);
}

static void reads_to_write_fault_as_writes(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->readonly = CELL;
	f->readonly_end = CELL + 8;
	f->emu.regs[DI] = CELL;
	f->emu.regs[AX] = 1;
	expect_fault(test, f, STEP(f, 0x01, 0x07), PAGE, true);
	KUNIT_EXPECT_EQ(test, f->emu.fault.error, 2u);
	KUNIT_EXPECT_EQ(test, f->reads, 0u);
	expect_fault(test, f, STEP(f, 0x87, 0x07), PAGE, true);
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], 1ULL);
	/* A comparison that fails writes too. */
	expect_fault(test, f, STEP(f, 0x0f, 0xb1, 0x0f), PAGE, true);
	expect_fault(test, f, STEP(f, 0x0f, 0xc7, 0x0f), PAGE, true);
	expect_fault(test, f, STEP(f, 0x6c), PAGE, true);
	/* no port was read in vain */
	KUNIT_EXPECT_EQ(test, f->ins, 0u);
}

static void alignment_checks(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->emu.regs[DI] = CELL + 1;
	f->emu.cr0 |= X86_CR0_AM;
	f->emu.rflags |= X86_EFLAGS_AC;
	DONE(test, f, 0x8b, 0x07);
	f->emu.cpl = 3;
	expect_fault(test, f, STEP(f, 0x8b, 0x07), AC, true);
	expect_fault(test, f, STEP(f, 0x89, 0x07), AC, true);
	expect_fault(test, f, STEP(f, 0xf0, 0x01, 0x07), AC, true);
	DONE(test, f, 0x8a, 0x07);
	f->emu.rflags &= ~(u64)X86_EFLAGS_AC;
	DONE(test, f, 0x8b, 0x07);
}

static void locked_goes_through_cmpxchg(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->emu.regs[DI] = CELL;
	f->emu.regs[AX] = 5;
	DONE(test, f, 0xf0, 0x01, 0x07);
	DONE(test, f, 0x87, 0x07);	/* told or not */
	DONE(test, f, 0xf0, 0x0f, 0xc1, 0x07);
	KUNIT_EXPECT_EQ(test, f->swaps, 3u);
	KUNIT_EXPECT_EQ(test, f->writes, 0u);
	DONE(test, f, 0x01, 0x07);
	KUNIT_EXPECT_EQ(test, f->swaps, 3u);
	/* Another CPU comes between. */
	f->foreign = CELL;
	EXPECT_STEP(test, WR_EMU_RETRY, f, 0xf0, 0xff, 0x07);
	KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)CODE + 3 + 2 + 4 + 2);
	f->foreign = 0;
	DONE(test, f, 0xf0, 0xff, 0x07);
}

static void cmpxchg_wide(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);
	u64 value[2] = { BIG, ~BIG };

	memcpy(f->memory + CELL, value, 16);
	f->emu.regs[DI] = CELL;
	f->emu.regs[BX] = 1;
	f->emu.regs[CX] = 2;
	/* Not what was expected: EDX:EAX learn what is there. */
	DONE(test, f, 0xf0, 0x0f, 0xc7, 0x0f);
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], 0x55667788ULL);
	KUNIT_EXPECT_EQ(test, f->emu.regs[DX], 0x11223344ULL);
	KUNIT_EXPECT_EQ(test, f->emu.rflags & ZF, 0ULL);
	DONE(test, f, 0xf0, 0x0f, 0xc7, 0x0f);
	KUNIT_EXPECT_EQ(test, f->emu.rflags & ZF, (u64)ZF);
	memcpy(value, f->memory + CELL, 16);
	KUNIT_EXPECT_EQ(test, value[0], 0x200000001ULL);
	KUNIT_EXPECT_EQ(test, value[1], ~BIG);

	f->emu.regs[AX] = value[0];
	f->emu.regs[DX] = value[1];
	DONE(test, f, 0xf0, 0x48, 0x0f, 0xc7, 0x0f);
	memcpy(value, f->memory + CELL, 16);
	KUNIT_EXPECT_EQ(test, value[0], 1ULL);
	KUNIT_EXPECT_EQ(test, value[1], 2ULL);
	memset(f->memory + CELL, 0, 16);
	f->emu.regs[DI] += 8;
	expect_fault(test, f, STEP(f, 0x48, 0x0f, 0xc7, 0x0f), GP, true);	/* misaligned */
}

/* One element per execution; the instruction stays until the count, or a comparison, ends it. */
static void repeats(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);
	int i;

	f->emu.regs[CX] = 3;
	f->emu.regs[DI] = CELL;
	f->emu.regs[AX] = 0x5a;
	for (i = 2; i >= 0; i--) {
		DONE(test, f, 0xf3, 0xaa);
		KUNIT_EXPECT_EQ(test, f->emu.regs[CX], (u64)i);
		KUNIT_EXPECT_EQ(test, f->emu.repeat, i != 0);
		KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)(i ? CODE : CODE + 2));
	}
	/* repne scasb stops at a match, repe at a difference */
	f->emu.regs[CX] = 9;
	f->emu.regs[DI] = CELL;
	DONE(test, f, 0xf2, 0xae);
	KUNIT_EXPECT_FALSE(test, f->emu.repeat);
	DONE(test, f, 0xf3, 0xae);
	KUNIT_EXPECT_TRUE(test, f->emu.repeat);
	f->emu.regs[AX] = 1;
	DONE(test, f, 0xf3, 0xae);
	KUNIT_EXPECT_FALSE(test, f->emu.repeat);
	KUNIT_EXPECT_EQ(test, f->emu.regs[CX], 6ULL);
	/* A fault in the middle keeps what the elements before it did. */
	f->absent = CELL + 0x101;
	f->absent_end = CELL + 0x200;
	f->emu.regs[DI] = CELL + 0x100;
	DONE(test, f, 0xf3, 0xaa);
	EXPECT_STEP(test, WR_EMU_FAULT, f, 0xf3, 0xaa);
	KUNIT_EXPECT_EQ(test, f->emu.regs[CX], 5ULL);
	KUNIT_EXPECT_EQ(test, f->emu.regs[DI], (u64)CELL + 0x101);
}

static void ports(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->port_data = 0xaabbccdd;
	f->emu.regs[AX] = ~0ULL;
	f->emu.regs[DX] = 0x3f8;
	DONE(test, f, 0xec);
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], 0xffffffffffffffddULL);
	DONE(test, f, 0x48, 0xed);
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], 0xaabbccddULL);
	f->emu.regs[DI] = CELL;
	DONE(test, f, 0x66, 0x6d);
	KUNIT_EXPECT_EQ(test, get16(f, CELL), (u16)0xccdd);
	KUNIT_EXPECT_EQ(test, f->emu.regs[DI], (u64)CELL + 2);
	f->emu.regs[SI] = CELL;
	DONE(test, f, 0x66, 0x6f);
	KUNIT_EXPECT_EQ(test, f->port_data, 0x03f8ccddu);
	DONE(test, f, 0xe6, 0x80);
	KUNIT_EXPECT_EQ(test, f->port_data, 0x008000ddu);
	/* Userspace must serve it first: nothing moves. */
	f->port_result = WR_EMU_EXIT;
	f->emu.regs[CX] = 4;
	EXPECT_STEP(test, WR_EMU_EXIT, f, 0xf3, 0x6c);
	KUNIT_EXPECT_EQ(test, f->emu.regs[CX], 4ULL);
	KUNIT_EXPECT_EQ(test, f->emu.regs[DI], (u64)CELL + 2);
}

static void privileges(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->emu.cpl = 3;
	expect_fault(test, f, STEP(f, 0xfa), GP, true);
	expect_fault(test, f, STEP(f, 0xfb), GP, true);
	expect_fault(test, f, STEP(f, 0x0f, 0x06), GP, true);
	expect_fault(test, f, STEP(f, 0x0f, 0x22, 0xc0), GP, true);
	expect_fault(test, f, STEP(f, 0x0f, 0x01, 0xf0), GP, true);
	/* POPF changes neither IF nor IOPL, silently. */
	f->emu.regs[SP] = CELL;
	put16(f, CELL, 0x3200);
	DONE(test, f, 0x9d);
	KUNIT_EXPECT_EQ(test, f->emu.rflags, (u64)X86_EFLAGS_FIXED);
	f->emu.rflags |= X86_EFLAGS_IOPL;
	DONE(test, f, 0xfb);
	KUNIT_EXPECT_TRUE(test, f->emu.interrupt_shadow);
	DONE(test, f, 0xfb);
	KUNIT_EXPECT_FALSE(test, f->emu.interrupt_shadow);

	f = fake_make(test, V86);
	expect_fault(test, f, STEP(f, 0x9c), GP, true);
	expect_fault(test, f, STEP(f, 0x9d), GP, true);
}

static void segment_loads(struct kunit *test)
{
	struct fake *f = fake_make(test, R16);

	f->emu.regs[AX] = 0x1234;
	DONE(test, f, 0x8e, 0xd8);
	KUNIT_EXPECT_EQ(test, f->seg[DS].selector, (u16)0x1234);
	KUNIT_EXPECT_EQ(test, f->seg[DS].base, 0x12340ULL);
	KUNIT_EXPECT_EQ(test, f->seg[DS].limit, 0xffffu);
	f->emu.regs[BX] = ~0ULL;
	DONE(test, f, 0x8c, 0xdb);
	KUNIT_EXPECT_EQ(test, f->emu.regs[BX], 0xffffffffffff1234ULL);
	f->emu.regs[AX] = 0;
	DONE(test, f, 0x8e, 0xd0);
	KUNIT_EXPECT_TRUE(test, f->emu.interrupt_shadow);
	EXPECT_STEP(test, WR_EMU_FAULT, f, 0x8e, 0xc8);	/* CS */
	KUNIT_EXPECT_EQ(test, f->emu.fault.vector, (u8)UD);
	/* les di, ss:[bp] */
	f->emu.regs[BP] = CELL;
	put16(f, CELL, 0x55);
	put16(f, CELL + 2, 0x66);
	DONE(test, f, 0xc4, 0x7e, 0x00);
	KUNIT_EXPECT_EQ(test, f->emu.regs[DI], 0x55ULL);
	KUNIT_EXPECT_EQ(test, f->seg[ES].base, 0x660ULL);
	/* push es; pop fs */
	DONE(test, f, 0x06);
	DONE(test, f, 0x0f, 0xa1);
	KUNIT_EXPECT_EQ(test, f->seg[FS].selector, (u16)0x66);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_END);
}

/* How many elements of REP INS a device may be asked for at once */
static void elements_ahead(struct kunit *test)
{
	struct fake *f = fake_make(test, P32);

	f->port_result = WR_EMU_EXIT;
	f->emu.regs[CX] = 300;
	f->emu.regs[DI] = CELL + 0xff0;
	EXPECT_STEP(test, WR_EMU_EXIT, f, 0xf3, 0x66, 0x6d);
	KUNIT_EXPECT_EQ(test, f->emu.ahead, 8u);		/* the page */
	f->emu.regs[DI] = CELL;
	EXPECT_STEP(test, WR_EMU_EXIT, f, 0xf3, 0x66, 0x6d);
	KUNIT_EXPECT_EQ(test, f->emu.ahead, 300u);
	EXPECT_STEP(test, WR_EMU_EXIT, f, 0x66, 0x6d);
	KUNIT_EXPECT_EQ(test, f->emu.ahead, 1u);
	f->emu.regs[DI] = CELL + 0xfff;
	EXPECT_STEP(test, WR_EMU_EXIT, f, 0xf3, 0x66, 0x6d);
	KUNIT_EXPECT_EQ(test, f->emu.ahead, 1u);		/* over its end */
	f->emu.rflags |= DF;
	f->emu.regs[DI] = CELL + 6;
	EXPECT_STEP(test, WR_EMU_EXIT, f, 0xf3, 0x66, 0x6d);
	KUNIT_EXPECT_EQ(test, f->emu.ahead, 4u);
	f->emu.rflags &= ~(u64)DF;
	f->seg[ES].limit = CELL + 99;
	f->emu.regs[DI] = CELL;
	EXPECT_STEP(test, WR_EMU_EXIT, f, 0xf3, 0x66, 0x6d);
	KUNIT_EXPECT_EQ(test, f->emu.ahead, 1u);		/* a limit in the way */
}

static void far_branches(struct kunit *test)
{
	struct fake *f = fake_make(test, R16);

	DONE(test, f, 0x9a, 0x10, 0x00, 0x20, 0x00);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x10ULL);
	KUNIT_EXPECT_EQ(test, f->seg[CS].base, 0x200ULL);
	KUNIT_EXPECT_EQ(test, get16(f, STACK_END - 2), (u16)0);
	KUNIT_EXPECT_EQ(test, get16(f, STACK_END - 4), (u16)(CODE + 5));
	DONE(test, f, 0xcb);
	KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)CODE + 5);
	KUNIT_EXPECT_EQ(test, f->seg[CS].base, 0ULL);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_END);
	DONE(test, f, 0xea, 0x34, 0x12, 0x00, 0xf0);
	KUNIT_EXPECT_EQ(test, f->seg[CS].base, 0xf0000ULL);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x1234ULL);
	/* Past the limit: the stack stays clean. */
	memset(f->memory, 0, MEMORY);
	expect_fault(test, f, STEP(f, 0x66, 0x9a, 0, 0, 1, 0, 0, 0), GP, false);
}

static void real_mode_interrupts(struct kunit *test)
{
	struct fake *f = fake_make(test, R16);

	put16(f, 0x10 * 4, 0x77);
	put16(f, 0x10 * 4 + 2, 0x30);
	f->emu.rflags |= IF | CF;
	DONE(test, f, 0xcd, 0x10);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x77ULL);
	KUNIT_EXPECT_EQ(test, f->seg[CS].base, 0x300ULL);
	KUNIT_EXPECT_EQ(test, f->emu.rflags, (u64)(X86_EFLAGS_FIXED | CF));
	KUNIT_EXPECT_EQ(test, get16(f, STACK_END - 2), (u16)(X86_EFLAGS_FIXED | IF | CF));
	KUNIT_EXPECT_EQ(test, get16(f, STACK_END - 6), (u16)(CODE + 2));
	DONE(test, f, 0xcf);
	KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)CODE + 2);
	KUNIT_EXPECT_EQ(test, f->emu.rflags, (u64)(X86_EFLAGS_FIXED | IF | CF));
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_END);
	/* No such vector; into without overflow; the table is loaded by LIDT */
	memset(f->memory, 0, MEMORY);
	f->idt.limit = 0x42;
	expect_fault(test, f, STEP(f, 0xcd, 0x10), GP, false);
	DONE(test, f, 0xce);
	put16(f, CELL, 0x7ff);
	put16(f, CELL + 4, 0xab12);
	DONE(test, f, 0x0f, 0x01, 0x1e, 0x00, 0x10);
	KUNIT_EXPECT_EQ(test, f->idt.limit, (u16)0x7ff);
	KUNIT_EXPECT_EQ(test, (u64)f->idt.base, 0x120000ULL);		/* 24 bits */
	f->emu.mode = V86;
	f->emu.cpl = 3;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xcd, 0x10), (int)WR_EMU_FAULT);
}

static void control_registers(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->cr0 = X86_CR0_PE | X86_CR0_TS;
	DONE(test, f, 0x0f, 0x06);
	KUNIT_EXPECT_EQ(test, f->cr0, (u64)X86_CR0_PE);
	f->emu.regs[AX] = X86_CR0_MP;
	DONE(test, f, 0x0f, 0x01, 0xf0);
	KUNIT_EXPECT_EQ(test, f->cr0, (u64)(X86_CR0_PE | X86_CR0_MP));	/* PE stays */
	f->emu.regs[AX] = BIG;
	DONE(test, f, 0x0f, 0x22, 0xd8);
	KUNIT_EXPECT_EQ(test, f->cr0, BIG);
}

static void fill_vectors(struct fake *f)
{
	unsigned int i, j;

	for (i = 0; i < 16; i++)
		for (j = 0; j < 32; j++)
			f->vec[i][j] = 0x80 + i + j;
	for (i = 0; i < 32; i++)
		f->memory[CELL + i] = i;
	f->emu.regs[DI] = CELL;
}

struct vector_case {
	const char *name;
	u8 len;
	u8 code[WR_INSN_MAX];
	u8 loaded;		/* bytes of register 1 that come from memory */
	u8 at;			/* from where on */
	u8 zeroed_to;		/* and bytes up to here that become 0 */
	u8 stored;		/* bytes of memory that come from register 1 */
	u8 from;		/* of these there */
};

static const struct vector_case vector_cases[] = {
	{ "movups xmm1, [rdi]", 3, { 0x0f, 0x10, 0x0f }, .loaded = 16 },
	{ "movups [rdi], xmm1", 3, { 0x0f, 0x11, 0x0f }, .stored = 16 },
	{ "movupd", 4, { 0x66, 0x0f, 0x10, 0x0f }, .loaded = 16 },
	{ "movaps", 3, { 0x0f, 0x28, 0x0f }, .loaded = 16 },
	{ "movaps store", 3, { 0x0f, 0x29, 0x0f }, .stored = 16 },
	{ "movdqa", 4, { 0x66, 0x0f, 0x6f, 0x0f }, .loaded = 16 },
	{ "movdqa store", 4, { 0x66, 0x0f, 0x7f, 0x0f }, .stored = 16 },
	{ "movdqu", 4, { 0xf3, 0x0f, 0x6f, 0x0f }, .loaded = 16 },
	{ "movdqu store", 4, { 0xf3, 0x0f, 0x7f, 0x0f }, .stored = 16 },
	{ "lddqu", 4, { 0xf2, 0x0f, 0xf0, 0x0f }, .loaded = 16 },
	{ "movntps", 3, { 0x0f, 0x2b, 0x0f }, .stored = 16 },
	{ "movntdq", 4, { 0x66, 0x0f, 0xe7, 0x0f }, .stored = 16 },
	{ "movntdqa", 5, { 0x66, 0x0f, 0x38, 0x2a, 0x0f }, .loaded = 16 },
	{ "movss", 4, { 0xf3, 0x0f, 0x10, 0x0f }, .loaded = 4, .zeroed_to = 16 },
	{ "movss store", 4, { 0xf3, 0x0f, 0x11, 0x0f }, .stored = 4 },
	{ "movsd", 4, { 0xf2, 0x0f, 0x10, 0x0f }, .loaded = 8, .zeroed_to = 16 },
	{ "movsd store", 4, { 0xf2, 0x0f, 0x11, 0x0f }, .stored = 8 },
	{ "movd", 4, { 0x66, 0x0f, 0x6e, 0x0f }, .loaded = 4, .zeroed_to = 16 },
	{ "movd store", 4, { 0x66, 0x0f, 0x7e, 0x0f }, .stored = 4 },
	{ "movq, REX.W", 5, { 0x66, 0x48, 0x0f, 0x6e, 0x0f }, .loaded = 8, .zeroed_to = 16 },
	{ "movq", 4, { 0xf3, 0x0f, 0x7e, 0x0f }, .loaded = 8, .zeroed_to = 16 },
	{ "movq store", 4, { 0x66, 0x0f, 0xd6, 0x0f }, .stored = 8 },
	{ "movlps", 3, { 0x0f, 0x12, 0x0f }, .loaded = 8 },
	{ "movlps store", 3, { 0x0f, 0x13, 0x0f }, .stored = 8 },
	{ "movhps", 3, { 0x0f, 0x16, 0x0f }, .loaded = 8, .at = 8 },
	{ "movhps store", 3, { 0x0f, 0x17, 0x0f }, .stored = 8, .from = 8 },
	{ "vmovups xmm1", 4, { 0xc5, 0xf8, 0x10, 0x0f }, .loaded = 16, .zeroed_to = 32 },
	{ "vmovups ymm1", 4, { 0xc5, 0xfc, 0x10, 0x0f }, .loaded = 32 },
	{ "vmovups store", 4, { 0xc5, 0xfc, 0x11, 0x0f }, .stored = 32 },
	{ "vmovdqa ymm1", 4, { 0xc5, 0xfd, 0x6f, 0x0f }, .loaded = 32 },
	{ "vmovntdq ymm1", 4, { 0xc5, 0xfd, 0xe7, 0x0f }, .stored = 32 },
	{ "vmovss", 4, { 0xc5, 0xfa, 0x10, 0x0f }, .loaded = 4, .zeroed_to = 32 },
	{ "vmovq", 4, { 0xc5, 0xfa, 0x7e, 0x0f }, .loaded = 8, .zeroed_to = 32 },
};

static void vector_moves(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vector_cases); i++) {
		const struct vector_case *c = &vector_cases[i];
		struct fake *f = fake_make(test, P64);
		u8 vec[32], memory[32];
		unsigned int end = c->loaded + c->at;

		fill_vectors(f);
		memcpy(vec, f->vec[1], 32);
		memcpy(memory, f->memory + CELL, 32);
		memcpy(vec + c->at, f->memory + CELL, c->loaded);
		if (c->zeroed_to)
			memset(vec + end, 0, c->zeroed_to - end);
		memcpy(memory, f->vec[1] + c->from, c->stored);
		KUNIT_EXPECT_EQ_MSG(test, (int)step(f, c->code), (int)WR_EMU_DONE, "%s", c->name);
		KUNIT_EXPECT_EQ_MSG(test, memcmp(vec, f->vec[1], 32), 0, "%s: register", c->name);
		KUNIT_EXPECT_EQ_MSG(test, memcmp(memory, f->memory + CELL, 32), 0, "%s: memory",
				    c->name);
		KUNIT_EXPECT_EQ_MSG(test, f->emu.rip, (u64)CODE + c->len, "%s", c->name);
	}
}

static void vector_faults(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->emu.regs[DI] = CELL + 1;
	DONE(test, f, 0x0f, 0x10, 0x0f);
	expect_fault(test, f, STEP(f, 0x0f, 0x28, 0x0f), GP, true);
	expect_fault(test, f, STEP(f, 0x66, 0x0f, 0xe7, 0x0f), GP, true);
	f->emu.regs[DI] = CELL + 16;
	expect_fault(test, f, STEP(f, 0xc5, 0xfd, 0x6f, 0x0f), GP, true);	/* 32 bytes */
	/* VMOVD has no 256-bit form. */
	expect_fault(test, f, STEP(f, 0xc5, 0xfd, 0x6e, 0x0f), UD, false);
	f->emu.cr0 |= X86_CR0_TS;
	expect_fault(test, f, STEP(f, 0x0f, 0x10, 0x0f), NM, false);
	expect_fault(test, f, STEP(f, 0xc5, 0xfc, 0x10, 0x0f), NM, false);
	f->emu.xcr0 = 3;
	expect_fault(test, f, STEP(f, 0xc5, 0xfc, 0x10, 0x0f), UD, false);
	f->emu.cr0 |= X86_CR0_EM;
	expect_fault(test, f, STEP(f, 0x0f, 0x10, 0x0f), UD, false);
	f->emu.cr0 = X86_CR0_PE;
	f->emu.cr4 = 0;
	expect_fault(test, f, STEP(f, 0x0f, 0x10, 0x0f), UD, false);
}

/* The upper half of the third operand goes into the result. */
static void vector_merges(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);
	u8 want[32] = { };

	fill_vectors(f);
	memcpy(want, f->memory + CELL, 8);
	memcpy(want + 8, f->vec[3] + 8, 8);
	DONE(test, f, 0xc5, 0xe0, 0x12, 0x0f);
	KUNIT_EXPECT_EQ(test, memcmp(want, f->vec[1], 32), 0);
}

/* A caller that has no segments or tables to offer */
static void optional_ops(struct kunit *test)
{
	static const u8 codes[][WR_INSN_MAX] = {
		{ 0x8e, 0xd8 }, { 0x1f }, { 0xc4, 0x07 }, { 0x0f, 0xb2, 0x07 }, { 0xcd, 0x10 },
		{ 0xcf }, { 0xcb }, { 0xea, 0, 0, 0, 0 }, { 0x9a, 0, 0, 0, 0 }, { 0xff, 0x1f },
		{ 0xff, 0x2f }, { 0x0f, 0x01, 0x07 }, { 0x0f, 0x01, 0x0f }, { 0x0f, 0x01, 0x17 },
		{ 0x0f, 0x01, 0x1f },
	};
	struct fake *f = fake_make(test, R16);
	struct wr_emu_ops ops = fake_ops;
	unsigned int i;

	ops.set_segment = NULL;
	ops.table = NULL;
	ops.set_table = NULL;
	f->emu.ops = &ops;
	for (i = 0; i < ARRAY_SIZE(codes); i++)
		KUNIT_EXPECT_EQ_MSG(test, (int)step(f, codes[i]), (int)WR_EMU_UNKNOWN, "%u", i);
	KUNIT_EXPECT_EQ(test, f->writes, 0u);
}

static void not_known(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	UNKNOWN(test, f, 0x0f, 0x05);		/* syscall: length only */
	UNKNOWN(test, f, 0xd9, 0x07);		/* x87 */
	/* bswap ax */
	UNKNOWN(test, f, 0x66, 0x0f, 0xc8);
	expect_fault(test, f, STEP(f, 0x0f, 0x0b), UD, false);	/* ud2 */
}

static struct kunit_case cases[] = {
	KUNIT_CASE(instructions),
	KUNIT_CASE(divide_errors),
	KUNIT_CASE(non_canonical),
	KUNIT_CASE(segment_limits),
	KUNIT_CASE(segment_types),
	KUNIT_CASE(real_mode_limits),
	KUNIT_CASE(linear_wrap),
	KUNIT_CASE(faults_half_way),
	KUNIT_CASE(reads_to_write_fault_as_writes),
	KUNIT_CASE(alignment_checks),
	KUNIT_CASE(locked_goes_through_cmpxchg),
	KUNIT_CASE(cmpxchg_wide),
	KUNIT_CASE(repeats),
	KUNIT_CASE(ports),
	KUNIT_CASE(privileges),
	KUNIT_CASE(segment_loads),
	KUNIT_CASE(elements_ahead),
	KUNIT_CASE(far_branches),
	KUNIT_CASE(real_mode_interrupts),
	KUNIT_CASE(control_registers),
	KUNIT_CASE(vector_moves),
	KUNIT_CASE(vector_faults),
	KUNIT_CASE(vector_merges),
	KUNIT_CASE(optional_ops),
	KUNIT_CASE(not_known),
	{}
};

struct kunit_suite wr_execute_suite = {
	.name = "warren-execute",
	.test_cases = cases,
};
