/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the emulator: how an instruction is described (table.c), and what its handler works with.
 *
 * decode.c reads a row of the table to find the operands. execute.c reads the operands that the
 * row says are read, calls the row's handler, and writes back the operand that the row says is
 * written. A handler is thus mostly arithmetic on x->dst and x->src, in alu.c, bits.c, move.c,
 * branch.c, string.c, flags.c, system.c, vector.c or x87.c. What changes the privilege level or the
 * task is in far.c, interrupt.c, stack.c and task.c; assist.c has what is left to the exits' handlers.
 */
#ifndef WARREN_EMULATE_INSN_H
#define WARREN_EMULATE_INSN_H

#include <linux/bits.h>
#include <linux/kernel.h>
#include <asm/processor-flags.h>

#include "emulate.h"

/* General and segment registers as instructions encode them. */
enum { REG_AX, REG_CX, REG_DX, REG_BX, REG_SP, REG_BP, REG_SI, REG_DI };
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR };

/* struct wr_insn.base and .index beyond the general registers */
#define BASE_NONE	0xff
#define BASE_RIP	WR_EMU_BASE_RIP

#define REX_B		BIT(0)
#define REX_X		BIT(1)
#define REX_R		BIT(2)
#define REX_W		BIT(3)
#define REX_PRESENT	BIT(6)

enum { MAP_ONE, MAP_0F, MAP_0F38, MAP_0F3A, NR_MAPS };

enum {
	VECTOR_DE = 0,
	VECTOR_BR = 5,
	VECTOR_UD = 6,
	VECTOR_NM = 7,
	VECTOR_TS = 10,
	VECTOR_NP = 11,
	VECTOR_SS = 12,
	VECTOR_GP = 13,
	VECTOR_MF = 16,
	VECTOR_AC = 17,
};

#define FLAGS_ARITH	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | \
			 X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF)

/* What a gate clears */
#define WR_FLAGS_GATE	((u64)(X86_EFLAGS_TF | X86_EFLAGS_NT | X86_EFLAGS_RF | X86_EFLAGS_VM))

/* What a TSS can set */
#define WR_FLAGS_TASK	(FLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | X86_EFLAGS_IOPL | X86_EFLAGS_NT | \
			 X86_EFLAGS_RF | X86_EFLAGS_VM | X86_EFLAGS_AC | X86_EFLAGS_VIF | X86_EFLAGS_VIP | X86_EFLAGS_ID)

/* Where an operand is. "Size" is the operand size of the instruction where nothing else is said. */
enum wr_where {
	AT_NOTHING,
	AT_RM,			/* ModRM.rm: register or memory */
	AT_RM8, AT_RM16, AT_RM32,
	AT_RMY,			/* 4 bytes, 8 with REX.W */
	AT_MEM,			/* ModRM.rm, #UD for a register */
	AT_MEMY,		/* memory of 4 bytes, 8 with REX.W */
	AT_MEM2X,		/* the same, two operands of the size side by side */
	AT_MEM_FAR,		/* the same, offset of the size and a selector */
	AT_MEM4, AT_MEM8,	/* memory; the register form is another, unknown instruction */
	AT_REG,			/* ModRM.reg */
	AT_REGY,		/* the same, 4 bytes, 8 with REX.W */
	AT_OPREG,		/* low bits of the opcode */
	AT_ACC,			/* AL to RAX */
	AT_SEG,			/* ModRM.reg names a segment register */
	AT_OPSEG,		/* the opcode does */
	AT_CR,			/* ModRM.reg names a control register */
	AT_RMREG,		/* register whatever ModRM.mod says; 8 bytes in 64-bit mode, else 4 */
	AT_IMM,			/* of the size, at most 4 bytes, sign-extended */
	AT_IMM8S, AT_IMM8U, AT_IMM16,
	AT_IMM_FULL,		/* of the size, 8 too */
	AT_FAR,			/* immediate offset of the size, then a selector (in src2) */
	AT_MOFFS,		/* memory at an immediate offset of the address size */
	AT_CL, AT_DX,
	AT_ONE,
	AT_VEC,			/* ModRM.reg names a vector register */
	AT_VRM,			/* ModRM.rm: vector register or memory of its size */
	AT_MMX,			/* ModRM.reg names an MMX register */
	AT_MMXRM,		/* ModRM.rm: MMX register or 8 bytes of memory */
};

/* A row that is not an instruction but leads to others: by what */
enum wr_select {
	BY_NOTHING,
	BY_REG,			/* 8 rows, ModRM.reg */
	BY_MOD,			/* 2 rows: memory, register */
	BY_PREFIX,		/* 4 rows: none, 66, F3, F2 */
	BY_MODE,		/* 2 rows: not 64-bit, 64-bit */
};

/* Flags of a row */
#define F_MODRM		BIT(0)
#define F_BYTE		BIT(1)	/* operand size 1 */
#define F_READ		BIT(2)	/* dst is read before */
#define F_WRITE		BIT(3)	/* dst is written after */
#define F_RMW		(F_READ | F_WRITE)
#define F_LOCK		BIT(4)	/* LOCK is allowed, when dst is memory */
#define F_BITS		BIT(5)	/* a register src displaces dst: BT and its kin */
#define F_NO64		BIT(6)	/* #UD in 64-bit mode */
#define F_ATOMIC	BIT(7)	/* locked without being told */
#define F_STACK		BIT(8)	/* 64-bit mode: operand size 8 by default, and no 4 */
#define F_NEAR		BIT(9)	/* branch: as F_STACK, where 66 is each vendor's own */
#define F_NOFETCH	BIT(10)	/* the handler does addresses and accesses itself */
#define F_VEC		BIT(11)	/* operand size 16, or 32 by VEX.L */
#define F_VEX		BIT(12)	/* has a VEX form too */
#define F_VEX_REG	BIT(13)	/* whose extra register is used */
#define F_LENGTH	BIT(14)	/* nothing but the length is known */
#define F_PORT		BIT(16)	/* a port access: REX.W does not count */
#define F_PRIV		BIT(15)	/* #GP unless CPL 0 */
#define F_LATE		BIT(17)	/* dst's address is computed after the handler ran */
#define F_ALTCR		BIT(18)	/* LOCK names another register on some CPUs */

struct wr_exec;

typedef enum wr_emu_result (*wr_insn_fn)(struct wr_exec *x);

struct wr_insn_desc {
	wr_insn_fn run;
	u32 flags;
	u8 dst, src, src2;	/* enum wr_where */
	u8 select;		/* enum wr_select */
	const struct wr_insn_desc *sub;
};

/* table.c: by map and opcode; a row without flags, handler and sub is not known */
extern const struct wr_insn_desc * const wr_insn_maps[NR_MAPS];

/*
 * struct wr_exec - an instruction being executed
 *
 * Values are zero-extended from the size of their operand. Registers in @emu may be changed at any
 * time: they do not count before WR_EMU_DONE. Everything else that changes the world comes last.
 */
struct wr_exec {
	struct wr_emu *emu;
	const struct wr_insn *insn;
	u64 rip;		/* of the next instruction, branches change it */
	u64 dst, src, src2;
	u64 old;		/* of dst in memory, for an atomic write */
	u64 la;			/* linear address of the memory operand */
	bool keep;		/* handler: do not write dst back */
	bool keep_rf;		/* handler: RFLAGS.RF is as it wants it */
	bool task;		/* segments are loaded from a TSS: what is wrong with them is #TS */
	bool external;		/* an event that is not the program's: a bit of error codes */
};

static inline bool in_64bit(const struct wr_exec *x)
{
	return x->emu->mode == WR_EMU_PROT64;
}

static inline bool real_segments(const struct wr_exec *x)
{
	return x->emu->mode == WR_EMU_REAL || x->emu->mode == WR_EMU_VM86;
}

static inline bool loads_segments(const struct wr_exec *x)
{
	return x->emu->ops->set_segment;
}

/* All ones in the low @size bytes, 1 to 8. */
static inline u64 size_mask(unsigned int size)
{
	return size >= 8 ? ~0ULL : (1ULL << (size * 8)) - 1;
}

static inline u64 sign_bit(unsigned int size)
{
	return 1ULL << (size * 8 - 1);
}

static inline s64 sign_extend_size(u64 value, unsigned int size)
{
	unsigned int shift = 64 - size * 8;

	return (s64)(value << shift) >> shift;
}

static inline void flag_assign(struct wr_exec *x, u64 flag, bool on)
{
	if (on)
		x->emu->rflags |= flag;
	else
		x->emu->rflags &= ~flag;
}

static inline bool flag_is(const struct wr_exec *x, u64 flag)
{
	return x->emu->rflags & flag;
}

static inline unsigned int iopl(const struct wr_exec *x)
{
	return (x->emu->rflags & X86_EFLAGS_IOPL) >> X86_EFLAGS_IOPL_BIT;
}

/* Is an operand memory? Its address is then the one of the instruction. */
static inline bool is_mem(const struct wr_operand *op)
{
	return op->kind == WR_OP_MEM;
}

/* descriptor.c */

/* Of a segment's descriptor: it was loaded */
#define WR_DESCRIPTOR_ACCESSED	BIT_ULL(40)

/* struct wr_descriptor - as it is in its table, and as it would be loaded */
struct wr_descriptor {
	u64 la, raw, high;	/* @high: of system descriptors in long mode */
	u16 selector;
	struct kvm_segment segment;
};

/* struct wr_gate - where a call, interrupt, trap or task gate leads to */
struct wr_gate {
	u64 offset;
	u16 selector;
	u8 type, dpl, ist;
	u8 params;		/* of a call gate */
	bool present;
};

/* Where a TSS says where its bitmap of ports is */
#define TSS_IO_BASE	102

/* Types of system descriptors; a busy TSS has one bit more. */
enum {
	WR_TYPE_TSS16 = 1, WR_TYPE_LDT = 2, WR_TYPE_CALL16 = 4, WR_TYPE_TASK = 5, WR_TYPE_INT16 = 6, WR_TYPE_TRAP16 = 7,
	WR_TYPE_TSS32 = 9, WR_TYPE_CALL32 = 12, WR_TYPE_INT32 = 14, WR_TYPE_TRAP32 = 15,
};

#define WR_TYPE_BUSY	BIT(1)	/* that bit */

#define WR_SELECTOR_RPL	3
#define WR_SELECTOR_TI	BIT(2)

static inline bool is_null_selector(u16 selector)
{
	return !(selector & ~WR_SELECTOR_RPL);
}

static inline bool is_code_segment(const struct kvm_segment *s)
{
	return s->s && s->type & 8;
}

static inline bool is_conforming_code(const struct kvm_segment *s)
{
	return is_code_segment(s) && s->type & 4;
}

enum wr_emu_result wr_emu_read_system(struct wr_exec *x, u64 la, void *data, u32 len);
void wr_emu_unpack_gate(struct wr_gate *g, u64 raw, u64 high, bool wide);
enum wr_emu_result wr_emu_gate_code(struct wr_exec *x, const struct wr_gate *g, bool jump, struct wr_descriptor *d);
enum wr_emu_result wr_emu_raise_selector(struct wr_exec *x, u8 vector, u16 selector);
enum wr_emu_result wr_emu_descriptor(struct wr_exec *x, u16 selector, u8 vector, struct wr_descriptor *d);
enum wr_emu_result wr_emu_mark(struct wr_exec *x, struct wr_descriptor *d, u64 raw);
enum wr_emu_result wr_emu_load_data(struct wr_exec *x, int seg, u16 selector);
enum wr_emu_result wr_emu_code(struct wr_exec *x, u16 selector, bool returns, struct wr_descriptor *d);
enum wr_emu_result wr_emu_check_far(struct wr_exec *x, const struct wr_descriptor *d, u64 target);
enum wr_emu_result wr_emu_go_far(struct wr_exec *x, struct wr_descriptor *d, unsigned int level, u64 target);

/* memory.c */
enum wr_emu_result wr_emu_raise(struct wr_exec *x, u8 vector);
enum wr_emu_result wr_emu_linear(struct wr_exec *x, int seg, u64 offset, u32 len, bool write,
				 u64 *la);
enum wr_emu_result wr_emu_operand_address(struct wr_exec *x, u32 len, bool write);
u64 wr_emu_offset(const struct wr_exec *x);
enum wr_emu_result wr_emu_read(struct wr_exec *x, u64 la, void *data, u32 len);
enum wr_emu_result wr_emu_write(struct wr_exec *x, u64 la, const void *data, u32 len);
enum wr_emu_result wr_emu_probe(struct wr_exec *x, u64 la, u32 len);
enum wr_emu_result wr_emu_swap(struct wr_exec *x, u64 la, const void *old, const void *new,
			       u32 len);
bool wr_emu_in_segment(const struct wr_exec *x, const struct kvm_segment *s, u64 offset, u32 len, bool write);
bool wr_emu_canonical(const struct wr_exec *x, u64 la);

/* stack.c */

#define WR_MAX_PUSHES	36	/* the largest frame: a call gate's with 31 parameters; ENTER makes 32 */

/* struct wr_stack - a stack under way; SS:RSP is one when nothing faults any more */
struct wr_stack {
	struct kvm_segment ss;
	u64 sp, mask;
	u16 error;		/* the selector that #SS names */
	bool flat;		/* of 64-bit mode */
};

void wr_emu_stack(struct wr_exec *x, struct wr_stack *s);
void wr_emu_stack_of(struct wr_exec *x, struct wr_stack *s, const struct kvm_segment *ss, u64 sp, bool flat);
enum wr_emu_result wr_emu_stack_push(struct wr_exec *x, struct wr_stack *s, const u64 *values, unsigned int n, u32 size);
enum wr_emu_result wr_emu_stack_pop(struct wr_exec *x, struct wr_stack *s, u64 *value, u32 size);
void wr_emu_stack_skip(struct wr_stack *s, u64 bytes);
void wr_emu_stack_set(struct wr_exec *x, const struct wr_stack *s);
enum wr_emu_result wr_emu_inner_stack(struct wr_exec *x, unsigned int level, unsigned int ist, struct wr_stack *s,
				      struct wr_descriptor *ss);
enum wr_emu_result wr_emu_outer_stack(struct wr_exec *x, u16 selector, unsigned int level, bool wide, struct wr_descriptor *ss);
enum wr_emu_result wr_emu_push(struct wr_exec *x, const u64 *values, unsigned int n, u32 size);
enum wr_emu_result wr_emu_pop(struct wr_exec *x, u64 *value, u32 size);
u64 wr_emu_stack_mask(struct wr_exec *x);

/* branch.c, far.c, interrupt.c, task.c: shared with others */
enum wr_emu_result wr_emu_check_target(struct wr_exec *x, u64 target);
enum wr_emu_result wr_emu_interrupt(struct wr_exec *x, const struct wr_emu_event *event);
void wr_emu_segments_vm86(struct wr_exec *x, const u16 *selectors);
enum wr_emu_mode wr_emu_code_mode(const struct wr_exec *x, const struct kvm_segment *cs);

/* execute.c */
u64 wr_reg_get(const struct wr_emu *emu, unsigned int reg, unsigned int size, bool high8);
void wr_reg_set(struct wr_emu *emu, unsigned int reg, unsigned int size, bool high8, u64 value);
void wr_reg_set_masked(struct wr_emu *emu, unsigned int reg, u64 mask, u64 value);

/* alu.c: shared with others */
bool wr_emu_condition(const struct wr_exec *x, unsigned int code);
u64 wr_emu_sub(struct wr_exec *x, u64 a, u64 b, bool borrow, unsigned int size);
u64 wr_emu_add(struct wr_exec *x, u64 a, u64 b, bool carry, unsigned int size);
void wr_emu_flags_result(struct wr_exec *x, u64 result, unsigned int size);

/* The size in bytes of the largest far pointer */
#define WR_FAR_MAX	10

/* move.c: shared with others */
enum wr_emu_result wr_emu_read_pointer(struct wr_exec *x, u64 *offset, u16 *selector);
enum wr_emu_result wr_emu_load_segment(struct wr_exec *x, int seg, u16 selector);

#include "handlers.h"

#endif
