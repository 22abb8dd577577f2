// SPDX-License-Identifier: GPL-2.0-only
/*
 * Execution in protected mode, as far as descriptors count: segment loads, far branches, questions about selectors, and
 * hardware task switches.
 */
#include <kunit/test.h>
#include <asm/processor.h>

#include "execute_fake.h"

/* Descriptors at TABLE_GDT: flat data, flat code, absent data, data of level 3, a TSS */
#define TABLE_GDT	0x3000

static void fill_gdt(struct fake *f)
{
	static const u64 gdt[] = {
		0, 0x00cf92000000ffff, 0x00cf9a000000ffff, 0x00cf12000000ffff, 0x00cff2000000ffff, 0x0000890040000067,
	};

	memcpy(f->memory + TABLE_GDT, gdt, sizeof(gdt));
	f->gdt = (struct kvm_dtable) { .base = TABLE_GDT, .limit = sizeof(gdt) - 1 };
}

static void expect_selector_fault(struct kunit *test, struct fake *f, enum wr_emu_result ret, u8 vector, u32 error)
{
	KUNIT_EXPECT_EQ(test, (int)ret, (int)WR_EMU_FAULT);
	KUNIT_EXPECT_EQ(test, f->emu.fault.vector, vector);
	KUNIT_EXPECT_TRUE(test, f->emu.fault.has_error);
	KUNIT_EXPECT_EQ(test, f->emu.fault.error, error);
}

/* mov ds, ax; mov ss, ax */
static void segment_loads(struct kunit *test)
{
	struct fake *f = fake_make(test, P32);

	fill_gdt(f);
	f->emu.regs[AX] = 0x08;
	DONE(test, f, 0x8e, 0xd8);
	KUNIT_EXPECT_EQ(test, f->seg[DS].selector, (u16)0x08);
	KUNIT_EXPECT_EQ(test, f->seg[DS].limit, ~0U);
	KUNIT_EXPECT_EQ(test, f->seg[DS].type, (u8)3);
	KUNIT_EXPECT_EQ(test, f->memory[TABLE_GDT + 8 + 5], (u8)0x93);	/* accessed */
	DONE(test, f, 0x8e, 0xd0);
	KUNIT_EXPECT_TRUE(test, f->emu.interrupt_shadow);
	f->emu.regs[AX] = 3;
	DONE(test, f, 0x8e, 0xd8);
	KUNIT_EXPECT_TRUE(test, f->seg[DS].unusable);
	expect_selector_fault(test, f, STEP(f, 0x8e, 0xd0), GP, 0);
	f->emu.regs[AX] = 0x1b;
	expect_selector_fault(test, f, STEP(f, 0x8e, 0xd8), GP, 0x18);	/* level */
	f->emu.regs[AX] = 0x18;
	expect_selector_fault(test, f, STEP(f, 0x8e, 0xd8), 11, 0x18);	/* absent */
	expect_selector_fault(test, f, STEP(f, 0x8e, 0xd0), STACK, 0x18);
	f->emu.regs[AX] = 0x20;
	expect_selector_fault(test, f, STEP(f, 0x8e, 0xd0), GP, 0x20);	/* its level */
	f->emu.regs[AX] = 0x30;
	expect_selector_fault(test, f, STEP(f, 0x8e, 0xd8), GP, 0x30);	/* past the table */
	f->emu.regs[AX] = 0x0c;
	f->seg[6].unusable = 1;
	expect_selector_fault(test, f, STEP(f, 0x8e, 0xd8), GP, 0x0c);	/* no LDT */
	f->absent = TABLE_GDT;
	f->absent_end = TABLE_GDT + 8;
	f->emu.regs[AX] = 0x00;
	DONE(test, f, 0x8e, 0xd8);
}

static void far_branches(struct kunit *test)
{
	struct fake *f = fake_make(test, P32);

	fill_gdt(f);
	f->seg[CS].selector = 0x10;
	DONE(test, f, 0x9a, 0x34, 0x12, 0, 0, 0x10, 0);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x1234ULL);
	KUNIT_EXPECT_EQ(test, get16(f, STACK_END - 4), (u16)0x10);
	KUNIT_EXPECT_EQ(test, get16(f, STACK_END - 8), (u16)(CODE + 7));
	DONE(test, f, 0xcb);
	KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)CODE + 7);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_END);
	memset(f->memory, 0, TABLE_GDT);
	expect_selector_fault(test, f, STEP(f, 0xea, 0, 0, 0, 0, 0, 0), GP, 0);
	expect_selector_fault(test, f, STEP(f, 0xea, 0, 0, 0, 0, 8, 0), GP, 8);	/* data */
	EXPECT_STEP(test, WR_EMU_TASK, f, 0xea, 0, 0, 0, 0, 0x28, 0);
	/* iret, to an outer level, and to another task */
	put16(f, STACK_END - 12, 0x77);
	put16(f, STACK_END - 8, 0x10);
	put16(f, STACK_END - 4, X86_EFLAGS_FIXED | CF);
	f->emu.regs[SP] = STACK_END - 12;
	f->emu.rflags |= X86_EFLAGS_NT;
	EXPECT_STEP(test, WR_EMU_TASK, f, 0xcf);
	f->emu.rflags &= ~(u64)X86_EFLAGS_NT;
	DONE(test, f, 0xcf);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x77ULL);
	KUNIT_EXPECT_EQ(test, f->emu.rflags, (u64)(X86_EFLAGS_FIXED | CF));
	f->emu.regs[SP] = STACK_END - 12;
	put16(f, STACK_END - 8, 0x13);
	expect_selector_fault(test, f, STEP(f, 0xcf), GP, 0x10);
}

/* LSS and its kin have pointers of ten bytes in 64-bit mode of some CPUs. */
static void far_pointers(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);
	bool narrow = boot_cpu_data.x86_vendor == X86_VENDOR_AMD || boot_cpu_data.x86_vendor == X86_VENDOR_HYGON;
	u64 offset = BIG;

	fill_gdt(f);
	f->emu.long_mode = true;
	f->emu.regs[DI] = CELL;
	memcpy(f->memory + CELL, &offset, sizeof(offset));
	put16(f, CELL + 8, 0x08);
	if (narrow)
		put16(f, CELL + 4, 0x08);
	DONE(test, f, 0x48, 0x0f, 0xb4, 0x07);
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], narrow ? (u64)(u32)BIG : BIG);
	KUNIT_EXPECT_EQ(test, f->seg[FS].selector, (u16)0x08);
}

/* bound, arpl, verr, lar, lsl, sldt */
static void questions(struct kunit *test)
{
	struct fake *f = fake_make(test, P32);

	fill_gdt(f);
	f->emu.regs[DI] = CELL;
	put16(f, CELL, 2);
	put16(f, CELL + 2, 5);
	f->emu.regs[AX] = 5;
	DONE(test, f, 0x66, 0x62, 0x07);
	f->emu.regs[AX] = 6;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x66, 0x62, 0x07), (int)WR_EMU_FAULT);
	KUNIT_EXPECT_EQ(test, f->emu.fault.vector, (u8)5);
	f->emu.regs[AX] = 3;
	DONE(test, f, 0x63, 0x07);
	KUNIT_EXPECT_EQ(test, get16(f, CELL), (u16)3);
	KUNIT_EXPECT_TRUE(test, f->emu.rflags & ZF);
	put16(f, CELL, 0x10);
	DONE(test, f, 0x0f, 0x00, 0x27);
	KUNIT_EXPECT_TRUE(test, f->emu.rflags & ZF);
	DONE(test, f, 0x0f, 0x00, 0x2f);
	KUNIT_EXPECT_FALSE(test, f->emu.rflags & ZF);	/* code is not written */
	DONE(test, f, 0x0f, 0x03, 0x07);
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], (u64)U32_MAX);
	DONE(test, f, 0x0f, 0x02, 0x07);
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], 0xc09a00ULL);
	put16(f, CELL, 0x1000);
	DONE(test, f, 0x0f, 0x02, 0x07);
	KUNIT_EXPECT_FALSE(test, f->emu.rflags & ZF);
	f->seg[6].selector = 0x48;
	DONE(test, f, 0x0f, 0x00, 0x07);
	KUNIT_EXPECT_EQ(test, get16(f, CELL), (u16)0x48);
}

/* A machine in a task whose TSS is at OLD_TSS, with another one at NEW_TSS */
#define OLD_TSS		0x4800
#define NEW_TSS		0x4000
#define NEW_SELECTOR	0x28
#define OLD_SELECTOR	0x30
#define TSS_EIP		32
#define TSS_EFLAGS	36
#define TSS_EAX		40
#define TSS_ESP		56
#define TSS_ES		72

static void put32(struct fake *f, u64 la, u32 value)
{
	memcpy(f->memory + la, &value, sizeof(value));
}

static u32 get32(struct fake *f, u64 la)
{
	u32 value;

	memcpy(&value, f->memory + la, sizeof(value));
	return value;
}

static struct fake *make_tasks(struct kunit *test)
{
	static const u64 tss[] = { 0x0000890040000067, 0x00008b0048000067 };
	static const u16 segments[] = { 0x08, 0x10, 0x08, 0x08, 0, 0 };
	struct fake *f = fake_make(test, P32);
	unsigned int i;

	fill_gdt(f);
	memcpy(f->memory + TABLE_GDT + NEW_SELECTOR, tss, sizeof(tss));
	f->gdt.limit = OLD_SELECTOR + 7;
	f->seg[7] = (struct kvm_segment) {
		.base = OLD_TSS, .limit = 0x67, .selector = OLD_SELECTOR, .type = 11, .present = 1,
	};
	put32(f, NEW_TSS + TSS_EIP, 0x500);
	put32(f, NEW_TSS + TSS_EFLAGS, CF);
	put32(f, NEW_TSS + TSS_EAX, 0xb0);
	put32(f, NEW_TSS + TSS_ESP, STACK_END);
	for (i = 0; i < ARRAY_SIZE(segments); i++)
		put32(f, NEW_TSS + TSS_ES + 4 * i, segments[i]);
	f->emu.regs[AX] = 0xa0;
	return f;
}

static void task_switches(struct kunit *test)
{
	struct wr_task_switch ts = { .selector = NEW_SELECTOR, .cause = WR_TASK_GATE, .next_rip = 0x123,
				     .has_error = true, .error = 0x77 };
	struct fake *f = make_tasks(test);
	enum wr_task_result out;

	KUNIT_EXPECT_EQ(test, (int)wr_emu_task_switch(&f->emu, &ts, &out), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, (int)out, (int)WR_TASK_SWITCHED);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x500ULL);
	KUNIT_EXPECT_EQ(test, f->emu.rflags, (u64)(X86_EFLAGS_FIXED | CF | X86_EFLAGS_NT));
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], 0xb0ULL);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_END - 4);
	KUNIT_EXPECT_EQ(test, get32(f, STACK_END - 4), 0x77U);
	KUNIT_EXPECT_EQ(test, get32(f, OLD_TSS + TSS_EIP), 0x123U);
	KUNIT_EXPECT_EQ(test, get32(f, OLD_TSS + TSS_EAX), 0xa0U);
	KUNIT_EXPECT_EQ(test, get16(f, NEW_TSS), (u16)OLD_SELECTOR);
	KUNIT_EXPECT_EQ(test, f->memory[TABLE_GDT + NEW_SELECTOR + 5], (u8)0x8b);
	KUNIT_EXPECT_EQ(test, f->memory[TABLE_GDT + OLD_SELECTOR + 5], (u8)0x8b);
	KUNIT_EXPECT_EQ(test, f->seg[7].selector, (u16)NEW_SELECTOR);
	KUNIT_EXPECT_TRUE(test, f->seg[FS].unusable);
	/* And back */
	ts = (struct wr_task_switch) { .selector = OLD_SELECTOR, .cause = WR_TASK_IRET, .next_rip = 0x501 };
	put32(f, OLD_TSS + TSS_ES + 4, 0x10);
	put32(f, OLD_TSS + TSS_ES + 8, 0x08);
	KUNIT_EXPECT_EQ(test, (int)wr_emu_task_switch(&f->emu, &ts, &out), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x123ULL);
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], 0xa0ULL);
	KUNIT_EXPECT_EQ(test, f->memory[TABLE_GDT + NEW_SELECTOR + 5], (u8)0x89);
	KUNIT_EXPECT_EQ(test, get32(f, NEW_TSS + TSS_EFLAGS), (u32)(X86_EFLAGS_FIXED | CF));
}

/* A fault before the switch changes nothing, a later one is the new task's. */
static void task_faults(struct kunit *test)
{
	struct wr_task_switch ts = { .selector = NEW_SELECTOR, .cause = WR_TASK_JMP };
	struct fake *f = make_tasks(test);
	enum wr_task_result out;

	f->readonly = OLD_TSS;
	f->readonly_end = OLD_TSS + 1;
	KUNIT_EXPECT_EQ(test, (int)wr_emu_task_switch(&f->emu, &ts, &out), (int)WR_EMU_FAULT);
	KUNIT_EXPECT_EQ(test, (int)out, (int)WR_TASK_STAYED);
	KUNIT_EXPECT_EQ(test, f->emu.fault.vector, (u8)PAGE);
	KUNIT_EXPECT_EQ(test, f->memory[TABLE_GDT + NEW_SELECTOR + 5], (u8)0x89);
	f->readonly_end = 0;
	ts.selector = OLD_SELECTOR;
	expect_selector_fault(test, f, wr_emu_task_switch(&f->emu, &ts, &out), GP, OLD_SELECTOR);
	ts.external = true;
	ts.selector = 0x0c;
	expect_selector_fault(test, f, wr_emu_task_switch(&f->emu, &ts, &out), GP, 0x0d);
	ts.external = false;
	ts.selector = NEW_SELECTOR;
	put32(f, NEW_TSS + TSS_ES + 8, 0x18);		/* SS: absent */
	expect_selector_fault(test, f, wr_emu_task_switch(&f->emu, &ts, &out), STACK, 0x18);
	KUNIT_EXPECT_EQ(test, (int)out, (int)WR_TASK_SWITCHED);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x500ULL);
	KUNIT_EXPECT_EQ(test, f->seg[7].selector, (u16)NEW_SELECTOR);
	f = make_tasks(test);
	put32(f, NEW_TSS + TSS_ES + 4, 0);		/* CS: null */
	expect_selector_fault(test, f, wr_emu_task_switch(&f->emu, &ts, &out), 10, 0);
	f = make_tasks(test);
	f->memory[NEW_TSS + 100] = 1;
	KUNIT_EXPECT_EQ(test, (int)wr_emu_task_switch(&f->emu, &ts, &out), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, (int)out, (int)WR_TASK_TRAPS);
}

/* Another vCPU changes the descriptor of CS when the old task is gone already. */
static void task_races(struct kunit *test)
{
	struct wr_task_switch ts = { .selector = NEW_SELECTOR, .cause = WR_TASK_CALL };
	struct fake *f = make_tasks(test);
	enum wr_task_result out;

	f->foreign = TABLE_GDT + 0x10;
	f->foreign_end = 4;
	KUNIT_EXPECT_EQ(test, (int)wr_emu_task_switch(&f->emu, &ts, &out), (int)WR_EMU_DONE);
	KUNIT_EXPECT_GT(test, f->swaps, 4U);
	KUNIT_EXPECT_EQ(test, (int)out, (int)WR_TASK_SWITCHED);
	KUNIT_EXPECT_EQ(test, f->seg[CS].selector, (u16)0x10);
	KUNIT_EXPECT_EQ(test, f->seg[CS].type, (u8)11);
	f = make_tasks(test);
	f->foreign = TABLE_GDT + 0x10;
	KUNIT_EXPECT_EQ(test, (int)wr_emu_task_switch(&f->emu, &ts, &out), (int)WR_EMU_UNKNOWN);
	KUNIT_EXPECT_EQ(test, (int)out, (int)WR_TASK_SWITCHED);
}

/* ltr: 16 bytes of descriptor, of which eight are marked */
static void long_tasks(struct kunit *test)
{
	static const u64 tss[] = { 0x0000890040000067, 0xffff8880 };
	struct fake *f = fake_make(test, P64);

	fill_gdt(f);
	memcpy(f->memory + TABLE_GDT + NEW_SELECTOR, tss, sizeof(tss));
	f->gdt.limit = NEW_SELECTOR + 15;
	f->emu.long_mode = true;
	f->emu.regs[AX] = NEW_SELECTOR;
	DONE(test, f, 0x0f, 0x00, 0xd8);
	KUNIT_EXPECT_EQ(test, f->seg[7].base, 0xffff888000004000ULL);
	KUNIT_EXPECT_EQ(test, f->seg[7].type, (u8)11);
	KUNIT_EXPECT_EQ(test, f->memory[TABLE_GDT + NEW_SELECTOR + 5], (u8)0x8b);
	f->memory[TABLE_GDT + NEW_SELECTOR + 5] = 0x89;
	f->memory[TABLE_GDT + NEW_SELECTOR + 11] = 0x7f;		/* a base that is not canonical */
	expect_selector_fault(test, f, STEP(f, 0x0f, 0x00, 0xd8), GP, NEW_SELECTOR);
	f->memory[TABLE_GDT + NEW_SELECTOR + 11] = 0xff;
	f->memory[TABLE_GDT + NEW_SELECTOR + 13] = 0x10;		/* a type in the upper half */
	expect_selector_fault(test, f, STEP(f, 0x0f, 0x00, 0xd8), GP, NEW_SELECTOR);
}

/* in, out, ins, outs that are not what the hardware exited for */
static void ports(struct kunit *test)
{
	static const u8 codes[][WR_INSN_MAX] = { { 0xec }, { 0xee }, { 0x6c }, { 0x6e }, { 0xe4, 0x10 }, { 0xe6, 0x10 } };
	struct fake *f = fake_make(test, P32), *v86 = fake_make(test, V86);
	unsigned int i;

	f->port_refused = true;
	v86->port_refused = true;
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		f->emu.cpl = 3;
		f->emu.rflags = X86_EFLAGS_FIXED;
		expect_selector_fault(test, f, step(f, codes[i]), GP, 0);
		f->emu.rflags |= X86_EFLAGS_IOPL;
		KUNIT_EXPECT_EQ(test, (int)step(f, codes[i]), (int)WR_EMU_DONE);
		v86->emu.rflags |= X86_EFLAGS_IOPL;
		expect_selector_fault(test, v86, step(v86, codes[i]), GP, 0);
		v86->port_refused = false;
		KUNIT_EXPECT_EQ(test, (int)step(v86, codes[i]), (int)WR_EMU_DONE);
		v86->port_refused = true;
	}
	KUNIT_EXPECT_EQ(test, f->ins + f->outs, 6U);
	KUNIT_EXPECT_EQ(test, v86->ins + v86->outs, 6U);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(segment_loads),
	KUNIT_CASE(far_branches),
	KUNIT_CASE(far_pointers),
	KUNIT_CASE(questions),
	KUNIT_CASE(task_switches),
	KUNIT_CASE(task_faults),
	KUNIT_CASE(task_races),
	KUNIT_CASE(long_tasks),
	KUNIT_CASE(ports),
	{}
};

struct kunit_suite wr_protected_suite = {
	.name = "warren-protected",
	.test_cases = cases,
};
