// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V: guest state in the VMCB.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/msr.h>

#include "../host.h"
#include "svm.h"

#define PAUSE_COUNT		3000
#define PAUSE_THRESHOLD		128

/* What always exits; exits.c has a handler for each. */
static const u8 default_intercepts[] = {
	INTERCEPT_INTR, INTERCEPT_NMI, INTERCEPT_SMI, INTERCEPT_INIT, INTERCEPT_SELECTIVE_CR0,
	INTERCEPT_RDPMC, INTERCEPT_CPUID, INTERCEPT_RSM, INTERCEPT_INVD, INTERCEPT_HLT, INTERCEPT_INVLPGA,
	INTERCEPT_IOIO_PROT, INTERCEPT_MSR_PROT, INTERCEPT_TASK_SWITCH,
	INTERCEPT_SHUTDOWN, INTERCEPT_VMRUN, INTERCEPT_VMMCALL, INTERCEPT_VMLOAD, INTERCEPT_VMSAVE,
	INTERCEPT_STGI, INTERCEPT_CLGI, INTERCEPT_SKINIT, INTERCEPT_WBINVD, INTERCEPT_MONITOR,
	INTERCEPT_MWAIT, INTERCEPT_XSETBV, INTERCEPT_RDPRU, INTERCEPT_CR4_WRITE,
	/*
	 * A guest can arrange that delivering #AC or #DB raises the same again, for ever and with
	 * interrupts held off: only an intercept ends that. #MC is the host's. #UD may be another vendor's hypercall.
	 */
	INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_DB, INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_AC,
	INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_MC, INTERCEPT_EXCEPTION_OFFSET + X86_TRAP_UD,
};

static struct vmcb_seg *vmcb_seg(struct vmcb *vmcb, enum wr_seg seg)
{
	struct vmcb_save_area *save = &vmcb->save;

	switch (seg) {
	case WR_ES: return &save->es;
	case WR_CS: return &save->cs;
	case WR_SS: return &save->ss;
	case WR_DS: return &save->ds;
	case WR_FS: return &save->fs;
	case WR_GS: return &save->gs;
	case WR_LDTR: return &save->ldtr;
	default: return &save->tr;
	}
}

/* wr_backend.get_segment */
void svm_get_segment(struct wr_vcpu *vcpu, enum wr_seg seg, struct kvm_segment *out)
{
	struct vmcb *vmcb = to_svm(vcpu)->vmcb;
	const struct vmcb_seg *in = vmcb_seg(vmcb, seg);
	u16 attr = in->attrib;

	*out = (struct kvm_segment) {
		.base = in->base,
		.limit = in->limit,
		.selector = in->selector,
		.type = attr & SVM_SELECTOR_TYPE_MASK,
		.s = !!(attr & SVM_SELECTOR_S_MASK),
		.dpl = (attr & SVM_SELECTOR_DPL_MASK) >> SVM_SELECTOR_DPL_SHIFT,
		.present = !!(attr & SVM_SELECTOR_P_MASK),
		.avl = !!(attr & SVM_SELECTOR_AVL_MASK),
		.l = !!(attr & SVM_SELECTOR_L_MASK),
		.db = !!(attr & SVM_SELECTOR_DB_MASK),
		.g = !!(attr & SVM_SELECTOR_G_MASK),
	};
	out->unusable = !out->present;
	/* The hardware keeps some of this elsewhere, or not at all; userspace wants it as VT-x would tell. */
	if (seg == WR_CS)
		out->g = out->limit > 0xfffff;
	if (seg == WR_TR)
		out->type |= 2;
	if (seg == WR_SS)
		out->dpl = vmcb->save.cpl;
}

/* wr_backend.set_segment */
void svm_set_segment(struct wr_vcpu *vcpu, enum wr_seg seg, const struct kvm_segment *in)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_seg *out = vmcb_seg(svm->vmcb, seg);
	bool present = in->present && !in->unusable;

	out->base = in->base;
	out->limit = in->limit;
	out->selector = in->selector;
	out->attrib = (in->type & SVM_SELECTOR_TYPE_MASK) |
		(in->s & 1) << SVM_SELECTOR_S_SHIFT |
		(in->dpl & 3) << SVM_SELECTOR_DPL_SHIFT |
		present << SVM_SELECTOR_P_SHIFT |
		(in->avl & 1) << SVM_SELECTOR_AVL_SHIFT |
		(in->l & 1) << SVM_SELECTOR_L_SHIFT |
		(in->db & 1) << SVM_SELECTOR_DB_SHIFT |
		(in->g & 1) << SVM_SELECTOR_G_SHIFT;
	/* SS.DPL is the CPL, on VT-x by definition. */
	if (seg == WR_SS)
		svm->vmcb->save.cpl = in->dpl & 3;
	svm_mark_dirty(svm, SVM_CLEAN_SEG);
}

static void get_table(const struct vmcb_seg *in, struct wr_dtable *out)
{
	out->base = in->base;
	out->limit = in->limit;
}

static void set_table(struct svm_vcpu *svm, struct vmcb_seg *out, const struct wr_dtable *in)
{
	out->base = in->base;
	out->limit = in->limit;
	svm_mark_dirty(svm, SVM_CLEAN_DT);
}

/* wr_backend.get_idt */
void svm_get_idt(struct wr_vcpu *vcpu, struct wr_dtable *out)
{
	get_table(&to_svm(vcpu)->vmcb->save.idtr, out);
}

/* wr_backend.set_idt */
void svm_set_idt(struct wr_vcpu *vcpu, const struct wr_dtable *in)
{
	set_table(to_svm(vcpu), &to_svm(vcpu)->vmcb->save.idtr, in);
}

/* wr_backend.get_gdt */
void svm_get_gdt(struct wr_vcpu *vcpu, struct wr_dtable *out)
{
	get_table(&to_svm(vcpu)->vmcb->save.gdtr, out);
}

/* wr_backend.set_gdt */
void svm_set_gdt(struct wr_vcpu *vcpu, const struct wr_dtable *in)
{
	set_table(to_svm(vcpu), &to_svm(vcpu)->vmcb->save.gdtr, in);
}

/* wr_backend.get_cpl */
int svm_get_cpl(struct wr_vcpu *vcpu)
{
	return to_svm(vcpu)->vmcb->save.cpl;
}

/* wr_backend.get_code */
void svm_get_code(struct wr_vcpu *vcpu, struct wr_code *out)
{
	const struct vmcb_save_area *save = &to_svm(vcpu)->vmcb->save;

	out->base = save->cs.base;
	out->cpl = save->cpl;
	out->l = save->cs.attrib & SVM_SELECTOR_L_MASK;
	out->db = save->cs.attrib & SVM_SELECTOR_DB_MASK;
}

/* wr_backend.set_cr0 */
void svm_set_cr0(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	/* The guest's memory is the host's: it must not turn caching off under it. */
	u64 cr0 = vcpu->cr0 & ~(u64)(X86_CR0_CD | X86_CR0_NW);

	/* ... unless its VMM says that it may. */
	if (wr_quirk_disabled(vcpu, KVM_X86_QUIRK_CD_NW_CLEARED))
		cr0 = vcpu->cr0;

	svm->vmcb->save.cr0 = cr0;
	svm_mark_dirty(svm, SVM_CLEAN_CR);
	svm_intercept(svm, INTERCEPT_CR0_READ, cr0 != vcpu->cr0);
}

/* wr_backend.set_cr3 */
void svm_set_cr3(struct wr_vcpu *vcpu)
{
	to_svm(vcpu)->vmcb->save.cr3 = vcpu->cr3;
	svm_mark_dirty(to_svm(vcpu), SVM_CLEAN_CR);
}

/*
 * wr_backend.sync_pdptrs: with nested paging the hardware reads them from memory at each walk. Those that no CPU loads leave
 * the last ones.
 */
int svm_sync_pdptrs(struct wr_vcpu *vcpu)
{
	return wr_load_pdptrs(vcpu, vcpu->cr3) == -EAGAIN ? -EAGAIN : 0;
}

/* wr_backend.set_cr4 */
void svm_set_cr4(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	/* A machine check while CR4.MCE is clear shuts the CPU down, guest or not. */
	u64 cr4 = vcpu->cr4 | X86_CR4_MCE;

	svm->vmcb->save.cr4 = cr4;
	svm_mark_dirty(svm, SVM_CLEAN_CR);
	svm_intercept(svm, INTERCEPT_CR4_READ, cr4 != vcpu->cr4);
}

/* wr_backend.set_efer */
void svm_set_efer(struct wr_vcpu *vcpu)
{
	to_svm(vcpu)->vmcb->save.efer = vcpu->efer | EFER_SVME;
	svm_mark_dirty(to_svm(vcpu), SVM_CLEAN_CR);
}

/* Where the VMCB keeps an MSR; NULL: not there. */
static u64 *vmcb_msr(struct vmcb *vmcb, u32 index)
{
	struct vmcb_save_area *save = &vmcb->save;

	switch (index) {
	case MSR_STAR: return &save->star;
	case MSR_LSTAR: return &save->lstar;
	case MSR_CSTAR: return &save->cstar;
	case MSR_SYSCALL_MASK: return &save->sfmask;
	case MSR_FS_BASE: return &save->fs.base;
	case MSR_GS_BASE: return &save->gs.base;
	case MSR_KERNEL_GS_BASE: return &save->kernel_gs_base;
	case MSR_IA32_SYSENTER_CS: return &save->sysenter_cs;
	case MSR_IA32_SYSENTER_ESP: return &save->sysenter_esp;
	case MSR_IA32_SYSENTER_EIP: return &save->sysenter_eip;
	case MSR_IA32_CR_PAT: return &save->g_pat;
	default: return NULL;
	}
}

/* wr_backend.get_msr */
int svm_get_msr(struct wr_vcpu *vcpu, u32 index, u64 *data)
{
	const u64 *field = vmcb_msr(to_svm(vcpu)->vmcb, index);

	if (index == MSR_TSC_AUX)
		field = &vcpu->tsc_aux;
	if (!field)
		return -ENOENT;
	*data = *field;
	return 0;
}

/* wr_backend.set_msr */
int svm_set_msr(struct wr_vcpu *vcpu, u32 index, u64 data)
{
	u64 *field = vmcb_msr(to_svm(vcpu)->vmcb, index);

	if (index == MSR_TSC_AUX) {
		field = &vcpu->tsc_aux;
		/* Beside another hypervisor the next entry brings it. */
		if (vcpu->in_stay && !wr_host_is_beside())
			wrmsrl(MSR_TSC_AUX, data);
	}
	if (!field)
		return -ENOENT;
	*field = data;
	if (index == MSR_IA32_CR_PAT)
		svm_mark_dirty(to_svm(vcpu), SVM_CLEAN_NPT);
	return 0;
}

/* wr_backend.has_msr */
bool svm_has_msr(u32 index)
{
	static struct vmcb none;

	return index == MSR_TSC_AUX || vmcb_msr(&none, index);
}

/* wr_backend.set_tsc; the ratio is an MSR, which a stay switches */
void svm_set_tsc(struct wr_vcpu *vcpu)
{
	to_svm(vcpu)->vmcb->control.tsc_offset = vcpu->clock.tsc_offset;
	svm_mark_dirty(to_svm(vcpu), SVM_CLEAN_INTERCEPTS);
}

/* wr_backend.cpuid_changed */
void svm_cpuid_changed(struct wr_vcpu *vcpu)
{
	/* RDTSCP without the feature must be #UD; with it, TSC_AUX is the guest's during a stay. */
	svm_intercept(to_svm(vcpu), INTERCEPT_RDTSCP, !wr_guest_has(vcpu, X86_FEATURE_RDTSCP));
	svm_intercept(to_svm(vcpu), INTERCEPT_INVPCID,
		      boot_cpu_has(X86_FEATURE_INVPCID) && !wr_guest_has(vcpu, X86_FEATURE_INVPCID));
}

/* wr_backend.set_policy */
void svm_set_policy(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u64 guest_owns = vcpu->vm->policy.disabled_exits;

	svm->vmcb->control.msrpm_base_pa = svm_msrpm_of(vcpu);
	svm_mark_dirty(svm, SVM_CLEAN_PERM_MAP);
	svm_intercept(svm, INTERCEPT_HLT, !(guest_owns & KVM_X86_DISABLE_EXITS_HLT));
	svm_intercept(svm, INTERCEPT_PAUSE, svm_caps.pause_filter && !(guest_owns & KVM_X86_DISABLE_EXITS_PAUSE));
	svm_intercept(svm, INTERCEPT_MONITOR, !(guest_owns & KVM_X86_DISABLE_EXITS_MWAIT));
	svm_intercept(svm, INTERCEPT_MWAIT, !(guest_owns & KVM_X86_DISABLE_EXITS_MWAIT));
}

static void init_control(struct svm_vcpu *svm)
{
	struct vmcb_control_area *control = &svm->vmcb->control;
	int i;

	for (i = 0; i < ARRAY_SIZE(default_intercepts); i++)
		__set_bit(default_intercepts[i], (unsigned long *)control->intercepts);
	control->iopm_base_pa = __pa(svm_iopm);
	control->msrpm_base_pa = __pa(svm_msrpm);
	/* The guest's EFLAGS.IF and CR8 are its own; the host's interrupts always exit. */
	control->int_ctl = V_INTR_MASKING_MASK;
	if (svm_shadow) {
		svm_shadow_init_vmcb(svm);
	} else {
		control->WR_VMCB_NESTED_CTL = BIT(0);	/* nested paging */
		control->nested_cr3 = svm->vcpu.vm->mmu.root;
	}
	if (svm_caps.pause_filter) {
		__set_bit(INTERCEPT_PAUSE, (unsigned long *)control->intercepts);
		control->pause_filter_count = PAUSE_COUNT;
		control->pause_filter_thresh = svm_caps.pause_threshold ? PAUSE_THRESHOLD : 0;
	}
}

static atomic64_t serials;

/* wr_backend.vcpu_alloc */
struct wr_vcpu *svm_vcpu_alloc(struct wr_vm *vm)
{
	struct svm_vcpu *svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);
	struct page *page;

	if (!svm)
		return NULL;
	page = svm_alloc_page(NUMA_NO_NODE, GFP_KERNEL_ACCOUNT, svm_caps.snp);
	if (!page) {
		kfree(svm);
		return NULL;
	}
	svm->vmcb = page_address(page);
	svm->vmcb_pa = __pa(svm->vmcb);
	svm->serial = atomic64_inc_return(&serials);
	svm->vcpu.vm = vm;
	init_control(svm);
	return &svm->vcpu;
}

/* wr_backend.vcpu_free */
void svm_vcpu_free(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	free_page((unsigned long)svm->vmcb);
	kfree(svm);
}

/* wr_backend.vcpu_reset: what state.c does not set through the other ops */
void svm_vcpu_reset(struct wr_vcpu *vcpu, bool init)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->vmcb->control.event_inj = 0;
	svm->vmcb->save.dr6 = vcpu->dr6;
	svm_set_nmi_mask(vcpu, false);
	svm_interrupt_window(vcpu, false);
	if (!init)
		svm_cpuid_changed(vcpu);
	svm->vmcb->control.clean = 0;
}
