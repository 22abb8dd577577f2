// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: exits, decoded from the VMCS and handed to common code.
 */
#include <uapi/asm/debugreg.h>
#include <asm/trapnr.h>

#include "../debug.h"
#include "../exit.h"
#include "../insn.h"
#include "../state.h"
#include "check.h"
#include "vmx.h"

/* Exit qualification of an I/O instruction (SDM volume 3, table 28-5) */
#define IO_SIZE_MASK	7	/* less one */
#define IO_IN		BIT(3)
#define IO_STRING	BIT(4)
#define IO_PORT_SHIFT	16

/* EPT violations: there is a linear address, and the access is to what it is translated to, not to the tables on the way */
#define EPT_FINAL	(BIT(7) | BIT(8))

/* Exit qualification of a task switch; the selector is below */
#define TASK_CAUSE_SHIFT	30

/* Exit qualification of an access to a control register; the general register is below */
#define CR_ACCESS_MASK	0x3f
#define CR3_WRITE	3
#define CR3_READ	(3 | BIT(4))
#define CR_REG_SHIFT	8

/* Exit qualification of MOV to or from a debug register */
#define DR_NUMBER_MASK	7
#define DR_READ		BIT(4)

/* Exit qualification of #DB: as DR6 */
#define DB_CAUSES	(DR_TRAP_BITS | DR_STEP | BIT(13))

/* What of struct vmx_exit a reason has, and whether an instruction caused it, whose length is told */
#define QUALIFICATION	BIT(0)
#define GPA		BIT(1)
#define INTERRUPTION	BIT(2)
#define INSN		BIT(3)
/*
 * The handler looks neither at CR3 nor at CR0.TS, which can wait for another exit or for the end of the stay; and it has
 * nothing but a qualification and an instruction.
 */
#define PLAIN		BIT(4)

static enum wr_run_result exit_exception(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 info = vmx->exit.intr_info;

	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR)
		return wr_exit_host_event(vcpu);
	switch (info & INTR_INFO_VECTOR_MASK) {
	case X86_TRAP_DB:
		/* INT1 is a trap, but exits before it is done. */
		if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION)
			wr_insn_retire(vcpu, vcpu->next_rip);
		/* A step for the debugger is a monitor trap. */
		return wr_exit_db(vcpu, vmx->exit.qualification & DB_CAUSES, true, false);
	case X86_TRAP_BP:
		return wr_exit_bp(vcpu);
	case X86_TRAP_UD:
		return wr_exit_ud(vcpu);
	case X86_TRAP_AC:
		wr_event_exception_error(vcpu, X86_TRAP_AC, vmx->exit.intr_error);
		return WR_RUN_RESUME;
	case X86_TRAP_MC:
		return wr_exit_host_event(vcpu);
	case X86_TRAP_PF:
		if (vmx_caps.shadow)
			return wr_exit_page_fault(vcpu, vmx->exit.qualification, vmx->exit.intr_error);
		fallthrough;
	default:
		return vmx_real_exception(vcpu, info & INTR_INFO_VECTOR_MASK);
	}
}

static enum wr_run_result exit_io(struct wr_vcpu *vcpu)
{
	u64 info = to_vmx(vcpu)->exit.qualification;

	vcpu->io = (struct wr_io) {
		.port = info >> IO_PORT_SHIFT,
		.size = (info & IO_SIZE_MASK) + 1,
		.in = info & IO_IN,
		.string = info & IO_STRING,
	};
	return wr_exit_io(vcpu);
}

/* Where paging is not 64-bit a write of CR3 may have to read memory. */
static enum wr_run_result exit_cr(struct wr_vcpu *vcpu)
{
	u64 info = to_vmx(vcpu)->exit.qualification;
	u64 *reg = &vcpu->regs[info >> CR_REG_SHIFT & 15];

	if (wr_is_64bit_mode(vcpu)) {
		switch (info & CR_ACCESS_MASK) {
		case CR3_WRITE: return wr_exit_write_cr3(vcpu, *reg);
		case CR3_READ: return wr_exit_read_cr3(vcpu, reg);
		}
	}
	return wr_exit_emulate(vcpu);
}

static enum wr_run_result exit_invlpg(struct wr_vcpu *vcpu)
{
	return wr_exit_invlpg(vcpu, to_vmx(vcpu)->exit.qualification);
}

static enum wr_run_result exit_rdmsr(struct wr_vcpu *vcpu)
{
	return wr_exit_msr(vcpu, false);
}

static enum wr_run_result exit_wrmsr(struct wr_vcpu *vcpu)
{
	return wr_exit_msr(vcpu, true);
}

static enum wr_run_result exit_ept_violation(struct wr_vcpu *vcpu)
{
	const struct vmx_exit *exit = &to_vmx(vcpu)->exit;
	u32 access = 0;

	if (exit->qualification & EPT_VIOLATION_ACC_WRITE)
		access |= WR_ACC_WRITE;
	if (exit->qualification & EPT_VIOLATION_ACC_INSTR)
		access |= WR_ACC_FETCH;
	if ((exit->qualification & EPT_FINAL) != EPT_FINAL)
		access |= WR_ACC_TABLE;
	return wr_exit_fault(vcpu, exit->gpa, access);
}

static enum wr_run_result exit_interrupt_window(struct wr_vcpu *vcpu)
{
	vmx_interrupt_window(vcpu, false);
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return WR_RUN_RESUME;
}

static enum wr_run_result exit_nmi_window(struct wr_vcpu *vcpu)
{
	vmx_nmi_window(vcpu, false);
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return WR_RUN_RESUME;
}

/* TPR is below the class of an interrupt that waits: taken over at the exit, now deliver. */
static enum wr_run_result exit_tpr(struct wr_vcpu *vcpu)
{
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return WR_RUN_RESUME;
}

/* The end of an instruction or of a delivery, before the next instruction */
static enum wr_run_result exit_monitor_trap(struct wr_vcpu *vcpu)
{
	wr_debug_stepped(vcpu);
	return WR_RUN_RESUME;
}

/* The log was emptied at the exit, and the write is done again. */
static enum wr_run_result exit_pml_full(struct wr_vcpu *vcpu)
{
	return WR_RUN_RESUME;
}

/* The guest touched a debug register: they are its own for the rest of this stay, and it tries again. */
static enum wr_run_result exit_dr(struct wr_vcpu *vcpu)
{
	u64 info = to_vmx(vcpu)->exit.qualification;

	if (wr_debug_owns_dr(vcpu))
		return wr_exit_dr(vcpu, info & DR_NUMBER_MASK, !(info & DR_READ));
	to_vmx(vcpu)->dr_live = true;
	vmx_set_dr7(vcpu);
	return WR_RUN_RESUME;
}

static enum wr_run_result exit_entry_failed(struct wr_vcpu *vcpu)
{
	const struct vmx_exit *exit = &to_vmx(vcpu)->exit;
	bool state = exit->reason & VMX_EXIT_REASONS_FAILED_VMENTRY;

	/* The guest's state was refused, or the VMCS as a whole. */
	return wr_exit_entry_failed(vcpu, vmx_explain_failure(to_vmx(vcpu), state ? exit->reason : exit->instruction_error));
}

static noinline enum wr_run_result exit_unsupported(struct wr_vcpu *vcpu)
{
	const struct vmx_exit *exit = &to_vmx(vcpu)->exit;
	u64 data[] = { exit->reason, exit->qualification, exit->gpa };

	return wr_exit_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, data, ARRAY_SIZE(data));
}

static enum wr_run_result exit_task_switch(struct wr_vcpu *vcpu)
{
	static const u8 causes[] = { WR_TASK_CALL, WR_TASK_IRET, WR_TASK_JMP, WR_TASK_GATE };
	u64 info = to_vmx(vcpu)->exit.qualification;

	return wr_exit_task_switch(vcpu, info, causes[info >> TASK_CAUSE_SHIFT & 3]);
}

/* The last entry did not take place. */
static enum wr_run_result exit_off(struct wr_vcpu *vcpu)
{
	return WR_RUN_LEAVE;
}

struct vmx_exit_row {
	enum wr_run_result (*handle)(struct wr_vcpu *vcpu);
	u8 tells;
	u8 reason;	/* enum warren_exit */
};

static const struct vmx_exit_row exits[] = {
	[EXIT_REASON_EXCEPTION_NMI] = { exit_exception, QUALIFICATION | INTERRUPTION, WARREN_EXIT_EXCEPTION },
	[EXIT_REASON_EXTERNAL_INTERRUPT] = { wr_exit_host_event, PLAIN, WARREN_EXIT_INTERRUPT },
	[EXIT_REASON_TRIPLE_FAULT] = { wr_exit_shutdown, 0, WARREN_EXIT_TRIPLE_FAULT },
	[EXIT_REASON_INTERRUPT_WINDOW] = { exit_interrupt_window, PLAIN, WARREN_EXIT_WINDOW },
	[EXIT_REASON_NMI_WINDOW] = { exit_nmi_window, 0, WARREN_EXIT_WINDOW },
	[EXIT_REASON_TASK_SWITCH] = { exit_task_switch, QUALIFICATION | INSN, WARREN_EXIT_TASK_SWITCH },
	[EXIT_REASON_CPUID] = { wr_exit_cpuid, INSN | PLAIN, WARREN_EXIT_CPUID },
	[EXIT_REASON_HLT] = { wr_exit_halt, INSN | PLAIN, WARREN_EXIT_HLT },
	[EXIT_REASON_INVD] = { wr_exit_skip, INSN, WARREN_EXIT_CACHE },
	[EXIT_REASON_INVLPG] = { exit_invlpg, QUALIFICATION | INSN | PLAIN, WARREN_EXIT_CR },
	[EXIT_REASON_RDPMC] = { wr_exit_rdpmc, 0, WARREN_EXIT_VIRTUALIZATION },
	[EXIT_REASON_VMCALL] = { wr_exit_hypercall, INSN, WARREN_EXIT_HYPERCALL },
	[EXIT_REASON_VMCLEAR ... EXIT_REASON_VMON] = { wr_exit_undefined, 0, WARREN_EXIT_VIRTUALIZATION },
	[EXIT_REASON_CR_ACCESS] = { exit_cr, QUALIFICATION | INSN | PLAIN, WARREN_EXIT_CR },
	[EXIT_REASON_DR_ACCESS] = { exit_dr, QUALIFICATION | INSN, WARREN_EXIT_DR },
	[EXIT_REASON_IO_INSTRUCTION] = { exit_io, QUALIFICATION | INSN | PLAIN, WARREN_EXIT_IO },
	[EXIT_REASON_MSR_READ] = { exit_rdmsr, INSN | PLAIN, WARREN_EXIT_MSR_READ },
	[EXIT_REASON_MSR_WRITE] = { exit_wrmsr, INSN | PLAIN, WARREN_EXIT_MSR_WRITE },
	[EXIT_REASON_INVALID_STATE] = { exit_entry_failed, QUALIFICATION, WARREN_EXIT_ENTRY_FAILED },
	[EXIT_REASON_MSR_LOAD_FAIL] = { exit_entry_failed, QUALIFICATION, WARREN_EXIT_ENTRY_FAILED },
	[EXIT_REASON_MWAIT_INSTRUCTION] = { wr_exit_monitor, INSN, WARREN_EXIT_VIRTUALIZATION },
	[EXIT_REASON_MONITOR_TRAP_FLAG] = { exit_monitor_trap, 0, WARREN_EXIT_EXCEPTION },
	[EXIT_REASON_MONITOR_INSTRUCTION] = { wr_exit_monitor, INSN, WARREN_EXIT_VIRTUALIZATION },
	[EXIT_REASON_PAUSE_INSTRUCTION] = { wr_exit_pause, INSN | PLAIN, WARREN_EXIT_PAUSE },
	[EXIT_REASON_MCE_DURING_VMENTRY] = { wr_exit_host_event, 0, WARREN_EXIT_NMI },
	[EXIT_REASON_TPR_BELOW_THRESHOLD] = { exit_tpr, 0, WARREN_EXIT_APIC },
	[EXIT_REASON_EOI_INDUCED] = { vmx_exit_eoi, QUALIFICATION, WARREN_EXIT_APIC },
	[EXIT_REASON_EPT_VIOLATION] = { exit_ept_violation, QUALIFICATION | GPA, WARREN_EXIT_FAULT },
	[EXIT_REASON_EPT_MISCONFIG] = { exit_unsupported, GPA, WARREN_EXIT_FAULT },
	[EXIT_REASON_INVEPT] = { wr_exit_undefined, 0, WARREN_EXIT_VIRTUALIZATION },
	[EXIT_REASON_PREEMPTION_TIMER] = { wr_exit_timer, PLAIN, WARREN_EXIT_TIMER },
	[EXIT_REASON_INVVPID] = { wr_exit_undefined, 0, WARREN_EXIT_VIRTUALIZATION },
	[EXIT_REASON_WBINVD] = { wr_exit_skip, INSN, WARREN_EXIT_CACHE },
	[EXIT_REASON_XSETBV] = { wr_exit_xsetbv, INSN, WARREN_EXIT_XSETBV },
	[EXIT_REASON_APIC_WRITE] = { vmx_exit_apic_write, QUALIFICATION, WARREN_EXIT_APIC },
	[EXIT_REASON_INVPCID] = { wr_exit_undefined, 0, WARREN_EXIT_VIRTUALIZATION },
	[EXIT_REASON_VMFUNC] = { wr_exit_undefined, 0, WARREN_EXIT_VIRTUALIZATION },
	[EXIT_REASON_ENCLS] = { wr_exit_undefined, 0, WARREN_EXIT_VIRTUALIZATION },
	[EXIT_REASON_PML_FULL] = { exit_pml_full, QUALIFICATION, WARREN_EXIT_DIRTY_LOG },
};

/*
 * RIP after the instruction that exited. Nothing is cut off at the end of 32-bit code's address space, but entries refuse a
 * RIP beyond it.
 */
static __always_inline u64 next_rip(struct wr_vcpu *vcpu)
{
	u64 next = vcpu->rip + vmcs_read32(VM_EXIT_INSTRUCTION_LEN);

	if (unlikely((next ^ vcpu->rip) >> 32) && !(vmcs_read32(GUEST_CS_AR_BYTES) & VMX_AR_L_MASK))
		next = (u32)next;
	return next;
}

/* The fault of an IRET that had unblocked NMIs already: they are blocked again, as before it (SDM volume 3, 28.2.3). */
static void block_nmis_again(struct vmx_vcpu *vmx, u32 info)
{
	if (info & INTR_INFO_UNBLOCK_NMI && !wr_event_unfinished(&vmx->vcpu))
		vmx->blocking |= GUEST_INTR_STATE_NMI;
}

static noinline u64 read_all(struct vmx_vcpu *vmx, const struct vmx_exit_row *row)
{
	struct vmx_exit *exit = &vmx->exit;
	u8 tells = row->tells;

	vmx_read_crs(vmx);
	if (tells & QUALIFICATION)
		exit->qualification = vmcs_read(EXIT_QUALIFICATION);
	if (tells & GPA)
		exit->gpa = vmcs_read64(GUEST_PHYSICAL_ADDRESS);
	if ((u16)exit->reason == EXIT_REASON_EPT_VIOLATION || (u16)exit->reason == EXIT_REASON_PML_FULL)
		block_nmis_again(vmx, exit->qualification);
	if (tells & INTERRUPTION) {
		exit->intr_info = vmcs_read32(VM_EXIT_INTR_INFO);
		if (exit->intr_info & INTR_INFO_DELIVER_CODE_MASK)
			exit->intr_error = vmcs_read32(VM_EXIT_INTR_ERROR_CODE);
		if ((exit->intr_info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION)
			tells |= INSN;
		block_nmis_again(vmx, exit->intr_info);
	}
	vmx->vcpu.next_rip = tells & INSN ? next_rip(&vmx->vcpu) : 0;
	return row->reason;
}

static const struct vmx_exit_row exit_unknown = { exit_unsupported, QUALIFICATION, WARREN_EXIT_OTHER };
static const struct vmx_exit_row exit_emulate = { vmx_emulate, 0, WARREN_EXIT_OTHER };
static const struct vmx_exit_row exit_none = { exit_off, 0, WARREN_EXIT_OTHER };

static __always_inline const struct vmx_exit_row *find_row(u16 reason)
{
	const struct vmx_exit_row *row = &exits[reason];

	if (unlikely(reason >= ARRAY_SIZE(exits)))
		return &exit_unknown;
	/* One address, instead of three that the compiler computes from the number */
	OPTIMIZER_HIDE_VAR(row);
	return likely(row->handle) ? row : &exit_unknown;
}

/**
 * vmx_read_exit - take over what the hardware tells of an exit
 * @vmx: whose; its VMCS is current, and interrupted deliveries were taken over
 *
 * All at once and on that CPU: handlers may run after the stay.
 *
 * Return: why the guest exited; WARREN_EXIT_EXCEPTION for an NMI and a machine check too. Context: interrupts off.
 */
u64 vmx_read_exit(struct vmx_vcpu *vmx)
{
	const struct vmx_exit_row *row = find_row(vmx->exit.reason);
	u8 tells = row->tells;

	vmx->exit.row = row;
	if (!(tells & PLAIN))
		return read_all(vmx, row);
	vmx->crs_stale = true;
	if (tells & QUALIFICATION)
		vmx->exit.qualification = vmcs_read(EXIT_QUALIFICATION);
	vmx->vcpu.next_rip = tells & INSN ? next_rip(&vmx->vcpu) : 0;
	return row->reason;
}

/**
 * vmx_no_exit - the CPU refused the entry, or VMX is off
 * @vmx: whose
 * @refused: which
 */
u64 vmx_no_exit(struct vmx_vcpu *vmx, bool refused)
{
	vmx->exit.row = refused ? &exits[EXIT_REASON_INVALID_STATE] : &exit_none;
	vmx->exit.qualification = 0;
	return vmx->exit.row->reason;
}

/**
 * vmx_no_entry - the CPU would refuse the entry, so that it is not tried: vmx_emulate() is called instead
 * @vmx: whose
 */
u64 vmx_no_entry(struct vmx_vcpu *vmx)
{
	vmx->exit.row = &exit_emulate;
	vmx->exit.reason = EXIT_REASON_INVALID_STATE;
	return vmx->exit.row->reason;
}

/* Without EPT a #PF is what an EPT violation is with it. */
static u64 fault_gpa(struct wr_vcpu *vcpu, const struct vmx_exit *exit)
{
	if (exit->row->tells & GPA)
		return exit->gpa;
	if (exit->row->handle != exit_exception || !vmx_is_page_fault(exit->intr_info))
		return 0;
	return wr_exit_page_fault_gpa(vcpu, exit->qualification, exit->intr_error);
}

/* wr_backend.exit_words */
void vmx_exit_words(struct wr_vcpu *vcpu, struct wr_exit_words *out)
{
	const struct vmx_exit *exit = &to_vmx(vcpu)->exit;

	out->code = exit->reason;
	out->qualification = exit->row->tells & QUALIFICATION ? exit->qualification : 0;
	out->gpa = fault_gpa(vcpu, exit);
}

/* wr_backend.handle_exit */
enum wr_run_result vmx_handle_exit(struct wr_vcpu *vcpu)
{
	return to_vmx(vcpu)->exit.row->handle(vcpu);
}
