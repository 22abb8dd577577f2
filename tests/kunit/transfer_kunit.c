// SPDX-License-Identifier: GPL-2.0-only
/*
 * Execution: transfers of control to other privilege levels, gates, events, virtual-8086 mode, and what the vCPU has to do.
 */
#include <kunit/test.h>

#include "execute_fake.h"

#define GDT		0x3000
#define IDT		0x3800
#define TSS		0x4000
#define STACK0		0x5000
#define USER_STACK	0x6000

/* Selectors, and bits of RFLAGS that the fake does not name */
enum { CODE0 = 0x08, DATA0 = 0x10, CODE3 = 0x1b, DATA3 = 0x23, WIDE0 = 0x28, WIDE3 = 0x33, GATE = 0x38, GDT_END = 0x48 };
#define NT	X86_EFLAGS_NT
#define VM	X86_EFLAGS_VM
#define VIF	X86_EFLAGS_VIF
#define VIP	X86_EFLAGS_VIP
#define RF	X86_EFLAGS_RF
#define IOPL	X86_EFLAGS_IOPL

enum { TS = 10, NP = 11 };

static void put64(struct fake *f, u64 la, u64 value)
{
	memcpy(f->memory + la, &value, sizeof(value));
}

static u64 get(struct fake *f, u64 la, u32 size)
{
	u64 value = 0;

	memcpy(&value, f->memory + la, size);
	return value;
}

static u64 gate(u16 selector, u16 offset, u8 type, u8 params)
{
	return offset | (u64)selector << 16 | (u64)params << 32 | (u64)type << 40;
}

/* A machine with all tables, in a program unless @level is 0 */
static struct fake *make(struct kunit *test, enum wr_emu_mode mode, u8 level)
{
	static const u64 gdt[] = {
		0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff,
		0x00af9b000000ffff, 0x00affb000000ffff,
	};
	bool wide = mode == P64;
	struct fake *f = fake_make(test, mode);

	memcpy(f->memory + GDT, gdt, sizeof(gdt));
	put64(f, GDT + GATE, gate(wide ? WIDE0 : CODE0, 0x700, 0xec, wide ? 0 : 2));
	f->gdt = (struct kvm_dtable) { .base = GDT, .limit = GDT_END - 1 };
	f->idt = (struct kvm_dtable) { .base = IDT, .limit = 0x7ff };
	f->seg[7] = (struct kvm_segment) { .base = TSS, .limit = 0xff, .selector = 0x50, .type = 11, .present = 1 };
	put64(f, TSS + 4, wide ? STACK0 : STACK0 | (u64)DATA0 << 32);
	f->emu.long_mode = wide;
	f->emu.cpl = level;
	f->seg[CS].selector = level ? (wide ? WIDE3 : CODE3) : wide ? WIDE0 : CODE0;
	f->seg[SS].selector = level ? DATA3 : DATA0;
	f->emu.regs[SP] = level ? USER_STACK : STACK_END;
	return f;
}

static void expect_error(struct kunit *test, struct fake *f, enum wr_emu_result ret, u8 vector, u32 error)
{
	KUNIT_EXPECT_EQ(test, (int)ret, (int)WR_EMU_FAULT);
	KUNIT_EXPECT_EQ(test, f->emu.fault.vector, vector);
	KUNIT_EXPECT_EQ(test, f->emu.fault.error, error);
}

/* int 0x10 by a program: SS, ESP, EFLAGS, CS, EIP on the stack of the TSS */
static void gates(struct kunit *test)
{
	struct fake *f = make(test, P32, 3);

	put64(f, IDT + 0x80, gate(CODE0, 0x600, 0xee, 0));
	f->emu.rflags |= IF | CF;
	DONE(test, f, 0xcd, 0x10);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x600ULL);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK0 - 20);
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 4, 4), (u64)DATA3);
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 8, 4), (u64)USER_STACK);
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 12, 4), (u64)(X86_EFLAGS_FIXED | IF | CF));
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 16, 4), (u64)CODE3);
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 20, 4), (u64)CODE + 2);
	KUNIT_EXPECT_EQ(test, f->emu.cpl, (u8)0);
	KUNIT_EXPECT_EQ(test, f->seg[SS].selector, (u16)DATA0);
	KUNIT_EXPECT_EQ(test, f->emu.rflags, (u64)(X86_EFLAGS_FIXED | CF));
	KUNIT_EXPECT_TRUE(test, f->emu.delivered);
	/* and back */
	f->seg[DS].selector = DATA0;
	DONE(test, f, 0xcf);
	KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)CODE + 2);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)USER_STACK);
	KUNIT_EXPECT_EQ(test, f->emu.cpl, (u8)3);
	KUNIT_EXPECT_EQ(test, f->emu.rflags, (u64)(X86_EFLAGS_FIXED | IF | CF));
	KUNIT_EXPECT_TRUE(test, f->seg[DS].unusable);
	KUNIT_EXPECT_EQ(test, f->seg[DS].selector, (u16)0);
}

static void gate_faults(struct kunit *test)
{
	struct fake *f = make(test, P32, 3);

	expect_error(test, f, STEP(f, 0xcd, 0x10), GP, 0x82);		/* no gate */
	put64(f, IDT + 0x80, gate(CODE0, 0x600, 0x8e, 0));
	expect_error(test, f, STEP(f, 0xcd, 0x10), GP, 0x82);		/* not for programs */
	put64(f, IDT + 0x80, gate(CODE0, 0x600, 0x6e, 0));
	expect_error(test, f, STEP(f, 0xcd, 0x10), NP, 0x82);
	put64(f, IDT + 0x80, gate(DATA0, 0x600, 0xee, 0));
	expect_error(test, f, STEP(f, 0xcd, 0x10), GP, DATA0);
	put64(f, IDT + 0x80, gate(0, 0x600, 0xee, 0));
	expect_error(test, f, STEP(f, 0xcd, 0x10), GP, 0);
	put64(f, IDT + 0x80, gate(CODE0, 0x600, 0xee, 0));
	put16(f, TSS + 8, 0);
	expect_error(test, f, STEP(f, 0xcd, 0x10), TS, 0);
	put16(f, TSS + 8, DATA3);
	expect_error(test, f, STEP(f, 0xcd, 0x10), TS, DATA3 & ~3);
	put16(f, TSS + 8, DATA0);
	f->seg[7].limit = 8;
	expect_error(test, f, STEP(f, 0xcd, 0x10), TS, 0x50);
	f->seg[7].limit = 0xff;
	f->readonly = STACK0 - 20;
	f->readonly_end = STACK0 - 19;
	expect_error(test, f, STEP(f, 0xcd, 0x10), PAGE, 2);
	KUNIT_EXPECT_EQ(test, f->emu.cpl, (u8)3);
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 4, 4), 0ULL);
	f->idt.limit = 0x86;
	expect_error(test, f, STEP(f, 0xcd, 0x10), GP, 0x82);
	/* A task gate */
	f->idt.limit = 0x7ff;
	put64(f, IDT + 0x80, gate(0x58, 0, 0xe5, 0));
	EXPECT_STEP(test, WR_EMU_TASK, f, 0xcd, 0x10);
	KUNIT_EXPECT_EQ(test, f->emu.cpl, (u8)3);
}

/* An exception with an error code, from 64-bit code: the stack is aligned, an IST taken, RF pushed */
static void events(struct kunit *test)
{
	struct wr_emu_event event = { .vector = 14, .restarts = true, .has_error = true, .error = 6, .rip = 0x123 };
	struct fake *f = make(test, P64, 0);

	put64(f, IDT + 14 * 16, gate(WIDE0, 0x600, 0x8e, 0));
	f->emu.regs[SP] = STACK_END + 4;
	f->emu.rflags |= X86_EFLAGS_TF;
	KUNIT_EXPECT_EQ(test, (int)wr_emu_deliver(&f->emu, &event), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x600ULL);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_END - 48);
	KUNIT_EXPECT_EQ(test, get(f, STACK_END - 8, 8), (u64)DATA0);
	KUNIT_EXPECT_EQ(test, get(f, STACK_END - 16, 8), (u64)STACK_END + 4);
	KUNIT_EXPECT_EQ(test, get(f, STACK_END - 24, 8), (u64)(X86_EFLAGS_FIXED | X86_EFLAGS_TF | RF));
	KUNIT_EXPECT_EQ(test, get(f, STACK_END - 40, 8), 0x123ULL);
	KUNIT_EXPECT_EQ(test, get(f, STACK_END - 48, 8), 6ULL);
	KUNIT_EXPECT_EQ(test, f->emu.rflags, (u64)X86_EFLAGS_FIXED);
	/* The program is not to blame. */
	event.vector = 15;
	expect_error(test, f, wr_emu_deliver(&f->emu, &event), GP, 15 * 8 + 3);
	put64(f, IDT + 15 * 16, gate(WIDE0, 0x600, 0x8e, 1));
	put64(f, TSS + 36, USER_STACK);
	KUNIT_EXPECT_EQ(test, (int)wr_emu_deliver(&f->emu, &event), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)USER_STACK - 48);
	KUNIT_EXPECT_EQ(test, f->seg[SS].selector, (u16)DATA0);
	/* 32-bit code is no handler in long mode. */
	put64(f, IDT + 15 * 16, gate(CODE0, 0x600, 0x8e, 0));
	expect_error(test, f, wr_emu_deliver(&f->emu, &event), GP, CODE0 + 1);
}

/* iretq: always with a stack, which may be null but for programs */
static void wide_returns(struct kunit *test)
{
	struct fake *f = make(test, P64, 0);
	static const u64 frame[] = { 0x500, WIDE3, X86_EFLAGS_FIXED | CF, USER_STACK, DATA3 };

	memcpy(f->memory + STACK_END - 40, frame, sizeof(frame));
	f->emu.regs[SP] = STACK_END - 40;
	DONE(test, f, 0x48, 0xcf);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x500ULL);
	KUNIT_EXPECT_EQ(test, f->emu.cpl, (u8)3);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)USER_STACK);
	KUNIT_EXPECT_EQ(test, f->seg[SS].selector, (u16)DATA3);
	f = make(test, P64, 0);
	memcpy(f->memory + STACK_END - 40, frame, sizeof(frame));
	f->emu.regs[SP] = STACK_END - 40;
	put64(f, STACK_END - 8, 3);
	expect_error(test, f, STEP(f, 0x48, 0xcf), GP, 0);
	put64(f, STACK_END - 32, WIDE0);
	expect_error(test, f, STEP(f, 0x48, 0xcf), GP, 0);	/* null, but of another level */
	put64(f, STACK_END - 8, 0);
	DONE(test, f, 0x48, 0xcf);
	KUNIT_EXPECT_TRUE(test, f->seg[SS].unusable);
	KUNIT_EXPECT_EQ(test, f->emu.cpl, (u8)0);
	f->emu.rflags |= NT;
	expect_error(test, f, STEP(f, 0x48, 0xcf), GP, 0);
}

/* call 0x3b:0 with two parameters, and the retf that drops them on both stacks */
static void call_gates(struct kunit *test)
{
	struct fake *f = make(test, P32, 3);

	put64(f, USER_STACK, 0x2200000011ULL);
	DONE(test, f, 0x9a, 0, 0, 0, 0, GATE | 3, 0);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x700ULL);
	KUNIT_EXPECT_EQ(test, f->emu.cpl, (u8)0);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK0 - 24);
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 8, 4), (u64)USER_STACK);
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 12, 4), 0x22ULL);
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 16, 4), 0x11ULL);
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 20, 4), (u64)CODE3);
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 24, 4), (u64)CODE + 7);
	DONE(test, f, 0xca, 8, 0);
	KUNIT_EXPECT_EQ(test, f->emu.cpl, (u8)3);
	KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)CODE + 7);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)USER_STACK + 8);
	expect_error(test, f, STEP(f, 0xea, 0, 0, 0, 0, GATE | 3, 0), GP, CODE0);
	put64(f, GDT + GATE, gate(CODE0, 0x700, 0x8c, 0));
	expect_error(test, f, STEP(f, 0x9a, 0, 0, 0, 0, GATE | 3, 0), GP, GATE);
	put64(f, GDT + GATE, gate(CODE0, 0x700, 0x6c, 0));
	expect_error(test, f, STEP(f, 0x9a, 0, 0, 0, 0, GATE | 3, 0), NP, GATE);
}

static void virtual_8086(struct kunit *test)
{
	static const u32 frame[] = { 0x500, 0x100, X86_EFLAGS_FIXED | VM | CF, 0x800, 0x200, 1, 2, 3, 4 };
	struct fake *f = make(test, P32, 0);

	memcpy(f->memory + STACK_END - 36, frame, sizeof(frame));
	f->emu.regs[SP] = STACK_END - 36;
	f->memory[STACK_END - 34] = 1;			/* past the limit */
	expect_error(test, f, STEP(f, 0xcf), GP, 0);
	f->memory[STACK_END - 34] = 0;
	DONE(test, f, 0xcf);
	KUNIT_EXPECT_EQ(test, (int)f->emu.mode, (int)V86);
	KUNIT_EXPECT_EQ(test, f->emu.cpl, (u8)3);
	KUNIT_EXPECT_EQ(test, f->seg[CS].base, 0x1000ULL);
	KUNIT_EXPECT_EQ(test, f->seg[GS].selector, (u16)4);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], 0x800ULL);
	/* int: without IOPL 3 a fault, with it to level 0 */
	put64(f, IDT + 0x80, gate(CODE0, 0x600, 0xee, 0));
	expect_error(test, f, STEP(f, 0xcd, 0x10), GP, 0);
	f->emu.rflags |= IOPL;
	DONE(test, f, 0xcd, 0x10);
	KUNIT_EXPECT_EQ(test, (int)f->emu.mode, (int)P32);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK0 - 36);
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 4, 4), 4ULL);
	KUNIT_EXPECT_EQ(test, get(f, STACK0 - 36, 4), 0x502ULL);
	KUNIT_EXPECT_TRUE(test, f->seg[DS].unusable);
	KUNIT_EXPECT_FALSE(test, f->emu.rflags & VM);
}

/* CR4.VME: the program's own vector table, VIF in place of IF */
static void virtual_interrupts(struct kunit *test)
{
	struct fake *f = make(test, V86, 3);

	f->emu.cr4 |= X86_CR4_VME;
	f->emu.rflags |= VM | VIF | IF;
	put16(f, TSS + 102, 136);
	put16(f, 0x40, 0x77);
	put16(f, 0x42, 0x30);
	DONE(test, f, 0xcd, 0x10);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x77ULL);
	KUNIT_EXPECT_EQ(test, f->seg[CS].base, 0x300ULL);
	KUNIT_EXPECT_EQ(test, get16(f, USER_STACK - 2), (u16)(X86_EFLAGS_FIXED | IF | IOPL));
	KUNIT_EXPECT_FALSE(test, f->emu.rflags & VIF);
	KUNIT_EXPECT_TRUE(test, f->emu.rflags & IF);
	DONE(test, f, 0xcf);
	KUNIT_EXPECT_TRUE(test, f->emu.rflags & VIF);
	DONE(test, f, 0xfa);
	KUNIT_EXPECT_FALSE(test, f->emu.rflags & VIF);
	DONE(test, f, 0xfb);
	KUNIT_EXPECT_TRUE(test, f->emu.rflags & VIF);
	KUNIT_EXPECT_FALSE(test, f->emu.interrupt_shadow);
	DONE(test, f, 0x9c);
	KUNIT_EXPECT_EQ(test, get16(f, USER_STACK - 2), (u16)(X86_EFLAGS_FIXED | IF | IOPL));
	f->emu.rflags |= VIP;
	expect_error(test, f, STEP(f, 0xfb), GP, 0);
	expect_error(test, f, STEP(f, 0x9d), GP, 0);
	expect_error(test, f, STEP(f, 0x66, 0x9c), GP, 0);
	/* The bitmap claims the vector. */
	f->memory[TSS + 104 + 2] = 1;
	expect_error(test, f, STEP(f, 0xcd, 0x10), GP, 0);
	/* Protected mode: CR4.PVI */
	f = make(test, P32, 3);
	f->emu.rflags |= VIF;
	expect_error(test, f, STEP(f, 0xfa), GP, 0);
	f->emu.cr4 |= X86_CR4_PVI;
	DONE(test, f, 0xfa);
	KUNIT_EXPECT_FALSE(test, f->emu.rflags & VIF);
}

/* The bitmap of ports in the TSS */
static void port_bitmap(struct kunit *test)
{
	struct fake *f = make(test, P32, 3);

	f->port_refused = true;
	put16(f, TSS + 102, 104);
	f->memory[TSS + 104] = 0xf0;
	DONE(test, f, 0xe4, 0x03);
	DONE(test, f, 0xe5, 0x00);
	expect_error(test, f, STEP(f, 0xe5, 0x01), GP, 0);
	expect_error(test, f, STEP(f, 0xe4, 0x04), GP, 0);
	f->seg[7].limit = 104;
	expect_error(test, f, STEP(f, 0xe4, 0x03), GP, 0);
	f->seg[7].type = 3;
	expect_error(test, f, STEP(f, 0xe4, 0x03), GP, 0);
}

struct assist_case {
	u8 code[WR_INSN_MAX];
	u8 assist;
	bool programs;		/* may, too */
};

static void assists(struct kunit *test)
{
	static const struct assist_case table[] = {
		{ { 0x0f, 0xa2 }, WR_ASSIST_CPUID, true }, { { 0xf4 }, WR_ASSIST_HLT }, { { 0x0f, 0x32 }, WR_ASSIST_RDMSR },
		{ { 0x0f, 0x30 }, WR_ASSIST_WRMSR }, { { 0x0f, 0x31 }, WR_ASSIST_RDTSC, true },
		{ { 0x0f, 0x33 }, WR_ASSIST_RDPMC, true }, { { 0x0f, 0x21, 0xf8 }, WR_ASSIST_READ_DR },
		{ { 0x0f, 0x23, 0xf8 }, WR_ASSIST_WRITE_DR }, { { 0x0f, 0x01, 0x38 }, WR_ASSIST_INVLPG },
		{ { 0x0f, 0x09 }, WR_ASSIST_WBINVD }, { { 0x0f, 0x08 }, WR_ASSIST_WBINVD },
		{ { 0x0f, 0x01, 0xd1 }, WR_ASSIST_XSETBV, true }, { { 0x0f, 0x01, 0xc1 }, WR_ASSIST_HYPERCALL, true },
		{ { 0x0f, 0x01, 0xd9 }, WR_ASSIST_HYPERCALL, true }, { { 0x0f, 0x01, 0xf9 }, WR_ASSIST_RDTSCP, true },
		{ { 0x0f, 0x01, 0xc8 }, WR_ASSIST_MONITOR, true }, { { 0xf1 }, WR_ASSIST_ICEBP, true },
	};
	struct fake *f = make(test, P64, 0), *user = make(test, P64, 3);
	enum wr_emu_result want;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		KUNIT_EXPECT_EQ_MSG(test, (int)step(f, table[i].code), (int)WR_EMU_ASSIST, "%u", i);
		want = table[i].programs ? WR_EMU_ASSIST : WR_EMU_FAULT;
		KUNIT_EXPECT_EQ_MSG(test, (int)step(user, table[i].code), (int)want, "%u", i);
	}
	user->emu.cr4 |= X86_CR4_TSD;
	expect_error(test, user, STEP(user, 0x0f, 0x31), GP, 0);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x44, 0x0f, 0x23, 0xc0), (int)WR_EMU_FAULT);
	KUNIT_EXPECT_EQ(test, f->emu.fault.vector, (u8)UD);
	EXPECT_STEP(test, WR_EMU_ASSIST, f, 0x0f, 0x23, 0xe0);
	f->emu.cr4 |= X86_CR4_DE;
	EXPECT_STEP(test, WR_EMU_FAULT, f, 0x0f, 0x23, 0xe0);
	/* INT3 is a debugger's. */
	f->emu.breakpoints = true;
	EXPECT_STEP(test, WR_EMU_ASSIST, f, 0xcc);
}

/* What MOV SS, STI and handlers hold up */
static void shadows(struct kunit *test)
{
	struct fake *f = make(test, P32, 0);

	f->emu.regs[AX] = DATA0;
	DONE(test, f, 0x8e, 0xd0);
	KUNIT_EXPECT_TRUE(test, f->emu.interrupt_shadow);
	KUNIT_EXPECT_TRUE(test, f->emu.trap_shadow);
	DONE(test, f, 0xfb);
	KUNIT_EXPECT_TRUE(test, f->emu.interrupt_shadow);
	KUNIT_EXPECT_FALSE(test, f->emu.trap_shadow);
	DONE(test, f, 0x90);
	KUNIT_EXPECT_FALSE(test, f->emu.interrupt_shadow);
	/* iret returns RF, all else clears it */
	put64(f, STACK_END - 12, CODE0 * 0x100000000ULL | 0x500);
	put64(f, STACK_END - 4, X86_EFLAGS_FIXED | RF);
	f->emu.regs[SP] = STACK_END - 12;
	DONE(test, f, 0xcf);
	KUNIT_EXPECT_TRUE(test, f->emu.rflags & RF);
	DONE(test, f, 0x90);
	KUNIT_EXPECT_FALSE(test, f->emu.rflags & RF);
}

static void x87(struct kunit *test)
{
	struct fake *f = make(test, P32, 0);

	f->emu.regs[DI] = CELL;
	f->x87.cwd = 0x123;
	f->x87.swd = 0x3881;
	f->x87.twd = 0x55;
	DONE(test, f, 0xd9, 0x3f);			/* fnstcw */
	KUNIT_EXPECT_EQ(test, get16(f, CELL), (u16)0x123);
	DONE(test, f, 0xdd, 0x3f);			/* fnstsw */
	KUNIT_EXPECT_EQ(test, get16(f, CELL), (u16)0x3881);
	f->emu.cr0 |= X86_CR0_NE;
	EXPECT_STEP(test, WR_EMU_FAULT, f, 0xd9, 0x2f);	/* fldcw: pending */
	KUNIT_EXPECT_EQ(test, f->emu.fault.vector, (u8)16);
	KUNIT_EXPECT_FALSE(test, f->emu.fault.has_error);
	EXPECT_STEP(test, WR_EMU_FAULT, f, 0x9b);
	DONE(test, f, 0xdb, 0xe2);			/* fnclex */
	KUNIT_EXPECT_EQ(test, f->x87.swd, (u16)0x3800);
	put16(f, CELL, 0xffff);
	DONE(test, f, 0xd9, 0x2f);
	KUNIT_EXPECT_EQ(test, f->x87.cwd, (u16)0x1f7f);
	DONE(test, f, 0xdf, 0xe0);			/* fnstsw ax */
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], 0x3800ULL);
	DONE(test, f, 0xdb, 0xe3);			/* fninit */
	KUNIT_EXPECT_EQ(test, f->x87.cwd, (u16)0x37f);
	KUNIT_EXPECT_EQ(test, f->x87.twd, (u16)0);
	f->emu.cr0 |= X86_CR0_TS;
	EXPECT_STEP(test, WR_EMU_FAULT, f, 0xdb, 0xe3);
	KUNIT_EXPECT_EQ(test, f->emu.fault.vector, (u8)NM);
	DONE(test, f, 0x9b);
}

static void mmx(struct kunit *test)
{
	struct fake *f = make(test, P32, 0);

	f->emu.regs[DI] = CELL;
	put64(f, CELL, BIG);
	f->x87.swd = 0x3800;
	f->x87.st_space[0] = 0x77;			/* register 7 is on top: mm7 */
	f->x87.st_space[4] = 0x10;			/* mm0 */
	DONE(test, f, 0x0f, 0x6f, 0x0f);		/* movq mm1, [edi] */
	KUNIT_EXPECT_EQ(test, f->x87.st_space[0], 0x10U);
	KUNIT_EXPECT_EQ(test, f->x87.st_space[28], 0x77U);
	KUNIT_EXPECT_EQ(test, *(u64 *)&f->x87.st_space[4], BIG);
	KUNIT_EXPECT_EQ(test, f->x87.st_space[6] & 0xffff, 0xffffU);
	KUNIT_EXPECT_EQ(test, f->x87.swd, (u16)0);
	KUNIT_EXPECT_EQ(test, f->x87.twd, (u16)0xff);
	DONE(test, f, 0x0f, 0x7e, 0x4f, 0x08);		/* movd [edi+8], mm1 */
	KUNIT_EXPECT_EQ(test, get(f, CELL + 8, 8), BIG & U32_MAX);
	DONE(test, f, 0x0f, 0xe7, 0x4f, 0x08);		/* movntq */
	KUNIT_EXPECT_EQ(test, get(f, CELL + 8, 8), BIG);
	f->emu.regs[AX] = 0x1234;
	DONE(test, f, 0x0f, 0x6e, 0xd0);		/* movd mm2, eax */
	KUNIT_EXPECT_EQ(test, *(u64 *)&f->x87.st_space[8], 0x1234ULL);
	DONE(test, f, 0x0f, 0x77);
	KUNIT_EXPECT_EQ(test, f->x87.twd, (u16)0);
	f->emu.cr0 |= X86_CR0_EM;
	EXPECT_STEP(test, WR_EMU_FAULT, f, 0x0f, 0x6f, 0x0f);
	KUNIT_EXPECT_EQ(test, f->emu.fault.vector, (u8)UD);
}

/* enter 0, 3 with the old frame where the new one comes: it reads what it has just pushed */
static void nested_frames(struct kunit *test)
{
	struct fake *f = make(test, P32, 0);

	f->emu.regs[SP] = STACK_END;
	f->emu.regs[BP] = STACK_END;
	put64(f, STACK_END - 8, 0x7777777788888888ULL);
	DONE(test, f, 0xc8, 0, 0, 3);
	KUNIT_EXPECT_EQ(test, get(f, STACK_END - 4, 4), (u64)STACK_END);
	/* from STACK_END - 4, pushed by then, and from the copy of that */
	KUNIT_EXPECT_EQ(test, get(f, STACK_END - 8, 4), (u64)STACK_END);
	KUNIT_EXPECT_EQ(test, get(f, STACK_END - 12, 4), (u64)STACK_END);
	KUNIT_EXPECT_EQ(test, get(f, STACK_END - 16, 4), (u64)STACK_END - 4);
	KUNIT_EXPECT_EQ(test, f->emu.regs[BP], (u64)STACK_END - 4);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(gates),
	KUNIT_CASE(gate_faults),
	KUNIT_CASE(events),
	KUNIT_CASE(wide_returns),
	KUNIT_CASE(call_gates),
	KUNIT_CASE(virtual_8086),
	KUNIT_CASE(virtual_interrupts),
	KUNIT_CASE(port_bitmap),
	KUNIT_CASE(assists),
	KUNIT_CASE(shadows),
	KUNIT_CASE(x87),
	KUNIT_CASE(mmx),
	KUNIT_CASE(nested_frames),
	{}
};

struct kunit_suite wr_transfer_suite = {
	.name = "warren-transfer",
	.test_cases = cases,
};
