/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VM is doing, as others are told: made, started, paused, resumed, crashed, gone.
 *
 * A paused VM: no vCPU of it is in the guest, those in KVM_RUN sleep there, one that halted stays halted. The bit that holds
 * them is WR_REQ_LIFE, so that it costs the run loop nothing. Chips and timers go on, and what they send waits. Guest memory
 * is left alone but for an instruction that was under emulation when the pause came.
 */
#ifndef WARREN_LIFE_H
#define WARREN_LIFE_H

#include <linux/mutex.h>
#include <linux/types.h>

#include <linux/warren.h>
#include <linux/warren_genl.h>

struct wr_vcpu;
struct wr_vm;

/* struct wr_life - state of a VM. Inside vm->lock and vcpu->mutex, outside of all locks of registry.c and notice.c */
struct wr_life {
	struct mutex lock;	/* changes of state, and what is told of them: in one order */
	u32 state;		/* lock to write: enum warren_vm_state */
	u32 paused_from;	/* lock: what @state was before WARREN_VM_PAUSED */
	u32 resumes;		/* lock to write: how often it went on */
	struct wr_vcpu *crashed;/* lock: the vCPU that cannot go on, until it does or the VM is reset */
	bool started;		/* lock: a vCPU has run */
};

void wr_life_init(struct wr_vm *vm);
int wr_vm_created(struct wr_vm *vm);
void wr_vm_destroyed(struct wr_vm *vm);
int wr_vm_name(struct wr_vm *vm, const char *name);
void wr_vm_pause(struct wr_vm *vm);
void wr_vm_resume(struct wr_vm *vm);
int wr_vm_report(struct wr_vm *vm, const struct warren_report *report);

void wr_vcpu_created(struct wr_vcpu *vcpu);
void wr_vcpu_crashed(struct wr_vcpu *vcpu);
void wr_life_enter(struct wr_vcpu *vcpu);
bool wr_life_serve(struct wr_vcpu *vcpu);

#endif
