// SPDX-License-Identifier: GPL-2.0-only
/*
 * Execution against a flat memory: a table of instructions with what they change (all else must stay), then
 * segments, faults, atomicity, strings, ports, vectors, real mode.
 */
#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/string.h>
#include <asm/processor-flags.h>

#include "emulate/emulate.h"

#define R16	WR_EMU_REAL
#define V86	WR_EMU_VM86
#define P16	WR_EMU_PROT16
#define P32	WR_EMU_PROT32
#define P64	WR_EMU_PROT64

#define CF	X86_EFLAGS_CF
#define PF	X86_EFLAGS_PF
#define AF	X86_EFLAGS_AF
#define ZF	X86_EFLAGS_ZF
#define SF	X86_EFLAGS_SF
#define OF	X86_EFLAGS_OF
#define DF	X86_EFLAGS_DF
#define IF	X86_EFLAGS_IF

enum { ES, CS, SS, DS, FS, GS };
enum { DE = 0, UD = 6, NM = 7, STACK = 12, GP = 13, PAGE = 14, AC = 17 };

#define MEMORY		0x10000		/* linear addresses past it fault */
#define CELL		0x1000		/* where the first memory cell of a case is */
#define STACK_TOP	0x2000
#define CODE		0x100
#define BIG		0x1122334455667788ULL

/* What a case can change: registers by number, then these */
enum {
	AX, CX, DX, BX, SP, BP, SI, DI, R8, R9, R10, R11, R12, R13, R14, R15,
	IP, FL,
	M0, M1,				/* 8 bytes each at CELL */
	T1, T2,				/* 8 bytes each below STACK_TOP: the first pushed, the second */
	NR_THINGS,
};

struct change {
	u8 what;
	u64 before, after;
};

#define MAX_CHANGES	5

struct exec_case {
	const char *name;
	enum wr_emu_mode mode;
	u8 len;
	u8 code[WR_INSN_MAX];
	struct change change[MAX_CHANGES];	/* ends at one that is all zero */
};

struct fake {
	struct wr_emu emu;		/* first: ops find the rest from it */
	u8 *memory;
	struct kvm_segment seg[6];
	struct kvm_dtable idt;
	u8 vec[16][32];
	u64 cr0;
	u64 absent, absent_end;		/* no access here */
	u64 readonly, readonly_end;
	u64 foreign;			/* another CPU changes this byte before each cmpxchg */
	enum wr_emu_result port_result;
	unsigned int reads, writes, swaps, ins, outs;
	u32 port_data;
};

static struct fake *fake_of(struct wr_emu *emu)
{
	return (struct fake *)emu;
}

static bool overlaps(u64 la, u32 len, u64 start, u64 end)
{
	return la < end && la + len > start;
}

static enum wr_emu_result check(struct fake *f, u64 la, u32 len, bool write)
{
	if (la + len <= MEMORY && !overlaps(la, len, f->absent, f->absent_end) &&
	    !(write && overlaps(la, len, f->readonly, f->readonly_end)))
		return WR_EMU_DONE;
	f->emu.fault.vector = PAGE;
	f->emu.fault.has_error = true;
	f->emu.fault.error = write ? 2 : 0;
	f->emu.fault.cr2 = la;
	return WR_EMU_FAULT;
}

static void fake_segment(struct wr_emu *emu, int seg, struct kvm_segment *out)
{
	*out = fake_of(emu)->seg[seg];
}

static void fake_set_segment(struct wr_emu *emu, int seg, const struct kvm_segment *in)
{
	fake_of(emu)->seg[seg] = *in;
}

static void fake_table(struct wr_emu *emu, bool idt, struct kvm_dtable *out)
{
	*out = fake_of(emu)->idt;
}

static void fake_set_table(struct wr_emu *emu, bool idt, const struct kvm_dtable *in)
{
	fake_of(emu)->idt = *in;
}

static enum wr_emu_result fake_read(struct wr_emu *emu, u64 la, void *data, u32 len)
{
	struct fake *f = fake_of(emu);
	enum wr_emu_result ret = check(f, la, len, false);

	if (!ret)
		memcpy(data, f->memory + la, len);
	f->reads++;
	return ret;
}

static enum wr_emu_result fake_write(struct wr_emu *emu, u64 la, const void *data, u32 len)
{
	struct fake *f = fake_of(emu);
	enum wr_emu_result ret = check(f, la, len, true);

	if (!ret)
		memcpy(f->memory + la, data, len);
	f->writes++;
	return ret;
}

static enum wr_emu_result fake_probe(struct wr_emu *emu, u64 la, u32 len)
{
	return check(fake_of(emu), la, len, true);
}

static enum wr_emu_result fake_cmpxchg(struct wr_emu *emu, u64 la, const void *old, const void *new, u32 len)
{
	struct fake *f = fake_of(emu);
	enum wr_emu_result ret = check(f, la, len, true);

	f->swaps++;
	if (ret)
		return ret;
	if (f->foreign)
		f->memory[f->foreign]++;
	if (memcmp(f->memory + la, old, len))
		return WR_EMU_RETRY;
	memcpy(f->memory + la, new, len);
	return WR_EMU_DONE;
}

static enum wr_emu_result fake_in(struct wr_emu *emu, u16 port, void *data, u32 len)
{
	struct fake *f = fake_of(emu);

	f->ins++;
	if (!f->port_result)
		memcpy(data, &f->port_data, len);
	return f->port_result;
}

static enum wr_emu_result fake_out(struct wr_emu *emu, u16 port, const void *data, u32 len)
{
	struct fake *f = fake_of(emu);

	f->outs++;
	f->port_data = port << 16;
	memcpy(&f->port_data, data, min_t(u32, len, 2));
	return f->port_result;
}

static void fake_read_vec(struct wr_emu *emu, int reg, void *data, u32 len)
{
	memcpy(data, fake_of(emu)->vec[reg], len);
}

static void fake_write_vec(struct wr_emu *emu, int reg, const void *data, u32 len, bool clear_upper)
{
	struct fake *f = fake_of(emu);

	memcpy(f->vec[reg], data, len);
	if (clear_upper)
		memset(f->vec[reg] + len, 0, 32 - len);
}

static u64 fake_read_cr(struct wr_emu *emu, int cr)
{
	return fake_of(emu)->cr0 + cr;
}

static enum wr_emu_result fake_write_cr(struct wr_emu *emu, int cr, u64 value)
{
	fake_of(emu)->cr0 = value;
	return WR_EMU_DONE;
}

static const struct wr_emu_ops fake_ops = {
	.segment = fake_segment, .set_segment = fake_set_segment,
	.table = fake_table, .set_table = fake_set_table,
	.read = fake_read, .write = fake_write, .probe_write = fake_probe, .cmpxchg = fake_cmpxchg,
	.in = fake_in, .out = fake_out,
	.read_vec = fake_read_vec, .write_vec = fake_write_vec,
	.read_cr = fake_read_cr, .write_cr = fake_write_cr,
};

static u16 get16(struct fake *f, u64 la)
{
	u16 value;

	memcpy(&value, f->memory + la, sizeof(value));
	return value;
}

static void put16(struct fake *f, u64 la, u16 value)
{
	memcpy(f->memory + la, &value, sizeof(value));
}

static struct fake *fake_make(struct kunit *test, enum wr_emu_mode mode)
{
	struct fake *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	bool flat = mode == P32 || mode == P64;
	int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, f);
	f->memory = kunit_kzalloc(test, MEMORY, GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, f->memory);
	f->emu = (struct wr_emu) {
		.ops = &fake_ops, .mode = mode, .rip = CODE, .rflags = X86_EFLAGS_FIXED,
		.cr0 = X86_CR0_PE, .cr4 = X86_CR4_OSFXSR | X86_CR4_OSXSAVE, .xcr0 = 7,
	};
	f->emu.regs[SP] = STACK_TOP;
	for (i = ES; i <= GS; i++)
		f->seg[i] = (struct kvm_segment) {
			.limit = flat ? ~0U : 0xffff, .type = i == CS ? 11 : 3, .s = 1, .present = 1, .db = flat,
		};
	f->idt.limit = 0x3ff;
	if (mode == V86)
		f->emu.cpl = 3;
	return f;
}

/* Decodes and executes; like a caller, keeps the registers only when it was done. */
static enum wr_emu_result step(struct fake *f, const u8 *code)
{
	struct wr_emu before = f->emu;
	enum wr_emu_result ret;
	struct wr_insn insn;

	if (wr_decode(&insn, code, WR_INSN_MAX, f->emu.mode))
		return WR_EMU_UNKNOWN;
	ret = wr_execute(&f->emu, &insn);
	if (ret) {
		before.fault = f->emu.fault;
		f->emu = before;
	}
	return ret;
}

#define STEP(f, ...) step(f, (const u8 [WR_INSN_MAX]) { __VA_ARGS__ })

static u8 *cell_of(struct fake *f, unsigned int what)
{
	switch (what) {
	case M0:
		return f->memory + CELL;
	case M1:
		return f->memory + CELL + 8;
	case T1:
		return f->memory + STACK_TOP - 8;
	default:
		return f->memory + STACK_TOP - 16;
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

static const struct exec_case exec_cases[] = {
	/* Moves */
	{ "mov [bx], al", R16, 2, { 0x88, 0x07 }, { { BX, CELL, CELL }, { AX, 0x1234, 0x1234 }, { M0, 0, 0x34 } } },
	{ "mov [rdi], eax", P64, 2, { 0x89, 0x07 }, { { DI, CELL, CELL }, { AX, BIG, BIG }, { M0, ~0ULL, 0xffffffff55667788 } } },
	{ "mov eax, [rdi]", P64, 2, { 0x8b, 0x07 }, { { DI, CELL, CELL }, { AX, ~0ULL, 0x55667788 }, { M0, BIG, BIG } } },
	{ "mov ax, [rdi]", P64, 3, { 0x66, 0x8b, 0x07 }, { { DI, CELL, CELL }, { AX, ~0ULL, 0xffffffffffff7788 }, { M0, BIG, BIG } } },
	{ "mov ah, [rdi]", P64, 2, { 0x8a, 0x27 }, { { DI, CELL, CELL }, { AX, 0, 0x8800 }, { M0, BIG, BIG } } },
	{ "mov spl, [rdi]", P64, 3, { 0x40, 0x8a, 0x27 }, { { DI, CELL, CELL }, { SP, 0x2000, 0x2088 }, { M0, BIG, BIG } } },
	{ "mov rax, [rip+x]", P64, 7, { 0x48, 0x8b, 0x05, 0xf9, 0x0e, 0, 0 }, { { AX, 0, BIG }, { M0, BIG, BIG } } },
	{ "mov [rax+rcx*8+8], r8", P64, 5, { 0x4c, 0x89, 0x44, 0xc8, 0x08 }, { { AX, 0xff8, 0xff8 }, { CX, 1, 1 }, { R8, BIG, BIG }, { M1, 0, BIG } } },
	{ "mov eax, [edi] wraps", P64, 7, { 0x67, 0x8b, 0x87, 0, 0x10, 0, 0 }, { { DI, 0xffffffff00000000, 0xffffffff00000000 } } },
	{ "mov [bx+si] wraps", R16, 2, { 0x89, 0x00 }, { { BX, 0xf000, 0xf000 }, { SI, 0x2000, 0x2000 }, { AX, 0xabcd, 0xabcd }, { M0, 0, 0xabcd } } },
	{ "mov al, moffs", P64, 9, { 0xa0, 0, 0x10, 0, 0, 0, 0, 0, 0 }, { { AX, 0, 0x88 }, { M0, BIG, BIG } } },
	{ "mov moffs, ax", R16, 3, { 0xa3, 0, 0x10 }, { { AX, 0x1234, 0x1234 }, { M0, 0, 0x1234 } } },
	{ "mov qword [rdi], -2", P64, 7, { 0x48, 0xc7, 0x07, 0xfe, 0xff, 0xff, 0xff }, { { DI, CELL, CELL }, { M0, 0, -2ULL } } },
	{ "mov byte [rdi], 7", P64, 3, { 0xc6, 0x07, 7 }, { { DI, CELL, CELL }, { M0, 0, 7 } } },
	{ "mov r9, imm64", P64, 10, { 0x49, 0xb9, 8, 7, 6, 5, 4, 3, 2, 1 }, { { R9, 0, 0x0102030405060708 } } },
	{ "mov bh, imm8", P64, 2, { 0xb7, 0x5a }, { { BX, 0, 0x5a00 } } },
	{ "movzx eax, byte", P64, 3, { 0x0f, 0xb6, 0x07 }, { { DI, CELL, CELL }, { AX, ~0ULL, 0x88 }, { M0, BIG, BIG } } },
	{ "movzx eax, word", P64, 3, { 0x0f, 0xb7, 0x07 }, { { DI, CELL, CELL }, { AX, ~0ULL, 0x7788 }, { M0, BIG, BIG } } },
	{ "movsx eax, byte", P64, 3, { 0x0f, 0xbe, 0x07 }, { { DI, CELL, CELL }, { AX, 0, 0xffffff88 }, { M0, BIG, BIG } } },
	{ "movsx rax, word", P64, 4, { 0x48, 0x0f, 0xbf, 0x07 }, { { DI, CELL, CELL }, { AX, 0, -2ULL }, { M0, 0xfffe, 0xfffe } } },
	{ "movsxd rax, dword", P64, 3, { 0x48, 0x63, 0x07 }, { { DI, CELL, CELL }, { AX, 0, -2ULL }, { M0, 0xfffffffe, 0xfffffffe } } },
	{ "movbe eax, [rdi]", P64, 4, { 0x0f, 0x38, 0xf0, 0x07 }, { { DI, CELL, CELL }, { AX, 0, 0x88776655 }, { M0, BIG, BIG } } },
	{ "movbe [rdi], ax", P64, 5, { 0x66, 0x0f, 0x38, 0xf1, 0x07 }, { { DI, CELL, CELL }, { AX, 0x1234, 0x1234 }, { M0, 0, 0x3412 } } },
	{ "movnti [rdi], rax", P64, 4, { 0x48, 0x0f, 0xc3, 0x07 }, { { DI, CELL, CELL }, { AX, BIG, BIG }, { M0, 0, BIG } } },
	{ "bswap eax", P64, 2, { 0x0f, 0xc8 }, { { AX, BIG, 0x88776655 } } },
	{ "bswap r8", P64, 3, { 0x49, 0x0f, 0xc8 }, { { R8, BIG, 0x8877665544332211 } } },
	{ "lea eax, [rdi+rsi*2-1]", P64, 4, { 0x8d, 0x44, 0x77, 0xff }, { { DI, 0x100000000, 0x100000000 }, { SI, 8, 8 }, { AX, ~0ULL, 15 } } },
	{ "cmovz taken", P64, 3, { 0x0f, 0x44, 0xc3 }, { { AX, ~0ULL, 5 }, { BX, 5, 5 }, { FL, ZF, ZF } } },
	{ "cmovz not, upper half", P64, 3, { 0x0f, 0x44, 0xc3 }, { { AX, ~0ULL, 0xffffffff }, { BX, 5, 5 } } },
	{ "setg", P64, 3, { 0x0f, 0x9f, 0x07 }, { { DI, CELL, CELL }, { FL, SF | OF, SF | OF }, { M0, 0, 1 } } },
	{ "setle", P64, 3, { 0x0f, 0x9e, 0x07 }, { { DI, CELL, CELL }, { FL, SF | OF, SF | OF }, { M0, 7, 0 } } },
	{ "xchg [rdi], rax", P64, 3, { 0x48, 0x87, 0x07 }, { { DI, CELL, CELL }, { AX, 1, 2 }, { M0, 2, 1 } } },
	{ "xchg ax, bx", R16, 1, { 0x93 }, { { AX, 1, 2 }, { BX, 2, 1 } } },
	{ "nop", P64, 1, { 0x90 }, { { AX, ~0ULL, ~0ULL } } },
	{ "xchg r8, rax", P64, 2, { 0x49, 0x90 }, { { AX, 1, 2 }, { R8, 2, 1 } } },
	{ "xlat", P64, 1, { 0xd7 }, { { BX, CELL - 0xf0, CELL - 0xf0 }, { AX, 0x1f2, 0x166 }, { M0, BIG, BIG } } },
	{ "lahf", P64, 1, { 0x9f }, { { AX, 0, 0x4700 }, { FL, ZF | PF | CF | OF, ZF | PF | CF | OF } } },
	{ "sahf", P64, 1, { 0x9e }, { { AX, 0xd500, 0xd500 }, { FL, OF, OF | SF | ZF | AF | PF | CF } } },
	{ "salc", P32, 1, { 0xd6 }, { { AX, 0x100, 0x1ff }, { FL, CF, CF } } },
	/* Arithmetic */
	{ "add al, 1 to 0", P64, 2, { 0x04, 0x01 }, { { AX, 0x1ff, 0x100 }, { FL, 0, CF | PF | AF | ZF } } },
	{ "add [rdi], eax overflow", P64, 2, { 0x01, 0x07 }, { { DI, CELL, CELL }, { AX, 1, 1 }, { M0, 0x7fffffff, 0x80000000 }, { FL, 0, SF | OF | AF | PF } } },
	{ "adc ax, -1 with carry", R16, 3, { 0x83, 0xd0, 0xff }, { { AX, 5, 5 }, { FL, CF, CF | AF | PF } } },
	{ "sbb rax, rax", P64, 3, { 0x48, 0x19, 0xc0 }, { { AX, 5, ~0ULL }, { FL, CF, CF | AF | SF | PF } } },
	{ "sub ecx, [rdi]", P64, 2, { 0x2b, 0x0f }, { { DI, CELL, CELL }, { CX, 1, 0xffffffff }, { M0, 2, 2 }, { FL, 0, CF | AF | SF | PF } } },
	{ "cmp byte [rdi], 1", P64, 3, { 0x80, 0x3f, 1 }, { { DI, CELL, CELL }, { M0, 0x80, 0x80 }, { FL, 0, OF | AF } } },
	{ "and clears", P64, 3, { 0x83, 0xe0, 0x0f }, { { AX, ~0ULL, 0xf }, { FL, CF | OF | AF, PF } } },
	{ "or byte [rdi], 80", P64, 3, { 0x80, 0x0f, 0x80 }, { { DI, CELL, CELL }, { M0, 1, 0x81 }, { FL, 0, SF | PF } } },
	{ "lock or [rdi], eax", P64, 3, { 0xf0, 0x09, 0x07 }, { { DI, CELL, CELL }, { AX, 6, 6 }, { M0, 1, 7 } } },
	{ "xor eax, eax", P64, 2, { 0x31, 0xc0 }, { { AX, ~0ULL, 0 }, { FL, CF, ZF | PF } } },
	{ "test [rdi], al", P64, 2, { 0x84, 0x07 }, { { DI, CELL, CELL }, { AX, 0x80, 0x80 }, { M0, 0xff, 0xff }, { FL, CF, SF } } },
	{ "inc keeps carry", P64, 2, { 0xff, 0xc0 }, { { AX, 0xffffffff, 0 }, { FL, CF, CF | ZF | PF | AF } } },
	{ "dec byte [rdi]", P64, 2, { 0xfe, 0x0f }, { { DI, CELL, CELL }, { M0, 0x80, 0x7f }, { FL, 0, OF | AF } } },
	{ "inc ax, one byte", R16, 1, { 0x40 }, { { AX, 0xffff, 0 }, { FL, 0, ZF | PF | AF } } },
	{ "neg", P64, 3, { 0x48, 0xf7, 0xd8 }, { { AX, 1, ~0ULL }, { FL, 0, CF | AF | SF | PF } } },
	{ "not word [rdi]", P64, 3, { 0x66, 0xf7, 0x17 }, { { DI, CELL, CELL }, { M0, 0xff, 0xff00 } } },
	{ "xadd [rdi], eax", P64, 3, { 0x0f, 0xc1, 0x07 }, { { DI, CELL, CELL }, { AX, 3, 4 }, { M0, 4, 7 } } },
	{ "cmpxchg equal", P64, 4, { 0xf0, 0x0f, 0xb1, 0x0f }, { { DI, CELL, CELL }, { AX, 4, 4 }, { CX, 9, 9 }, { M0, 4, 9 }, { FL, 0, ZF | PF } } },
	{ "cmpxchg different", P64, 4, { 0xf0, 0x0f, 0xb1, 0x0f }, { { DI, CELL, CELL }, { AX, 5, 4 }, { CX, 9, 9 }, { M0, 4, 4 } } },
	{ "mul byte", P64, 2, { 0xf6, 0x27 }, { { DI, CELL, CELL }, { AX, 0xff10, 0x100 }, { M0, 0x10, 0x10 }, { FL, 0, CF | OF } } },
	{ "mul rcx", P64, 3, { 0x48, 0xf7, 0xe1 }, { { AX, ~0ULL, 1 }, { CX, ~0ULL, ~0ULL }, { DX, 0, ~0ULL - 1 }, { FL, 0, CF | OF } } },
	{ "imul rax fits", P64, 3, { 0x48, 0xf7, 0xe9 }, { { AX, -3ULL, -15ULL }, { CX, 5, 5 }, { DX, 0, ~0ULL } } },
	{ "imul ax, [rdi], -2", P64, 4, { 0x66, 0x6b, 0x07, 0xfe }, { { DI, CELL, CELL }, { AX, 0, 2 }, { M0, 0x7fff, 0x7fff }, { FL, 0, CF | OF }, { AX, 0, 2 } } },
	{ "imul eax, ecx", P64, 3, { 0x0f, 0xaf, 0xc1 }, { { AX, 7, 42 }, { CX, 6, 6 } } },
	{ "div cl", P64, 2, { 0xf6, 0xf1 }, { { AX, 0x0107, 0x0183 }, { CX, 2, 2 } } },
	{ "div rcx", P64, 3, { 0x48, 0xf7, 0xf1 }, { { AX, 5, 0x8000000000000002 }, { DX, 1, 1 }, { CX, 2, 2 } } },
	{ "idiv ecx", P64, 2, { 0xf7, 0xf9 }, { { AX, -7U, -3U }, { DX, -1U, -1U }, { CX, 2, 2 } } },
	{ "cbw", R16, 1, { 0x98 }, { { AX, 0x80, 0xff80 } } },
	{ "cdqe", P64, 2, { 0x48, 0x98 }, { { AX, 0x80000000, 0xffffffff80000000 } } },
	{ "cwd", R16, 1, { 0x99 }, { { AX, 0x8000, 0x8000 }, { DX, 0, 0xffff } } },
	{ "cqo", P64, 2, { 0x48, 0x99 }, { { AX, 1, 1 }, { DX, BIG, 0 } } },
	{ "daa", P32, 1, { 0x27 }, { { AX, 0x7d, 0x83 }, { FL, 0, AF | SF } } },
	{ "das", P32, 1, { 0x2f }, { { AX, 0x77, 0x17 }, { FL, CF, CF | PF } } },
	{ "aaa", P32, 1, { 0x37 }, { { AX, 0x000b, 0x0101 }, { FL, 0, AF | CF } } },
	{ "aas", P32, 1, { 0x3f }, { { AX, 0x020f, 0x0109 }, { FL, 0, AF | CF } } },
	{ "aam", P32, 2, { 0xd4, 10 }, { { AX, 63, 0x0603 }, { FL, 0, PF } } },
	{ "aad", P32, 2, { 0xd5, 10 }, { { AX, 0x0603, 63 }, { FL, 0, PF } } },
	/* Shifts */
	{ "shl eax, 1", P64, 2, { 0xd1, 0xe0 }, { { AX, 0xc0000000, 0x80000000 }, { FL, 0, CF | SF | PF } } },
	{ "shl byte [rdi], 4", P64, 3, { 0xc0, 0x27, 4 }, { { DI, CELL, CELL }, { M0, 0x1f, 0xf0 }, { FL, 0, CF | SF | PF } } },
	{ "shr ax, cl", R16, 2, { 0xd3, 0xe8 }, { { AX, 0x8001, 0x4000 }, { CX, 0x21, 0x21 }, { FL, 0, CF | OF | PF } } },
	{ "sar rax, 63", P64, 4, { 0x48, 0xc1, 0xf8, 63 }, { { AX, 1ULL << 63, ~0ULL }, { FL, 0, SF | PF } } },
	{ "shl by 0 keeps flags", P64, 2, { 0xd3, 0xe0 }, { { AX, ~0ULL, 0xffffffff }, { CX, 0x20, 0x20 }, { FL, CF | OF, CF | OF } } },
	{ "rol al, 8", P64, 3, { 0xc0, 0xc0, 8 }, { { AX, 0x81, 0x81 }, { FL, 0, CF } } },
	{ "ror eax, 1", P64, 2, { 0xd1, 0xc8 }, { { AX, 1, 0x80000000 }, { FL, 0, CF | OF } } },
	{ "rcl al, 1", P64, 2, { 0xd0, 0xd0 }, { { AX, 0x80, 1 }, { FL, CF, CF | OF } } },
	{ "rcr al, 1", P64, 2, { 0xd0, 0xd8 }, { { AX, 1, 0x80 }, { FL, CF, CF | OF } } },
	{ "shld eax, ecx, 4", P64, 4, { 0x0f, 0xa4, 0xc8, 4 }, { { AX, 0x10000000, 0xf }, { CX, 0xf0000000, 0xf0000000 }, { FL, 0, CF | PF } } },
	{ "shrd eax, ecx, cl", P64, 3, { 0x0f, 0xad, 0xc8 }, { { AX, 0x10, 0x40000001 }, { CX, 4, 4 } } },
	/* Bits */
	{ "bt [rdi], 3", P64, 4, { 0x0f, 0xba, 0x27, 3 }, { { DI, CELL, CELL }, { M0, 8, 8 }, { FL, 0, CF } } },
	{ "bts [rdi], rax far up", P64, 4, { 0x48, 0x0f, 0xab, 0x07 }, { { DI, CELL, CELL }, { AX, 65, 65 }, { M1, 0, 2 }, { FL, CF, 0 } } },
	{ "btr [rdi], eax below", P64, 3, { 0x0f, 0xb3, 0x07 }, { { DI, CELL + 4, CELL + 4 }, { AX, -1U, -1U }, { M0, 0xffffffff, 0x7fffffff }, { FL, 0, CF } } },
	{ "lock btc [rdi], 0", P64, 5, { 0xf0, 0x0f, 0xba, 0x3f, 0 }, { { DI, CELL, CELL }, { M0, 1, 0 }, { FL, 0, CF } } },
	{ "btc eax, ecx wraps", P64, 3, { 0x0f, 0xbb, 0xc8 }, { { AX, 0, 2 }, { CX, 33, 33 } } },
	{ "bsf", P64, 3, { 0x0f, 0xbc, 0x07 }, { { DI, CELL, CELL }, { AX, 0, 4 }, { M0, 0x30, 0x30 } } },
	{ "bsf of 0", P64, 3, { 0x0f, 0xbc, 0x07 }, { { DI, CELL, CELL }, { AX, ~0ULL, ~0ULL }, { FL, 0, ZF } } },
	{ "bsr", P64, 4, { 0x48, 0x0f, 0xbd, 0xc3 }, { { AX, 0, 63 }, { BX, ~0ULL, ~0ULL } } },
	{ "popcnt", P64, 5, { 0xf3, 0x48, 0x0f, 0xb8, 0xc3 }, { { AX, 0, 64 }, { BX, ~0ULL, ~0ULL }, { FL, CF | OF, 0 } } },
	/* Stack */
	{ "push rax", P64, 1, { 0x50 }, { { AX, BIG, BIG }, { SP, STACK_TOP, STACK_TOP - 8 }, { T1, 0, BIG } } },
	{ "push rsp", P64, 1, { 0x54 }, { { SP, STACK_TOP, STACK_TOP - 8 }, { T1, 0, STACK_TOP } } },
	{ "push -2", P64, 2, { 0x6a, 0xfe }, { { SP, STACK_TOP, STACK_TOP - 8 }, { T1, 0, -2ULL } } },
	{ "push word", P64, 4, { 0x66, 0x68, 0x34, 0x12 }, { { SP, STACK_TOP, STACK_TOP - 2 }, { T1, 0, 0x1234ULL << 48 } } },
	{ "push [rdi]", P64, 2, { 0xff, 0x37 }, { { DI, CELL, CELL }, { M0, BIG, BIG }, { SP, STACK_TOP, STACK_TOP - 8 }, { T1, 0, BIG } } },
	{ "push ax wraps", R16, 1, { 0x50 }, { { AX, 0x1234, 0x1234 }, { SP, 0xabcd0000, 0xabcdfffe } } },
	{ "pop rax", P64, 1, { 0x58 }, { { AX, 0, BIG }, { SP, STACK_TOP - 8, STACK_TOP }, { T1, BIG, BIG } } },
	{ "pop rsp", P64, 1, { 0x5c }, { { SP, STACK_TOP - 8, BIG }, { T1, BIG, BIG } } },
	{ "pop [rsp] after the move", P64, 3, { 0x8f, 0x04, 0x24 }, { { SP, STACK_TOP - 16, STACK_TOP - 8 }, { T2, BIG, BIG }, { T1, 0, BIG } } },
	{ "pushf", P64, 1, { 0x9c }, { { FL, CF | X86_EFLAGS_VM, CF | X86_EFLAGS_VM }, { SP, STACK_TOP, STACK_TOP - 8 }, { T1, 0, CF | 2 } } },
	{ "popf", P64, 1, { 0x9d }, { { SP, STACK_TOP - 8, STACK_TOP }, { T1, ~0ULL, ~0ULL }, { FL, 0, 0x247fd5 } } },
	{ "enter 16, 1", P64, 4, { 0xc8, 16, 0, 1 }, { { BP, BIG, STACK_TOP - 8 }, { SP, STACK_TOP, STACK_TOP - 32 }, { T1, 0, BIG }, { T2, 0, STACK_TOP - 8 } } },
	{ "leave", P64, 1, { 0xc9 }, { { BP, STACK_TOP - 8, BIG }, { SP, 0, STACK_TOP }, { T1, BIG, BIG } } },
	{ "pusha", R16, 1, { 0x60 }, { { AX, 1, 1 }, { DI, 8, 8 }, { SP, STACK_TOP, STACK_TOP - 16 }, { T1, 0, 1ULL << 48 }, { T2, 0, 8 | (u64)STACK_TOP << 48 } } },
	{ "popa", R16, 1, { 0x61 }, { { AX, 0, 1 }, { DI, 0, 8 }, { SP, STACK_TOP - 16, STACK_TOP }, { T1, 1ULL << 48, 1ULL << 48 }, { T2, 8 | 7ULL << 48, 8 | 7ULL << 48 } } },
	/* Branches */
	{ "jmp short", P64, 2, { 0xeb, 0x10 }, { { IP, CODE, CODE + 0x12 } } },
	{ "jmp back, 16 bit", R16, 2, { 0xeb, 0xfe }, { { IP, CODE, CODE } } },
	{ "jmp wraps, 16 bit", R16, 3, { 0xe9, 0x00, 0xff }, { { IP, CODE, 3 } } },
	{ "jmp [rdi]", P64, 2, { 0xff, 0x27 }, { { DI, CELL, CELL }, { M0, 0x777, 0x777 }, { IP, CODE, 0x777 } } },
	{ "jz taken", P64, 6, { 0x0f, 0x84, 0, 1, 0, 0 }, { { FL, ZF, ZF }, { IP, CODE, CODE + 0x106 } } },
	{ "jz not", P64, 6, { 0x0f, 0x84, 0, 1, 0, 0 }, { } },
	{ "loop", P64, 2, { 0xe2, 0x10 }, { { CX, 2, 1 }, { IP, CODE, CODE + 0x12 } } },
	{ "loop ends", P64, 2, { 0xe2, 0x10 }, { { CX, 1, 0 } } },
	{ "loop with ecx", P64, 3, { 0x67, 0xe2, 0x10 }, { { CX, 0xff00000000, 0xffffffff }, { IP, CODE, CODE + 0x13 } } },
	{ "loope ends", P64, 2, { 0xe1, 0x10 }, { { CX, 2, 1 } } },
	{ "loopne", P64, 2, { 0xe0, 0x10 }, { { CX, 2, 1 }, { IP, CODE, CODE + 0x12 } } },
	{ "jcxz", R16, 2, { 0xe3, 0x10 }, { { CX, 0x10000, 0x10000 }, { IP, CODE, CODE + 0x12 } } },
	{ "call", P64, 5, { 0xe8, 0x10, 0, 0, 0 }, { { SP, STACK_TOP, STACK_TOP - 8 }, { T1, 0, CODE + 5 }, { IP, CODE, CODE + 0x15 } } },
	{ "call rax", P64, 2, { 0xff, 0xd0 }, { { AX, 0x777, 0x777 }, { SP, STACK_TOP, STACK_TOP - 8 }, { T1, 0, CODE + 2 }, { IP, CODE, 0x777 } } },
	{ "ret", P64, 1, { 0xc3 }, { { SP, STACK_TOP - 8, STACK_TOP }, { T1, 0x777, 0x777 }, { IP, CODE, 0x777 } } },
	{ "ret 8", P64, 3, { 0xc2, 8, 0 }, { { SP, STACK_TOP - 8, STACK_TOP + 8 }, { T1, 0x777, 0x777 }, { IP, CODE, 0x777 } } },
	/* RIP at its ends */
	{ "rip wraps at 4 GiB", P32, 1, { 0x90 }, { { IP, 0xffffffff, 0 } } },
	{ "rip past 4 GiB", P64, 1, { 0x90 }, { { IP, 0xffffffff, 0x100000000 } } },
	{ "rf is cleared", P64, 1, { 0x90 }, { { FL, X86_EFLAGS_RF, 0 } } },
	/* Flags and the rest */
	{ "clc", P64, 1, { 0xf8 }, { { FL, CF | ZF, ZF } } },
	{ "stc", P64, 1, { 0xf9 }, { { FL, 0, CF } } },
	{ "cmc", P64, 1, { 0xf5 }, { { FL, CF, 0 } } },
	{ "cld", P64, 1, { 0xfc }, { { FL, DF, 0 } } },
	{ "std", P64, 1, { 0xfd }, { { FL, 0, DF } } },
	{ "cli", P64, 1, { 0xfa }, { { FL, IF, 0 } } },
	{ "sti", P64, 1, { 0xfb }, { { FL, 0, IF } } },
	{ "endbr64", P64, 4, { 0xf3, 0x0f, 0x1e, 0xfa }, { } },
	{ "prefetch", P64, 3, { 0x0f, 0x18, 0x08 }, { } },
	{ "mov rbx, cr4", P64, 3, { 0x0f, 0x20, 0xe3 }, { { BX, 0, 4 } } },
	{ "smsw [rdi]", P64, 3, { 0x0f, 0x01, 0x27 }, { { DI, CELL, CELL }, { M0, BIG, BIG & ~0xffffULL } } },
	/* Strings, one element */
	{ "movsb", P64, 1, { 0xa4 }, { { SI, CELL, CELL + 1 }, { DI, CELL + 8, CELL + 9 }, { M0, BIG, BIG }, { M1, 0, 0x88 } } },
	{ "movsw down", R16, 1, { 0xa5 }, { { SI, CELL, CELL - 2 }, { DI, CELL + 8, CELL + 6 }, { M0, BIG, BIG }, { M1, 0, 0x7788 }, { FL, DF, DF } } },
	{ "stosq", P64, 2, { 0x48, 0xab }, { { AX, BIG, BIG }, { DI, CELL, CELL + 8 }, { M0, 0, BIG } } },
	{ "lodsd", P64, 1, { 0xad }, { { AX, ~0ULL, 0x55667788 }, { SI, CELL, CELL + 4 }, { M0, BIG, BIG } } },
	{ "scasb", P64, 1, { 0xae }, { { AX, 0x88, 0x88 }, { DI, CELL, CELL + 1 }, { M0, BIG, BIG }, { FL, 0, ZF | PF } } },
	{ "cmpsb", P64, 1, { 0xa6 }, { { SI, CELL, CELL + 1 }, { DI, CELL + 8, CELL + 9 }, { M0, 1, 1 }, { M1, 1, 1 }, { FL, 0, ZF | PF } } },
	{ "si wraps at 64 KiB", R16, 1, { 0xac }, { { SI, 0xffff, 0 } } },
	{ "rep with count 0", P64, 2, { 0xf3, 0xa4 }, { { SI, ~0ULL, ~0ULL } } },
	{ "rep with cx 0", R16, 2, { 0xf3, 0xab }, { { CX, 0x10000, 0x10000 } } },
	{ "last of rep", P64, 2, { 0xf3, 0xaa }, { { CX, 1, 0 }, { DI, CELL, CELL + 1 }, { AX, 5, 5 }, { M0, 0, 5 } } },
};

static void instructions(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(exec_cases); i++)
		run_case(test, &exec_cases[i]);
}

/* An instruction that must fault, or be refused, and change nothing: registers are the caller's to drop. */
static void expect_fault(struct kunit *test, struct fake *f, enum wr_emu_result ret, u8 vector, bool has_error)
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
	expect_fault(test, f, STEP(f, 0xf6, 0xf5), DE, false);		/* by CH, which is 0 */
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
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x64, 0x8b, 0x07), (int)WR_EMU_DONE);
}

static void segment_limits(struct kunit *test)
{
	struct fake *f = fake_make(test, P32);

	f->seg[DS].limit = CELL + 3;
	f->emu.regs[DI] = CELL;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8b, 0x07), (int)WR_EMU_DONE);
	expect_fault(test, f, STEP(f, 0x8b, 0x47, 0x01), GP, true);
	expect_fault(test, f, STEP(f, 0x89, 0x47, 0x01), GP, true);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x26, 0x8b, 0x47, 0x01), (int)WR_EMU_DONE);
	/* The end of a 4 GiB segment: an operand does not wrap. */
	f->emu.regs[BP] = ~0U;
	expect_fault(test, f, STEP(f, 0x8b, 0x45, 0x00), STACK, true);

	/* Expand-down: valid above the limit */
	f->seg[DS].type = 7;
	expect_fault(test, f, STEP(f, 0x8b, 0x07), GP, true);
	expect_fault(test, f, STEP(f, 0x8b, 0x47, 0x03), GP, true);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8b, 0x47, 0x04), (int)WR_EMU_DONE);
	f->emu.regs[DI] = 0xfffd;
	f->seg[DS].db = 0;
	expect_fault(test, f, STEP(f, 0x8b, 0x07), GP, true);
}

static void segment_types(struct kunit *test)
{
	struct fake *f = fake_make(test, P32);

	f->emu.regs[DI] = CELL;
	f->seg[DS].type = 1;						/* read-only */
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8b, 0x07), (int)WR_EMU_DONE);
	expect_fault(test, f, STEP(f, 0x89, 0x07), GP, true);
	expect_fault(test, f, STEP(f, 0x01, 0x07), GP, true);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x39, 0x07), (int)WR_EMU_DONE);	/* cmp only reads */
	expect_fault(test, f, STEP(f, 0x2e, 0x89, 0x07), GP, true);	/* code is never written */
	f->seg[CS].type = 9;						/* execute-only */
	expect_fault(test, f, STEP(f, 0x2e, 0x8b, 0x07), GP, true);
	f->seg[ES].unusable = 1;
	expect_fault(test, f, STEP(f, 0xaa), GP, true);
	/* Not in 64-bit mode, not in real mode */
	f->emu.mode = P64;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x89, 0x07), (int)WR_EMU_DONE);
	f->emu.mode = R16;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x2e, 0x89, 0x05), (int)WR_EMU_DONE);
}

static void real_mode_limits(struct kunit *test)
{
	struct fake *f = fake_make(test, R16);

	f->emu.regs[DI] = 0xffff;
	/* No error code in real mode, one in virtual-8086 mode */
	expect_fault(test, f, STEP(f, 0x8b, 0x05), GP, false);
	f->emu.regs[BP] = 0xffff;
	expect_fault(test, f, STEP(f, 0x8b, 0x46, 0x00), STACK, false);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8a, 0x05), (int)WR_EMU_DONE);
	f->emu.mode = V86;
	expect_fault(test, f, STEP(f, 0x8b, 0x05), GP, true);
	/* A big segment, as "unreal" mode has */
	f->emu.mode = R16;
	f->seg[DS].limit = ~0U;
	f->seg[DS].base = 0xffffffff0000;
	f->seg[DS].base = 0xffff1001;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8b, 0x05), (int)WR_EMU_DONE);
}

/* With a base, an operand may lie across the end of the 4 GiB of linear addresses. */
static void linear_wrap(struct kunit *test)
{
	struct fake *f = fake_make(test, P32);

	f->seg[DS].base = 0xfffff000;
	f->emu.regs[DI] = 0x1000;
	f->emu.regs[AX] = 0x11223344;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x89, 0x07), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, get16(f, 0), (u16)0x3344);
	memset(f->memory, 0, 4);
	f->emu.regs[DI] = 0xffe;
	expect_fault(test, f, STEP(f, 0x89, 0x07), PAGE, true);		/* the part below the end */
	f->emu.regs[DI] = 0xfff;
	expect_fault(test, f, STEP(f, 0xf0, 0x01, 0x07), PAGE, true);
}

static void faults_half_way(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->absent = STACK_TOP - 64;
	f->absent_end = STACK_TOP;
	f->emu.regs[DI] = CELL;
	expect_fault(test, f, STEP(f, 0x50), PAGE, true);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_TOP);
	expect_fault(test, f, STEP(f, 0xff, 0x37), PAGE, true);
	expect_fault(test, f, STEP(f, 0xe8, 0, 0, 0, 0), PAGE, true);
	KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)CODE);
	expect_fault(test, f, STEP(f, 0xc8, 64, 0, 0), PAGE, true);

	/* Eight pushes, the last of which faults */
	f = fake_make(test, P32);
	f->emu.regs[AX] = 1;
	f->absent = STACK_TOP - 32;
	f->absent_end = STACK_TOP - 28;
	expect_fault(test, f, STEP(f, 0x60), PAGE, true);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_TOP);
	KUNIT_EXPECT_EQ(test, f->writes, 0u);
	/* Eight pops, the last */
	f->absent += 28;
	f->absent_end += 28;
	f->emu.regs[SP] = STACK_TOP - 32;
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
	KUNIT_EXPECT_EQ(test, f->ins, 0u);				/* no port was read in vain */
}

static void alignment_checks(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->emu.regs[DI] = CELL + 1;
	f->emu.cr0 |= X86_CR0_AM;
	f->emu.rflags |= X86_EFLAGS_AC;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8b, 0x07), (int)WR_EMU_DONE);
	f->emu.cpl = 3;
	expect_fault(test, f, STEP(f, 0x8b, 0x07), AC, true);
	expect_fault(test, f, STEP(f, 0x89, 0x07), AC, true);
	expect_fault(test, f, STEP(f, 0xf0, 0x01, 0x07), AC, true);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8a, 0x07), (int)WR_EMU_DONE);
	f->emu.rflags &= ~(u64)X86_EFLAGS_AC;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8b, 0x07), (int)WR_EMU_DONE);
}

static void locked_goes_through_cmpxchg(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->emu.regs[DI] = CELL;
	f->emu.regs[AX] = 5;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf0, 0x01, 0x07), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x87, 0x07), (int)WR_EMU_DONE);	/* told or not */
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf0, 0x0f, 0xc1, 0x07), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->swaps, 3u);
	KUNIT_EXPECT_EQ(test, f->writes, 0u);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x01, 0x07), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->swaps, 3u);
	/* Another CPU comes between. */
	f->foreign = CELL;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf0, 0xff, 0x07), (int)WR_EMU_RETRY);
	KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)CODE + 3 + 2 + 4 + 2);
	f->foreign = 0;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf0, 0xff, 0x07), (int)WR_EMU_DONE);
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
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf0, 0x0f, 0xc7, 0x0f), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], 0x55667788ULL);
	KUNIT_EXPECT_EQ(test, f->emu.regs[DX], 0x11223344ULL);
	KUNIT_EXPECT_EQ(test, f->emu.rflags & ZF, 0ULL);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf0, 0x0f, 0xc7, 0x0f), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.rflags & ZF, (u64)ZF);
	memcpy(value, f->memory + CELL, 16);
	KUNIT_EXPECT_EQ(test, value[0], 0x200000001ULL);
	KUNIT_EXPECT_EQ(test, value[1], ~BIG);

	f->emu.regs[AX] = value[0];
	f->emu.regs[DX] = value[1];
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf0, 0x48, 0x0f, 0xc7, 0x0f), (int)WR_EMU_DONE);
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
		KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf3, 0xaa), (int)WR_EMU_DONE);
		KUNIT_EXPECT_EQ(test, f->emu.regs[CX], (u64)i);
		KUNIT_EXPECT_EQ(test, f->emu.repeat, i != 0);
		KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)(i ? CODE : CODE + 2));
	}
	/* repne scasb stops at a match, repe at a difference */
	f->emu.regs[CX] = 9;
	f->emu.regs[DI] = CELL;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf2, 0xae), (int)WR_EMU_DONE);
	KUNIT_EXPECT_FALSE(test, f->emu.repeat);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf3, 0xae), (int)WR_EMU_DONE);
	KUNIT_EXPECT_TRUE(test, f->emu.repeat);
	f->emu.regs[AX] = 1;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf3, 0xae), (int)WR_EMU_DONE);
	KUNIT_EXPECT_FALSE(test, f->emu.repeat);
	KUNIT_EXPECT_EQ(test, f->emu.regs[CX], 6ULL);
	/* A fault in the middle keeps what the elements before it did. */
	f->absent = CELL + 0x101;
	f->absent_end = CELL + 0x200;
	f->emu.regs[DI] = CELL + 0x100;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf3, 0xaa), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf3, 0xaa), (int)WR_EMU_FAULT);
	KUNIT_EXPECT_EQ(test, f->emu.regs[CX], 5ULL);
	KUNIT_EXPECT_EQ(test, f->emu.regs[DI], (u64)CELL + 0x101);
}

static void ports(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->port_data = 0xaabbccdd;
	f->emu.regs[AX] = ~0ULL;
	f->emu.regs[DX] = 0x3f8;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xec), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], 0xffffffffffffffddULL);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x48, 0xed), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.regs[AX], 0xaabbccddULL);
	f->emu.regs[DI] = CELL;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x66, 0x6d), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, get16(f, CELL), (u16)0xccdd);
	KUNIT_EXPECT_EQ(test, f->emu.regs[DI], (u64)CELL + 2);
	f->emu.regs[SI] = CELL;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x66, 0x6f), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->port_data, 0x03f8ccddu);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xe6, 0x80), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->port_data, 0x008000ddu);
	/* Userspace must serve it first: nothing moves. */
	f->port_result = WR_EMU_EXIT;
	f->emu.regs[CX] = 4;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xf3, 0x6c), (int)WR_EMU_EXIT);
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
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x9d), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.rflags, (u64)X86_EFLAGS_FIXED);
	f->emu.rflags |= X86_EFLAGS_IOPL;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xfb), (int)WR_EMU_DONE);
	KUNIT_EXPECT_TRUE(test, f->emu.interrupt_shadow);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xfb), (int)WR_EMU_DONE);
	KUNIT_EXPECT_FALSE(test, f->emu.interrupt_shadow);

	f = fake_make(test, V86);
	expect_fault(test, f, STEP(f, 0x9c), GP, true);
	expect_fault(test, f, STEP(f, 0x9d), GP, true);
}

static void segment_loads(struct kunit *test)
{
	struct fake *f = fake_make(test, R16);

	f->emu.regs[AX] = 0x1234;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8e, 0xd8), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->seg[DS].selector, (u16)0x1234);
	KUNIT_EXPECT_EQ(test, f->seg[DS].base, 0x12340ULL);
	KUNIT_EXPECT_EQ(test, f->seg[DS].limit, 0xffffu);
	f->emu.regs[BX] = ~0ULL;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8c, 0xdb), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.regs[BX], 0xffffffffffff1234ULL);
	f->emu.regs[AX] = 0;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8e, 0xd0), (int)WR_EMU_DONE);
	KUNIT_EXPECT_TRUE(test, f->emu.interrupt_shadow);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8e, 0xc8), (int)WR_EMU_FAULT);	/* CS */
	KUNIT_EXPECT_EQ(test, f->emu.fault.vector, (u8)UD);
	/* les di, ss:[bp] */
	f->emu.regs[BP] = CELL;
	put16(f, CELL, 0x55);
	put16(f, CELL + 2, 0x66);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xc4, 0x7e, 0x00), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.regs[DI], 0x55ULL);
	KUNIT_EXPECT_EQ(test, f->seg[ES].base, 0x660ULL);
	/* push es; pop fs */
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x06), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x0f, 0xa1), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->seg[FS].selector, (u16)0x66);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_TOP);
	/* A descriptor would be needed. */
	f->emu.mode = P32;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x8e, 0xd8), (int)WR_EMU_UNKNOWN);
}

static void far_branches(struct kunit *test)
{
	struct fake *f = fake_make(test, R16);

	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x9a, 0x10, 0x00, 0x20, 0x00), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x10ULL);
	KUNIT_EXPECT_EQ(test, f->seg[CS].base, 0x200ULL);
	KUNIT_EXPECT_EQ(test, get16(f, STACK_TOP - 2), (u16)0);
	KUNIT_EXPECT_EQ(test, get16(f, STACK_TOP - 4), (u16)(CODE + 5));
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xcb), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)CODE + 5);
	KUNIT_EXPECT_EQ(test, f->seg[CS].base, 0ULL);
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_TOP);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xea, 0x34, 0x12, 0x00, 0xf0), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->seg[CS].base, 0xf0000ULL);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x1234ULL);
	/* Past the limit: the stack stays clean. */
	memset(f->memory, 0, MEMORY);
	expect_fault(test, f, STEP(f, 0x66, 0x9a, 0, 0, 1, 0, 0, 0), GP, false);
	f->emu.mode = P32;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xea, 0, 0, 0, 0, 8, 0), (int)WR_EMU_UNKNOWN);
}

static void real_mode_interrupts(struct kunit *test)
{
	struct fake *f = fake_make(test, R16);

	put16(f, 0x10 * 4, 0x77);
	put16(f, 0x10 * 4 + 2, 0x30);
	f->emu.rflags |= IF | CF;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xcd, 0x10), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.rip, 0x77ULL);
	KUNIT_EXPECT_EQ(test, f->seg[CS].base, 0x300ULL);
	KUNIT_EXPECT_EQ(test, f->emu.rflags, (u64)(X86_EFLAGS_FIXED | CF));
	KUNIT_EXPECT_EQ(test, get16(f, STACK_TOP - 2), (u16)(X86_EFLAGS_FIXED | IF | CF));
	KUNIT_EXPECT_EQ(test, get16(f, STACK_TOP - 6), (u16)(CODE + 2));
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xcf), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->emu.rip, (u64)CODE + 2);
	KUNIT_EXPECT_EQ(test, f->emu.rflags, (u64)(X86_EFLAGS_FIXED | IF | CF));
	KUNIT_EXPECT_EQ(test, f->emu.regs[SP], (u64)STACK_TOP);
	/* No such vector; into without overflow; the table is loaded by LIDT */
	memset(f->memory, 0, MEMORY);
	f->idt.limit = 0x42;
	expect_fault(test, f, STEP(f, 0xcd, 0x10), GP, false);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xce), (int)WR_EMU_DONE);
	put16(f, CELL, 0x7ff);
	put16(f, CELL + 4, 0xab12);
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x0f, 0x01, 0x1e, 0x00, 0x10), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->idt.limit, (u16)0x7ff);
	KUNIT_EXPECT_EQ(test, (u64)f->idt.base, 0x120000ULL);		/* 24 bits */
	f->emu.mode = V86;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xcd, 0x10), (int)WR_EMU_UNKNOWN);
}

static void control_registers(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->cr0 = X86_CR0_PE | X86_CR0_TS;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x0f, 0x06), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->cr0, (u64)X86_CR0_PE);
	f->emu.regs[AX] = X86_CR0_MP;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x0f, 0x01, 0xf0), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, f->cr0, (u64)(X86_CR0_PE | X86_CR0_MP));	/* PE stays */
	f->emu.regs[AX] = BIG;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x0f, 0x22, 0xd8), (int)WR_EMU_DONE);
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
		KUNIT_EXPECT_EQ_MSG(test, memcmp(memory, f->memory + CELL, 32), 0, "%s: memory", c->name);
		KUNIT_EXPECT_EQ_MSG(test, f->emu.rip, (u64)CODE + c->len, "%s", c->name);
	}
}

static void vector_faults(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	f->emu.regs[DI] = CELL + 1;
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x0f, 0x10, 0x0f), (int)WR_EMU_DONE);
	expect_fault(test, f, STEP(f, 0x0f, 0x28, 0x0f), GP, true);
	expect_fault(test, f, STEP(f, 0x66, 0x0f, 0xe7, 0x0f), GP, true);
	f->emu.regs[DI] = CELL + 16;
	expect_fault(test, f, STEP(f, 0xc5, 0xfd, 0x6f, 0x0f), GP, true);	/* 32 bytes */
	expect_fault(test, f, STEP(f, 0xc5, 0xfd, 0x6e, 0x0f), UD, false);	/* vmovd has no L */
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
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xc5, 0xe0, 0x12, 0x0f), (int)WR_EMU_DONE);
	KUNIT_EXPECT_EQ(test, memcmp(want, f->vec[1], 32), 0);
}

static void not_known(struct kunit *test)
{
	struct fake *f = fake_make(test, P64);

	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x0f, 0xa2), (int)WR_EMU_UNKNOWN);		/* cpuid: length only */
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xd9, 0x07), (int)WR_EMU_UNKNOWN);		/* x87 */
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xcf), (int)WR_EMU_UNKNOWN);		/* iret */
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0x66, 0x0f, 0xc8), (int)WR_EMU_UNKNOWN);	/* bswap ax */
	KUNIT_EXPECT_EQ(test, (int)STEP(f, 0xc8, 0, 0, 2), (int)WR_EMU_UNKNOWN);	/* enter, nested */
	expect_fault(test, f, STEP(f, 0x0f, 0x0b), UD, false);				/* ud2 */
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
	KUNIT_CASE(far_branches),
	KUNIT_CASE(real_mode_interrupts),
	KUNIT_CASE(control_registers),
	KUNIT_CASE(vector_moves),
	KUNIT_CASE(vector_faults),
	KUNIT_CASE(vector_merges),
	KUNIT_CASE(not_known),
	{}
};

struct kunit_suite wr_execute_suite = {
	.name = "warren-execute",
	.test_cases = cases,
};
