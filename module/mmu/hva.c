// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the creator's virtual addresses to host pages.
 *
 * No page is ever held. The fast way reads the creator's page tables without a lock; what it finds
 * is good as long as no MMU notifier has spoken since before the reading, which the caller checks
 * under wr_mmu.lock.
 */
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

#include "internal.h"

/*
 * Does a leaf of the host's tables let userspace make this access? Its protection keys are left to
 * the slow way.
 */
static bool leaf_allows(unsigned long flags, bool write, bool check_keys)
{
	unsigned long need = _PAGE_PRESENT | _PAGE_USER | (write ? _PAGE_RW : 0);

	return (flags & need) == need && !(check_keys && (flags & _PAGE_PKEY_MASK));
}

static bool table_present(unsigned long flags)
{
	return (flags & (_PAGE_PRESENT | _PAGE_USER)) == (_PAGE_PRESENT | _PAGE_USER);
}

/* Large leaves of a device need not be marked special; 4 KiB ones are. */
static bool fill(struct wr_host_page *page, u64 pfn, int level, unsigned long flags)
{
	page->pfn = pfn;
	page->level = level;
	page->writable = flags & _PAGE_RW;
	page->special = (flags & _PAGE_SPECIAL) || (level > 1 && !pfn_valid(pfn));
	return true;
}

/* Interrupts are off: that keeps the tables from being freed. */
static bool walk(struct mm_struct *mm, unsigned long hva, bool write, bool check_keys,
		 struct wr_host_page *page)
{
	pgd_t pgd = READ_ONCE(*pgd_offset(mm, hva));
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;
	pte_t pte;

	if (!table_present(pgd_flags(pgd)))
		return false;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (!table_present(p4d_flags(p4d)))
		return false;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (!table_present(pud_flags(pud)))
		return false;
	if (pud_flags(pud) & _PAGE_PSE)
		return leaf_allows(pud_flags(pud), write, check_keys) &&
		       fill(page, pud_pfn(pud) + (hva & ~PUD_MASK) / PAGE_SIZE, 3, pud_flags(pud));
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (!table_present(pmd_flags(pmd)))
		return false;
	if (pmd_flags(pmd) & _PAGE_PSE)
		return leaf_allows(pmd_flags(pmd), write, check_keys) &&
		       fill(page, pmd_pfn(pmd) + (hva & ~PMD_MASK) / PAGE_SIZE, 2, pmd_flags(pmd));
	pte = READ_ONCE(*pte_offset_kernel(&pmd, hva));
	return leaf_allows(pte_flags(pte), write, check_keys) &&
	       fill(page, pte_pfn(pte), 1, pte_flags(pte));
}

/**
 * wr_host_walk - look an address up in the creator's page tables
 * @mm: the creator's
 * @hva: address in a slot, so it is a user address
 * @write: find only what may be written
 * @check_keys: find only what has protection key 0
 * @page: filled when found
 *
 * Return: false when the page is not there, or not with that right.
 * Context: any.
 */
bool wr_host_walk(struct mm_struct *mm, unsigned long hva, bool write, bool check_keys,
		  struct wr_host_page *page)
{
	unsigned long flags;
	bool found;

	local_irq_save(flags);
	found = walk(mm, hva, write, check_keys, page);
	local_irq_restore(flags);
	return found;
}

/* What get_user_pages() refuses: memory of a device, mapped by its driver. */
static int device_page_in(struct mm_struct *mm, unsigned long hva, bool write)
{
	struct vm_area_struct *vma;
	bool unlocked = false;
	int r = -EFAULT;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = vma_lookup(mm, hva);
	if (vma && (vma->vm_flags & (VM_IO | VM_PFNMAP)))
		r = fixup_user_fault(mm, hva, write ? FAULT_FLAG_WRITE : 0, &unlocked);
	mmap_read_unlock(mm);
	return r;
}

/**
 * wr_host_page_in - make the host's page fault handler provide a page
 * @mm: the creator's, and current->mm
 * @hva: address in a slot
 * @write: to be written
 * @page: filled
 *
 * Return: 0; -EAGAIN when the page went away again; -EINTR when a fatal signal is pending; -EFAULT
 * or -EHWPOISON when userspace could not make this access either.
 * Context: may sleep.
 */
int wr_host_page_in(struct mm_struct *mm, unsigned long hva, bool write, struct wr_host_page *page)
{
	struct page *p;
	long n = get_user_pages_unlocked(hva, 1, &p, FOLL_HWPOISON | (write ? FOLL_WRITE : 0));

	if (n == 1) {
		fill(page, page_to_pfn(p), 1, write ? _PAGE_RW : 0);
		put_page(p);
		/* Better: with the level and the rights that it has. */
		wr_host_walk(mm, hva, write, false, page);
		return 0;
	}
	if (fatal_signal_pending(current))
		return -EINTR;
	if (n == -EFAULT)
		n = device_page_in(mm, hva, write);
	if (n)
		return n;
	return wr_host_walk(mm, hva, write, false, page) ? 0 : -EAGAIN;
}
