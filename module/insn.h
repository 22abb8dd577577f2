/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions of a vCPU: fetching them, stepping over them, running them in the emulator; and the device accesses
 * that they make.
 */
#ifndef WARREN_INSN_H
#define WARREN_INSN_H

#include <linux/bits.h>
#include <asm/processor-flags.h>

#include "debug.h"
#include "emulate/emulate.h"
#include "exit.h"

enum wr_run_result wr_insn_fault_result(struct wr_vcpu *vcpu, int err);
int wr_insn_measure(struct wr_vcpu *vcpu);
int wr_insn_look(struct wr_vcpu *vcpu, const struct wr_insn **insn);
void wr_insn_trap(struct wr_vcpu *vcpu);
enum wr_run_result wr_insn_emulate(struct wr_vcpu *vcpu);
enum wr_run_result wr_insn_resume(struct wr_vcpu *vcpu);
void wr_insn_skip_force(struct wr_vcpu *vcpu);
enum wr_run_result wr_insn_step(struct wr_vcpu *vcpu);
enum wr_run_result wr_insn_deliver(struct wr_vcpu *vcpu);
void wr_insn_raise(struct wr_vcpu *vcpu, const struct wr_emu *emu);

/**
 * wr_insn_next - find where the instruction after the one that exited begins
 * @vcpu: on its own thread, right after the exit; vcpu->next_rip is set
 *
 * For who may still find that the instruction faults; wr_insn_retire() ends it.
 *
 * Return: 0; -EAGAIN when the code is not in memory and nothing may sleep here; -EINTR when fetching it faulted in the
 * guest; -EINVAL, -E2BIG, -EOPNOTSUPP from the decoder; see wr_insn_fault_result().
 */
static inline int wr_insn_next(struct wr_vcpu *vcpu)
{
	return likely(vcpu->next_rip) ? 0 : wr_insn_measure(vcpu);
}

/**
 * wr_insn_retire - the instruction is done: move RIP on and do what goes with that
 * @vcpu: on its own thread
 * @next_rip: of the next instruction
 */
static inline void wr_insn_retire(struct wr_vcpu *vcpu, u64 next_rip)
{
	vcpu->rip = next_rip;
	vcpu->interrupt_shadow = false;
	if (unlikely(vcpu->rflags & X86_EFLAGS_TF || wr_debug_steps(vcpu)))
		wr_insn_trap(vcpu);
	vcpu->rflags &= ~(u64)X86_EFLAGS_RF;
}

/**
 * wr_insn_skip - step over the instruction that exited
 * @vcpu: on its own thread, right after the exit
 *
 * Return: as wr_insn_next().
 */
static inline int wr_insn_skip(struct wr_vcpu *vcpu)
{
	int err = wr_insn_next(vcpu);

	if (!err)
		wr_insn_retire(vcpu, vcpu->next_rip);
	return err;
}

/**
 * wr_reg_merge - write part of a general register
 * @reg: the register
 * @value: what
 * @size: 1, 2, 4 or 8; 4 clears the upper half, less keeps the rest
 * @high8: bits 8 to 15, with @size 1
 */
static inline void wr_reg_merge(u64 *reg, u64 value, u8 size, bool high8)
{
	int shift = high8 ? 8 : 0;
	u64 mask;

	if (size >= 4) {
		*reg = size == 4 ? (u32)value : value;
		return;
	}
	mask = GENMASK_ULL(size * 8 - 1, 0) << shift;
	*reg = (*reg & ~mask) | (value << shift & mask);
}

/* mmio.c */
enum wr_emu_result wr_mmio_read(struct wr_vcpu *vcpu, u64 gpa, void *data, u32 len);
enum wr_emu_result wr_mmio_write(struct wr_vcpu *vcpu, u64 gpa, const void *data, u32 len);
bool wr_mmio_send_writes(struct wr_vcpu *vcpu);
bool wr_mmio_send(struct wr_vcpu *vcpu, u64 gpa, const void *data, u32 len);
void wr_mmio_read_done(struct wr_vcpu *vcpu);
void wr_mmio_forget_reads(struct wr_vcpu *vcpu);

#endif
