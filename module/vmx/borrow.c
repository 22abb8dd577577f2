// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: CPUs that are KVM's as well.
 *
 * Beside KVM nothing of ours is on outside of *sections*: stretches with interrupts off in which a VMCS is worked on or a guest
 * runs. A section finds a CPU in one of three states, and leaves it in the same:
 *
 *   CR4.VMXE is clear      VT-x is nobody's: it is turned on and off again. The shadow of CR4, from which the kernel rewrites it,
 *                          is left alone: with interrupts off nobody does.
 *   VMXE, but no VMXON     a thread that turns it on or off was preempted in between: likewise, but for CR4.
 *   in VMX operation       KVM remembers which VMCS is current, and must find it so.
 *
 * KVM may turn VT-x off as soon as interrupts are on, and what a CPU still keeps of a VMCS is lost then. So ours goes back to
 * memory at the end of each section, and each entry launches.
 *
 * A crash may come by NMI. The kernel's way out looks at CR4 itself and eats the fault of a VMXOFF too many; but some kernels go it
 * only while KVM has VT-x on.
 *
 * What the CPU has cached of our tables stays, and so does what it has of KVM's. Theirs and ours carry different tags: EPT
 * pointers of tables that exist at the same time differ, and VPIDs are handed out from the other end than KVM's. A tag that
 * changes hands is flushed by either when it is new on a CPU, see ../tlb.h.
 */
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>

#include "../run.h"
#include "vmx.h"

/* What VMPTRST stores when no VMCS is current */
#define NO_VMCS		U64_MAX

/* The kernel's own way would change the shadow. */
static void write_cr4(unsigned long cr4)
{
	asm volatile("mov %0, %%cr4" : : "r" (cr4) : "memory");
}

static void take(struct vmx_section *section, u64 vmxon_region)
{
	section->cr4 = native_read_cr4();
	section->vmcs = NO_VMCS;
	section->vmxon = false;
	if (!(section->cr4 & X86_CR4_VMXE))
		write_cr4(section->cr4 | X86_CR4_VMXE);
	else if (!vmptrst(&section->vmcs))
		return;
	section->vmxon = !vmxon(vmxon_region);
}

static void leave(const struct vmx_section *section)
{
	if (section->vmxon)
		vmxoff();
	else if (section->vmcs != NO_VMCS)
		vmptrld(section->vmcs);
	if (!(section->cr4 & X86_CR4_VMXE))
		write_cr4(section->cr4);
}

/**
 * vmx_section_begin - take this CPU from KVM, and make a VMCS current
 * @vmx: whose; it is active nowhere. Sections of one vCPU nest.
 *
 * Interrupts are off until vmx_section_end(). Should the CPU refuse, fields read as 0 in it, writes are lost, and the
 * vCPU does not run any more. Context: preemption off, beside KVM.
 */
void vmx_section_begin(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);
	struct vmx_section *section = &cpu->section;
	unsigned long flags;

	local_irq_save(flags);
	if (section->depth++)
		return;
	section->flags = flags;
	section->vmx = vmx;
	take(section, page_to_phys(cpu->vmxon));
	if (vmptrld(vmx->vmcs_pa))
		vmx->lost = true;
}

/**
 * vmx_section_end - undo vmx_section_begin()
 */
void vmx_section_end(void)
{
	struct vmx_section *section = this_cpu_ptr(&vmx_cpu.section);

	if (--section->depth)
		return;
	vmclear(section->vmx->vmcs_pa);
	section->vmx->launched = false;
	leave(section);
	local_irq_restore(section->flags);
}

/**
 * vmx_borrow - wr_backend.borrow
 * @vcpu: as there
 *
 * KVM leaves its guests' values in the SYSCALL MSRs and in TSC_AUX until its thread returns to user mode; and when it turns VT-x on
 * or off, by an interrupt, it takes what is there for the kernel's, or writes what is. So they are our guest's only here.
 */
int vmx_borrow(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (wr_host_is_rebooting())
		return -EIO;
	vmx_section_begin(vmx);
	if (unlikely(vmx->lost)) {
		vmx_section_end();
		return -EIO;
	}
	vmx_read_msrs(this_cpu_ptr(&vmx_cpu));
	vmx_load_msrs(vmx);
	return 0;
}

/* wr_backend.give_back */
void vmx_give_back(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u64 cr3 = vcpu->cr3;

	if (vmx->crs_stale)
		vmx_read_crs(vmx);
	/* The one in the hardware is not the guest's. */
	if (vmx_caps.shadow)
		vcpu->cr3 = cr3;
	vmx_put_msrs(vmx);
	vmx_section_end();
}

/**
 * vmx_beside_begin - a stay beside KVM begins
 * @vmx: whose
 */
void vmx_beside_begin(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);

	vmx_read_gdt(cpu);
	/* A guest of KVM's may have run here since. */
	if (wr_vcpu_was_switched(&vmx->vcpu))
		cpu->last = 0;
}

/**
 * vmx_beside_end - a stay beside KVM ends
 *
 * KVM parts its guests from each other where one comes after the other, and does not know of ours in between.
 */
void vmx_beside_end(void)
{
	if (boot_cpu_has(X86_FEATURE_IBPB) && native_read_cr4() & X86_CR4_VMXE)
		wr_host_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}
