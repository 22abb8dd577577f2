// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V: stays on a CPU, address space identifiers, and the entry itself.
 */
#include <linux/context_tracking.h>
#include <linux/percpu.h>
#include <asm/debugreg.h>
#include <asm/msr.h>

#include "../debug.h"
#include "../host.h"
#include "../run.h"
#include "../state.h"
#include "svm.h"

static DEFINE_PER_CPU(struct wr_tlb_cpu, tlb_cpu) = WR_TLB_CPU_INIT;
static DEFINE_PER_CPU(u64, last_serial);	/* svm_vcpu.serial of who ran here; 0: somebody else */

/*
 * SVM comes on, on this CPU. Interrupts off.
 */
void svm_forget_asids(void)
{
	wr_tlb_host_on(this_cpu_ptr(&tlb_cpu));
	this_cpu_write(last_serial, 0);
}

static void new_asid(struct svm_vcpu *svm)
{
	static const u8 tlb_ctl[] = {
		[WR_TLB_KEEP] = TLB_CONTROL_DO_NOTHING,
		[WR_TLB_FLUSH_OWN] = TLB_CONTROL_FLUSH_ASID,
		[WR_TLB_FLUSH_ALL] = TLB_CONTROL_FLUSH_ALL_ASID,
	};
	struct vmcb_control_area *control = &svm->vmcb->control;
	struct wr_tlb_cpu *cpu = this_cpu_ptr(&tlb_cpu);
	enum wr_tlb_flush owed;

	if (wr_host_is_beside())
		owed = wr_tlb_renew_beside(&svm->tlb, cpu, svm_caps.nr_asids, svm_caps.flush_by_asid);
	else
		owed = wr_tlb_renew(&svm->tlb, cpu, svm_caps.nr_asids);
	control->tlb_ctl = tlb_ctl[owed];
	control->asid = svm->tlb.tag;
	svm_mark_dirty(svm, SVM_CLEAN_ASID);
}

/* wr_backend.flush_tlb */
void svm_flush_tlb(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (wr_tlb_drop(&svm->tlb, svm_caps.flush_by_asid) == WR_TLB_FLUSH_OWN)
		svm->vmcb->control.tlb_ctl = TLB_CONTROL_FLUSH_ASID;
}

/* What all stays begin with */
static __always_inline void begin_stay(struct svm_vcpu *svm, bool migrated)
{
	if (migrated) {
		wr_tlb_moved(&svm->tlb);
		/* This CPU may have cached the VMCB, too. */
		svm->vmcb->control.clean = 0;
	}
	if (this_cpu_read(last_serial) != svm->serial) {
		this_cpu_write(last_serial, svm->serial);
		/* The other vCPU must not steer this one's indirect branches. */
		svm_barrier();
	}
	/* What it used in the last stay it must ask for again. */
	if (unlikely(svm->dr_live)) {
		svm->dr_live = false;
		svm_set_dr7(&svm->vcpu);
	}
	if (svm_caps.spec_ctrl && !svm_caps.v_spec_ctrl)
		rdmsrl(MSR_IA32_SPEC_CTRL, svm->host_spec_ctrl);
}

static void load_msrs(struct wr_vcpu *vcpu)
{
	/* Whatever the guest's CPUID says: RDPID cannot be intercepted. */
	if (svm_caps.tsc_aux && this_cpu_read(svm_host.tsc_aux) != vcpu->tsc_aux)
		wrmsrl(MSR_TSC_AUX, vcpu->tsc_aux);
	if (unlikely(vcpu->clock.tsc_ratio))
		wrmsrl(MSR_AMD64_TSC_RATIO, vcpu->clock.tsc_ratio);
}

/* wr_backend.load */
static void svm_load(struct wr_vcpu *vcpu, bool migrated)
{
	begin_stay(to_svm(vcpu), migrated);
	svm_save_host();
	load_msrs(vcpu);
}

/* wr_backend.load_beside; entries do the rest, in borrow.c */
static void svm_load_beside(struct wr_vcpu *vcpu, bool migrated)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (wr_vcpu_was_switched(vcpu))
		this_cpu_write(last_serial, 0);
	wr_tlb_moved(&svm->tlb);
	begin_stay(svm, migrated);
}

/* wr_backend.put */
static void svm_put(struct wr_vcpu *vcpu)
{
	if (unlikely(vcpu->clock.tsc_ratio))
		wrmsrl(MSR_AMD64_TSC_RATIO, SVM_TSC_RATIO_DEFAULT);
	if (svm_caps.tsc_aux && this_cpu_read(svm_host.tsc_aux) != vcpu->tsc_aux)
		wrmsrl(MSR_TSC_AUX, this_cpu_read(svm_host.tsc_aux));
}

static noinline void swap_debug_in(struct svm_vcpu *svm)
{
	wr_debug_swap_in(&svm->vcpu, svm->dr_live);
	if (svm->debug_entry)
		svm_step_begin(svm);
}

static noinline void swap_debug_out(struct svm_vcpu *svm)
{
	/* With a debugger, or in a step, each access by the guest exits: it has changed nothing here. */
	bool own;

	if (svm->debug_entry)
		svm_step_end(svm);
	own = svm->dr_live && !svm->step.shadowed;
	wr_debug_swap_out(&svm->vcpu, svm->dr_live, own);
	if (own)
		svm->vcpu.dr7 = svm->vmcb->save.dr7;
}

/* Somebody turned SVM off. Return: false if it stays off. */
static noinline bool turned_on_again(struct svm_vcpu *svm)
{
	/* Or the guest's would be taken for the kernel's. Beside, the loan has that. */
	if (!wr_host_is_beside())
		svm_put(&svm->vcpu);
	if (wr_host_restore())
		return false;
	load_msrs(&svm->vcpu);
	/* Who had the CPU meanwhile may have used the same one. */
	new_asid(svm);
	svm_save_host();
	return true;
}

static __always_inline void run_vmcb(struct svm_vcpu *svm)
{
	while (!svm_enter_guest(svm->vmcb_pa, svm->vcpu.regs, this_cpu_read(svm_host.save_pa))) {
		if (!turned_on_again(svm)) {
			/* Reboot took SVM away for good: report an exit that changes nothing. */
			svm->vmcb->control.exit_code = SVM_EXIT_INTR;
			svm->vmcb->control.exit_int_info = svm->vmcb->control.event_inj;
			svm->vmcb->control.exit_int_info_err = svm->vmcb->control.event_inj_err;
			return;
		}
	}
}

static void run_with_spec_ctrl(struct svm_vcpu *svm)
{
	u64 guest = svm->vcpu.spec_ctrl;

	if (svm_caps.v_spec_ctrl) {
		svm->vmcb->save.spec_ctrl = guest;
	} else if (svm_caps.spec_ctrl && guest != svm->host_spec_ctrl) {
		wrmsrl(MSR_IA32_SPEC_CTRL, guest);
		run_vmcb(svm);
		wrmsrl(MSR_IA32_SPEC_CTRL, svm->host_spec_ctrl);
		return;
	}
	run_vmcb(svm);
}

/* The guest reads and writes V_TPR as CR8, without an exit. */
static void load_cr8(struct svm_vcpu *svm)
{
	struct vmcb_control_area *control = &svm->vmcb->control;
	u64 cr8 = svm->vcpu.cr8;

	if ((control->int_ctl & V_TPR_MASK) == cr8)
		return;
	control->int_ctl = (control->int_ctl & ~V_TPR_MASK) | cr8;
	svm_mark_dirty(svm, SVM_CLEAN_INTR);
}

static void store_cr8(struct svm_vcpu *svm)
{
	u64 cr8 = svm->vmcb->control.int_ctl & V_TPR_MASK;

	if (unlikely(cr8 != svm->vcpu.cr8))
		wr_set_cr8(&svm->vcpu, cr8);
}

/* The host's traps for bus locks, and for the branches of a task that steps by them, would be the guest's: no VMCB has DEBUGCTL. */
static __always_inline u64 take_debugctl(void)
{
	u64 value;

	if (!cpu_feature_enabled(X86_FEATURE_BUS_LOCK_DETECT) && likely(!test_thread_flag(TIF_BLOCKSTEP)))
		return 0;
	value = wr_host_rdmsr(MSR_IA32_DEBUGCTLMSR);
	if (value)
		wr_host_wrmsr(MSR_IA32_DEBUGCTLMSR, 0);
	return value;
}

/* wr_backend.enter */
u64 svm_enter(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb *vmcb = svm->vmcb;
	bool debug = svm->debug_entry | hw_breakpoint_active();
	u64 debugctl;

	if (unlikely(!wr_tlb_is_current(&svm->tlb, this_cpu_read(tlb_cpu.generation))))
		new_asid(svm);
	vmcb->save.rax = vcpu->regs[WR_RAX];
	vmcb->save.rsp = vcpu->regs[WR_RSP];
	vmcb->save.rip = vcpu->rip;
	vmcb->save.rflags = vcpu->rflags;
	vmcb->control.int_state = vcpu->interrupt_shadow ? SVM_INTERRUPT_SHADOW_MASK : 0;
	if (vmcb->save.cr2 != vcpu->cr2) {
		vmcb->save.cr2 = vcpu->cr2;
		svm_mark_dirty(svm, SVM_CLEAN_CR2);
	}
	load_cr8(svm);
	if (unlikely(debug))
		swap_debug_in(svm);
	debugctl = take_debugctl();

	context_tracking_guest_enter();
	run_with_spec_ctrl(svm);
	context_tracking_guest_exit();

	if (unlikely(debugctl))
		wr_host_wrmsr(MSR_IA32_DEBUGCTLMSR, debugctl);
	if (unlikely(debug))
		swap_debug_out(svm);
	vcpu->regs[WR_RAX] = vmcb->save.rax;
	vcpu->regs[WR_RSP] = vmcb->save.rsp;
	vcpu->rip = vmcb->save.rip;
	vcpu->rflags = vmcb->save.rflags;
	vcpu->interrupt_shadow = vmcb->control.int_state & SVM_INTERRUPT_SHADOW_MASK;
	vcpu->next_rip = svm_caps.next_rip ? vmcb->control.next_rip : 0;
	vcpu->cr2 = vmcb->save.cr2;
	vcpu->cr3 = vmcb->save.cr3;
	vcpu->dr6 = vmcb->save.dr6;
	/* TS and MP change without an exit. */
	vcpu->cr0 = (vcpu->cr0 & ~(u64)SVM_CR0_SELECTIVE_MASK) |
		(vmcb->save.cr0 & SVM_CR0_SELECTIVE_MASK);
	vmcb->control.tlb_ctl = TLB_CONTROL_DO_NOTHING;
	if (svm_caps.clean_bits)
		vmcb->control.clean = SVM_CLEAN_ALL;
	store_cr8(svm);
	svm_complete_injection(svm);
	if (unlikely((u32)vmcb->control.exit_code == SVM_EXIT_EXCP_BASE + X86_TRAP_MC))
		wr_host_machine_check();
	return svm_exit_reason(svm);
}

struct wr_backend wr_svm __ro_after_init = {
	.name = "svm",
	.rival = "kvm_amd",
	.vendor = WARREN_VENDOR_AMD_V,
	.caps = &svm_backend_caps,
	.stage2 = &svm_npt_format,
	.probe = svm_probe,
	.remove = svm_remove,
	.host_on = svm_host_on,
	.host_off = svm_host_off,
	.vcpu_alloc = svm_vcpu_alloc,
	.vcpu_free = svm_vcpu_free,
	.vcpu_reset = svm_vcpu_reset,
	.load = svm_load,
	.put = svm_put,
	.load_beside = svm_load_beside,
	.put_beside = svm_put_beside,
	.borrow = svm_borrow,
	.give_back = svm_give_back,
	.enter = svm_enter,
	.exit_words = svm_exit_words,
	.handle_exit = svm_handle_exit,
	.get_segment = svm_get_segment,
	.set_segment = svm_set_segment,
	.get_idt = svm_get_idt,
	.set_idt = svm_set_idt,
	.get_gdt = svm_get_gdt,
	.set_gdt = svm_set_gdt,
	.get_cpl = svm_get_cpl,
	.get_code = svm_get_code,
	.set_cr0 = svm_set_cr0,
	.set_cr3 = svm_set_cr3,
	.sync_pdptrs = svm_sync_pdptrs,
	.set_cr4 = svm_set_cr4,
	.set_efer = svm_set_efer,
	.set_dr7 = svm_set_dr7,
	.get_msr = svm_get_msr,
	.set_msr = svm_set_msr,
	.has_msr = svm_has_msr,
	.set_tsc = svm_set_tsc,
	.cpuid_changed = svm_cpuid_changed,
	.set_policy = svm_set_policy,
	.lapic_assist = svm_lapic_assist,
	.inject_exception = svm_inject_exception,
	.inject_interrupt = svm_inject_interrupt,
	.inject_nmi = svm_inject_nmi,
	.cancel_injection = svm_cancel_injection,
	.nmi_allowed = svm_nmi_allowed,
	.interrupt_window = svm_interrupt_window,
	.nmi_window = svm_nmi_window,
	.get_nmi_mask = svm_get_nmi_mask,
	.set_nmi_mask = svm_set_nmi_mask,
	.update_cr8_intercept = svm_update_cr8_intercept,
	.flush_tlb = svm_flush_tlb,
};
