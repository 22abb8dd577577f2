// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V beside another hypervisor, which turns SVM on and off as if it were alone.
 *
 * It does so in threads of its own and in interrupts. So a CPU is borrowed with interrupts off, and given back as it was found
 * before they come on. Its guests enter in threads only: a stay, which has preemption off, is not mixed with them.
 *
 *   EFER.SVME, VM_HSAVE_PA     as found. While SVM is on the other hypervisor may have guests.
 *   TSC_AUX                    as found: the value of its guest until its thread goes back to user mode, and even while another
 *                              thread runs. Its interrupts take what they find for the kernel's own, or write that.
 *   TSC_RATIO                  as found: it remembers what it wrote last.
 *   FS, GS, TR, LDTR, SYSCALL  saved anew each time, for the same reasons; VMLOAD brings them back.
 *   the TLB                    No ASID is free of it. A stay begins with a flush of ours and ends with another, by an entry that
 *                              does nothing else: neither sees what the other has cached.
 *   branch predictors          It takes the guest that ran last for its own: a barrier at the end of a stay, and at the begin
 *                              of one before which another thread ran.
 *
 * Where SVM is off when a stay ends, the other hypervisor has no guests. It flushes all ASIDs when it turns it on, so nothing is
 * owed to it.
 */
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <uapi/asm/debugreg.h>

#include "../debug.h"
#include "../host.h"
#include "svm.h"

/* Attributes of a present 64-bit code segment, in the VMCB's format */
#define CODE64 \
	(SVM_SELECTOR_P_MASK | SVM_SELECTOR_S_MASK | SVM_SELECTOR_L_MASK | SVM_SELECTOR_CODE_MASK | SVM_SELECTOR_READ_MASK)

/* struct loan - a host CPU as it was found; interrupts are off as long as that counts */
struct loan {
	u64 efer;
	u64 hsave_pa;
	u64 tsc_aux;
	u64 tsc_ratio;
};

static DEFINE_PER_CPU(struct loan, loans);
static DEFINE_PER_CPU(u64[WR_NR_REGS], flush_regs);

static void take_svm(struct loan *loan)
{
	loan->efer = wr_host_rdmsr(MSR_EFER);
	if (!(loan->efer & EFER_SVME))
		wr_host_wrmsr(MSR_EFER, loan->efer | EFER_SVME);
	loan->hsave_pa = wr_host_rdmsr(MSR_VM_HSAVE_PA);
	wr_host_wrmsr(MSR_VM_HSAVE_PA, this_cpu_read(svm_host.hsave_pa));
	svm_save_host();
}

static void return_svm(const struct loan *loan)
{
	wr_host_wrmsr(MSR_VM_HSAVE_PA, loan->hsave_pa);
	if (!(loan->efer & EFER_SVME))
		wr_host_wrmsr(MSR_EFER, loan->efer);
}

static u64 ratio_of(const struct wr_vcpu *vcpu)
{
	return vcpu->clock.tsc_ratio ?: SVM_TSC_RATIO_DEFAULT;
}

/* wr_backend.borrow */
int svm_borrow(struct wr_vcpu *vcpu)
{
	struct loan *loan = this_cpu_ptr(&loans);

	if (unlikely(wr_host_is_rebooting()))
		return -EIO;
	take_svm(loan);
	if (svm_caps.tsc_aux) {
		loan->tsc_aux = wr_host_rdmsr(MSR_TSC_AUX);
		if (loan->tsc_aux != vcpu->tsc_aux)
			wr_host_wrmsr(MSR_TSC_AUX, vcpu->tsc_aux);
	}
	if (svm_caps.tsc_rate) {
		loan->tsc_ratio = wr_host_rdmsr(MSR_AMD64_TSC_RATIO);
		if (loan->tsc_ratio != ratio_of(vcpu))
			wr_host_wrmsr(MSR_AMD64_TSC_RATIO, ratio_of(vcpu));
	}
	return 0;
}

/* wr_backend.give_back */
void svm_give_back(struct wr_vcpu *vcpu)
{
	const struct loan *loan = this_cpu_ptr(&loans);

	if (svm_caps.tsc_rate && loan->tsc_ratio != ratio_of(vcpu))
		wr_host_wrmsr(MSR_AMD64_TSC_RATIO, loan->tsc_ratio);
	if (svm_caps.tsc_aux && loan->tsc_aux != vcpu->tsc_aux)
		wr_host_wrmsr(MSR_TSC_AUX, loan->tsc_aux);
	return_svm(loan);
}

/**
 * svm_init_flush_vmcb - make the VMCB of an entry that flushes our ASID and does nothing else
 * @vmcb: zeroed
 * @empty_root: a page table of the highest level without an entry
 *
 * The guest's first fetch finds no page, and exits. It leaves the VMCB as it was.
 */
void svm_init_flush_vmcb(struct vmcb *vmcb, u64 empty_root)
{
	struct vmcb_control_area *control = &vmcb->control;
	struct vmcb_save_area *save = &vmcb->save;

	control->intercepts[INTERCEPT_EXCEPTION] = U32_MAX;
	__set_bit(INTERCEPT_INTR, (unsigned long *)control->intercepts);
	__set_bit(INTERCEPT_NMI, (unsigned long *)control->intercepts);
	__set_bit(INTERCEPT_SHUTDOWN, (unsigned long *)control->intercepts);
	__set_bit(INTERCEPT_VMRUN, (unsigned long *)control->intercepts);
	control->iopm_base_pa = __pa(svm_iopm);
	control->msrpm_base_pa = __pa(svm_msrpm);
	control->int_ctl = V_INTR_MASKING_MASK;
	control->asid = svm_caps.nr_asids - 1;
	control->tlb_ctl = svm_caps.flush_by_asid ? TLB_CONTROL_FLUSH_ASID : TLB_CONTROL_FLUSH_ALL_ASID;
	save->efer = EFER_SVME | EFER_LME | EFER_LMA;
	save->cr0 = X86_CR0_PG | X86_CR0_PE | X86_CR0_ET;
	save->cr4 = X86_CR4_PAE;
	save->cr3 = empty_root;
	save->cs.attrib = CODE64;
	save->rflags = X86_EFLAGS_FIXED;
	save->dr6 = DR6_RESERVED;
	save->dr7 = DR_CONTROL_RESERVED;
}

/* An entry that leaves nothing of ours in the TLB. Whatever made it exit waits, but for a machine check. */
static void flush_ours(struct wr_vcpu *vcpu, struct loan *loan)
{
	u64 flush_pa = this_cpu_read(svm_host.flush_pa);
	const struct vmcb *vmcb = __va(flush_pa);

	take_svm(loan);
	wr_debug_swap_in(vcpu, false);
	svm_enter_guest(flush_pa, *this_cpu_ptr(&flush_regs), this_cpu_read(svm_host.save_pa));
	wr_debug_swap_out(vcpu, false, false);
	return_svm(loan);
	if (unlikely((u32)vmcb->control.exit_code == SVM_EXIT_EXCP_BASE + X86_TRAP_MC))
		wr_host_machine_check();
}

/* wr_backend.put_beside */
void svm_put_beside(struct wr_vcpu *vcpu)
{
	unsigned long flags;

	/* The next stay may be alone. */
	wr_tlb_moved(&to_svm(vcpu)->tlb);
	local_irq_save(flags);
	if (wr_host_rdmsr(MSR_EFER) & EFER_SVME) {
		flush_ours(vcpu, this_cpu_ptr(&loans));
		svm_barrier();
	}
	local_irq_restore(flags);
}
