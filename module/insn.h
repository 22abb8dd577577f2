/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions of a vCPU: fetching them, stepping over them, running them in the emulator; and the device accesses
 * that they make.
 */
#ifndef WARREN_INSN_H
#define WARREN_INSN_H

#include <linux/bits.h>

#include "emulate/emulate.h"
#include "exit.h"

enum wr_run_result wr_insn_fault_result(struct wr_vcpu *vcpu, int err);
int wr_insn_next(struct wr_vcpu *vcpu, u64 *next);
int wr_insn_skip(struct wr_vcpu *vcpu);
int wr_insn_look(struct wr_vcpu *vcpu, const struct wr_insn **insn);
void wr_insn_retire(struct wr_vcpu *vcpu, u64 next_rip);
enum wr_run_result wr_insn_emulate(struct wr_vcpu *vcpu);
enum wr_run_result wr_insn_resume(struct wr_vcpu *vcpu);

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
void wr_mmio_read_done(struct wr_vcpu *vcpu);
void wr_mmio_forget_reads(struct wr_vcpu *vcpu);

#endif
