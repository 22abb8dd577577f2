// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V without nested paging: the hardware walks tables of ours, and its control registers are not the guest's.
 */
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "../exit.h"
#include "svm.h"

/* CR4 bits that would act on the shadow's pages of a guest that does not page: all of them are user pages */
#define CR4_PAGED	((u64)(X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE | X86_CR4_PCIDE))

/* wr_backend.enter; the guest never touches the hardware's CR3 */
static u64 enter(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u64 cr3 = vcpu->cr3, reason;

	/* With PAE paging the hardware may keep the entries of the root with the register. */
	if (svm->vmcb->save.cr3 != vcpu->shadow.cr3 || vcpu->shadow.legacy) {
		svm->vmcb->save.cr3 = vcpu->shadow.cr3;
		svm_mark_dirty(svm, SVM_CLEAN_CR);
	}
	reason = svm_enter(vcpu);
	vcpu->cr3 = cr3;
	return reason;
}

static u64 hardware_cr0(struct wr_vcpu *vcpu)
{
	u64 cr0 = vcpu->cr0 | X86_CR0_PG | X86_CR0_WP;

	return wr_quirk_disabled(vcpu, KVM_X86_QUIRK_CD_NW_CLEARED) ? cr0 : cr0 & ~(u64)(X86_CR0_CD | X86_CR0_NW);
}

static u64 hardware_cr4(const struct wr_vcpu *vcpu)
{
	u64 cr4 = vcpu->cr4 | X86_CR4_MCE | X86_CR4_PAE;

	if (!(vcpu->cr0 & X86_CR0_PG))
		cr4 &= ~CR4_PAGED;
	if (!(vcpu->efer & EFER_LMA))
		cr4 &= ~(u64)X86_CR4_LA57;
	return cr4;
}

/* Long mode is what the guest is in, not what it will be in when it turns paging on: for the hardware it is on. */
static u64 hardware_efer(const struct wr_vcpu *vcpu)
{
	u64 efer = (vcpu->efer & ~(u64)(EFER_LME | EFER_LMA)) | EFER_NX | EFER_SVME;

	return vcpu->efer & EFER_LMA ? efer | EFER_LME | EFER_LMA : efer;
}

/* wr_backend.set_cr0, .set_cr4, .set_efer: each decides what the others give to the hardware */
static void set_registers(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_save_area *save = &svm->vmcb->save;

	save->cr0 = hardware_cr0(vcpu);
	save->cr4 = hardware_cr4(vcpu);
	save->efer = hardware_efer(vcpu);
	svm_mark_dirty(svm, SVM_CLEAN_CR);
	/* A write may leave the hardware's value as it is and still change the guest's: the intercept of changes is not enough. */
	svm_intercept(svm, INTERCEPT_CR0_READ, save->cr0 != vcpu->cr0);
	svm_intercept(svm, INTERCEPT_CR0_WRITE, save->cr0 != vcpu->cr0);
	svm_intercept(svm, INTERCEPT_CR4_READ, save->cr4 != vcpu->cr4);
	wr_vcpu_request(vcpu, WR_REQ_SHADOW);
}

/* wr_backend.flush_tlb */
static void flush_tlb(struct wr_vcpu *vcpu)
{
	wr_shadow_refresh(vcpu);
	svm_flush_tlb(vcpu);
}

/* INVLPG: not all CPUs tell the address. */
enum wr_run_result svm_exit_invlpg(struct wr_vcpu *vcpu)
{
	if (!svm_caps.decode_assists)
		return wr_exit_system(vcpu);
	return wr_exit_invlpg(vcpu, to_svm(vcpu)->vmcb->control.exit_info_1);
}

/**
 * svm_shadow_init_vmcb - what a new vCPU's VMCB has besides
 * @svm: the vCPU
 */
void svm_shadow_init_vmcb(struct svm_vcpu *svm)
{
	svm_intercept(svm, INTERCEPT_CR3_READ, true);
	svm_intercept(svm, INTERCEPT_CR3_WRITE, true);
	svm_intercept(svm, INTERCEPT_INVLPG, true);
	svm_intercept(svm, INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_PF, true);
}

/**
 * svm_use_shadow - make the backend one that does without nested paging
 * @backend: AMD-V's
 *
 * Context: once, at load.
 */
void svm_use_shadow(struct wr_backend *backend)
{
	svm_exits_use_shadow();
	backend->shadow = true;
	backend->enter = enter;
	backend->set_cr0 = set_registers;
	backend->set_cr3 = wr_shadow_set_cr3;
	backend->sync_pdptrs = wr_shadow_sync_pdptrs;
	backend->set_cr4 = set_registers;
	backend->set_efer = set_registers;
	backend->flush_tlb = flush_tlb;
}
