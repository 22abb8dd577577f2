// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: page-modification logging. When a write sets D in a leaf of the EPT the CPU logs the page in a buffer of the vCPU; what
 * that is good for, and why nothing is lost, stands in mmu/dirty.c.
 *
 * The control is always on. Leaves of memory that is not logged have D from the start, so they cost nothing.
 */
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/string.h>

#include "../mmu/format.h"
#include "vmx.h"

bool vmx_pml = true;
module_param_named(pml, vmx_pml, bool, 0444);
MODULE_PARM_DESC(pml, "let an Intel CPU log dirty pages where it can (page-modification logging)");

static_assert(VMX_PML_ENTRIES * sizeof(u64) == PAGE_SIZE);

/**
 * vmx_pml_alloc - give a vCPU its log
 * @vmx: a new one; vcpu_free() frees it
 *
 * Return: 0 or -ENOMEM. Context: may sleep.
 */
int vmx_pml_alloc(struct vmx_vcpu *vmx)
{
	if (!vmx_ept_format.dirty_by_log)
		return 0;
	vmx->pml = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->pml)
		return -ENOMEM;
	memset(vmx->pml, 0xff, PAGE_SIZE);
	return 0;
}

/**
 * vmx_pml_restart - let the CPU log from the first entry on
 * @vmx: its log is empty, its VMCS current
 *
 * Also when the vCPU comes to a CPU: if VMX was turned off behind our back the last write of the index may be lost.
 */
void vmx_pml_restart(struct vmx_vcpu *vmx)
{
	if (vmx->pml)
		vmcs_write16(GUEST_PML_INDEX, VMX_PML_ENTRIES - 1);
}

/**
 * vmx_pml_collect - the slow part of vmx_pml_drain()
 * @vmx: see there; its log is not empty
 */
void vmx_pml_collect(struct vmx_vcpu *vmx)
{
	unsigned int first = VMX_PML_ENTRIES - 1, nr;

	while (first && vmx->pml[first - 1] != VMX_PML_EMPTY)
		first--;
	nr = VMX_PML_ENTRIES - first;
	wr_dirty_from_log(&vmx->vcpu, vmx->pml + first, nr);
	memset(vmx->pml + first, 0xff, nr * sizeof(u64));
	vmx_pml_restart(vmx);
}
