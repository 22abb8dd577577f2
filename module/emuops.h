/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The emulator at work for a vCPU: what insn.c and task.c share.
 */
#ifndef WARREN_EMUOPS_H
#define WARREN_EMUOPS_H

#include "backend.h"
#include "emulate/emulate.h"

/* struct wr_insn_emu - the emulator's struct, and whom it works for */
struct wr_insn_emu {
	struct wr_emu emu;
	struct wr_vcpu *vcpu;
	bool one_access;	/* it makes one access to memory at most: the one that exited */
};

/**
 * wr_pio_collects - is there room for one more element of OUTS before userspace gets them?
 * @vcpu: on its own thread
 */
static inline bool wr_pio_collects(const struct wr_vcpu *vcpu)
{
	const struct wr_pio *pio = &vcpu->pio;

	return pio->pending && !pio->in && (pio->count + 1) * pio->size <= PAGE_SIZE;
}

/* Elements of INS that userspace gave and that are not in memory yet: nothing comes between. */
static inline bool wr_pio_delivers(const struct wr_vcpu *vcpu)
{
	return vcpu->pio.ready && vcpu->pio.rip == vcpu->rip;
}

void wr_pio_tell(struct wr_vcpu *vcpu);
enum wr_emu_mode wr_insn_mode(const struct wr_vcpu *vcpu, const struct wr_code *code);
void wr_insn_emu_load(struct wr_insn_emu *e, enum wr_emu_mode mode, const struct wr_code *code);

#endif
