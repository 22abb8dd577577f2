// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V: exits, decoded from the VMCB and handed to common code.
 */
#include "../debug.h"
#include "../emulate/emulate.h"
#include "../mmu/mmu.h"
#include "svm.h"

/* The nested page fault is one of the CPU's walk of the guest's tables. */
#define NPF_TABLE	BIT_ULL(33)

static const struct vmcb_control_area *control(struct wr_vcpu *vcpu)
{
	return &to_svm(vcpu)->vmcb->control;
}

static enum wr_run_result exit_io(struct wr_vcpu *vcpu)
{
	u64 info = control(vcpu)->exit_info_1;

	vcpu->io = (struct wr_io) {
		.port = info >> 16,
		.size = (info & SVM_IOIO_SIZE_MASK) >> SVM_IOIO_SIZE_SHIFT,
		.in = info & SVM_IOIO_TYPE_MASK,
		.string = info & SVM_IOIO_STR_MASK,
	};
	/* Told from the first AMD-V on. */
	vcpu->next_rip = control(vcpu)->exit_info_2;
	return wr_exit_io(vcpu);
}

static enum wr_run_result exit_msr(struct wr_vcpu *vcpu)
{
	return wr_exit_msr(vcpu, control(vcpu)->exit_info_1);
}

static enum wr_run_result exit_npf(struct wr_vcpu *vcpu)
{
	u64 error = control(vcpu)->exit_info_1;
	/* The low bits of the error code are those of #PF, which WR_ACC_* are. */
	u32 access = error;

	if (error & NPF_TABLE)
		access |= WR_ACC_TABLE;
	return wr_exit_fault(vcpu, control(vcpu)->exit_info_2, access);
}

static enum wr_run_result exit_vintr(struct wr_vcpu *vcpu)
{
	svm_interrupt_window(vcpu, false);
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return WR_RUN_RESUME;
}

/* The exit comes before IRET executes: remember where, to see that it has. */
static enum wr_run_result exit_iret(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (svm->nmi_masked && !svm->nmi_iret) {
		svm->nmi_iret = true;
		svm->nmi_iret_rip = vcpu->rip;
		wr_vcpu_request(vcpu, WR_REQ_EVENT);
	}
	return svm_exit_flags_load(vcpu);
}

static enum wr_run_result exit_ac(struct wr_vcpu *vcpu)
{
	wr_event_exception_error(vcpu, X86_TRAP_AC, 0);
	return WR_RUN_RESUME;
}

/*
 * The guest touched a debug register: they are its own for the rest of this stay, and it tries again. Not while they are a
 * debugger's, or a step is wanted, which needs DR6.
 */
static enum wr_run_result exit_dr(struct wr_vcpu *vcpu)
{
	u32 which = control(vcpu)->exit_code - SVM_EXIT_READ_DR0;

	if (wr_debug_owns_dr(vcpu) || vcpu->event.nmi.pending)
		return wr_exit_dr(vcpu, which % 16, which >= 16);
	to_svm(vcpu)->dr_live = true;
	svm_set_dr7(vcpu);
	return WR_RUN_RESUME;
}

static enum wr_run_result exit_entry_failed(struct wr_vcpu *vcpu)
{
	return wr_exit_entry_failed(vcpu, (u32)SVM_EXIT_ERR);
}

static enum wr_run_result exit_shutdown(struct wr_vcpu *vcpu)
{
	/* The VMCB's state is undefined after a shutdown, and what was about to be delivered is lost. */
	svm_vcpu_reset(vcpu, true);
	/* With shadow paging these are all that keeps a guest that is run again to its own memory. */
	wr_backend->set_cr0(vcpu);
	wr_backend->set_cr4(vcpu);
	wr_backend->set_efer(vcpu);
	wr_event_reset(vcpu);
	return wr_exit_shutdown(vcpu);
}

static enum wr_run_result exit_unsupported(struct wr_vcpu *vcpu)
{
	u64 data[] = { (u32)control(vcpu)->exit_code, control(vcpu)->exit_info_1,
		       control(vcpu)->exit_info_2 };

	return wr_exit_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, data,
				      ARRAY_SIZE(data));
}

static enum wr_run_result exit_task_switch(struct wr_vcpu *vcpu)
{
	u64 info = control(vcpu)->exit_info_2;
	u8 cause = WR_TASK_CALL;

	if (control(vcpu)->exit_int_info & SVM_EXITINTINFO_VALID)
		cause = WR_TASK_GATE;
	else if (info & BIT_ULL(SVM_EXITINFOSHIFT_TS_REASON_IRET))
		cause = WR_TASK_IRET;
	else if (info & BIT_ULL(SVM_EXITINFOSHIFT_TS_REASON_JMP))
		cause = WR_TASK_JMP;
	/* The hardware may tell of the next instruction when there is none. */
	vcpu->next_rip = 0;
	return wr_exit_task_switch(vcpu, control(vcpu)->exit_info_1, cause);
}

static struct svm_exit exits[] __ro_after_init = {
	[SVM_EXIT_READ_CR0] = { wr_exit_emulate, WARREN_EXIT_CR },
	[SVM_EXIT_READ_CR3] = { wr_exit_system, WARREN_EXIT_CR },
	[SVM_EXIT_READ_CR4] = { wr_exit_emulate, WARREN_EXIT_CR },
	[SVM_EXIT_WRITE_CR0] = { wr_exit_emulate, WARREN_EXIT_CR },
	[SVM_EXIT_WRITE_CR3] = { wr_exit_system, WARREN_EXIT_CR },
	[SVM_EXIT_WRITE_CR4] = { wr_exit_emulate, WARREN_EXIT_CR },
	[SVM_EXIT_WRITE_CR8] = { wr_exit_emulate, WARREN_EXIT_CR },
	[SVM_EXIT_CR0_SEL_WRITE] = { wr_exit_emulate, WARREN_EXIT_CR },
	[SVM_EXIT_READ_DR0 ... SVM_EXIT_READ_DR7] = { exit_dr, WARREN_EXIT_DR },
	[SVM_EXIT_WRITE_DR0 ... SVM_EXIT_WRITE_DR7] = { exit_dr, WARREN_EXIT_DR },
	[SVM_EXIT_EXCP_BASE + X86_TRAP_DE] = { svm_exit_exception, WARREN_EXIT_EXCEPTION },
	[SVM_EXIT_EXCP_BASE + X86_TRAP_DB] = { svm_exit_db, WARREN_EXIT_EXCEPTION },
	[SVM_EXIT_EXCP_BASE + X86_TRAP_BP ... SVM_EXIT_EXCP_BASE + X86_TRAP_BR] = { svm_exit_exception, WARREN_EXIT_EXCEPTION },
	[SVM_EXIT_EXCP_BASE + X86_TRAP_UD] = { wr_exit_ud, WARREN_EXIT_EXCEPTION },
	[SVM_EXIT_EXCP_BASE + X86_TRAP_NM ... SVM_EXIT_EXCP_BASE + X86_TRAP_MF] = { svm_exit_exception, WARREN_EXIT_EXCEPTION },
	[SVM_EXIT_EXCP_BASE + X86_TRAP_AC] = { exit_ac, WARREN_EXIT_EXCEPTION },
	[SVM_EXIT_EXCP_BASE + X86_TRAP_MC] = { wr_exit_host_event, WARREN_EXIT_NMI },
	[SVM_EXIT_EXCP_BASE + X86_TRAP_XF ... SVM_EXIT_EXCP_BASE + 31] = { svm_exit_exception, WARREN_EXIT_EXCEPTION },
	[SVM_EXIT_INTR] = { wr_exit_host_event, WARREN_EXIT_INTERRUPT },
	[SVM_EXIT_NMI] = { wr_exit_host_event, WARREN_EXIT_NMI },
	[SVM_EXIT_SMI] = { wr_exit_host_event, WARREN_EXIT_NMI },
	[SVM_EXIT_INIT] = { wr_exit_host_event, WARREN_EXIT_NMI },
	[SVM_EXIT_VINTR] = { exit_vintr, WARREN_EXIT_WINDOW },
	[SVM_EXIT_RDPMC] = { wr_exit_rdpmc, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_CPUID] = { wr_exit_cpuid, WARREN_EXIT_CPUID },
	[SVM_EXIT_PUSHF] = { wr_exit_emulate, WARREN_EXIT_IRET },
	[SVM_EXIT_POPF] = { svm_exit_flags_load, WARREN_EXIT_IRET },
	[SVM_EXIT_IRET] = { exit_iret, WARREN_EXIT_IRET },
	[SVM_EXIT_SWINT] = { wr_exit_soft_interrupt, WARREN_EXIT_SOFT_INTERRUPT },
	[SVM_EXIT_INVD] = { wr_exit_skip, WARREN_EXIT_CACHE },
	[SVM_EXIT_PAUSE] = { wr_exit_pause, WARREN_EXIT_PAUSE },
	[SVM_EXIT_HLT] = { wr_exit_halt, WARREN_EXIT_HLT },
	[SVM_EXIT_INVLPG] = { svm_exit_invlpg, WARREN_EXIT_CR },
	[SVM_EXIT_INVLPGA] = { wr_exit_undefined, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_IOIO] = { exit_io, WARREN_EXIT_IO },
	[SVM_EXIT_MSR] = { exit_msr, WARREN_EXIT_MSR_READ },
	[SVM_EXIT_TASK_SWITCH] = { exit_task_switch, WARREN_EXIT_TASK_SWITCH },
	[SVM_EXIT_SHUTDOWN] = { exit_shutdown, WARREN_EXIT_TRIPLE_FAULT },
	[SVM_EXIT_VMRUN] = { wr_exit_undefined, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_VMMCALL] = { wr_exit_hypercall, WARREN_EXIT_HYPERCALL },
	[SVM_EXIT_VMLOAD] = { wr_exit_undefined, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_VMSAVE] = { wr_exit_undefined, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_STGI] = { wr_exit_undefined, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_CLGI] = { wr_exit_undefined, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_SKINIT] = { wr_exit_undefined, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_RDTSCP] = { wr_exit_undefined, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_ICEBP] = { wr_exit_icebp, WARREN_EXIT_SOFT_INTERRUPT },
	[SVM_EXIT_WBINVD] = { wr_exit_skip, WARREN_EXIT_CACHE },
	[SVM_EXIT_MONITOR] = { wr_exit_monitor, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_MWAIT] = { wr_exit_monitor, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_XSETBV] = { wr_exit_xsetbv, WARREN_EXIT_XSETBV },
	[SVM_EXIT_RDPRU] = { wr_exit_undefined, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_INVPCID] = { wr_exit_undefined, WARREN_EXIT_VIRTUALIZATION },
	[SVM_EXIT_RSM] = { wr_exit_undefined, WARREN_EXIT_VIRTUALIZATION },
};

static const struct svm_exit exit_fault = { exit_npf, WARREN_EXIT_FAULT };
static const struct svm_exit exit_write_msr = { exit_msr, WARREN_EXIT_MSR_WRITE };
static const struct svm_exit exit_refused = { exit_entry_failed, WARREN_EXIT_ENTRY_FAILED };
static const struct svm_exit exit_unknown = { exit_unsupported, WARREN_EXIT_OTHER };

static const struct svm_exit *find_exit(const struct vmcb_control_area *control)
{
	u32 code = control->exit_code;

	if (code == SVM_EXIT_MSR && control->exit_info_1)
		return &exit_write_msr;
	if (code < ARRAY_SIZE(exits))
		return likely(exits[code].handle) ? &exits[code] : &exit_unknown;
	if (code == SVM_EXIT_NPF)
		return &exit_fault;
	return code == (u32)SVM_EXIT_ERR ? &exit_refused : &exit_unknown;
}

/* Without nested paging #PF is what a nested page fault is with it. */
static enum wr_run_result exit_page_fault(struct wr_vcpu *vcpu)
{
	return wr_exit_page_fault(vcpu, control(vcpu)->exit_info_2, control(vcpu)->exit_info_1);
}

/**
 * svm_exits_use_shadow - exits of shadow paging
 *
 * Context: once, at load.
 */
void svm_exits_use_shadow(void)
{
	exits[SVM_EXIT_EXCP_BASE + X86_TRAP_PF] = (struct svm_exit) { exit_page_fault, WARREN_EXIT_FAULT };
}

static u64 fault_gpa(struct wr_vcpu *vcpu)
{
	const struct svm_exit *exit = to_svm(vcpu)->exit;

	if (exit == &exit_fault)
		return control(vcpu)->exit_info_2;
	if (exit->handle != exit_page_fault)
		return 0;
	return wr_exit_page_fault_gpa(vcpu, control(vcpu)->exit_info_2, control(vcpu)->exit_info_1);
}

/**
 * svm_exit_reason - take over why the guest exited
 * @svm: after its exit
 */
u64 svm_exit_reason(struct svm_vcpu *svm)
{
	svm->exit = find_exit(&svm->vmcb->control);
	return svm->exit->reason;
}

/* wr_backend.exit_words */
void svm_exit_words(struct wr_vcpu *vcpu, struct wr_exit_words *out)
{
	out->code = control(vcpu)->exit_code;
	out->qualification = control(vcpu)->exit_info_1;
	out->gpa = fault_gpa(vcpu);
}

/* wr_backend.handle_exit */
enum wr_run_result svm_handle_exit(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (unlikely(svm->debug_entry))
		svm_step_exited(svm);
	return svm->exit->handle(vcpu);
}
