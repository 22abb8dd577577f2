// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V: what the CPUs can do, and turning it on and off.
 */
#define pr_fmt(fmt) "warren: " fmt

#include <linux/cc_platform.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pgtable.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "../compat.h"
#include "../mmu/format.h"
#include "../msr_user.h"
#include "svm.h"

/* 12 KiB of I/O permission map and 8 KiB of MSR permission map, physically contiguous */
#define IOPM_ORDER	2
#define MSRPM_ORDER	1

/* struct svm_cpu - a host CPU while SVM is on */
struct svm_cpu {
	struct page *hsave;	/* host save area, for VM_HSAVE_PA; its contents are the CPU's own affair */
	struct page *host_vmcb;	/* VMSAVE of the host's FS, GS, TR, LDTR and SYSCALL registers */
	struct page *flush_vmcb;
	u64 old_hsave_pa;
	bool on;
};

static DEFINE_PER_CPU(struct svm_cpu, svm_cpu);
DEFINE_PER_CPU(struct svm_host, svm_host);

struct svm_caps svm_caps;
struct wr_backend_caps svm_backend_caps;
unsigned long *svm_iopm;
unsigned long *svm_msrpm;
bool svm_shadow;
static unsigned long empty_root;	/* a page table without an entry */

/*
 * MSRs that VMLOAD, VMRUN and VMEXIT switch: the guest reads and writes them without an exit.
 */
static const u32 passthrough_msrs[] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

/*
 * Bit of an MSR's read intercept in the permission map, its write intercept is the next; -1: the map has no
 * bits for it, accesses always exit. Three ranges of 8192 MSRs, two bits each.
 */
static int msrpm_bit(u32 msr)
{
	static const u32 range[] = { 0, 0xc0000000, 0xc0010000 };
	int i;

	for (i = 0; i < ARRAY_SIZE(range); i++)
		if (msr - range[i] < 0x2000)
			return (i * 0x2000 + (msr - range[i])) * 2;
	return -1;
}

/**
 * svm_msrpm_of - the MSR permission map that a vCPU needs
 * @vcpu: the vCPU
 *
 * The filter of its VM forbids accesses that would not exit: then all exit, by the map of ports, which is larger and all ones.
 */
u64 svm_msrpm_of(const struct wr_vcpu *vcpu)
{
	bool filtered = wr_msr_any_filtered(vcpu, passthrough_msrs, ARRAY_SIZE(passthrough_msrs));

	return __pa(filtered ? svm_iopm : svm_msrpm);
}

static int alloc_maps(void)
{
	int i, bit;

	svm_iopm = (void *)__get_free_pages(GFP_KERNEL, IOPM_ORDER);
	svm_msrpm = (void *)__get_free_pages(GFP_KERNEL, MSRPM_ORDER);
	empty_root = get_zeroed_page(GFP_KERNEL);
	if (!svm_iopm || !svm_msrpm || !empty_root)
		return -ENOMEM;
	memset(svm_iopm, 0xff, PAGE_SIZE << IOPM_ORDER);
	memset(svm_msrpm, 0xff, PAGE_SIZE << MSRPM_ORDER);
	for (i = 0; i < ARRAY_SIZE(passthrough_msrs); i++) {
		bit = msrpm_bit(passthrough_msrs[i]);
		__clear_bit(bit, svm_msrpm);
		__clear_bit(bit + 1, svm_msrpm);
	}
	return 0;
}

static void read_caps(void)
{
	u32 eax, ebx, ecx, edx;

	cpuid(SVM_CPUID_FUNC, &eax, &ebx, &ecx, &edx);
	svm_caps = (struct svm_caps) {
		.nr_asids = ebx,
		.next_rip = boot_cpu_has(X86_FEATURE_NRIPS),
		.flush_by_asid = boot_cpu_has(X86_FEATURE_FLUSHBYASID),
		.decode_assists = boot_cpu_has(X86_FEATURE_DECODEASSISTS),
		.clean_bits = boot_cpu_has(X86_FEATURE_VMCBCLEAN),
		.pause_filter = boot_cpu_has(X86_FEATURE_PAUSEFILTER),
		.pause_threshold = boot_cpu_has(X86_FEATURE_PFTHRESHOLD),
		.tsc_rate = boot_cpu_has(X86_FEATURE_TSCRATEMSR),
		.tsc_aux = boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID),
		.spec_ctrl = boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL),
		.v_spec_ctrl = boot_cpu_has(X86_FEATURE_V_SPEC_CTRL),
		.snp = wr_host_has_snp(),
	};
	svm_backend_caps = (struct wr_backend_caps) {
		.tsc_ratio_bits = svm_caps.tsc_rate ? 32 : 0,
		.tsc_ratio_max = SVM_TSC_RATIO_MAX,
		/* The driver of its firmware clears VM_HSAVE_PA on all CPUs, whoever has AMD-V on. */
		.only_beside = svm_caps.snp,
	};
}

static void read_facts(struct svm_facts *facts)
{
	*facts = (struct svm_facts) {
		.kernel_svm = boot_cpu_has(X86_FEATURE_SVM),
		.npt = boot_cpu_has(X86_FEATURE_NPT) || svm_shadow,
		.xsave = boot_cpu_has(X86_FEATURE_XSAVE),
		.memory_encrypted = cc_platform_has(CC_ATTR_HOST_MEM_ENCRYPT),
		.nr_asids = svm_caps.nr_asids,
	};
	facts->vm_cr_readable = !rdmsrl_safe(MSR_VM_CR, &facts->vm_cr);
}

/**
 * svm_missing - what keeps Warren from running on a CPU with AMD-V
 * @facts: of the host
 *
 * Return: what, and where possible what to do about it, or NULL.
 */
const char *svm_missing(const struct svm_facts *facts)
{
	if (!facts->vm_cr_readable)
		return "VM_CR cannot be read: a hypervisor below forbids it";
	if (facts->vm_cr & SVM_VM_CR_SVM_DIS_MASK)
		return "AMD-V is turned off in the firmware: enable SVM in its setup";
	if (!facts->kernel_svm)
		return "the kernel was told not to use AMD-V (clearcpuid)";
	if (!facts->npt)
		return "the CPU has no nested paging";
	if (!facts->xsave)
		return "the CPU has no XSAVE";
	/* Nested page tables and VMCBs would need the encryption bit in every address. */
	if (facts->memory_encrypted)
		return "the host's memory is encrypted (SME): boot with mem_encrypt=off";
	if (facts->nr_asids < 2)
		return "the CPU has no address space identifiers";
	return NULL;
}
WR_EXPORT_FOR_KUNIT(svm_missing);

/**
 * svm_alloc_page - memory for a VMCB, or for what the CPU saves of the host
 * @node: where, or NUMA_NO_NODE
 * @gfp: GFP_*
 * @odd: its page frame number shall be odd, as SEV-SNP's CPUs want it
 *
 * By an erratum these fault on what the kernel writes through a large page at whose begin such a page is.
 *
 * Return: the page, zeroed, or NULL. Context: may sleep.
 */
struct page *svm_alloc_page(int node, gfp_t gfp, bool odd)
{
	struct page *page = alloc_pages_node(node, gfp | __GFP_ZERO, odd ? 1 : 0);

	if (!page || !odd)
		return page;
	split_page(page, 1);
	__free_page(page);
	return page + 1;
}
WR_EXPORT_FOR_KUNIT(svm_alloc_page);

static void free_page_at(struct page **page)
{
	if (*page)
		__free_page(*page);
	*page = NULL;
}

static void free_cpu_pages(void)
{
	struct svm_cpu *c;
	int cpu;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(&svm_cpu, cpu);
		free_page_at(&c->hsave);
		free_page_at(&c->host_vmcb);
		free_page_at(&c->flush_vmcb);
	}
}

static int alloc_cpu_pages(void)
{
	struct svm_cpu *c;
	int cpu, node;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(&svm_cpu, cpu);
		node = cpu_to_node(cpu);
		c->hsave = svm_alloc_page(node, GFP_KERNEL, svm_caps.snp);
		c->host_vmcb = svm_alloc_page(node, GFP_KERNEL, svm_caps.snp);
		c->flush_vmcb = svm_alloc_page(node, GFP_KERNEL, svm_caps.snp);
		if (!c->hsave || !c->host_vmcb || !c->flush_vmcb)
			return -ENOMEM;
		svm_init_flush_vmcb(page_address(c->flush_vmcb), __pa(empty_root));
		per_cpu(svm_host, cpu) = (struct svm_host) {
			.save_pa = page_to_phys(c->host_vmcb),
			.hsave_pa = page_to_phys(c->hsave),
			.flush_pa = page_to_phys(c->flush_vmcb),
		};
	}
	return 0;
}

/* wr_backend.probe */
int svm_probe(void)
{
	struct svm_facts facts;
	const char *what;
	int err;

	/* Linux 6.7 and later hide the feature when firmware has turned it off: ask the CPU. */
	if (!(cpuid_ecx(0x80000001) & BIT(X86_FEATURE_SVM & 31)))
		return -ENODEV;
	read_caps();
	svm_shadow = wr_want_shadow || !boot_cpu_has(X86_FEATURE_NPT);
	read_facts(&facts);
	what = svm_missing(&facts);
	if (what) {
		pr_err("cannot run here: %s\n", what);
		return -EOPNOTSUPP;
	}
	if (pgtable_l5_enabled())
		svm_npt_format.levels = 5;
	if (svm_shadow)
		svm_use_shadow(&wr_svm);
	err = alloc_maps();
	if (!err)
		err = alloc_cpu_pages();
	if (err)
		svm_remove();
	return err;
}

/* wr_backend.remove */
void svm_remove(void)
{
	free_cpu_pages();
	free_pages((unsigned long)svm_iopm, IOPM_ORDER);
	free_pages((unsigned long)svm_msrpm, MSRPM_ORDER);
	free_page(empty_root);
	svm_iopm = NULL;
	svm_msrpm = NULL;
	empty_root = 0;
}

/* wr_backend.host_on */
int svm_host_on(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);
	u64 efer;

	if (cpu->on)
		return 0;
	rdmsrl(MSR_EFER, efer);
	/* Somebody else has this CPU, who would lose it when we turn it off: host.c has us live beside. */
	if (efer & EFER_SVME)
		return -EBUSY;
	rdmsrl(MSR_VM_HSAVE_PA, cpu->old_hsave_pa);
	if (svm_caps.tsc_aux)
		rdmsrl(MSR_TSC_AUX, this_cpu_ptr(&svm_host)->tsc_aux);
	wrmsrl(MSR_EFER, efer | EFER_SVME);
	wrmsrl(MSR_VM_HSAVE_PA, this_cpu_read(svm_host.hsave_pa));
	if (svm_caps.tsc_rate)
		wrmsrl(MSR_AMD64_TSC_RATIO, SVM_TSC_RATIO_DEFAULT);
	svm_forget_asids();
	cpu->on = true;
	return 0;
}

/* wr_backend.host_off; also from the crash path, where GIF may be clear */
void svm_host_off(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);
	u64 efer;

	if (!cpu->on)
		return;
	cpu->on = false;
	rdmsrl(MSR_EFER, efer);
	if (!(efer & EFER_SVME))
		return;
	wrmsrl(MSR_VM_HSAVE_PA, cpu->old_hsave_pa);
	/* INIT and NMI are blocked while GIF is clear, and a new kernel could not set it. */
	asm volatile("stgi" ::: "memory");
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}
