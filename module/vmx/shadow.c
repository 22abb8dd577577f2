// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x without EPT: the hardware walks tables of ours, and its control registers are not the guest's. The guest reads and writes
 * shadows of them: with all bits but CR0.TS in the masks a write that changes anything exits.
 */
#include <linux/pgtable.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>

#include "../mmu/format.h"
#include "vmx.h"

/* CR4 bits that are for long mode alone */
#define CR4_LONG	((u64)(X86_CR4_LA57 | X86_CR4_PCIDE))

/* wr_backend.vcpu_alloc. The memory types of shadow entries are the host's, see wr_pt_native_leaf(). */
static struct wr_vcpu *vcpu_alloc(struct wr_vm *vm)
{
	struct wr_vcpu *vcpu = vmx_vcpu_alloc(vm);
	u64 pat;

	if (!vcpu)
		return NULL;
	to_vmx(vcpu)->cr3 = VMX_CR3_UNKNOWN;
	rdmsrl(MSR_IA32_CR_PAT, pat);
	vmx_begin(to_vmx(vcpu));
	vmcs_write64(GUEST_IA32_PAT, pat);
	vmx_end();
	return vcpu;
}

/* wr_backend.set_msr; common code keeps the guest's PAT */
static int set_msr(struct wr_vcpu *vcpu, u32 index, u64 data)
{
	return index == MSR_IA32_CR_PAT ? 0 : vmx_set_msr(vcpu, index, data);
}

/* wr_backend.enter; the guest never touches the hardware's CR3. With PAE paging each entry loads the four entries of the root. */
static u64 enter(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 cr3 = vcpu->cr3, reason;

	if (vmx->cr3 != vcpu->shadow.cr3) {
		vmx->cr3 = vcpu->shadow.cr3;
		vmcs_write(GUEST_CR3, vmx->cr3);
	}
	reason = vmx_enter(vcpu);
	vcpu->cr3 = cr3;
	return reason;
}

/* wr_backend.put */
static void put(struct wr_vcpu *vcpu)
{
	u64 cr3 = vcpu->cr3;

	vmx_put(vcpu);
	vcpu->cr3 = cr3;
}

static u64 hardware_cr4(const struct wr_vcpu *vcpu)
{
	u64 cr4 = vmx_real_cr4(vcpu, vcpu->cr4 | X86_CR4_VMXE | X86_CR4_MCE) | X86_CR4_PAE;

	if (!(vcpu->efer & EFER_LMA))
		cr4 &= ~CR4_LONG;
	return cr4;
}

/* Long mode is what the guest is in, not what it will be in when it turns paging on: for the hardware it is on. */
static u64 hardware_efer(const struct wr_vcpu *vcpu)
{
	u64 efer = (vcpu->efer & ~(u64)(EFER_LME | EFER_LMA)) | EFER_NX;

	return vcpu->efer & EFER_LMA ? efer | EFER_LME | EFER_LMA : efer;
}

/* Each of the three registers decides what the others give to the hardware. */
static void write_registers(struct wr_vcpu *vcpu)
{
	u64 cr0 = vcpu->cr0 & ~(u64)(X86_CR0_CD | X86_CR0_NW);

	vmx_begin(to_vmx(vcpu));
	vmcs_write(GUEST_CR0, vmx_real_cr0(vcpu, cr0) | X86_CR0_WP | X86_CR0_NE);
	vmcs_write(GUEST_CR4, hardware_cr4(vcpu));
	vmcs_write64(GUEST_IA32_EFER, hardware_efer(vcpu));
	vmx_end();
	wr_vcpu_request(vcpu, WR_REQ_SHADOW);
}

/* wr_backend.set_cr0 */
static void set_cr0(struct wr_vcpu *vcpu)
{
	vmx_set_cr0(vcpu);
	write_registers(vcpu);
}

/* wr_backend.set_cr4 */
static void set_cr4(struct wr_vcpu *vcpu)
{
	vmx_set_cr4(vcpu);
	write_registers(vcpu);
}

/* wr_backend.set_efer */
static void set_efer(struct wr_vcpu *vcpu)
{
	vmx_set_efer(vcpu);
	write_registers(vcpu);
}

/* wr_backend.flush_tlb */
static void flush_tlb(struct wr_vcpu *vcpu)
{
	wr_shadow_refresh(vcpu);
	vmx_flush_tlb(vcpu);
}

static const struct wr_pt_format format = {
	.name = "shadow",
	WR_PT_NATIVE,
};

/**
 * vmx_use_shadow - make the backend one that does without EPT
 * @backend: VT-x's
 *
 * Context: once, at load.
 */
void vmx_use_shadow(struct wr_backend *backend)
{
	backend->shadow = true;
	backend->stage2 = &format;
	backend->vcpu_alloc = vcpu_alloc;
	backend->enter = enter;
	backend->put = put;
	backend->set_cr0 = set_cr0;
	backend->set_cr3 = wr_shadow_set_cr3;
	backend->sync_pdptrs = wr_shadow_sync_pdptrs;
	backend->set_cr4 = set_cr4;
	backend->set_efer = set_efer;
	backend->set_msr = set_msr;
	backend->flush_tlb = flush_tlb;
}
