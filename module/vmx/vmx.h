/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-x: what its files share.
 */
#ifndef WARREN_VMX_H
#define WARREN_VMX_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <asm/desc_defs.h>
#include <asm/msr.h>
#include <asm/trapnr.h>

#include "../backend.h"
#include "../compat.h"
#include "../host.h"
#include "../tlb.h"
#include "vmcs.h"

/*
 * struct vmx_caps - what the CPUs of this machine can do; read once at load
 *
 * @pin to @entry: the controls that vCPUs use: all that is required, and of what is wanted all that is there.
 * @exceptions: that exit whatever a vCPU is doing; a bitmap.
 */
struct vmx_caps {
	u32 revision;			/* of VMCSs and of the VMXON region */
	u32 pin, cpu, cpu2, exit, entry;
	u32 exceptions;
	bool shadow;			/* no EPT: shadow paging */
	bool ept_ad;			/* EPT has accessed and dirty bits */
	bool ept_1g;
	bool invept_single;		/* INVEPT can spare other VMs' translations */
	bool tsc_aux;			/* MSR_TSC_AUX exists */
	bool spec_ctrl;			/* MSR_IA32_SPEC_CTRL exists */
	bool flush_l1d;			/* L1 terminal fault: the L1 data cache must not hold secrets when a guest runs */
	bool apicv;			/* the CPU delivers interrupts from the register page, see apicv.c */
	bool perf;			/* the CPU counts events, and entry and exit can switch that off and on */
	bool unrestricted;		/* guests run in real mode and without paging; else see realmode.c */
	bool timer;			/* there is a preemption timer, which vCPUs use */
	u8 timer_rate;			/* it counts the changes of that bit of the TSC */
};

/* Of the secondary controls: what a local APIC in hardware needs */
#define VMX_APICV_CONTROLS \
	(SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE | SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)

/* Of the primary controls: what shadow paging needs, and nested paging must be able to do without */
#define VMX_SHADOW_CONTROLS	(CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING | CPU_BASED_INVLPG_EXITING)

/* Of the secondary controls: what there is with EPT alone, and INVPCID, which flushes more than shadow paging hears of */
#define VMX_EPT_CONTROLS \
	(SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_UNRESTRICTED_GUEST | SECONDARY_EXEC_ENABLE_PML | SECONDARY_EXEC_ENABLE_INVPCID)

/* Is an event, as the VMCS has it, a #PF? */
static inline bool vmx_is_page_fault(u32 info)
{
	return (info & (INTR_INFO_INTR_TYPE_MASK | INTR_INFO_VECTOR_MASK)) == (INTR_TYPE_HARD_EXCEPTION | X86_TRAP_PF);
}

extern struct vmx_caps vmx_caps;
extern struct wr_backend_caps vmx_backend_caps;
extern struct wr_pt_format vmx_ept_format;
extern unsigned long *vmx_msr_bitmap;	/* MSRs that exit: one map for all vCPUs */
extern unsigned long *vmx_no_msr_bitmap;	/* all of them: for guests whose accesses are filtered */

/* What GUEST_CR3 cannot hold */
#define VMX_CR3_UNKNOWN		U64_MAX

/* What the preemption timer's field cannot hold */
#define VMX_TIMER_UNKNOWN	U64_MAX

/* MSRs of SYSCALL: no field of the VMCS has them, a stay swaps them */
enum vmx_syscall_msr {
	VMX_STAR, VMX_LSTAR, VMX_SYSCALL_MASK,
	VMX_NR_SYSCALL_MSRS,
};

/* MSRs that are the guest's until the end of the stay, beside KVM of the section */
#define VMX_LIVE_SYSCALL	BIT(0)
#define VMX_LIVE_TSC_AUX	BIT(1)

/* struct vmx_segments - segment registers of the host that an exit does not bring back */
struct vmx_segments {
	u16 ds, es, fs, gs, ldt;
};

/* struct vmx_posted - a posted-interrupt descriptor */
struct vmx_posted {
	DECLARE_BITMAP(requests, 256);	/* [A] */
	u64 control[4];			/* for devices that post: none does */
} __aligned(64);

struct vmx_exit_row;

/* struct vmx_exit - what the hardware told of the last exit; words that it does not give for that reason are stale */
struct vmx_exit {
	const struct vmx_exit_row *row;	/* of exits.c: what to do */
	u32 reason;
	u32 intr_info, intr_error;
	u32 instruction_error;
	u64 qualification;
	u64 gpa;
};

/**
 * struct vmx_real - a vCPU whose guest is not unrestricted, see realmode.c
 *
 * While @vm86, the VMCS has the form of virtual-8086 mode, and what that has no room for is here.
 */
struct vmx_real {
	bool settled;		/* @emulate and @vm86 are for the state as it is */
	bool emulate;		/* the hardware cannot run it */
	bool vm86;
	u64 rflags;		/* as of that time */
	u32 rights[WR_GS + 1];
	struct kvm_segment tr;
	u32 sysenter_cs;
};

/**
 * struct vmx_vcpu - a vCPU on VT-x
 *
 * The VMCS is in the hardware's hands while @cpu is a CPU: only there may it be touched, when it is current. Code gets there by
 * vmx_begin().
 */
struct vmx_vcpu {
	struct wr_vcpu vcpu;
	void *vmcs;			/* [I] page */
	u64 vmcs_pa;			/* [I] */
	void *vapic;			/* [I] virtual-APIC page: for TPR; NULL where it is the local APIC's own */
	struct vmx_posted *posted;	/* [I] page; NULL: nothing is posted */
	u64 *pml;			/* [I] page where the CPU logs writes, see pml.c; NULL: it does not */
	u64 eptp;			/* [I] 0 with shadow paging */
	u64 serial;			/* [I] of this vCPU; no two ever share one */
	u16 vpid;			/* [I] 0: none was free, each entry and exit flushes */
	struct wr_tlb tlb;		/* [V] its tag is @eptp, with shadow paging @vpid */
	int cpu;			/* where the VMCS is active, -1: nowhere. Changed there, with interrupts off */
	struct list_head active;	/* in that CPU's vmx_cpu.active */
	bool launched;			/* [V] since the VMCS was cleared */
	bool lost;			/* beside KVM: a section was refused. What was written in it is not there, so it never runs again */

	/* [V] What fields of the VMCS hold, to spare writes that change nothing */
	u64 rip, rsp, rflags;
	u64 cr3;			/* with shadow paging */
	u64 host_cr3, host_cr4, host_fs_base, host_perf;
	u64 host_rsp;
	u32 pin_controls, cpu_controls;
	u32 interruptibility;
	u32 tpr_threshold;
	u64 timer_ticks;		/* VMX_TIMER_UNKNOWN: never written */
	u64 eoi_exit[4];		/* vectors whose EOI exits */
	bool eoi_exit_lost;		/* ... are not in there */
	int host_cpu;			/* whose host state is in there, -1: nobody's */
	u32 injected, injected_error;	/* the event for the coming entry, 0: none */

	u32 blocking;			/* [V] GUEST_INTR_STATE_*, as of the last exit and set_nmi_mask */
	bool crs_stale;			/* [V] in a stay: vcpu.cr3 and CR0.TS are as of an earlier exit */
	bool flush_l1d;			/* [V] the next entry owes that */
	struct vmx_exit exit;		/* [V] */
	u64 syscall_msr[VMX_NR_SYSCALL_MSRS];	/* [V] the guest's */
	u64 cstar;			/* [V] kept for the guest: no Intel CPU uses it */
	u64 kernel_gs_base;		/* [V] the guest's, outside a stay */
	bool dr_live;			/* [V] the guest's debug registers are in the hardware */
	u8 live_msrs;			/* [V] VMX_LIVE_* */
	struct vmx_real real;		/* [V] */

	/* [V] The host's, in a stay */
	struct vmx_segments host_segments;
	u64 host_kernel_gs_base;
	u32 host_debugctl;		/* has no more bits */
	unsigned long host_dr6;
	u64 host_spec_ctrl;
};

/* struct vmx_section - a section beside KVM, see borrow.c: whose, and how it found the CPU; interrupts off */
struct vmx_section {
	unsigned int depth;		/* 0: there is none */
	struct vmx_vcpu *vmx;
	unsigned long flags;		/* of local_irq_save() */
	unsigned long cr4;
	u64 vmcs;			/* KVM's, that was current */
	bool vmxon;			/* by us */
};

/* struct vmx_cpu - a host CPU */
struct vmx_cpu {
	struct page *vmxon;		/* region that VMXON wants; its contents are the CPU's own affair */
	bool on;
	struct vmx_vcpu *current_vcpu;	/* whose VMCS is current; interrupts off to change; beside KVM NULL */
	struct list_head active;	/* vCPUs whose VMCS is active here; interrupts off */
	struct wr_tlb_cpu tlb;		/* in a stay, or interrupts off */
	u64 last;			/* vmx_vcpu.serial of who ran here */
	u64 tsc_aux;			/* where the kernel keeps the CPU's number */
	u64 syscall_msr[VMX_NR_SYSCALL_MSRS];	/* the kernel's; beside KVM this and the above as found */
	struct desc_ptr gdt;		/* the kernel's */
	struct vmx_section section;
};

DECLARE_PER_CPU(struct vmx_cpu, vmx_cpu);

/*
 * A guest can arrange that delivering #AC or #DB raises the same again, for ever and with interrupts held off: only an
 * exit ends that. #MC is the host's. #UD may be another vendor's hypercall.
 */
#define VMX_EXCEPTIONS	(BIT(X86_TRAP_DB) | BIT(X86_TRAP_UD) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC))

static inline struct vmx_vcpu *to_vmx(struct wr_vcpu *vcpu)
{
	return container_of(vcpu, struct vmx_vcpu, vcpu);
}

/* caps.c */
int vmx_probe(void);
void vmx_remove(void);
int vmx_host_on(void);
void vmx_host_off(void);
void vmx_read_gdt(struct vmx_cpu *cpu);
void vmx_read_msrs(struct vmx_cpu *cpu);

/* borrow.c: CPUs that are KVM's as well */
void vmx_section_begin(struct vmx_vcpu *vmx);
void vmx_section_end(void);
int vmx_borrow(struct wr_vcpu *vcpu);
void vmx_give_back(struct wr_vcpu *vcpu);
void vmx_beside_begin(struct vmx_vcpu *vmx);
void vmx_beside_end(void);

/* ept.c */
void vmx_init_ept_format(void);

/* vmcs.c: whose VMCS is where, and what it holds from the start */
void vmx_make_current(struct vmx_vcpu *vmx);
void vmx_forget_active(struct vmx_cpu *cpu);
void vmx_init_msr_bitmap(void);
void vmx_pass_through(unsigned long *bitmap, u32 msr, bool read, bool write);
struct wr_vcpu *vmx_vcpu_alloc(struct wr_vm *vm);
void vmx_vcpu_free(struct wr_vcpu *vcpu);
void vmx_vcpu_reset(struct wr_vcpu *vcpu, bool init);
void vmx_set_cpu_control(struct vmx_vcpu *vmx, u32 bit, bool on);
void vmx_cpuid_changed(struct wr_vcpu *vcpu);
void vmx_set_policy(struct wr_vcpu *vcpu);
bool vmx_msrs_filtered(const struct wr_vcpu *vcpu);

/**
 * vmx_begin - make a VMCS accessible
 * @vmx: whose
 *
 * Until vmx_end(); it nests. Beside KVM that is a section, with interrupts off. Context: process context, interrupts on, or in a
 * stay of that vCPU.
 */
static inline void vmx_begin(struct vmx_vcpu *vmx)
{
	preempt_disable();
	if (unlikely(this_cpu_read(vmx_cpu.current_vcpu) != vmx))
		vmx_make_current(vmx);
}

static inline void vmx_end(void)
{
	if (wr_host_is_beside())
		vmx_section_end();
	preempt_enable();
}

/* state.c: the guest's registers */
void vmx_get_segment_as(struct wr_vcpu *vcpu, enum wr_seg seg, u32 ar, struct kvm_segment *out);
u32 vmx_access_rights(const struct kvm_segment *in);
void vmx_get_segment(struct wr_vcpu *vcpu, enum wr_seg seg, struct kvm_segment *out);
void vmx_set_segment(struct wr_vcpu *vcpu, enum wr_seg seg, const struct kvm_segment *in);
void vmx_get_idt(struct wr_vcpu *vcpu, struct wr_dtable *out);
void vmx_set_idt(struct wr_vcpu *vcpu, const struct wr_dtable *in);
void vmx_get_gdt(struct wr_vcpu *vcpu, struct wr_dtable *out);
void vmx_set_gdt(struct wr_vcpu *vcpu, const struct wr_dtable *in);
int vmx_get_cpl(struct wr_vcpu *vcpu);
void vmx_get_code(struct wr_vcpu *vcpu, struct wr_code *out);
void vmx_set_cr0(struct wr_vcpu *vcpu);
void vmx_set_cr3(struct wr_vcpu *vcpu);
void vmx_set_cr4(struct wr_vcpu *vcpu);
void vmx_set_efer(struct wr_vcpu *vcpu);
void vmx_write_exceptions(struct vmx_vcpu *vmx);
void vmx_set_dr7(struct wr_vcpu *vcpu);
int vmx_sync_pdptrs(struct wr_vcpu *vcpu);
int vmx_get_msr(struct wr_vcpu *vcpu, u32 index, u64 *data);
int vmx_set_msr(struct wr_vcpu *vcpu, u32 index, u64 data);
bool vmx_has_msr(u32 index);
void vmx_set_tsc(struct wr_vcpu *vcpu);

/* realmode.c: CPUs whose guests are not unrestricted */
void vmx_use_restricted(struct wr_backend *backend);
bool vmx_needs_emulation(struct wr_vcpu *vcpu);
void vmx_real_update(struct wr_vcpu *vcpu);
u64 vmx_real_cr0(const struct wr_vcpu *vcpu, u64 cr0);
u64 vmx_real_cr4(const struct wr_vcpu *vcpu, u64 cr4);
enum wr_run_result vmx_emulate(struct wr_vcpu *vcpu);
enum wr_run_result vmx_real_exception(struct wr_vcpu *vcpu, u8 vector);

/* apicv.c */
extern bool vmx_apicv;
int vmx_apicv_init(void);
void vmx_apicv_exit(void);
const struct wr_lapic_assist *vmx_lapic_assist(struct wr_vcpu *vcpu);
u32 vmx_apicv_controls(const struct wr_vcpu *vcpu);
u64 vmx_msr_bitmap_of(const struct wr_vcpu *vcpu);
void vmx_apicv_forget(struct vmx_vcpu *vmx);
enum wr_run_result vmx_exit_eoi(struct wr_vcpu *vcpu);
enum wr_run_result vmx_exit_apic_write(struct wr_vcpu *vcpu);

/* posted.c */
extern bool vmx_posted_interrupts;
void vmx_posted_choose(void);
void vmx_posted_start(struct vmx_vcpu *vmx);
void vmx_posted_sync(struct vmx_vcpu *vmx);

/* shadow.c */
void vmx_use_shadow(struct wr_backend *backend);

/* pml.c */
extern bool vmx_pml;
int vmx_pml_alloc(struct vmx_vcpu *vmx);
void vmx_pml_restart(struct vmx_vcpu *vmx);
void vmx_pml_collect(struct vmx_vcpu *vmx);

/* Entries of the log: the CPU fills it downwards. What it has not filled is no address. */
#define VMX_PML_ENTRIES		512
#define VMX_PML_EMPTY		U64_MAX

/**
 * vmx_pml_drain - take over what the CPU has logged
 * @vmx: after an exit, its VMCS current, interrupts off
 */
static inline void vmx_pml_drain(struct vmx_vcpu *vmx)
{
	if (vmx->pml && unlikely(READ_ONCE(vmx->pml[VMX_PML_ENTRIES - 1]) != VMX_PML_EMPTY))
		vmx_pml_collect(vmx);
}

/* inject.c */
void vmx_inject_exception(struct wr_vcpu *vcpu);
void vmx_inject_interrupt(struct wr_vcpu *vcpu);
void vmx_inject_nmi(struct wr_vcpu *vcpu);
void vmx_cancel_injection(struct wr_vcpu *vcpu);
void vmx_end_injection(struct vmx_vcpu *vmx, u32 info);

/**
 * vmx_complete_injection - take over what became of the event of the last entry
 * @vmx: whose exit; its VMCS is current
 */
static inline void vmx_complete_injection(struct vmx_vcpu *vmx)
{
	u32 info = vmcs_read32(IDT_VECTORING_INFO_FIELD);

	if (unlikely(info & VECTORING_INFO_VALID_MASK || vmx->injected))
		vmx_end_injection(vmx, info);
}

bool vmx_nmi_allowed(struct wr_vcpu *vcpu);
void vmx_interrupt_window(struct wr_vcpu *vcpu, bool on);
void vmx_nmi_window(struct wr_vcpu *vcpu, bool on);
bool vmx_get_nmi_mask(struct wr_vcpu *vcpu);
void vmx_set_nmi_mask(struct wr_vcpu *vcpu, bool masked);
void vmx_update_cr8_intercept(struct wr_vcpu *vcpu, int threshold);

/* backend.c */
u64 vmx_enter(struct wr_vcpu *vcpu);
void vmx_put(struct wr_vcpu *vcpu);
void vmx_flush_tlb(struct wr_vcpu *vcpu);
u32 vmx_timer_ticks(u64 deadline, u64 now, u8 rate);
void vmx_load_syscall_msrs(struct vmx_vcpu *vmx);
void vmx_load_msrs(struct vmx_vcpu *vmx);
void vmx_put_msrs(struct vmx_vcpu *vmx);
void vmx_read_crs(struct vmx_vcpu *vmx);

/* exits.c */
u64 vmx_read_exit(struct vmx_vcpu *vmx);
u64 vmx_no_exit(struct vmx_vcpu *vmx, bool refused);
u64 vmx_no_entry(struct vmx_vcpu *vmx);
void vmx_exit_words(struct wr_vcpu *vcpu, struct wr_exit_words *out);
enum wr_run_result vmx_handle_exit(struct wr_vcpu *vcpu);

/* enter.S: what became of an entry */
enum vmx_entry {
	VMX_EXITED,
	VMX_REFUSED,	/* VM_INSTRUCTION_ERROR says why */
	VMX_OFF,	/* VMX is off, nothing was done */
};

unsigned long vmx_enter_guest(u64 *regs, bool launched, u64 *host_rsp);
void vmx_exited(void);	/* HOST_RIP */

#endif
