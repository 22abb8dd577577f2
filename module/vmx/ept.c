// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x's extended page tables.
 */
#define pr_fmt(fmt) "warren: " fmt

#include <linux/cpu.h>
#include <linux/mm.h>
#include <asm/cpufeature.h>

#include "../mmu/format.h"
#include "vmx.h"

static u64 make_leaf(u64 pfn, int level, bool writable, bool executable, enum wr_pt_memtype type)
{
	u64 entry = pfn << PAGE_SHIFT | VMX_EPT_READABLE_MASK | vmx_ept_format.accessed;

	if (level > 1)
		entry |= vmx_ept_format.large;
	if (writable)
		entry |= VMX_EPT_WRITABLE_MASK;
	if (executable)
		entry |= VMX_EPT_EXECUTABLE_MASK;
	/* Memory is write-back whatever the guest's PAT says: the host maps it so, and it must stay coherent. */
	if (type == WR_MEM_WB)
		entry |= VMX_EPTP_MT_WB << VMX_EPT_MT_EPTE_SHIFT | VMX_EPT_IPAT_BIT;
	return entry;
}

/* What depends on the CPU is filled in by vmx_init_ept_format(). */
struct wr_pt_format vmx_ept_format __ro_after_init = {
	.name = "ept",
	.levels = 4,
	.max_leaf_level = 2,
	.present = VMX_EPT_RWX_MASK,
	.writable = VMX_EPT_WRITABLE_MASK,
	.large = BIT_ULL(7),
	/* All rights: leaves decide. */
	.table = VMX_EPT_RWX_MASK,
	.make_leaf = make_leaf,
};

/*
 * CPUs with this erratum stop with a machine check when the size of a page of code changes while two of its translations are
 * cached: a guest could do that at will. Pages that are small in EPT are small in the TLB.
 */
static bool code_needs_small_pages(void)
{
	return boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) && !cpu_mitigations_off();
}

/**
 * vmx_init_ept_format - fit the format to the CPU
 *
 * Context: module load, after the capabilities were read.
 */
void vmx_init_ept_format(void)
{
	if (vmx_caps.ept_1g)
		vmx_ept_format.max_leaf_level = 3;
	if (code_needs_small_pages()) {
		vmx_ept_format.max_leaf_level = 1;
		pr_info("ITLB multihit erratum: guest memory is mapped in pages of 4 KiB\n");
	}
	if (!vmx_caps.ept_ad)
		return;
	vmx_ept_format.accessed = VMX_EPT_ACCESS_BIT;
	vmx_ept_format.dirty = VMX_EPT_DIRTY_BIT;
	vmx_ept_format.dirty_by_log = vmx_caps.cpu2 & SECONDARY_EXEC_ENABLE_PML;
	/* So that the hardware need not write tables */
	vmx_ept_format.table |= VMX_EPT_ACCESS_BIT;
}
