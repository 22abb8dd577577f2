/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine that execute_kunit.c runs instructions on: 64 KiB of memory, segments, a port, vector
 * registers, and faults where a test wants them.
 */
#include <linux/bits.h>
#include <linux/string.h>
#include <asm/page_types.h>
#include <asm/fpu/types.h>
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

enum { AX, CX, DX, BX, SP, BP, SI, DI, R8, R9, R10, R11, R12, R13, R14, R15, NR_REGS };
enum { ES, CS, SS, DS, FS, GS };
enum { DE = 0, UD = 6, NM = 7, STACK = 12, GP = 13, PAGE = 14, AC = 17 };

#define MEMORY		0x10000		/* linear addresses past it fault */
#define CELL		0x1000		/* where the first memory cell of a case is */
#define STACK_END	0x2000
#define CODE		0x100
#define BIG		0x1122334455667788ULL

struct fake {
	struct wr_emu emu;		/* first: ops find the rest from it */
	u8 *memory;
	struct kvm_segment seg[8];	/* as instructions number them, then LDTR and TR */
	struct kvm_dtable idt, gdt;
	u8 vec[16][32];
	struct fxregs_state x87;
	u64 cr0;
	u64 absent, absent_end;		/* no access here */
	u64 readonly, readonly_end;
	u64 foreign;			/* another CPU changes this byte before each cmpxchg */
	unsigned int foreign_end;	/* before so many; 0: before all */
	bool port_refused;		/* the hardware did not check the access */
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
	*out = idt ? fake_of(emu)->idt : fake_of(emu)->gdt;
}

static void fake_set_table(struct wr_emu *emu, bool idt, const struct kvm_dtable *in)
{
	*(idt ? &fake_of(emu)->idt : &fake_of(emu)->gdt) = *in;
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

static enum wr_emu_result fake_cmpxchg(struct wr_emu *emu, u64 la, const void *old,
				       const void *new, u32 len)
{
	struct fake *f = fake_of(emu);
	enum wr_emu_result ret = check(f, la, len, true);

	f->swaps++;
	if (ret)
		return ret;
	if (f->foreign && (!f->foreign_end || f->swaps <= f->foreign_end))
		f->memory[f->foreign]++;
	if (memcmp(f->memory + la, old, len))
		return WR_EMU_RETRY;
	memcpy(f->memory + la, new, len);
	return WR_EMU_DONE;
}

static bool fake_port_exited(struct wr_emu *emu, u16 port, u32 len, bool in)
{
	return !fake_of(emu)->port_refused;
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

static struct fxregs_state *fake_x87(struct wr_emu *emu)
{
	return &fake_of(emu)->x87;
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
	.port_exited = fake_port_exited, .in = fake_in, .out = fake_out,
	.read_vec = fake_read_vec, .write_vec = fake_write_vec,
	.x87 = fake_x87,
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
	f->emu.regs[SP] = STACK_END;
	for (i = ES; i <= GS; i++)
		f->seg[i] = (struct kvm_segment) {
			.limit = flat ? ~0U : 0xffff, .type = i == CS ? 11 : 3, .s = 1,
			.present = 1, .db = flat,
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
		before.ahead = f->emu.ahead;
		f->emu = before;
	}
	return ret;
}

#define STEP(f, ...) ({					\
	static const u8 code[WR_INSN_MAX] = { __VA_ARGS__ };	\
								\
	step(f, code);						\
})

/* A function, so that not each of many steps has its assertion on the stack */
static void expect_result(struct kunit *test, enum wr_emu_result have, enum wr_emu_result want,
			  int line)
{
	KUNIT_EXPECT_EQ_MSG(test, (int)have, (int)want, "line %d", line);
}

#define EXPECT_STEP(test, want, f, ...) expect_result(test, STEP(f, __VA_ARGS__), want, __LINE__)
#define DONE(test, f, ...)	EXPECT_STEP(test, WR_EMU_DONE, f, __VA_ARGS__)
#define UNKNOWN(test, f, ...)	EXPECT_STEP(test, WR_EMU_UNKNOWN, f, __VA_ARGS__)
