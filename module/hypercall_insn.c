// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMCALL on AMD-V, VMMCALL on VT-x: #UD to the CPU, a hypercall to KVM's guests. They are rewritten where they stand, so that
 * each costs this only once.
 */
#include <linux/errno.h>
#include <asm/processor-flags.h>

#include "exit.h"
#include "hypercall.h"
#include "insn.h"
#include "state.h"

bool wr_force_emulation;	/* a parameter of the module */

/* Both begin alike, and their last byte tells them apart: nobody ever sees half an instruction. */
#define HYPERCALL_LEN	3
#define VMCALL_LAST	0xc1
#define VMMCALL_LAST	0xd9

static const u8 begin[HYPERCALL_LEN - 1] = { 0x0f, 0x01 };

static u64 code_address(struct wr_vcpu *vcpu, u32 offset, u32 *access)
{
	struct wr_code code;
	u64 la;

	wr_backend->get_code(vcpu, &code);
	*access = code.cpl == 3 ? WR_ACC_USER : 0;
	la = vcpu->rip + offset;
	return wr_is_long_mode(vcpu) && code.l ? la : (u32)(code.base + la);
}

/* A byte behind RIP; -EAGAIN: not to be known without sleeping; -EFAULT. One by one: the next may be in another page. */
static int byte_at_rip(struct wr_vcpu *vcpu, u32 offset)
{
	struct wr_walk walk;
	u32 access;
	u64 la = code_address(vcpu, offset, &access);
	u8 byte;
	int err = wr_gva_fetch(vcpu, la, access & WR_ACC_USER, &byte, 1, &walk);

	if (err)
		return err == -EAGAIN ? err : -EFAULT;
	return byte;
}

/* The last byte of the hypercall at RIP; 0: there is none; -EAGAIN: not to be known without sleeping. */
static int hypercall_at_rip(struct wr_vcpu *vcpu)
{
	int byte = 0;
	u32 i;

	for (i = 0; i < HYPERCALL_LEN; i++) {
		byte = byte_at_rip(vcpu, i);
		if (byte < 0)
			return byte == -EAGAIN ? byte : 0;
		if (i < sizeof(begin) && byte != begin[i])
			return 0;
	}
	return byte;
}

/* UD2 and three letters, as KVM has it too: the instruction behind it is to go through the emulator. */
static const u8 force[] = { 0x0f, 0x0b, 'k', 'v', 'm' };

/* 1: it is at RIP; 0; -EAGAIN: not to be known without sleeping */
static int is_forced(struct wr_vcpu *vcpu)
{
	int byte;
	u32 i;

	for (i = 0; i < sizeof(force); i++) {
		byte = byte_at_rip(vcpu, i);
		if (byte != force[i])
			return byte == -EAGAIN ? byte : 0;
	}
	return 1;
}

static void skip_forced(struct wr_vcpu *vcpu)
{
	vcpu->rip += sizeof(force);
	if (!wr_is_64bit_mode(vcpu))
		vcpu->rip = (u32)vcpu->rip;
	vcpu->rflags &= ~(u64)X86_EFLAGS_RF;
}

static enum wr_run_result emulate_forced(struct wr_vcpu *vcpu)
{
	if (vcpu->in_stay)
		return WR_RUN_SLEEPABLE;
	skip_forced(vcpu);
	return wr_exit_emulate(vcpu);
}

/**
 * wr_insn_skip_force - go past the prefix that has an instruction emulated, where the emulator runs all of them
 * @vcpu: on its own thread, outside a stay
 */
void wr_insn_skip_force(struct wr_vcpu *vcpu)
{
	if (unlikely(READ_ONCE(wr_force_emulation)) && is_forced(vcpu) > 0)
		skip_forced(vcpu);
}

static int rewrite(struct wr_vcpu *vcpu, u8 native)
{
	struct wr_walk walk;
	u32 access;
	u64 la = code_address(vcpu, HYPERCALL_LEN - 1, &access);
	int err = wr_walk(vcpu, la, access | WR_ACC_WRITE, &walk);

	return err ? err : wr_gpa_write(vcpu->vm, walk.gpa, &native, 1);
}

/**
 * wr_exit_ud - #UD in the guest
 * @vcpu: see exit.h; RIP is at the instruction
 */
enum wr_run_result wr_exit_ud(struct wr_vcpu *vcpu)
{
	bool intel = wr_backend->vendor == WARREN_VENDOR_VT_X;
	u8 native = intel ? VMCALL_LAST : VMMCALL_LAST;
	int last;

	if (unlikely(READ_ONCE(wr_force_emulation))) {
		last = is_forced(vcpu);
		if (last)
			return last < 0 ? WR_RUN_SLEEPABLE : emulate_forced(vcpu);
	}
	if (wr_quirk_disabled(vcpu, KVM_X86_QUIRK_FIX_HYPERCALL_INSN))
		return wr_exit_undefined(vcpu);
	last = hypercall_at_rip(vcpu);
	if (last == -EAGAIN)
		return WR_RUN_SLEEPABLE;
	/* Another vCPU was faster; no CPU finds its own undefined. */
	if (last == native)
		return WR_RUN_RESUME;
	if (last != (intel ? VMMCALL_LAST : VMCALL_LAST))
		return wr_exit_undefined(vcpu);
	switch (rewrite(vcpu, native)) {
	case 0:
		return WR_RUN_RESUME;
	case -EAGAIN:
		return WR_RUN_SLEEPABLE;
	default:
		/* Code that cannot be written */
		vcpu->next_rip = vcpu->rip + HYPERCALL_LEN;
		return wr_exit_hypercall(vcpu);
	}
}
