/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions of a vCPU: fetching them, stepping over them, running them in the emulator; and the device accesses
 * that they make.
 */
#ifndef WARREN_INSN_H
#define WARREN_INSN_H

#include "emulate/emulate.h"
#include "exit.h"

enum wr_run_result wr_insn_fault_result(struct wr_vcpu *vcpu, int err);
int wr_insn_skip(struct wr_vcpu *vcpu);
void wr_insn_retire(struct wr_vcpu *vcpu, u64 next_rip);
enum wr_run_result wr_insn_emulate(struct wr_vcpu *vcpu);
enum wr_run_result wr_insn_resume(struct wr_vcpu *vcpu);

/* mmio.c */
enum wr_emu_result wr_mmio_read(struct wr_vcpu *vcpu, u64 gpa, void *data, u32 len);
enum wr_emu_result wr_mmio_write(struct wr_vcpu *vcpu, u64 gpa, const void *data, u32 len);
bool wr_mmio_send_writes(struct wr_vcpu *vcpu);
void wr_mmio_read_done(struct wr_vcpu *vcpu);
void wr_mmio_forget_reads(struct wr_vcpu *vcpu);

#endif
