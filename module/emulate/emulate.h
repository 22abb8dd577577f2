/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The door to the instruction emulator. Two steps: wr_decode() turns bytes into a struct and
 * touches no guest; wr_execute() runs that struct on a copy of the registers with the accesses of
 * struct wr_emu_ops. A step that does not complete changes nothing: the caller keeps the copy only
 * on WR_EMU_DONE.
 */
#ifndef WARREN_EMULATE_H
#define WARREN_EMULATE_H

#include <linux/kvm.h>
#include <linux/types.h>

#define WR_INSN_MAX	15

enum wr_emu_mode {
	WR_EMU_REAL,		/* 16-bit code, real-mode segments; also virtual-8086 */
	WR_EMU_VM86,
	WR_EMU_PROT16,
	WR_EMU_PROT32,
	WR_EMU_PROT64,
};

/* What wr_execute() and the accesses return */
enum wr_emu_result {
	WR_EMU_DONE,		/* accesses: data is there. execute: commit the registers */
	WR_EMU_FAULT,		/* raise emu->fault; nothing is to be committed */
	WR_EMU_EXIT,		/* userspace serves an access first: commit nothing, run again */
	WR_EMU_RETRY,		/* memory changed under an atomic access: run it again */
	WR_EMU_UNKNOWN,		/* no such instruction here: KVM_EXIT_INTERNAL_ERROR */
	WR_EMU_ASSIST,		/* commit nothing, do emu->assist as if the instruction had exited */
	WR_EMU_TASK,		/* commit nothing, switch tasks as emu->task says */
};

/* Instructions that the vCPU does as it does when they exit. What makes them fault here was checked where nothing else is said. */
enum wr_emu_assist {
	WR_ASSIST_CPUID,
	WR_ASSIST_HLT,
	WR_ASSIST_RDMSR,
	WR_ASSIST_WRMSR,
	WR_ASSIST_RDTSC,
	WR_ASSIST_RDTSCP,	/* not, whether the guest's CPU has it */
	WR_ASSIST_RDPMC,	/* nothing checked */
	WR_ASSIST_READ_DR,	/* @assist_number; privilege alone is checked */
	WR_ASSIST_WRITE_DR,
	WR_ASSIST_INVLPG,	/* @assist_la */
	WR_ASSIST_WBINVD,
	WR_ASSIST_XSETBV,	/* nothing checked */
	WR_ASSIST_HYPERCALL,
	WR_ASSIST_MONITOR,	/* MWAIT too; nothing checked */
	WR_ASSIST_ICEBP,
	WR_ASSIST_BP,		/* INT3, while a debugger wants them */
};

/* The size in bytes of the largest memory operand: an AVX register. */
#define WR_EMU_MAX_OPERAND	32

struct wr_emu;
struct fxregs_state;

/*
 * struct wr_emu_ops - what an instruction may do to the world
 *
 * Linear addresses have been through segmentation. Memory accesses do paging: on a fault they fill
 * emu->fault and return WR_EMU_FAULT. An instruction does all reads before its first write. A
 * write happens whole or not at all.
 * Those marked optional may be NULL: what needs them is then WR_EMU_UNKNOWN.
 */
struct wr_emu_ops {
	/* Hidden part of segment register @seg (enum wr_seg). */
	void (*segment)(struct wr_emu *emu, int seg, struct kvm_segment *out);
	/* Loads one; the last thing done. Optional. */
	void (*set_segment)(struct wr_emu *emu, int seg, const struct kvm_segment *in);
	/* GDTR, or IDTR with @idt. Optional. */
	void (*table)(struct wr_emu *emu, bool idt, struct kvm_dtable *out);
	void (*set_table)(struct wr_emu *emu, bool idt, const struct kvm_dtable *in);
	enum wr_emu_result (*read)(struct wr_emu *emu, u64 la, void *data, u32 len);
	enum wr_emu_result (*write)(struct wr_emu *emu, u64 la, const void *data, u32 len);
	/* Checks that a write would succeed, so that a later one cannot fault half-way. */
	enum wr_emu_result (*probe_write)(struct wr_emu *emu, u64 la, u32 len);
	/* Atomic: writes @new if memory still holds @old, else WR_EMU_RETRY. @len up to 16. */
	enum wr_emu_result (*cmpxchg)(struct wr_emu *emu, u64 la, const void *old,
				      const void *new, u32 len);
	/* Is this the access that the hardware exited for, after it had checked the permission? */
	bool (*port_exited)(struct wr_emu *emu, u16 port, u32 len, bool in);
	/* One element; of INS @ahead says how many will be asked for. */
	enum wr_emu_result (*in)(struct wr_emu *emu, u16 port, void *data, u32 len);
	enum wr_emu_result (*out)(struct wr_emu *emu, u16 port, const void *data, u32 len);
	/*
	 * Vector registers: 16 or 32 bytes from the low end; writes of 16 keep or clear the rest.
	 */
	void (*read_vec)(struct wr_emu *emu, int reg, void *data, u32 len);
	void (*write_vec)(struct wr_emu *emu, int reg, const void *data, u32 len, bool clear_upper);
	/* The guest's x87 state, there until the instruction ends; written last. Optional. */
	struct fxregs_state *(*x87)(struct wr_emu *emu);
	/* Control registers; WR_EMU_FAULT with #GP for a value not allowed. */
	u64 (*read_cr)(struct wr_emu *emu, int cr);
	enum wr_emu_result (*write_cr)(struct wr_emu *emu, int cr, u64 value);
};

/* What switches tasks; the last two can be returned from */
enum wr_task_cause {
	WR_TASK_JMP,
	WR_TASK_IRET,
	WR_TASK_CALL,
	WR_TASK_GATE,		/* of the IDT */
};

/* struct wr_task_switch - a hardware task switch that is to be done */
struct wr_task_switch {
	u16 selector;		/* of the new TSS */
	u8 cause;		/* enum wr_task_cause */
	bool external;		/* WR_TASK_GATE: not by INT n, INT3 or INTO */
	bool has_error;		/* WR_TASK_GATE: the exception pushes @error */
	u32 error;
	u64 next_rip;		/* where the old task goes on */
};

/* struct wr_emu - one instruction under way: a copy of the registers, and the fault it met */
struct wr_emu {
	const struct wr_emu_ops *ops;
	enum wr_emu_mode mode;
	u8 cpl;
	bool long_mode;			/* EFER.LMA */
	bool system;			/* accesses are the CPU's own: a supervisor's, whatever @cpl */
	u64 cr0, cr4, xcr0;		/* read only: is SSE, AVX available; alignment checks */
	u64 regs[16];			/* by enum wr_reg */
	u64 rip, rflags;
	bool repeat;			/* DONE, but REP goes on: rip stays */
	u32 ahead;			/* for the in access: it and those that follow go to one page, all good */
	u64 ahead_la;			/* where */
	bool interrupt_shadow;		/* DONE, and blocks interrupts for one instruction */
	bool trap_shadow;		/* the same, and RFLAGS.TF does not trap it */
	bool delivered;			/* DONE: a handler begins, RFLAGS.TF does not trap before its first instruction */
	bool breakpoints;		/* INT3 is a debugger's: WR_ASSIST_BP */
	u8 assist;			/* enum wr_emu_assist */
	u8 assist_number;		/* which debug register */
	u64 assist_la;
	struct wr_task_switch task;
	struct {
		u8 vector;
		bool has_error;
		u32 error;
		u64 cr2;
	} fault;
};

/* One decoded operand */
enum wr_operand_kind {
	WR_OP_NONE,
	WR_OP_REG,		/* general register @reg (byte registers: @high8 for AH to BH) */
	WR_OP_MEM,
	WR_OP_IMM,
	WR_OP_SEG,		/* segment register */
	WR_OP_VEC,		/* vector register */
	WR_OP_MMX,
	WR_OP_CR,
};

struct wr_operand {
	u8 kind;		/* enum wr_operand_kind */
	u8 reg;
	u8 size;		/* bytes */
	bool high8;
	u64 imm;
};

#define WR_EMU_BASE_RIP	0xfe

struct wr_insn_desc;

/* struct wr_insn - what wr_decode() found */
struct wr_insn {
	const struct wr_insn_desc *desc;
	u8 len;
	u8 op_size;		/* 1, 2, 4, 8; vector: 16, 32 */
	u8 addr_size;		/* 2, 4, 8 */
	u8 rex;			/* W, R, X, B in the low bits, of REX or VEX; 0x40: REX */
	bool vex;		/* VEX encoding */
	u8 vex_reg;		/* VEX: the extra source register, 0 also when there is none */
	bool lock, rep, repne, opsize_prefix;
	u8 opcode;		/* last opcode byte */
	u8 map;			/* 0 one byte, 1 0F, 2 0F38, 3 0F3A */
	bool has_modrm;
	u8 modrm, sib;
	/* Memory operand: seg:base + (index << scale) + disp; register 0xff: none, or WR_EMU_BASE_RIP */
	u8 seg, base, index, scale;
	s64 disp;
	struct wr_operand dst, src, src2;
};

/**
 * wr_decode - decode one instruction
 * @insn: filled
 * @bytes: of the instruction
 * @len: how many bytes are known, 1 to WR_INSN_MAX
 * @mode: of the code segment
 *
 * Return: 0; -ENODATA when the instruction goes on past @len; -EINVAL when the hardware would
 * raise #UD; -E2BIG past 15 bytes (#GP); -EOPNOTSUPP for what the table does not have.
 * Context: any, pure.
 */
int wr_decode(struct wr_insn *insn, const u8 *bytes, unsigned int len, enum wr_emu_mode mode);

/* struct wr_insn_cache - an instruction decoded before; all zero at first */
struct wr_insn_cache {
	u8 bytes[WR_INSN_MAX];
	u8 mode;
	bool valid;
	struct wr_insn insn;
};

/**
 * wr_decode_cached - wr_decode() for who sees the same instruction again and again
 * @cache: the caller's
 * @bytes: of the instruction
 * @len: how many bytes are known, 1 to WR_INSN_MAX; only WR_INSN_MAX is looked up
 * @mode: of the code segment
 *
 * The result depends on the bytes alone, so that nothing ever has to be invalidated.
 * Return: 0, cache->insn is the instruction; or the errors of wr_decode().
 * Context: any; @cache is not locked.
 */
int wr_decode_cached(struct wr_insn_cache *cache, const u8 *bytes, unsigned int len,
		     enum wr_emu_mode mode);

/**
 * wr_execute - execute a decoded instruction, one iteration of it with REP
 * @emu: registers in, registers out; see enum wr_emu_result for when they count
 * @insn: from wr_decode() in the same mode
 *
 * Context: as the ops need.
 */
enum wr_emu_result wr_execute(struct wr_emu *emu, const struct wr_insn *insn);

/* Who asks for the delivery of an event */
enum wr_emu_source {
	WR_SOURCE_EXTERNAL,	/* interrupts, NMIs, exceptions, ICEBP */
	WR_SOURCE_INT,		/* INT n */
	WR_SOURCE_BREAK,	/* INT3, INTO */
};

/* struct wr_emu_event - what goes through the IDT */
struct wr_emu_event {
	u8 vector;
	u8 source;		/* enum wr_emu_source */
	bool restarts;		/* an exception that is a fault: RFLAGS.RF is set in the frame */
	bool has_error;
	u32 error;
	u64 rip;		/* where the handler returns to */
};

/**
 * wr_emu_deliver - go through the vector table of real mode, or a gate of the IDT
 * @emu: registers in, registers out
 * @event: what; with the error code of the exception
 *
 * Return: WR_EMU_DONE; WR_EMU_FAULT for what the delivery raised, which the caller merges with @event; WR_EMU_TASK for a task gate,
 * emu->task being complete; WR_EMU_RETRY; WR_EMU_UNKNOWN.
 * Context: as the ops need.
 */
enum wr_emu_result wr_emu_deliver(struct wr_emu *emu, const struct wr_emu_event *event);

enum wr_task_result {
	WR_TASK_STAYED,		/* nothing has changed */
	WR_TASK_SWITCHED,	/* the registers count, also after a fault: it is the new task's */
	WR_TASK_TRAPS,		/* the same, and the new task begins with #DB */
};

/**
 * wr_emu_task_switch - switch tasks
 * @emu: registers in, registers out
 * @ts: which way
 * @out: whether the task changed
 *
 * Not in long mode, where there are none.
 * Return: WR_EMU_DONE; WR_EMU_FAULT with emu->fault; WR_EMU_RETRY, with WR_TASK_STAYED alone; WR_EMU_UNKNOWN for a TR that is
 * no TSS, and when other vCPUs never let go of what the new task loads.
 * Context: as the ops need.
 */
enum wr_emu_result wr_emu_task_switch(struct wr_emu *emu, const struct wr_task_switch *ts, enum wr_task_result *out);

/**
 * wr_insn_length - length of the instruction, when nothing else is wanted
 *
 * Knows the lengths of all instructions that the exits without hardware help need to step over
 * (CPUID, RDMSR, WRMSR, HLT, VMMCALL, IN, OUT, INVLPG, MOV CR, MOV DR, RDTSC(P), PAUSE, MONITOR,
 * MWAIT, XSETBV, WBINVD, INVD, RDPMC, CLTS, LMSW...).
 * Return: bytes, or the errors of wr_decode().
 */
int wr_insn_length(const u8 *bytes, unsigned int len, enum wr_emu_mode mode);

#endif
