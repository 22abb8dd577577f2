/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state that XSAVE covers. During a stay in the run loop it is in the registers, inside kernel_fpu_begin().
 */
#ifndef WARREN_FPU_H
#define WARREN_FPU_H

#include <linux/kvm.h>
#include <linux/types.h>
#include <asm/special_insns.h>

#include "warren.h"

int wr_fpu_module_init(void);
u64 wr_fpu_supported(void);
u32 wr_fpu_size(void);

int wr_fpu_alloc(struct wr_vcpu *vcpu);
void wr_fpu_free(struct wr_vcpu *vcpu);
void wr_fpu_reset(struct wr_vcpu *vcpu, bool init);
void wr_fpu_enter(struct wr_vcpu *vcpu);
void wr_fpu_leave(struct wr_vcpu *vcpu);
void wr_fpu_sync_xcr0(struct wr_vcpu *vcpu);
int wr_fpu_set_xcr0(struct wr_vcpu *vcpu, u64 xcr0);

void wr_fpu_get_legacy(struct wr_vcpu *vcpu, struct kvm_fpu *out);
void wr_fpu_set_legacy(struct wr_vcpu *vcpu, const struct kvm_fpu *in);
void wr_fpu_get_xsave(struct wr_vcpu *vcpu, void *out, u32 size);
int wr_fpu_set_xsave(struct wr_vcpu *vcpu, const void *in, u32 size);
struct fxregs_state *wr_fpu_x87(struct wr_vcpu *vcpu);
void wr_fpu_read_vec(struct wr_vcpu *vcpu, int reg, void *data, u32 len);
void wr_fpu_write_vec(struct wr_vcpu *vcpu, int reg, const void *data, u32 len, bool clear_upper);

/* Guests have protection keys. */
extern bool wr_fpu_has_pkru;

/**
 * wr_fpu_swap_pkru - guest's or host's PKRU, around an entry
 * @vcpu: in a stay
 * @to_guest: direction
 *
 * Context: interrupts off.
 */
static inline void wr_fpu_swap_pkru(struct wr_vcpu *vcpu, bool to_guest)
{
	struct wr_fpu *fpu = &vcpu->fpu;

	if (likely(!wr_fpu_has_pkru))
		return;
	if (!to_guest)
		fpu->pkru = rdpkru();
	if (fpu->pkru != fpu->host_pkru)
		wrpkru(to_guest ? fpu->pkru : fpu->host_pkru);
}

#endif
