// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPU's own page tables, as long mode and PAE paging have them.
 */
#include <linux/pgtable.h>

#include "format.h"

/**
 * wr_pt_native_leaf - struct wr_pt_format.make_leaf for tables of the CPU's own format
 * @pfn: see there
 * @level: see there
 * @writable: see there
 * @executable: see there
 * @type: see there
 *
 * User accesses are allowed: nested ones are all of that kind, and what a guest may do its own tables say.
 */
u64 wr_pt_native_leaf(u64 pfn, int level, bool writable, bool executable, enum wr_pt_memtype type)
{
	u64 entry = pfn << PAGE_SHIFT | _PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED;

	if (level > 1)
		entry |= _PAGE_PSE;
	if (writable)
		entry |= _PAGE_RW;
	if (!executable)
		entry |= _PAGE_NX;
	/* PAT entry 3 of the host: UC. Write-back otherwise, with nested paging combined with the guest's own PAT. */
	if (type == WR_MEM_UC)
		entry |= _PAGE_PCD | _PAGE_PWT;
	return entry;
}
