// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: stays on a CPU, and the entry itself.
 */
#include <linux/context_tracking.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/msr.h>
#include <asm/segment.h>

#include "../debug.h"
#include "../host.h"
#include "../perf.h"
#include "../state.h"
#include "vmx.h"

#define VAPIC_TPR	0x80

/*
 * With EPT the CPU caches two kinds of translations: guest-physical ones, by EPT pointer, and combined ones, by EPT pointer,
 * VPID and PCID. INVEPT of a pointer drops both kinds for it, whatever the VPID: so a VPID needs no flush of its own when it
 * is given to another vCPU.
 *
 * Without EPT there are linear translations, by VPID and PCID, and INVVPID drops them. A vCPU without a VPID has none: entries
 * and exits drop what carries none.
 */
static noinline void flush(struct vmx_vcpu *vmx, enum wr_tlb_flush owed)
{
	if (owed == WR_TLB_KEEP)
		return;
	if (vmx_caps.shadow) {
		if (vmx->vpid)
			invvpid(vmx->vpid);
		return;
	}
	if (owed == WR_TLB_FLUSH_OWN && vmx_caps.invept_single)
		invept(VMX_EPT_EXTENT_CONTEXT, vmx->eptp);
	else
		invept(VMX_EPT_EXTENT_GLOBAL, 0);
}

/* wr_backend.flush_tlb */
void vmx_flush_tlb(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	flush(vmx, wr_tlb_drop(&vmx->tlb, true));
}

/* Host state of this CPU, to be written when the vCPU comes from another */
static noinline void write_cpu_state(struct vmx_vcpu *vmx, int cpu)
{
	struct desc_ptr gdt;
	u64 value;

	native_store_gdt(&gdt);
	vmcs_write(HOST_GDTR_BASE, gdt.address);
	vmcs_write(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	rdmsrl(MSR_GS_BASE, value);
	vmcs_write(HOST_GS_BASE, value);
	rdmsrl(MSR_IA32_SYSENTER_ESP, value);
	vmcs_write(HOST_IA32_SYSENTER_ESP, value);
	vmx->host_cpu = cpu;
	vmx_pml_restart(vmx);
}

/*
 * What follows, up to vmx_put_beside(), is compiled twice, alone and beside KVM: inlined as if it were once.
 */

/* Host state of this task */
static __always_inline void write_task_state(struct vmx_vcpu *vmx)
{
	u64 cr3 = __native_read_cr3();
	u64 fs_base = static_cpu_has(X86_FEATURE_FSGSBASE) ? rdfsbase() : wr_host_rdmsr(MSR_FS_BASE);

	if (cr3 != vmx->host_cr3) {
		vmx->host_cr3 = cr3;
		vmcs_write(HOST_CR3, cr3);
	}
	if (fs_base != vmx->host_fs_base) {
		vmx->host_fs_base = fs_base;
		vmcs_write(HOST_FS_BASE, fs_base);
	}
}

/* An exit loads null selectors: what user space has in these would be lost. */
static __always_inline void save_segments(struct vmx_segments *s)
{
	savesegment(ds, s->ds);
	savesegment(es, s->es);
	savesegment(fs, s->fs);
	savesegment(gs, s->gs);
	asm volatile("sldt %0" : "=rm" (s->ldt));
}

static __always_inline void restore_segments(struct vmx_vcpu *vmx)
{
	const struct vmx_segments *s = &vmx->host_segments;

	if (likely(!(s->ds | s->es | s->fs | s->gs | s->ldt)))
		return;
	loadsegment(ds, s->ds);
	loadsegment(es, s->es);
	if (s->ldt)
		asm volatile("lldt %0" : : "rm" (s->ldt));
	if (s->fs) {
		loadsegment(fs, s->fs);
		wr_host_wrmsr(MSR_FS_BASE, vmx->host_fs_base);
	}
	if (s->gs)
		load_gs_index(s->gs);
}

static void write_syscall_msrs(const u64 *values)
{
	wr_host_wrmsr(MSR_STAR, values[VMX_STAR]);
	wr_host_wrmsr(MSR_LSTAR, values[VMX_LSTAR]);
	wr_host_wrmsr(MSR_SYSCALL_MASK, values[VMX_SYSCALL_MASK]);
}

/**
 * vmx_load_syscall_msrs - give the guest its SYSCALL MSRs, if it can use them
 * @vmx: in a stay
 */
void vmx_load_syscall_msrs(struct vmx_vcpu *vmx)
{
	if (!(vmx->vcpu.efer & EFER_SCE))
		return;
	write_syscall_msrs(vmx->syscall_msr);
	vmx->live_msrs |= VMX_LIVE_SYSCALL;
}

static __always_inline void load_msrs(struct vmx_vcpu *vmx)
{
	vmx_load_syscall_msrs(vmx);
	if (vmx_caps.tsc_aux && this_cpu_read(vmx_cpu.tsc_aux) != vmx->vcpu.tsc_aux) {
		wr_host_wrmsr(MSR_TSC_AUX, vmx->vcpu.tsc_aux);
		vmx->live_msrs |= VMX_LIVE_TSC_AUX;
	}
}

static __always_inline void put_msrs(struct vmx_vcpu *vmx)
{
	if (!vmx->live_msrs)
		return;
	if (vmx->live_msrs & VMX_LIVE_SYSCALL)
		write_syscall_msrs(this_cpu_ptr(&vmx_cpu)->syscall_msr);
	if (vmx->live_msrs & VMX_LIVE_TSC_AUX)
		wr_host_wrmsr(MSR_TSC_AUX, this_cpu_read(vmx_cpu.tsc_aux));
	vmx->live_msrs = 0;
}

/**
 * vmx_load_msrs - give the guest the MSRs that no field of the VMCS has
 * @vmx: in a stay, beside KVM in a section; vmx_cpu has the kernel's
 */
void vmx_load_msrs(struct vmx_vcpu *vmx)
{
	load_msrs(vmx);
}

/**
 * vmx_put_msrs - undo vmx_load_msrs()
 * @vmx: as there
 */
void vmx_put_msrs(struct vmx_vcpu *vmx)
{
	put_msrs(vmx);
}

/* The other vCPU must not steer this one's indirect branches. */
static __always_inline void separate(struct vmx_vcpu *vmx)
{
	if (this_cpu_read(vmx_cpu.last) == vmx->serial)
		return;
	this_cpu_write(vmx_cpu.last, vmx->serial);
	if (boot_cpu_has(X86_FEATURE_IBPB))
		wr_host_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}

static __always_inline void load(struct wr_vcpu *vcpu, bool migrated, const bool beside)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	int cpu = smp_processor_id();

	if (beside)
		vmx_beside_begin(vmx);
	if (beside || this_cpu_read(vmx_cpu.current_vcpu) != vmx)
		vmx_make_current(vmx);
	if (unlikely(migrated || vmx->host_cpu != cpu)) {
		write_cpu_state(vmx, cpu);
		wr_tlb_moved(&vmx->tlb);
	}
	if (unlikely(!wr_tlb_is_current(&vmx->tlb, this_cpu_read(vmx_cpu.tlb.generation))))
		flush(vmx, wr_tlb_renew(&vmx->tlb, this_cpu_ptr(&vmx_cpu.tlb), 0));
	write_task_state(vmx);
	if (beside)
		vmx_section_end();
	save_segments(&vmx->host_segments);
	vmx->host_kernel_gs_base = wr_host_rdmsr(MSR_KERNEL_GS_BASE);
	wr_host_wrmsr(MSR_KERNEL_GS_BASE, vmx->kernel_gs_base);
	if (!beside)
		load_msrs(vmx);
	separate(vmx);
	/* What it used in the last stay it must ask for again. */
	if (unlikely(vmx->dr_live)) {
		vmx->dr_live = false;
		vmx_set_dr7(vcpu);
	}
	if (vmx_caps.spec_ctrl)
		vmx->host_spec_ctrl = wr_host_rdmsr(MSR_IA32_SPEC_CTRL);
	vmx->flush_l1d = vmx_caps.flush_l1d;
}

/* wr_backend.load */
static void vmx_load(struct wr_vcpu *vcpu, bool migrated)
{
	load(vcpu, migrated, false);
}

/* wr_backend.load_beside */
static void vmx_load_beside(struct wr_vcpu *vcpu, bool migrated)
{
	load(vcpu, migrated, true);
}

/* Its limit decides which ports the task may access. Out of line: the stack protector would guard every stay. */
static noinline void reload_task_register(void)
{
	invalidate_tss_limit();
}

/**
 * vmx_read_crs - take over what the guest changes of control registers without an exit
 * @vmx: in a stay
 */
void vmx_read_crs(struct vmx_vcpu *vmx)
{
	struct wr_vcpu *vcpu = &vmx->vcpu;

	vcpu->cr3 = vmcs_read(GUEST_CR3);
	vcpu->cr0 = (vcpu->cr0 & ~(u64)X86_CR0_TS) | (vmcs_read(GUEST_CR0) & X86_CR0_TS);
	vmx->crs_stale = false;
}

static __always_inline void put(struct wr_vcpu *vcpu, const bool beside)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->kernel_gs_base = wr_host_rdmsr(MSR_KERNEL_GS_BASE);
	/* Loading GS overwrites the base that is to come next. */
	restore_segments(vmx);
	wr_host_wrmsr(MSR_KERNEL_GS_BASE, vmx->host_kernel_gs_base);
	if (!beside)
		put_msrs(vmx);
	/* Exits leave limits as wide as they go. */
	native_load_gdt(this_cpu_ptr(&vmx_cpu.gdt));
	if (unlikely(test_thread_flag(TIF_IO_BITMAP)))
		reload_task_register();
	else
		this_cpu_write(__tss_limit_invalid, true);
	if (beside)
		vmx_beside_end();
	else if (vmx->crs_stale)
		vmx_read_crs(vmx);
}

/* wr_backend.put */
void vmx_put(struct wr_vcpu *vcpu)
{
	put(vcpu, false);
}

/* wr_backend.put_beside */
static void vmx_put_beside(struct wr_vcpu *vcpu)
{
	put(vcpu, true);
}

/* DR6 is in no field of the VMCS. */
static noinline void swap_debug_in(struct vmx_vcpu *vmx)
{
	wr_debug_swap_in(&vmx->vcpu, vmx->dr_live);
	if (vmx->dr_live) {
		get_debugreg(vmx->host_dr6, 6);
		set_debugreg((unsigned long)vmx->vcpu.dr6, 6);
	}
}

static noinline void swap_debug_out(struct vmx_vcpu *vmx)
{
	/* With a debugger each access by the guest exits: it has changed nothing here. */
	bool own = vmx->dr_live && !wr_debug_owns_dr(&vmx->vcpu);
	unsigned long dr6;

	if (vmx->dr_live) {
		get_debugreg(dr6, 6);
		set_debugreg(vmx->host_dr6, 6);
	}
	wr_debug_swap_out(&vmx->vcpu, vmx->dr_live, own);
	if (own) {
		vmx->vcpu.dr6 = dr6;
		vmx->vcpu.dr7 = vmcs_read(GUEST_DR7);
	}
}

/* What holds interrupts and NMIs back. STI's shadow needs IF, MOV SS's does not; and only MOV SS's holds a step's trap back. */
static void write_interruptibility(struct vmx_vcpu *vmx)
{
	const u32 shadows = GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS;
	u32 state = vmx->blocking;

	if (!vmx->vcpu.interrupt_shadow)
		state &= ~shadows;
	else if (!(state & shadows))
		state |= (vmx->vcpu.rflags & (X86_EFLAGS_IF | X86_EFLAGS_TF)) == X86_EFLAGS_IF ?
			 GUEST_INTR_STATE_STI : GUEST_INTR_STATE_MOV_SS;
	/* A trap that a shadow holds back must be known to the hardware, or it refuses the entry. */
	if (unlikely(state & shadows && vmx->vcpu.rflags & X86_EFLAGS_TF))
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS) | DR_STEP);
	if (state == vmx->interruptibility)
		return;
	vmx->interruptibility = state;
	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, state);
}

/* Host state that an interrupt handler may have changed since the last entry */
static void write_volatile_host_state(struct vmx_vcpu *vmx)
{
	u64 cr4 = __read_cr4(), perf;

	vmx->host_debugctl = wr_host_rdmsr(MSR_IA32_DEBUGCTLMSR);
	if (unlikely(cr4 != vmx->host_cr4)) {
		vmx->host_cr4 = cr4;
		vmcs_write(HOST_CR4, cr4);
	}
	if (!vmx_caps.perf)
		return;
	perf = wr_host_rdmsr(MSR_CORE_PERF_GLOBAL_CTRL);
	if (unlikely(perf != vmx->host_perf)) {
		vmx->host_perf = perf;
		vmcs_write64(HOST_IA32_PERF_GLOBAL_CTRL, perf);
	}
}

static void write_guest_state(struct vmx_vcpu *vmx)
{
	struct wr_vcpu *vcpu = &vmx->vcpu;

	if (vcpu->rip != vmx->rip)
		vmcs_write(GUEST_RIP, vcpu->rip);
	if (vcpu->regs[WR_RSP] != vmx->rsp)
		vmcs_write(GUEST_RSP, vcpu->regs[WR_RSP]);
	if (vcpu->rflags != vmx->rflags)
		vmcs_write(GUEST_RFLAGS, vcpu->rflags);
	write_interruptibility(vmx);
	if (native_read_cr2() != vcpu->cr2)
		native_write_cr2(vcpu->cr2);
	if (!vcpu->lapic_assist)
		*(u32 *)(vmx->vapic + VAPIC_TPR) = vcpu->cr8 << 4;
}

/* With assistance the page is the local APIC's own, and the hardware has acted on the change. */
static void read_cr8(struct vmx_vcpu *vmx)
{
	struct wr_vcpu *vcpu = &vmx->vcpu;
	u64 cr8;

	if (vcpu->lapic_assist) {
		vcpu->cr8 = wr_lapic_get_cr8(vcpu);
		return;
	}
	cr8 = *(u32 *)(vmx->vapic + VAPIC_TPR) >> 4;
	if (unlikely(cr8 != vcpu->cr8))
		wr_set_cr8(vcpu, cr8);
}

/**
 * vmx_timer_ticks - how far the preemption timer has to count
 * @deadline: value of the TSC
 * @now: the TSC
 * @rate: a tick is a change of that bit of the TSC
 *
 * Return: ticks, until the TSC is at @deadline or a little further; 0 when it has passed. A deadline farther away than
 * the timer counts gets all that there is.
 */
u32 vmx_timer_ticks(u64 deadline, u64 now, u8 rate)
{
	if (deadline <= now)
		return 0;
	return min_t(u64, ((deadline - 1) >> rate) + 1 - (now >> rate), U32_MAX);
}
WR_EXPORT_FOR_KUNIT(vmx_timer_ticks);

/* An exit without need, after the longest time there is, changes nothing: the timer stays on. */
static void write_timer(struct vmx_vcpu *vmx)
{
	u64 deadline = vmx->vcpu.exit_tsc;
	u32 ticks = deadline ? vmx_timer_ticks(deadline, rdtsc(), vmx_caps.timer_rate) : U32_MAX;

	if (ticks == vmx->timer_ticks)
		return;
	vmx->timer_ticks = ticks;
	vmcs_write32(VMX_PREEMPTION_TIMER_VALUE, ticks);
}

static void read_guest_state(struct vmx_vcpu *vmx)
{
	struct wr_vcpu *vcpu = &vmx->vcpu;

	vcpu->rip = vmx->rip = vmcs_read(GUEST_RIP);
	vcpu->regs[WR_RSP] = vmx->rsp = vmcs_read(GUEST_RSP);
	vcpu->rflags = vmx->rflags = vmcs_read(GUEST_RFLAGS);
	vmx->interruptibility = vmx->blocking = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	vcpu->interrupt_shadow = vmx->blocking & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);
	vcpu->cr2 = native_read_cr2();
	read_cr8(vmx);
}

static noinline enum vmx_entry run_with_spec_ctrl(struct vmx_vcpu *vmx)
{
	enum vmx_entry entry;

	wr_host_wrmsr(MSR_IA32_SPEC_CTRL, vmx->vcpu.spec_ctrl);
	entry = vmx_enter_guest(vmx->vcpu.regs, vmx->launched, &vmx->host_rsp);
	wr_host_wrmsr(MSR_IA32_SPEC_CTRL, vmx->host_spec_ctrl);
	return entry;
}

static enum vmx_entry run_vmcs(struct vmx_vcpu *vmx)
{
	if (unlikely(vmx->flush_l1d)) {
		vmx->flush_l1d = false;
		wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	}
	/* Some CPUs' IBRS guards against what ran before it was written, even where it was set already. */
	if (vmx_caps.spec_ctrl && (vmx->vcpu.spec_ctrl != vmx->host_spec_ctrl || cpu_feature_enabled(X86_FEATURE_KERNEL_IBRS)))
		return run_with_spec_ctrl(vmx);
	return vmx_enter_guest(vmx->vcpu.regs, vmx->launched, &vmx->host_rsp);
}

/*
 * An exception, with shadow paging a fault of the guest's memory; or an NMI or a machine check, which is the host's. NMIs are
 * blocked until an IRET.
 */
static u64 take_exception(struct vmx_vcpu *vmx)
{
	u32 info = vmx->exit.intr_info;

	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR)
		wr_perf_nmi(&vmx->vcpu);
	else if ((info & INTR_INFO_VECTOR_MASK) == X86_TRAP_MC)
		wr_host_machine_check();
	else
		return vmx_is_page_fault(info) ? WARREN_EXIT_FAULT : WARREN_EXIT_EXCEPTION;
	return WARREN_EXIT_NMI;
}

/* An entry that failed has delivered nothing, and knows of no delivery. What it was to deliver may be why. */
static void take_failure(struct vmx_vcpu *vmx)
{
	vmx->exit.intr_info = vmx->injected;
	vmx->exit.intr_error = vmx->injected_error;
	vmx_cancel_injection(&vmx->vcpu);
}

/* Taken by run.c, once nothing of the guest's is left on the CPU. One that was not acknowledged waits in the controller. */
static void take_interrupt(struct vmx_vcpu *vmx)
{
	u32 info;

	vmx->flush_l1d = vmx_caps.flush_l1d;
	if (!vmx_posted_interrupts)
		return;
	info = vmcs_read32(VM_EXIT_INTR_INFO);
	if (info & INTR_INFO_VALID_MASK)
		vmx->vcpu.host_vector = info & INTR_INFO_VECTOR_MASK;
}

static u64 take_exit(struct vmx_vcpu *vmx)
{
	u64 reason;

	vmx_pml_drain(vmx);
	read_guest_state(vmx);
	vmx->exit.reason = vmcs_read32(VM_EXIT_REASON);
	if (unlikely(vmx->exit.reason & VMX_EXIT_REASONS_FAILED_VMENTRY)) {
		/* Nor was it launched, if it was not before. */
		take_failure(vmx);
		/* One during the entry is not delivered: its banks wait to be read. */
		if ((u16)vmx->exit.reason == EXIT_REASON_MCE_DURING_VMENTRY)
			wr_host_machine_check();
	} else {
		vmx->launched = true;
		vmx_complete_injection(vmx);
	}
	reason = vmx_read_exit(vmx);
	if (likely(vmx->exit.reason > EXIT_REASON_EXTERNAL_INTERRUPT))
		return reason;
	if (vmx->exit.reason == EXIT_REASON_EXCEPTION_NMI)
		return take_exception(vmx);
	take_interrupt(vmx);
	return reason;
}

/* The CPU refused the VMCS as a whole: its controls or the host's state. */
static u64 take_refusal(struct vmx_vcpu *vmx)
{
	take_failure(vmx);
	vmx->exit.reason = EXIT_REASON_INVALID_STATE;
	vmx->exit.instruction_error = vmcs_read32(VM_INSTRUCTION_ERROR);
	return vmx_no_exit(vmx, true);
}

/* VMX was off: what was written to the VMCS, or flushed, since then is lost. The next stay writes and flushes all anew. */
static void forget_written(struct vmx_vcpu *vmx)
{
	vmx_cancel_injection(&vmx->vcpu);
	wr_tlb_moved(&vmx->tlb);
	vmx->host_cpu = -1;
	vmx->host_rsp = 0;
	vmx->host_cr3 = vmx->host_cr4 = vmx->host_fs_base = vmx->host_perf = 0;
	vmx->timer_ticks = VMX_TIMER_UNKNOWN;
	vmx->interruptibility = ~0;
	vmx_apicv_forget(vmx);
	vmx->rip = ~vmx->vcpu.rip;
	vmx->rsp = ~vmx->vcpu.regs[WR_RSP];
	vmx->rflags = ~vmx->vcpu.rflags;
	vmx->cr3 = VMX_CR3_UNKNOWN;
}

/* Somebody turned VMX off: a reboot, for good, or another hypervisor that thought itself alone. */
static u64 take_off(struct vmx_vcpu *vmx)
{
	/* Or they would be taken for the kernel's. */
	put_msrs(vmx);
	vmx->crs_stale = false;
	wr_host_restore();
	forget_written(vmx);
	return vmx_no_exit(vmx, false);
}

/* wr_backend.enter */
u64 vmx_enter(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	bool debug = vmx->dr_live | hw_breakpoint_active();
	enum vmx_entry entry;

	write_guest_state(vmx);
	write_volatile_host_state(vmx);
	if (vmx_caps.timer)
		write_timer(vmx);
	if (unlikely(debug))
		swap_debug_in(vmx);

	context_tracking_guest_enter();
	entry = run_vmcs(vmx);
	context_tracking_guest_exit();

	if (unlikely(debug))
		swap_debug_out(vmx);
	if (unlikely(vmx->host_debugctl))
		update_debugctlmsr(vmx->host_debugctl);
	if (likely(entry == VMX_EXITED))
		return take_exit(vmx);
	return entry == VMX_REFUSED ? take_refusal(vmx) : take_off(vmx);
}

struct wr_backend wr_vmx __ro_after_init = {
	.name = "vmx",
	.rival = "kvm_intel",
	.vendor = WARREN_VENDOR_VT_X,
	.caps = &vmx_backend_caps,
	.stage2 = &vmx_ept_format,
	.probe = vmx_probe,
	.remove = vmx_remove,
	.host_on = vmx_host_on,
	.host_off = vmx_host_off,
	.vcpu_alloc = vmx_vcpu_alloc,
	.vcpu_free = vmx_vcpu_free,
	.vcpu_reset = vmx_vcpu_reset,
	.load = vmx_load,
	.put = vmx_put,
	.load_beside = vmx_load_beside,
	.put_beside = vmx_put_beside,
	.borrow = vmx_borrow,
	.give_back = vmx_give_back,
	.enter = vmx_enter,
	.exit_words = vmx_exit_words,
	.handle_exit = vmx_handle_exit,
	.get_segment = vmx_get_segment,
	.set_segment = vmx_set_segment,
	.get_idt = vmx_get_idt,
	.set_idt = vmx_set_idt,
	.get_gdt = vmx_get_gdt,
	.set_gdt = vmx_set_gdt,
	.get_cpl = vmx_get_cpl,
	.get_code = vmx_get_code,
	.set_cr0 = vmx_set_cr0,
	.set_cr3 = vmx_set_cr3,
	.set_cr4 = vmx_set_cr4,
	.set_efer = vmx_set_efer,
	.set_dr7 = vmx_set_dr7,
	.sync_pdptrs = vmx_sync_pdptrs,
	.get_msr = vmx_get_msr,
	.set_msr = vmx_set_msr,
	.has_msr = vmx_has_msr,
	.set_tsc = vmx_set_tsc,
	.cpuid_changed = vmx_cpuid_changed,
	.set_policy = vmx_set_policy,
	.lapic_assist = vmx_lapic_assist,
	.inject_exception = vmx_inject_exception,
	.inject_interrupt = vmx_inject_interrupt,
	.inject_nmi = vmx_inject_nmi,
	.cancel_injection = vmx_cancel_injection,
	.nmi_allowed = vmx_nmi_allowed,
	.interrupt_window = vmx_interrupt_window,
	.nmi_window = vmx_nmi_window,
	.get_nmi_mask = vmx_get_nmi_mask,
	.set_nmi_mask = vmx_set_nmi_mask,
	.update_cr8_intercept = vmx_update_cr8_intercept,
	.flush_tlb = vmx_flush_tlb,
};
