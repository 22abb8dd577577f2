// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether Warren runs on an AMD host at all. Each refusal names its reason: no emulator shows firmware that turned AMD-V
 * off, or encrypted memory.
 */
#include <kunit/test.h>
#include <linux/mm.h>

#include "svm/svm.h"

static const struct svm_facts fine = {
	.kernel_svm = true, .npt = true, .xsave = true, .vm_cr_readable = true, .nr_asids = 16,
};

static void expect_refusal(struct kunit *test, const struct svm_facts *facts, const char *word)
{
	const char *what = svm_missing(facts);

	KUNIT_ASSERT_NOT_NULL(test, what);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(what, word), "'%s' in '%s'", word, what);
}

static void runs_on_what_it_needs(struct kunit *test)
{
	struct svm_facts facts = fine;

	KUNIT_EXPECT_NULL(test, svm_missing(&facts));
	facts.nr_asids = 2;
	facts.vm_cr = ~(u64)SVM_VM_CR_SVM_DIS_MASK;
	KUNIT_EXPECT_NULL(test, svm_missing(&facts));
}

static void refuses_without(struct kunit *test)
{
	struct svm_facts facts = fine;

	facts.kernel_svm = false;
	expect_refusal(test, &facts, "clearcpuid");
	facts = fine;
	facts.npt = false;
	expect_refusal(test, &facts, "nested paging");
	facts = fine;
	facts.xsave = false;
	expect_refusal(test, &facts, "XSAVE");
	facts = fine;
	facts.nr_asids = 1;
	expect_refusal(test, &facts, "address space identifiers");
	facts = fine;
	facts.vm_cr_readable = false;
	expect_refusal(test, &facts, "hypervisor below");
}

/* Newer kernels take SVM away from themselves then: the firmware is still the reason. */
static void refuses_where_firmware_turned_it_off(struct kunit *test)
{
	struct svm_facts facts = fine;

	facts.vm_cr = SVM_VM_CR_SVM_DIS_MASK;
	expect_refusal(test, &facts, "firmware");
	facts.kernel_svm = false;
	expect_refusal(test, &facts, "firmware");
}

/* With SEV-SNP on none begins a large page. */
static void finds_odd_pages(struct kunit *test)
{
	struct page *page[64];
	bool odd = true;
	int i, nr = 0;

	for (i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = svm_alloc_page(NUMA_NO_NODE, GFP_KERNEL, true);
		if (!page[i])
			break;
		nr++;
		odd &= page_to_pfn(page[i]) & 1;
	}
	while (i--)
		__free_page(page[i]);
	KUNIT_EXPECT_EQ(test, nr, (int)ARRAY_SIZE(page));
	KUNIT_EXPECT_TRUE(test, odd);
}

static void refuses_encrypted_memory(struct kunit *test)
{
	struct svm_facts facts = fine;

	facts.memory_encrypted = true;
	expect_refusal(test, &facts, "mem_encrypt=off");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(runs_on_what_it_needs),
	KUNIT_CASE(refuses_without),
	KUNIT_CASE(refuses_where_firmware_turned_it_off),
	KUNIT_CASE(refuses_encrypted_memory),
	KUNIT_CASE(finds_odd_pages),
	{}
};

struct kunit_suite svm_caps_suite = {
	.name = "svm_caps",
	.test_cases = cases,
};
