// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: APIC virtualization (struct wr_lapic_assist): the local APIC's register page is the virtual-APIC page.
 *
 * The CPU delivers the highest vector of IRR as soon as the guest takes it, without an exit, and ends it at the EOI. In x2APIC
 * mode the guest also reads the registers and writes TPR, EOI and SELF IPI without an exit. In xAPIC mode its accesses are EPT
 * violations as ever: letting the CPU serve them takes a mapping of the APIC page, which all vCPUs of a VM would share whatever
 * their modes, and guests of today use x2APIC mode.
 */
#include <linux/gfp.h>
#include <linux/module.h>
#include <asm/apicdef.h>

#include "vmx.h"

bool vmx_apicv = true;
module_param_named(apicv, vmx_apicv, bool, 0444);
MODULE_PARM_DESC(apicv, "let an Intel CPU do the work of guests' local APICs where it can (APIC virtualization)");

#define X2APIC_MODE	(MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE)

#define MSR_OF(offset)	(APIC_BASE_MSR + ((offset) >> 4))

/* MSRs that exit in x2APIC mode: one map for all vCPUs, and one for those where all others exit */
static unsigned long *x2apic_bitmap, *x2apic_only_bitmap;

static unsigned long *make_bitmap(const unsigned long *others)
{
	unsigned long *bitmap = (void *)__get_free_page(GFP_KERNEL);
	u32 msr;

	if (!bitmap)
		return NULL;
	memcpy(bitmap, others, PAGE_SIZE);
	for (msr = APIC_BASE_MSR; msr <= MSR_OF(APIC_SELF_IPI); msr++)
		vmx_pass_through(bitmap, msr, wr_lapic_msr_is_plain(msr), false);
	/* The CPU virtualizes these writes alone: any other that does not exit would reach the host's local APIC. */
	vmx_pass_through(bitmap, MSR_OF(APIC_TASKPRI), false, true);
	vmx_pass_through(bitmap, MSR_OF(APIC_EOI), false, true);
	vmx_pass_through(bitmap, MSR_OF(APIC_SELF_IPI), false, true);
	return bitmap;
}

/**
 * vmx_apicv_init - what all vCPUs share
 *
 * Return: 0 or -ENOMEM. Context: module load, after vmx_init_msr_bitmap().
 */
int vmx_apicv_init(void)
{
	if (!vmx_caps.apicv)
		return 0;
	x2apic_bitmap = make_bitmap(vmx_msr_bitmap);
	x2apic_only_bitmap = make_bitmap(vmx_no_msr_bitmap);
	return x2apic_bitmap && x2apic_only_bitmap ? 0 : -ENOMEM;
}

/**
 * vmx_apicv_exit - undo vmx_apicv_init()
 */
void vmx_apicv_exit(void)
{
	free_page((unsigned long)x2apic_bitmap);
	free_page((unsigned long)x2apic_only_bitmap);
	x2apic_bitmap = NULL;
	x2apic_only_bitmap = NULL;
}

static bool is_x2apic(const struct wr_vcpu *vcpu)
{
	return (vcpu->apic_base & X2APIC_MODE) == X2APIC_MODE;
}

/**
 * vmx_apicv_controls - the secondary controls that a vCPU's local APIC needs now
 * @vcpu: whose
 */
u32 vmx_apicv_controls(const struct wr_vcpu *vcpu)
{
	if (!vcpu->lapic_assist)
		return 0;
	return is_x2apic(vcpu) ? VMX_APICV_CONTROLS : VMX_APICV_CONTROLS & ~SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
}

/**
 * vmx_msr_bitmap_of - the MSR bitmap that a vCPU needs now
 * @vcpu: whose
 *
 * Return: its physical address.
 */
u64 vmx_msr_bitmap_of(const struct wr_vcpu *vcpu)
{
	bool filtered = vmx_msrs_filtered(vcpu);

	if (vcpu->lapic_assist && is_x2apic(vcpu))
		return __pa(filtered ? x2apic_only_bitmap : x2apic_bitmap);
	return __pa(filtered ? vmx_no_msr_bitmap : vmx_msr_bitmap);
}

/*
 * struct wr_lapic_assist.mode. The two must change together: without the control the MSRs of the second map would be the
 * host's own.
 */
static void set_mode(struct wr_vcpu *vcpu)
{
	vmx_begin(to_vmx(vcpu));
	vmcs_write64(MSR_BITMAP, vmx_msr_bitmap_of(vcpu));
	vmx_cpuid_changed(vcpu);
	vmx_end();
}

/* struct wr_lapic_assist.sync: RVI and SVI, and the EOI-exit bitmap */
static void sync(struct wr_vcpu *vcpu, u8 irr, u8 isr, const unsigned long *eoi_exit)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	int i;

	vmcs_write16(GUEST_INTR_STATUS, isr << 8 | irr);
	for (i = 0; i < ARRAY_SIZE(vmx->eoi_exit); i++) {
		u64 word = READ_ONCE(eoi_exit[i]);

		if (word == vmx->eoi_exit[i] && !vmx->eoi_exit_lost)
			continue;
		vmx->eoi_exit[i] = word;
		vmcs_write64_nth(EOI_EXIT_BITMAP0, i, word);
	}
	vmx->eoi_exit_lost = false;
	vmx_posted_sync(vmx);
}

static const struct wr_lapic_assist assist = {
	.mode = set_mode,
	.sync = sync,
};

/* wr_backend.lapic_assist; the controls come with vmx_vcpu_reset() */
const struct wr_lapic_assist *vmx_lapic_assist(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!vmx_caps.apicv)
		return NULL;
	free_page((unsigned long)vmx->vapic);
	vmx->vapic = NULL;
	vmx->eoi_exit_lost = true;
	vmx_begin(vmx);
	vmcs_write64(VIRTUAL_APIC_PAGE_ADDR, __pa(wr_lapic_page(vcpu)));
	vmx_end();
	vmx_posted_start(vmx);
	return &assist;
}

/**
 * vmx_apicv_forget - VMX was off: what was written to the VMCS is lost
 * @vmx: whose
 */
void vmx_apicv_forget(struct vmx_vcpu *vmx)
{
	vmx->eoi_exit_lost = true;
	vmx->pin_controls = 0;
	wr_vcpu_request(&vmx->vcpu, WR_REQ_EVENT);
}

/**
 * vmx_exit_eoi - the guest has ended an interrupt whose sender must hear of it
 * @vcpu: the vCPU
 */
enum wr_run_result vmx_exit_eoi(struct wr_vcpu *vcpu)
{
	wr_lapic_eoi_done(vcpu, to_vmx(vcpu)->exit.qualification);
	return WR_RUN_RESUME;
}

/**
 * vmx_exit_apic_write - the guest has written a register whose change the CPU does not know how to act on
 * @vcpu: the vCPU
 *
 * In x2APIC mode: SELF IPI with a vector that no interrupt can have.
 */
enum wr_run_result vmx_exit_apic_write(struct wr_vcpu *vcpu)
{
	wr_lapic_written(vcpu, to_vmx(vcpu)->exit.qualification & 0xff0);
	return WR_RUN_RESUME;
}
