// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: the VMCS of a vCPU: which CPU has it, and what it holds from the start.
 *
 * A VMCS is active on one CPU at most, which may keep parts of it to itself until VMCLEAR, and current there while it is
 * worked on. It stays active between stays, as long as the vCPU comes back to the same CPU; but not beside KVM, see borrow.c.
 */
#include <linux/gfp.h>
#include <linux/idr.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <uapi/asm/debugreg.h>
#include <asm/desc.h>
#include <asm/processor-flags.h>
#include <asm/segment.h>
#include <asm/trapnr.h>

#include "../msr_user.h"
#include "vmx.h"

#define VPID_MAX		(VMX_NR_VPIDS - 1)

/* A PAUSE loop: PAUSEs less than PLE_GAP apart, for PLE_WINDOW, both in TSC cycles */
#define PAUSE_GAP		128
#define PAUSE_WINDOW		4096

/* Offset in the MSR bitmap of the write half, and of the MSRs from 0xc0000000 on; in bytes */
#define BITMAP_WRITE		2048
#define BITMAP_HIGH		1024

/* MSRs that VMCS fields or a stay switch: the guest reads and writes them without an exit. */
static const u32 passthrough_msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

static DEFINE_IDA(vpids);
static atomic64_t serials;

/* The CPU gives the VMCS back to memory. On that CPU, with interrupts off. */
static void clear_here(void *data)
{
	struct vmx_vcpu *vmx = data;

	if (vmx->cpu != smp_processor_id())
		return;
	vmclear(vmx->vmcs_pa);
	if (this_cpu_read(vmx_cpu.current_vcpu) == vmx)
		this_cpu_write(vmx_cpu.current_vcpu, NULL);
	list_del(&vmx->active);
	vmx->launched = false;
	/* The next CPU may take it once it sees this. */
	smp_store_release(&vmx->cpu, -1);
}

/* Wherever it is. Interrupts on. A CPU that went offline has cleared it already. */
static void clear_vmcs(struct vmx_vcpu *vmx)
{
	int cpu = smp_load_acquire(&vmx->cpu); /* pairs with the release in clear_here() */

	if (cpu >= 0)
		smp_call_function_single(cpu, clear_here, vmx, 1);
}

/**
 * vmx_forget_active - a CPU is about to leave VMX operation: take everything from it
 * @cpu: this CPU's
 *
 * Context: interrupts off.
 */
void vmx_forget_active(struct vmx_cpu *cpu)
{
	struct vmx_vcpu *vmx, *next;

	list_for_each_entry_safe(vmx, next, &cpu->active, active)
		clear_here(vmx);
}

/**
 * vmx_make_current - move a VMCS to this CPU
 * @vmx: whose
 *
 * Beside KVM it becomes so for a section. Context: preemption off; interrupts on if it may be active elsewhere.
 */
void vmx_make_current(struct vmx_vcpu *vmx)
{
	unsigned long flags;

	if (vmx->cpu != smp_processor_id())
		clear_vmcs(vmx);
	if (wr_host_is_beside()) {
		vmx_section_begin(vmx);
		return;
	}
	local_irq_save(flags);
	if (vmx->cpu < 0) {
		list_add(&vmx->active, this_cpu_ptr(&vmx_cpu.active));
		vmx->cpu = smp_processor_id();
	}
	vmptrld(vmx->vmcs_pa);
	this_cpu_write(vmx_cpu.current_vcpu, vmx);
	local_irq_restore(flags);
}

/**
 * vmx_pass_through - let a guest access an MSR without an exit
 * @bitmap: of a page
 * @msr: 0 to 0x1fff or from 0xc0000000 on
 * @read: RDMSR
 * @write: WRMSR
 */
void vmx_pass_through(unsigned long *bitmap, u32 msr, bool read, bool write)
{
	u32 bit = msr & 0x1fff;

	if (msr >= 0xc0000000)
		bitmap += BITMAP_HIGH / sizeof(long);
	if (read)
		__clear_bit(bit, bitmap);
	if (write)
		__clear_bit(bit, bitmap + BITMAP_WRITE / sizeof(long));
}

/**
 * vmx_init_msr_bitmap - which MSRs exit
 */
void vmx_init_msr_bitmap(void)
{
	int i;

	memset(vmx_msr_bitmap, 0xff, PAGE_SIZE);
	memset(vmx_no_msr_bitmap, 0xff, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(passthrough_msrs); i++)
		vmx_pass_through(vmx_msr_bitmap, passthrough_msrs[i], true, true);
}

/**
 * vmx_msrs_filtered - does the filter of its VM forbid accesses of a vCPU that would not exit?
 * @vcpu: the vCPU
 */
bool vmx_msrs_filtered(const struct wr_vcpu *vcpu)
{
	return wr_msr_any_filtered(vcpu, passthrough_msrs, ARRAY_SIZE(passthrough_msrs));
}

/* Host state that is the same on all CPUs and in all tasks */
static void init_host_state(void)
{
	struct desc_ptr idt;
	u64 value;

	store_idt(&idt);
	vmcs_write(HOST_IDTR_BASE, idt.address);
	vmcs_write16(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write16(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write16(HOST_DS_SELECTOR, 0);
	vmcs_write16(HOST_ES_SELECTOR, 0);
	vmcs_write16(HOST_FS_SELECTOR, 0);
	vmcs_write16(HOST_GS_SELECTOR, 0);
	vmcs_write16(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	vmcs_write(HOST_CR0, read_cr0() & ~X86_CR0_TS);
	vmcs_write(HOST_RIP, (unsigned long)vmx_exited);
	rdmsrl(MSR_EFER, value);
	vmcs_write64(HOST_IA32_EFER, value);
	rdmsrl(MSR_IA32_CR_PAT, value);
	vmcs_write64(HOST_IA32_PAT, value);
	rdmsrl(MSR_IA32_SYSENTER_CS, value);
	vmcs_write32(HOST_IA32_SYSENTER_CS, value);
	rdmsrl(MSR_IA32_SYSENTER_EIP, value);
	vmcs_write(HOST_IA32_SYSENTER_EIP, value);
}

static void init_controls(struct vmx_vcpu *vmx)
{
	u32 cpu2 = vmx_caps.cpu2;

	if (!vmx->vpid)
		cpu2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	vmcs_write32(PIN_BASED_VM_EXEC_CONTROL, vmx_caps.pin);
	vmx->pin_controls = vmx_caps.pin;
	vmcs_write32(CPU_BASED_VM_EXEC_CONTROL, vmx_caps.cpu);
	vmx->cpu_controls = vmx_caps.cpu;
	vmcs_write32(SECONDARY_VM_EXEC_CONTROL, cpu2);
	vmcs_write32(VM_EXIT_CONTROLS, vmx_caps.exit);
	vmcs_write32(VM_ENTRY_CONTROLS, vmx_caps.entry);
	vmcs_write32(EXCEPTION_BITMAP, vmx_caps.exceptions);
	vmcs_write64(MSR_BITMAP, __pa(vmx_msr_bitmap));
	vmcs_write64(VIRTUAL_APIC_PAGE_ADDR, __pa(vmx->vapic));
	vmcs_write32(TPR_THRESHOLD, 0);
	if (vmx->eptp)
		vmcs_write64(EPT_POINTER, vmx->eptp);
	if (vmx->pml)
		vmcs_write64(PML_ADDRESS, __pa(vmx->pml));
	vmx_pml_restart(vmx);
	if (vmx->vpid)
		vmcs_write16(VIRTUAL_PROCESSOR_ID, vmx->vpid);
	if (cpu2 & SECONDARY_EXEC_PAUSE_LOOP_EXITING) {
		vmcs_write32(PLE_GAP, PAUSE_GAP);
		vmcs_write32(PLE_WINDOW, PAUSE_WINDOW);
	}
	if (cpu2 & SECONDARY_EXEC_ENCLS_EXITING)
		vmcs_write64(ENCLS_EXITING_BITMAP, ~0ULL);
	/* No guest has a bit set in XSS. */
	if (cpu2 & VMX_EXEC_XSAVES)
		vmcs_write64(XSS_EXIT_BITMAP, 0);
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write32(CR3_TARGET_COUNT, 0);
	vmcs_write32(VM_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write32(VM_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write32(VM_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
}

static void init_guest_state(void)
{
	vmcs_write64(VMCS_LINK_POINTER, ~0ULL);
	vmcs_write64(GUEST_IA32_DEBUGCTL, 0);
	if (vmx_caps.perf)
		vmcs_write64(GUEST_IA32_PERF_GLOBAL_CTRL, 0);
	vmcs_write(CR0_GUEST_HOST_MASK, ~X86_CR0_TS);
	vmcs_write(CR4_GUEST_HOST_MASK, ~0UL);
}

static int alloc_pages_of(struct vmx_vcpu *vmx)
{
	vmx->vmcs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vmx->vapic = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->vmcs || !vmx->vapic || vmx_pml_alloc(vmx))
		return -ENOMEM;
	*(u32 *)vmx->vmcs = vmx_caps.revision;
	vmx->vmcs_pa = __pa(vmx->vmcs);
	return 0;
}

static u64 make_eptp(u64 root)
{
	return root | VMX_EPTP_MT_WB | VMX_EPTP_PWL_4 | (vmx_caps.ept_ad ? VMX_EPTP_AD_ENABLE_BIT : 0);
}

/* wr_backend.vcpu_alloc */
struct wr_vcpu *vmx_vcpu_alloc(struct wr_vm *vm)
{
	struct vmx_vcpu *vmx = kzalloc(sizeof(*vmx), GFP_KERNEL_ACCOUNT);
	int vpid = -ENOSPC;

	if (!vmx)
		return NULL;
	vmx->cpu = -1;
	vmx->host_cpu = -1;
	vmx->timer_ticks = VMX_TIMER_UNKNOWN;
	vmx->vcpu.vm = vm;
	if (alloc_pages_of(vmx)) {
		vmx_vcpu_free(&vmx->vcpu);
		return NULL;
	}
	if (vmx_caps.cpu2 & SECONDARY_EXEC_ENABLE_VPID)
		vpid = ida_alloc_range(&vpids, 1, VPID_MAX, GFP_KERNEL);
	/* KVM takes the lowest ones, and flushes what it gives to another vCPU of its own. */
	vmx->vpid = vpid > 0 ? VMX_NR_VPIDS - vpid : 0;
	vmx->serial = atomic64_inc_return(&serials);
	vmx->eptp = vmx_caps.shadow ? 0 : make_eptp(vm->mmu.root);
	vmx_begin(vmx);
	/* What makes a page a VMCS */
	vmclear(vmx->vmcs_pa);
	vmptrld(vmx->vmcs_pa);
	init_host_state();
	init_controls(vmx);
	init_guest_state();
	vmx_end();
	return &vmx->vcpu;
}

/* wr_backend.vcpu_free */
void vmx_vcpu_free(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	clear_vmcs(vmx);
	if (vmx->vpid)
		ida_free(&vpids, VMX_NR_VPIDS - vmx->vpid);
	free_page((unsigned long)vmx->posted);
	free_page((unsigned long)vmx->pml);
	free_page((unsigned long)vmx->vapic);
	free_page((unsigned long)vmx->vmcs);
	kfree(vmx);
}

/* wr_backend.vcpu_reset: what state.c does not set through the other ops */
void vmx_vcpu_reset(struct wr_vcpu *vcpu, bool init)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_begin(vmx);
	vmx_cancel_injection(vcpu);
	vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, 0);
	vmx->interruptibility = 0;
	vmx->blocking = 0;
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	vmx_interrupt_window(vcpu, false);
	vmx_nmi_window(vcpu, false);
	if (!init)
		vmx_cpuid_changed(vcpu);
	vmx_end();
}

/**
 * vmx_set_cpu_control - turn a primary control on or off
 * @vmx: whose; inside vmx_begin()
 * @bit: CPU_BASED_*
 * @on: which
 */
void vmx_set_cpu_control(struct vmx_vcpu *vmx, u32 bit, bool on)
{
	u32 controls = on ? vmx->cpu_controls | bit : vmx->cpu_controls & ~bit;

	if (controls == vmx->cpu_controls)
		return;
	vmx->cpu_controls = controls;
	vmcs_write32(CPU_BASED_VM_EXEC_CONTROL, controls);
}

/* wr_backend.set_policy */
void vmx_set_policy(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 guest_owns = vcpu->vm->policy.disabled_exits;

	vmx_begin(vmx);
	vmcs_write64(MSR_BITMAP, vmx_msr_bitmap_of(vcpu));
	vmx_set_cpu_control(vmx, CPU_BASED_HLT_EXITING, !(guest_owns & KVM_X86_DISABLE_EXITS_HLT));
	vmx_set_cpu_control(vmx, CPU_BASED_MWAIT_EXITING | CPU_BASED_MONITOR_EXITING,
			    !(guest_owns & KVM_X86_DISABLE_EXITS_MWAIT));
	vmx_cpuid_changed(vcpu);
	vmx_end();
}

/* wr_backend.cpuid_changed: instructions that the guest's CPU does not have raise #UD */
void vmx_cpuid_changed(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 cpu2 = vmx_caps.cpu2;

	if (!vmx->vpid)
		cpu2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	if (!wr_guest_has(vcpu, X86_FEATURE_RDTSCP) && !wr_guest_has(vcpu, X86_FEATURE_RDPID))
		cpu2 &= ~SECONDARY_EXEC_ENABLE_RDTSCP;
	if (!wr_guest_has(vcpu, X86_FEATURE_INVPCID))
		cpu2 &= ~SECONDARY_EXEC_ENABLE_INVPCID;
	if (!wr_guest_has(vcpu, X86_FEATURE_XSAVES))
		cpu2 &= ~VMX_EXEC_XSAVES;
	if (vcpu->vm->policy.disabled_exits & KVM_X86_DISABLE_EXITS_PAUSE)
		cpu2 &= ~SECONDARY_EXEC_PAUSE_LOOP_EXITING;
	cpu2 |= vmx_apicv_controls(vcpu);
	vmx_begin(vmx);
	vmcs_write32(SECONDARY_VM_EXEC_CONTROL, cpu2);
	vmx_end();
}
