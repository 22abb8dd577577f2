// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMCALL on AMD-V, VMMCALL on VT-x: #UD to the CPU, a hypercall to KVM's guests. They are rewritten where they stand, so that
 * each costs this only once.
 */
#include <linux/string.h>

#include "exit.h"
#include "state.h"

#define HYPERCALL_LEN	3

static const u8 vmcall[HYPERCALL_LEN] = { 0x0f, 0x01, 0xc1 };
static const u8 vmmcall[HYPERCALL_LEN] = { 0x0f, 0x01, 0xd9 };

static u64 code_address(struct wr_vcpu *vcpu, u32 offset, u32 *access)
{
	struct wr_code code;
	u64 la;

	wr_backend->get_code(vcpu, &code);
	*access = code.cpl == 3 ? WR_ACC_USER : 0;
	la = vcpu->rip + offset;
	return wr_is_long_mode(vcpu) && code.l ? la : (u32)(code.base + la);
}

/* Is the other vendor's hypercall at RIP? 1, 0, or -EAGAIN: not to be known without sleeping. */
static int is_foreign(struct wr_vcpu *vcpu, const u8 *foreign)
{
	struct wr_walk walk;
	u32 i, access;
	u64 la;
	u8 byte;
	int err;

	for (i = 0; i < HYPERCALL_LEN; i++) {
		la = code_address(vcpu, i, &access);
		err = wr_gva_read(vcpu, la, access | WR_ACC_FETCH, &byte, 1, &walk);
		if (err == -EAGAIN)
			return err;
		if (err || byte != foreign[i])
			return 0;
	}
	return 1;
}

/* The two differ in their last byte: nobody ever sees half an instruction. */
static int rewrite(struct wr_vcpu *vcpu, const u8 *native)
{
	struct wr_walk walk;
	u32 access;
	u64 la = code_address(vcpu, HYPERCALL_LEN - 1, &access);
	int err = wr_walk(vcpu, la, access | WR_ACC_WRITE, &walk);

	return err ? err : wr_gpa_write(vcpu->vm, walk.gpa, &native[HYPERCALL_LEN - 1], 1);
}

/**
 * wr_exit_ud - #UD in the guest
 * @vcpu: see exit.h; RIP is at the instruction
 */
enum wr_run_result wr_exit_ud(struct wr_vcpu *vcpu)
{
	bool intel = wr_backend->vendor == WARREN_VENDOR_VT_X;
	int err;

	if (wr_quirk_disabled(vcpu, KVM_X86_QUIRK_FIX_HYPERCALL_INSN))
		return wr_exit_undefined(vcpu);
	err = is_foreign(vcpu, intel ? vmmcall : vmcall);
	if (!err)
		return wr_exit_undefined(vcpu);
	if (err > 0)
		err = rewrite(vcpu, intel ? vmcall : vmmcall);
	if (err == -EAGAIN)
		return WR_RUN_SLEEPABLE;
	if (!err)
		return WR_RUN_RESUME;
	/* Code that cannot be written */
	vcpu->next_rip = vcpu->rip + HYPERCALL_LEN;
	return wr_exit_hypercall(vcpu);
}
