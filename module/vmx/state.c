// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: the guest's registers in the VMCS.
 */
#include <uapi/asm/debugreg.h>
#include <asm/msr.h>

#include "../debug.h"
#include "../state.h"
#include "vmx.h"

/* Access rights as the VMCS has them; those of kvm_segment in the hardware's order. */
#define AR_AVL_SHIFT	12

/* The rows of VMCS fields are in the order of enum wr_seg. */
static_assert((GUEST_TR_SELECTOR - GUEST_ES_SELECTOR) / 2 == WR_TR);
static_assert((GUEST_LDTR_AR_BYTES - GUEST_ES_AR_BYTES) / 2 == WR_LDTR);
static_assert((GUEST_GS_BASE - GUEST_ES_BASE) / 2 == WR_GS);

/**
 * vmx_get_segment_as - wr_backend.get_segment, but for the access rights
 * @vcpu: as there
 * @seg: as there
 * @ar: access rights as the VMCS has them
 * @out: as there
 */
void vmx_get_segment_as(struct wr_vcpu *vcpu, enum wr_seg seg, u32 ar, struct kvm_segment *out)
{
	vmx_begin(to_vmx(vcpu));
	*out = (struct kvm_segment) {
		.base = vmcs_read_nth(GUEST_ES_BASE, seg),
		.limit = vmcs_read32_nth(GUEST_ES_LIMIT, seg),
		.selector = vmcs_read16_nth(GUEST_ES_SELECTOR, seg),
		.type = ar & VMX_AR_TYPE_MASK,
		.s = !!(ar & VMX_AR_S_MASK),
		.dpl = VMX_AR_DPL(ar),
		.present = ar & VMX_AR_P_MASK && !(ar & VMX_AR_UNUSABLE_MASK),
		.avl = ar >> AR_AVL_SHIFT & 1,
		.l = !!(ar & VMX_AR_L_MASK),
		.db = !!(ar & VMX_AR_DB_MASK),
		.g = !!(ar & VMX_AR_G_MASK),
		.unusable = !!(ar & VMX_AR_UNUSABLE_MASK),
	};
	vmx_end();
}

/* wr_backend.get_segment */
void vmx_get_segment(struct wr_vcpu *vcpu, enum wr_seg seg, struct kvm_segment *out)
{
	vmx_begin(to_vmx(vcpu));
	vmx_get_segment_as(vcpu, seg, vmcs_read32_nth(GUEST_ES_AR_BYTES, seg), out);
	vmx_end();
}

/**
 * vmx_access_rights - access rights as the VMCS has them
 * @in: of this segment
 */
u32 vmx_access_rights(const struct kvm_segment *in)
{
	/* That of SS is the CPL, whatever else it lacks. */
	if (in->unusable || !in->present)
		return VMX_AR_UNUSABLE_MASK | (in->dpl & 3) << VMX_AR_DPL_SHIFT;
	return (in->type & VMX_AR_TYPE_MASK) |
		/* A loaded code or data segment has been accessed: entries insist on it, AMD's VMCBs do not. */
		(in->s & 1 ? VMX_AR_S_MASK | VMX_AR_TYPE_ACCESSES_MASK : 0) |
		(in->dpl & 3) << VMX_AR_DPL_SHIFT |
		VMX_AR_P_MASK |
		(in->avl & 1) << AR_AVL_SHIFT |
		(in->l & 1 ? VMX_AR_L_MASK : 0) |
		(in->db & 1 ? VMX_AR_DB_MASK : 0) |
		(in->g & 1 ? VMX_AR_G_MASK : 0);
}

/* wr_backend.set_segment */
void vmx_set_segment(struct wr_vcpu *vcpu, enum wr_seg seg, const struct kvm_segment *in)
{
	vmx_begin(to_vmx(vcpu));
	vmcs_write_nth(GUEST_ES_BASE, seg, in->base);
	vmcs_write32_nth(GUEST_ES_LIMIT, seg, in->limit);
	vmcs_write16_nth(GUEST_ES_SELECTOR, seg, in->selector);
	vmcs_write32_nth(GUEST_ES_AR_BYTES, seg, vmx_access_rights(in));
	/* Whoever lets the vCPU begin elsewhere loads CS: it is not in the HLT any more that did not exit. */
	if (seg == WR_CS)
		vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmx_end();
}

/* wr_backend.get_idt */
void vmx_get_idt(struct wr_vcpu *vcpu, struct wr_dtable *out)
{
	vmx_begin(to_vmx(vcpu));
	out->base = vmcs_read(GUEST_IDTR_BASE);
	out->limit = vmcs_read32(GUEST_IDTR_LIMIT);
	vmx_end();
}

/* wr_backend.set_idt */
void vmx_set_idt(struct wr_vcpu *vcpu, const struct wr_dtable *in)
{
	vmx_begin(to_vmx(vcpu));
	vmcs_write(GUEST_IDTR_BASE, in->base);
	vmcs_write32(GUEST_IDTR_LIMIT, in->limit);
	vmx_end();
}

/* wr_backend.get_gdt */
void vmx_get_gdt(struct wr_vcpu *vcpu, struct wr_dtable *out)
{
	vmx_begin(to_vmx(vcpu));
	out->base = vmcs_read(GUEST_GDTR_BASE);
	out->limit = vmcs_read32(GUEST_GDTR_LIMIT);
	vmx_end();
}

/* wr_backend.set_gdt */
void vmx_set_gdt(struct wr_vcpu *vcpu, const struct wr_dtable *in)
{
	vmx_begin(to_vmx(vcpu));
	vmcs_write(GUEST_GDTR_BASE, in->base);
	vmcs_write32(GUEST_GDTR_LIMIT, in->limit);
	vmx_end();
}

/* wr_backend.get_cpl: SS.DPL, whatever the mode */
int vmx_get_cpl(struct wr_vcpu *vcpu)
{
	u32 ar;

	vmx_begin(to_vmx(vcpu));
	ar = vmcs_read32(GUEST_SS_AR_BYTES);
	vmx_end();
	return VMX_AR_DPL(ar);
}

/* wr_backend.get_code */
void vmx_get_code(struct wr_vcpu *vcpu, struct wr_code *out)
{
	u32 ar;

	vmx_begin(to_vmx(vcpu));
	ar = vmcs_read32(GUEST_CS_AR_BYTES);
	out->base = vmcs_read(GUEST_CS_BASE);
	out->cpl = VMX_AR_DPL(vmcs_read32(GUEST_SS_AR_BYTES));
	vmx_end();
	out->l = ar & VMX_AR_L_MASK;
	out->db = ar & VMX_AR_DB_MASK;
}

/* wr_backend.set_cr0 */
void vmx_set_cr0(struct wr_vcpu *vcpu)
{
	/*
	 * The guest's memory is the host's: it must not turn caching off under it. NE is always on in VMX operation. What the
	 * guest reads is the shadow.
	 */
	u64 cr0 = (vcpu->cr0 & ~(u64)(X86_CR0_CD | X86_CR0_NW)) | X86_CR0_NE;

	vmx_real_update(vcpu);
	vmx_begin(to_vmx(vcpu));
	vmcs_write(GUEST_CR0, vmx_real_cr0(vcpu, cr0));
	vmcs_write(CR0_READ_SHADOW, vcpu->cr0);
	vmx_end();
}

/* wr_backend.set_cr3 */
void vmx_set_cr3(struct wr_vcpu *vcpu)
{
	int i;

	vmx_begin(to_vmx(vcpu));
	vmcs_write(GUEST_CR3, vcpu->cr3);
	if (wr_is_pae_paging(vcpu))
		for (i = 0; i < ARRAY_SIZE(vcpu->pdptr); i++)
			vmcs_write64_nth(GUEST_PDPTR0, i, vcpu->pdptr[i]);
	vmx_end();
}

/* wr_backend.sync_pdptrs: the CPU loaded them when the guest wrote CR3 */
int vmx_sync_pdptrs(struct wr_vcpu *vcpu)
{
	int i;

	vmx_begin(to_vmx(vcpu));
	for (i = 0; i < ARRAY_SIZE(vcpu->pdptr); i++)
		vcpu->pdptr[i] = vmcs_read64_nth(GUEST_PDPTR0, i);
	vmx_end();
	return 0;
}

/* wr_backend.set_cr4 */
void vmx_set_cr4(struct wr_vcpu *vcpu)
{
	vmx_begin(to_vmx(vcpu));
	/* A machine check while CR4.MCE is clear shuts the CPU down, guest or not. */
	vmcs_write(GUEST_CR4, vcpu->cr4 | X86_CR4_VMXE | X86_CR4_MCE);
	vmcs_write(CR4_READ_SHADOW, vcpu->cr4);
	vmx_end();
}

/* wr_backend.set_efer */
void vmx_set_efer(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 entry = vmx_caps.entry;

	if (vcpu->efer & EFER_LMA)
		entry |= VM_ENTRY_IA32E_MODE;
	vmx_begin(vmx);
	vmcs_write64(GUEST_IA32_EFER, vcpu->efer);
	vmcs_write32(VM_ENTRY_CONTROLS, entry);
	if (vcpu->in_stay && !wr_host_is_beside())
		vmx_load_syscall_msrs(vmx);
	vmx_end();
}

/* Which exceptions exit. Virtual-8086 mode that stands for real mode has no IDT for any. */
void vmx_write_exceptions(struct vmx_vcpu *vmx)
{
	vmcs_write32(EXCEPTION_BITMAP, vmx->real.vm86 ? ~0U : vmx_caps.exceptions | wr_debug_exceptions(&vmx->vcpu));
}

/* wr_backend.set_dr7; also decides whether the guest has the debug registers for itself. A step is a monitor trap. */
void vmx_set_dr7(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 dr7 = wr_debug_dr7(vcpu);

	if (dr7 & (DR_GLOBAL_ENABLE_MASK | DR_LOCAL_ENABLE_MASK))
		vmx->dr_live = true;
	else if (wr_debug_owns_dr(vcpu))
		vmx->dr_live = false;
	vmx_begin(vmx);
	vmcs_write(GUEST_DR7, dr7);
	vmx_write_exceptions(vmx);
	vmx_set_cpu_control(vmx, CPU_BASED_MOV_DR_EXITING, !vmx->dr_live || wr_debug_owns_dr(vcpu));
	vmx_set_cpu_control(vmx, CPU_BASED_MONITOR_TRAP_FLAG, wr_debug_steps(vcpu));
	vmx_end();
}

/* Where a stay keeps an MSR that no VMCS field has; NULL: not one of those. */
static u64 *stay_msr(struct vmx_vcpu *vmx, u32 index)
{
	switch (index) {
	case MSR_STAR: return &vmx->syscall_msr[VMX_STAR];
	case MSR_LSTAR: return &vmx->syscall_msr[VMX_LSTAR];
	case MSR_SYSCALL_MASK: return &vmx->syscall_msr[VMX_SYSCALL_MASK];
	case MSR_CSTAR: return &vmx->cstar;
	case MSR_KERNEL_GS_BASE: return &vmx->kernel_gs_base;
	case MSR_TSC_AUX: return &vmx->vcpu.tsc_aux;
	default: return NULL;
	}
}

/* wr_backend.get_msr */
int vmx_get_msr(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	const u64 *kept = stay_msr(vmx, index);
	int err = 0;

	if (kept) {
		if (index == MSR_KERNEL_GS_BASE && vcpu->in_stay)
			rdmsrl(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
		*data = *kept;
		return 0;
	}
	vmx_begin(vmx);
	switch (index) {
	case MSR_FS_BASE:
		*data = vmcs_read(GUEST_FS_BASE);
		break;
	case MSR_GS_BASE:
		*data = vmcs_read(GUEST_GS_BASE);
		break;
	case MSR_IA32_SYSENTER_CS:
		*data = vmcs_read32(GUEST_SYSENTER_CS);
		break;
	case MSR_IA32_SYSENTER_ESP:
		*data = vmcs_read(GUEST_SYSENTER_ESP);
		break;
	case MSR_IA32_SYSENTER_EIP:
		*data = vmcs_read(GUEST_SYSENTER_EIP);
		break;
	case MSR_IA32_CR_PAT:
		*data = vmcs_read64(GUEST_IA32_PAT);
		break;
	default:
		err = -ENOENT;
	}
	vmx_end();
	return err;
}

static void set_stay_msr(struct vmx_vcpu *vmx, u32 index, u64 *kept, u64 data)
{
	*kept = data;
	if (!vmx->vcpu.in_stay)
		return;
	if (index == MSR_KERNEL_GS_BASE) {
		wrmsrl(index, data);
		return;
	}
	/* The next entry loads it. */
	if (wr_host_is_beside())
		return;
	vmx_put_msrs(vmx);
	vmx_load_msrs(vmx);
}

/* wr_backend.set_msr */
int vmx_set_msr(struct wr_vcpu *vcpu, u32 index, u64 data)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 *kept = stay_msr(vmx, index);
	int err = 0;

	/* Intel reserves the upper half, and the host's WRMSR would fault over it; AMD ignores it. */
	if (index == MSR_SYSCALL_MASK) {
		if (!vcpu->cpuid.amd && data >> 32)
			return -EINVAL;
		data = (u32)data;
	}
	vmx_begin(vmx);
	switch (index) {
	case MSR_FS_BASE:
		vmcs_write(GUEST_FS_BASE, data);
		break;
	case MSR_GS_BASE:
		vmcs_write(GUEST_GS_BASE, data);
		break;
	case MSR_IA32_SYSENTER_CS:
		vmcs_write32(GUEST_SYSENTER_CS, data);
		break;
	case MSR_IA32_SYSENTER_ESP:
		vmcs_write(GUEST_SYSENTER_ESP, data);
		break;
	case MSR_IA32_SYSENTER_EIP:
		vmcs_write(GUEST_SYSENTER_EIP, data);
		break;
	case MSR_IA32_CR_PAT:
		vmcs_write64(GUEST_IA32_PAT, data);
		break;
	default:
		if (kept)
			set_stay_msr(vmx, index, kept, data);
		else
			err = -ENOENT;
	}
	vmx_end();
	return err;
}

/* wr_backend.has_msr */
bool vmx_has_msr(u32 index)
{
	static const u32 in_vmcs[] = {
		MSR_FS_BASE, MSR_GS_BASE, MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
		MSR_IA32_CR_PAT, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_KERNEL_GS_BASE, MSR_TSC_AUX,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(in_vmcs); i++)
		if (in_vmcs[i] == index)
			return true;
	return false;
}

/* wr_backend.set_tsc */
void vmx_set_tsc(struct wr_vcpu *vcpu)
{
	const struct wr_backend_caps *caps = &vmx_backend_caps;

	vmx_begin(to_vmx(vcpu));
	vmcs_write64(TSC_OFFSET, vcpu->clock.tsc_offset);
	if (caps->tsc_ratio_bits)
		vmcs_write64(TSC_MULTIPLIER, vcpu->clock.tsc_ratio ?: 1ULL << caps->tsc_ratio_bits);
	vmx_end();
}
