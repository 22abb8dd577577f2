/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD-V: what its files share.
 */
#ifndef WARREN_SVM_H
#define WARREN_SVM_H

#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/percpu.h>
#include <asm/page.h>	/* 7.x: <asm/svm.h> needs PAGE_SIZE and does not say so */
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/svm.h>

#include "../backend.h"
#include "../compat.h"
#include "../tlb.h"

/* The VMCB's layout is the hardware's. */
static_assert(offsetof(struct vmcb, save) == 0x400);
static_assert(offsetof(struct vmcb_control_area, exit_code) == 0x70);
static_assert(offsetof(struct vmcb_control_area, clean) == 0xc0);
static_assert(offsetof(struct vmcb_save_area, rax) == 0x1f8);
static_assert(offsetof(struct vmcb_save_area, g_pat) == 0x268);

/* Groups of VMCB fields that the CPU may keep cached while their bit in control.clean is set */
enum svm_clean {
	SVM_CLEAN_INTERCEPTS,	/* intercepts, TSC offset, PAUSE filter */
	SVM_CLEAN_PERM_MAP,	/* IOPM and MSRPM base */
	SVM_CLEAN_ASID,
	SVM_CLEAN_INTR,		/* int_ctl, int_vector */
	SVM_CLEAN_NPT,		/* nested CR3, g_pat */
	SVM_CLEAN_CR,		/* CR0, CR3, CR4, EFER */
	SVM_CLEAN_DR,		/* DR6, DR7 */
	SVM_CLEAN_DT,		/* GDT, IDT */
	SVM_CLEAN_SEG,		/* CS, DS, SS, ES, CPL */
	SVM_CLEAN_CR2,
	SVM_CLEAN_ALL = BIT(10) - 1,
};

/* struct svm_facts - what decides whether Warren can run here */
struct svm_facts {
	bool kernel_svm;		/* the kernel's bit, which Linux 6.7 and later clear where firmware turned it off */
	bool npt;
	bool xsave;
	bool memory_encrypted;
	bool vm_cr_readable;
	u64 vm_cr;
	u32 nr_asids;
};

/* struct svm_caps - what the CPUs of this machine can do; read once at load */
struct svm_caps {
	u32 nr_asids;
	bool next_rip;
	bool flush_by_asid;
	bool decode_assists;
	bool clean_bits;
	bool pause_filter;
	bool pause_threshold;
	bool tsc_rate;
	bool tsc_aux;			/* MSR_TSC_AUX exists */
	bool spec_ctrl;			/* MSR_IA32_SPEC_CTRL exists */
	bool v_spec_ctrl;		/* and the hardware switches it */
	bool snp;			/* SEV-SNP is on, on the host */
};

const char *svm_missing(const struct svm_facts *facts);

extern struct svm_caps svm_caps;
extern struct wr_backend_caps svm_backend_caps;
extern struct wr_pt_format svm_npt_format;
extern bool svm_shadow;			/* no nested paging */
extern unsigned long *svm_iopm;		/* all ports intercepted: one map for all vCPUs */
extern unsigned long *svm_msrpm;	/* likewise for MSRs, but for those that the VMCB holds */

/* struct svm_step - the last entry with svm_vcpu.debug_entry */
struct svm_step {
	bool shadowed;		/* [V] DR6 and DR7 were not the guest's, and the exit is not looked at yet */
	bool active;		/* [V] RFLAGS.TF was ours */
	bool delivers;		/* [V] it injected an event, whose delivery is the step */
	bool guest_tf;		/* [V] the guest's own TF, before */
	bool loads_flags;	/* [V] the instruction at @loads_rip is POPF or IRET: TF after it is the guest's */
	u64 loads_rip;
	u64 causes;		/* [V] WR_DR6_* of its #DB */
};

/* struct svm_exit - what is known of an exit code: what to do, and what it is called */
struct svm_exit {
	enum wr_run_result (*handle)(struct wr_vcpu *vcpu);
	u8 reason;		/* enum warren_exit */
};

/**
 * struct svm_vcpu - a vCPU on AMD-V
 */
struct svm_vcpu {
	struct wr_vcpu vcpu;
	struct vmcb *vmcb;
	u64 vmcb_pa;			/* [I] */
	u64 serial;			/* [I] of this vCPU; no two ever share one */
	struct wr_tlb tlb;		/* [V] its tag is @vmcb's ASID */
	bool nmi_masked;		/* [V] until the guest's IRET completes */
	bool nmi_iret;			/* [V] IRET was seen at @nmi_iret_rip: the mask goes once it is done */
	bool nmi_stepping;		/* [V] a step is wanted, to see the end of that IRET or of an interrupt shadow */
	u64 nmi_iret_rip;
	const struct svm_exit *exit;	/* [V] the last one */
	bool dr_live;			/* [V] DR0 to DR3 go to the hardware: the guest's, or the debugger's */
	bool debug_entry;		/* [V] entries swap debug registers or step */
	struct svm_step step;
	bool soft_injected;		/* [V] the entry injected INT n, INT3 or INTO: RIP was moved past it */
	u64 soft_rip, soft_next;	/* [V] where it is, and ends */
	u64 host_spec_ctrl;		/* [V] in a stay */
};

static inline struct svm_vcpu *to_svm(struct wr_vcpu *vcpu)
{
	return container_of(vcpu, struct svm_vcpu, vcpu);
}

static inline void svm_mark_dirty(struct svm_vcpu *svm, enum svm_clean group)
{
	svm->vmcb->control.clean &= ~BIT(group);
}

static inline void svm_intercept(struct svm_vcpu *svm, unsigned int bit, bool on)
{
	unsigned long *intercepts = (unsigned long *)svm->vmcb->control.intercepts;

	if (test_bit(bit, intercepts) == on)
		return;
	__assign_bit(bit, intercepts, on);
	svm_mark_dirty(svm, SVM_CLEAN_INTERCEPTS);
}

/* caps.c */
int svm_probe(void);
void svm_remove(void);
struct page *svm_alloc_page(int node, gfp_t gfp, bool odd);
int svm_host_on(void);
void svm_host_off(void);

/* backend.c */
void svm_forget_asids(void);
void svm_flush_tlb(struct wr_vcpu *vcpu);
u64 svm_enter(struct wr_vcpu *vcpu);

/* borrow.c: beside another hypervisor */
void svm_init_flush_vmcb(struct vmcb *vmcb, u64 empty_root);
void svm_put_beside(struct wr_vcpu *vcpu);
int svm_borrow(struct wr_vcpu *vcpu);
void svm_give_back(struct wr_vcpu *vcpu);

/* vmcb.c */
struct wr_vcpu *svm_vcpu_alloc(struct wr_vm *vm);
void svm_vcpu_free(struct wr_vcpu *vcpu);
void svm_vcpu_reset(struct wr_vcpu *vcpu, bool init);
void svm_get_segment(struct wr_vcpu *vcpu, enum wr_seg seg, struct kvm_segment *out);
void svm_set_segment(struct wr_vcpu *vcpu, enum wr_seg seg, const struct kvm_segment *in);
void svm_get_idt(struct wr_vcpu *vcpu, struct wr_dtable *out);
void svm_set_idt(struct wr_vcpu *vcpu, const struct wr_dtable *in);
void svm_get_gdt(struct wr_vcpu *vcpu, struct wr_dtable *out);
void svm_set_gdt(struct wr_vcpu *vcpu, const struct wr_dtable *in);
int svm_get_cpl(struct wr_vcpu *vcpu);
void svm_get_code(struct wr_vcpu *vcpu, struct wr_code *out);
void svm_set_cr0(struct wr_vcpu *vcpu);
void svm_set_cr3(struct wr_vcpu *vcpu);
int svm_sync_pdptrs(struct wr_vcpu *vcpu);
void svm_set_cr4(struct wr_vcpu *vcpu);
void svm_set_efer(struct wr_vcpu *vcpu);
int svm_get_msr(struct wr_vcpu *vcpu, u32 index, u64 *data);
u64 svm_msrpm_of(const struct wr_vcpu *vcpu);
int svm_set_msr(struct wr_vcpu *vcpu, u32 index, u64 data);
bool svm_has_msr(u32 index);
void svm_set_tsc(struct wr_vcpu *vcpu);
void svm_cpuid_changed(struct wr_vcpu *vcpu);
void svm_set_policy(struct wr_vcpu *vcpu);

/* inject.c */
const struct wr_lapic_assist *svm_lapic_assist(struct wr_vcpu *vcpu);
void svm_inject_exception(struct wr_vcpu *vcpu);
void svm_inject_interrupt(struct wr_vcpu *vcpu);
void svm_inject_nmi(struct wr_vcpu *vcpu);
void svm_cancel_injection(struct wr_vcpu *vcpu);
void svm_complete_injection(struct svm_vcpu *svm);
bool svm_nmi_allowed(struct wr_vcpu *vcpu);
void svm_interrupt_window(struct wr_vcpu *vcpu, bool on);
void svm_nmi_window(struct wr_vcpu *vcpu, bool on);
bool svm_get_nmi_mask(struct wr_vcpu *vcpu);
void svm_set_nmi_mask(struct wr_vcpu *vcpu, bool masked);
void svm_update_cr8_intercept(struct wr_vcpu *vcpu, int threshold);

/* debug.c */
bool svm_steps(const struct svm_vcpu *svm);
void svm_set_dr7(struct wr_vcpu *vcpu);
void svm_step_begin(struct svm_vcpu *svm);
void svm_step_end(struct svm_vcpu *svm);
void svm_step_exited(struct svm_vcpu *svm);
void svm_start_nmi_step(struct svm_vcpu *svm);
enum wr_run_result svm_exit_db(struct wr_vcpu *vcpu);
enum wr_run_result svm_exit_flags_load(struct wr_vcpu *vcpu);
enum wr_run_result svm_exit_exception(struct wr_vcpu *vcpu);

/* exits.c */
void svm_exits_use_shadow(void);
u64 svm_exit_reason(struct svm_vcpu *svm);
void svm_exit_words(struct wr_vcpu *vcpu, struct wr_exit_words *out);
enum wr_run_result svm_handle_exit(struct wr_vcpu *vcpu);

/* shadow.c */
void svm_use_shadow(struct wr_backend *backend);
void svm_shadow_init_vmcb(struct svm_vcpu *svm);
enum wr_run_result svm_exit_invlpg(struct wr_vcpu *vcpu);

/* enter.S */
bool svm_enter_guest(u64 vmcb_pa, u64 *regs, u64 host_save_pa);

/* struct svm_host - what of a host CPU every entry needs */
struct svm_host {
	u64 save_pa;	/* page where VMSAVE keeps FS, GS, TR, LDTR and the SYSCALL registers during a stay */
	u64 tsc_aux;	/* where the kernel keeps the CPU's number; constant while SVM is on */
	u64 hsave_pa;	/* host save area, for VM_HSAVE_PA */
	u64 flush_pa;	/* VMCB of an entry that does nothing but flush the TLB */
};

DECLARE_PER_CPU(struct svm_host, svm_host);

static inline void svm_save_host(void)
{
	/* SVM is off only while the machine goes down; then the entry fails too. */
	asm volatile("1: vmsave %%rax\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : : "a" (this_cpu_read(svm_host.save_pa)) : "memory");
}

/* What ran here before must not steer the indirect branches of what comes. */
static inline void svm_barrier(void)
{
	if (boot_cpu_has(X86_FEATURE_IBPB))
		wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}

#endif
