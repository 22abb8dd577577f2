// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: posted interrupts. A sender sets a bit in the vCPU's descriptor and sends the notification vector to its CPU, which takes
 * the bits to IRR and delivers, without an exit. Elsewhere than in a guest the notification does nothing: then the vCPU's thread
 * takes them, see irq/lapic_assist.c.
 *
 * Telling the notification from other interrupts means acknowledging all of them at the exit: run.c runs their handlers.
 */
#include <linux/build_bug.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <asm/irq_vectors.h>

#include "../debug.h"
#include "vmx.h"

bool vmx_posted_interrupts = IS_ENABLED(CONFIG_KVM);	/* which gives the vector its handler */
module_param_named(posted_interrupts, vmx_posted_interrupts, bool, 0444);
MODULE_PARM_DESC(posted_interrupts, "interrupts for running guests of an Intel CPU cause no exit (N where it cannot do that)");

static_assert(sizeof(struct vmx_posted) == 64);

/**
 * vmx_posted_choose - are posted interrupts used?
 *
 * Context: module load, once vmx_caps.apicv is known. vCPUs turn the control on, see vmx_posted_sync().
 */
void vmx_posted_choose(void)
{
	vmx_posted_interrupts = IS_ENABLED(CONFIG_KVM) && vmx_posted_interrupts && vmx_caps.apicv &&
		vmx_caps.pin & PIN_BASED_POSTED_INTR && vmx_caps.exit & VM_EXIT_ACK_INTR_ON_EXIT;
	vmx_caps.pin &= ~PIN_BASED_POSTED_INTR;
	if (!vmx_posted_interrupts)
		vmx_caps.exit &= ~VM_EXIT_ACK_INTR_ON_EXIT;
}

/**
 * vmx_posted_start - a vCPU has got its local APIC
 * @vmx: whose; vcpu_free() frees what it needs
 *
 * Without memory nothing is posted to it. Context: may sleep.
 */
void vmx_posted_start(struct vmx_vcpu *vmx)
{
	if (!vmx_posted_interrupts)
		return;
	/* 64 bytes of it; but Bochs refuses addresses within a page. */
	vmx->posted = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->posted)
		return;
	vmx_begin(vmx);
	vmcs_write16(POSTED_INTR_NV, POSTED_INTR_VECTOR);
	vmcs_write64(POSTED_INTR_DESC_ADDR, __pa(vmx->posted));
	vmx_end();
	wr_lapic_post_to(&vmx->vcpu, vmx->posted->requests);
}

/* A debugger may hold all interrupts back, and a local APIC that is off takes none: then notifications are to exit. */
static bool takes_posted(const struct wr_vcpu *vcpu)
{
	return vcpu->apic_base & MSR_IA32_APICBASE_ENABLE && !wr_debug_blocks_irqs(vcpu);
}

/**
 * vmx_posted_sync - let the CPU take what is posted, or not
 * @vmx: before an entry, its VMCS current; it has a local APIC in hardware
 */
void vmx_posted_sync(struct vmx_vcpu *vmx)
{
	u32 pin = vmx_caps.pin;

	if (vmx->posted && takes_posted(&vmx->vcpu))
		pin |= PIN_BASED_POSTED_INTR;
	if (pin == vmx->pin_controls)
		return;
	vmx->pin_controls = pin;
	vmcs_write32(PIN_BASED_VM_EXEC_CONTROL, pin);
}
