// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: what the CPUs can do, and turning it on and off.
 */
#define pr_fmt(fmt) "warren: " fmt

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <asm/cpufeature.h>
#include <asm/desc.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/trapnr.h>

#include "../mmu/format.h"
#include "caps.h"
#include "vmx.h"

DEFINE_PER_CPU(struct vmx_cpu, vmx_cpu) = { .tlb = WR_TLB_CPU_INIT };

static bool preemption_timer = true;
module_param(preemption_timer, bool, 0444);
MODULE_PARM_DESC(preemption_timer, "VT-x: let the CPU count to guests' TSC deadlines");

static bool unrestricted_guest = true;
module_param(unrestricted_guest, bool, 0444);
MODULE_PARM_DESC(unrestricted_guest, "VT-x: let the CPU run real mode and guests without paging, where it can");

struct vmx_caps vmx_caps;
struct wr_backend_caps vmx_backend_caps;
unsigned long *vmx_msr_bitmap;
unsigned long *vmx_no_msr_bitmap;

/* What Warren cannot do without; the message names what is missing. */
static const struct vmx_control_name pin_names[] = {
	{ PIN_BASED_EXT_INTR_MASK, "external-interrupt exiting" },
	{ PIN_BASED_NMI_EXITING, "NMI exiting" },
	{ PIN_BASED_VIRTUAL_NMIS, "virtual NMIs" },
	{ },
};

static const struct vmx_control_name cpu_names[] = {
	{ CPU_BASED_INTR_WINDOW_EXITING, "interrupt-window exiting" },
	{ CPU_BASED_NMI_WINDOW_EXITING, "NMI-window exiting" },
	{ CPU_BASED_USE_TSC_OFFSETTING, "TSC offsetting" },
	{ CPU_BASED_HLT_EXITING, "HLT exiting" },
	{ CPU_BASED_MWAIT_EXITING, "MWAIT exiting" },
	{ CPU_BASED_MONITOR_EXITING, "MONITOR exiting" },
	{ CPU_BASED_RDPMC_EXITING, "RDPMC exiting" },
	{ CPU_BASED_TPR_SHADOW, "TPR shadow" },
	{ CPU_BASED_MOV_DR_EXITING, "MOV DR exiting" },
	{ CPU_BASED_MONITOR_TRAP_FLAG, "monitor trap flag" },
	{ CPU_BASED_UNCOND_IO_EXITING, "I/O exiting" },
	{ CPU_BASED_USE_MSR_BITMAPS, "MSR bitmaps" },
	{ CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, "secondary controls" },
	{ },
};

/* Nested paging and what goes with it are chosen later. */
static const struct vmx_control_name cpu2_names[] = {
	{ },
};

static const struct vmx_control_name exit_names[] = {
	{ VM_EXIT_HOST_ADDR_SPACE_SIZE, "64-bit hosts" },
	{ VM_EXIT_SAVE_DEBUG_CONTROLS, "saving of debug controls" },
	{ VM_EXIT_SAVE_IA32_PAT, "saving of PAT" },
	{ VM_EXIT_LOAD_IA32_PAT, "loading of PAT" },
	{ VM_EXIT_SAVE_IA32_EFER, "saving of EFER" },
	{ VM_EXIT_LOAD_IA32_EFER, "loading of EFER" },
	{ },
};

static const struct vmx_control_name entry_names[] = {
	{ VM_ENTRY_LOAD_DEBUG_CONTROLS, "loading of debug controls" },
	{ VM_ENTRY_LOAD_IA32_PAT, "loading of the guest's PAT" },
	{ VM_ENTRY_LOAD_IA32_EFER, "loading of the guest's EFER" },
	{ },
};

static const struct vmx_control controls[] = {
	{ MSR_IA32_VMX_PINBASED_CTLS, MSR_IA32_VMX_TRUE_PINBASED_CTLS, pin_names,
	  .wanted = PIN_BASED_VMX_PREEMPTION_TIMER | PIN_BASED_POSTED_INTR, .result = &vmx_caps.pin },
	{ MSR_IA32_VMX_PROCBASED_CTLS2, MSR_IA32_VMX_PROCBASED_CTLS2, cpu2_names,
	  .wanted = SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_UNRESTRICTED_GUEST |
		SECONDARY_EXEC_ENABLE_VPID | SECONDARY_EXEC_ENABLE_RDTSCP | SECONDARY_EXEC_ENABLE_INVPCID |
		SECONDARY_EXEC_WBINVD_EXITING | SECONDARY_EXEC_PAUSE_LOOP_EXITING | SECONDARY_EXEC_ENCLS_EXITING |
		SECONDARY_EXEC_TSC_SCALING | VMX_EXEC_XSAVES |
		VMX_APICV_CONTROLS | SECONDARY_EXEC_ENABLE_PML,
	  .result = &vmx_caps.cpu2 },
	{ MSR_IA32_VMX_PROCBASED_CTLS, MSR_IA32_VMX_TRUE_PROCBASED_CTLS, cpu_names,
	  .unwanted = CPU_BASED_RDTSC_EXITING | CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING,
	  .result = &vmx_caps.cpu },
	{ MSR_IA32_VMX_EXIT_CTLS, MSR_IA32_VMX_TRUE_EXIT_CTLS, exit_names,
	  .wanted = VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL | VM_EXIT_ACK_INTR_ON_EXIT, .result = &vmx_caps.exit },
	{ MSR_IA32_VMX_ENTRY_CTLS, MSR_IA32_VMX_TRUE_ENTRY_CTLS, entry_names,
	  .wanted = VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL, .unwanted = VM_ENTRY_SMM | VM_ENTRY_DEACT_DUAL_MONITOR,
	  .result = &vmx_caps.entry },
};

/**
 * vmx_adjust_control - choose the bits of a control field
 * @control: what is wanted
 * @capability: the CPU's MSR: the low half must be 1, the high half may be 1
 * @result: out: bits to use; what is required but not there is left out
 *
 * Return: NULL, or the name of the first thing that is missing. Source: SDM volume 3, appendix A.3 to A.5.
 */
const char *vmx_adjust_control(const struct vmx_control *control, u64 capability, u32 *result)
{
	const struct vmx_control_name *name;
	u32 must = capability, may = capability >> 32;
	const char *missing = NULL;
	u32 bits = control->wanted;

	for (name = control->required; name->bit; name++) {
		bits |= name->bit;
		if (!missing && !(may & name->bit))
			missing = name->name;
	}
	if (!missing && must & control->unwanted)
		missing = "freedom from exits at each CR8 or TSC access";
	*result = (bits & may) | must;
	return missing;
}
WR_EXPORT_FOR_KUNIT(vmx_adjust_control);

static const char *adjust_controls(u64 basic)
{
	const char *missing;
	u64 capability;
	int i;

	for (i = 0; i < ARRAY_SIZE(controls); i++) {
		u32 msr = basic & VMX_BASIC_TRUE_CONTROLS ? controls[i].true_msr : controls[i].msr;

		if (rdmsrl_safe(msr, &capability))
			return controls[i].required[0].name;
		missing = vmx_adjust_control(&controls[i], capability, controls[i].result);
		if (missing)
			return missing;
	}
	return NULL;
}

/* Four levels in write-back memory, pages of 2 MiB, INVEPT; and without exits at each access to CR3 or flush of the guest's. */
static bool ept_is_usable(u64 caps)
{
	const u64 needed = VMX_EPT_PAGE_WALK_4_BIT | VMX_EPTP_WB_BIT | VMX_EPT_2MB_PAGE_BIT | VMX_EPT_INVEPT_BIT |
		VMX_EPT_EXTENT_GLOBAL_BIT;

	return vmx_caps.cpu2 & SECONDARY_EXEC_ENABLE_EPT && (caps & needed) == needed &&
		!(vmx_caps.cpu & VMX_SHADOW_CONTROLS);
}

/* A VPID is of no use when its translations cannot be dropped. */
static bool vpid_is_usable(u64 caps)
{
	const u64 needed = VMX_VPID_INVVPID_BIT | VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT;

	return (caps >> 32 & needed) == needed;
}

/* Extended page tables, or shadow ones: what each cannot be used with is turned off. */
static const char *choose_paging(void)
{
	u64 caps;

	if (rdmsrl_safe(MSR_IA32_VMX_EPT_VPID_CAP, &caps))
		caps = 0;
	vmx_caps.exceptions = VMX_EXCEPTIONS;
	vmx_caps.shadow = wr_want_shadow || !ept_is_usable(caps);
	if (vmx_caps.shadow) {
		vmx_caps.exceptions |= BIT(X86_TRAP_PF);
		vmx_caps.cpu |= VMX_SHADOW_CONTROLS;
		vmx_caps.cpu2 &= ~VMX_EPT_CONTROLS;
		if (!vpid_is_usable(caps))
			vmx_caps.cpu2 &= ~SECONDARY_EXEC_ENABLE_VPID;
		return boot_cpu_has(X86_FEATURE_NX) ? NULL : "pages that are not executable (XD, which firmware can turn off)";
	}
	vmx_caps.ept_ad = caps & VMX_EPT_AD_BIT;
	vmx_caps.ept_1g = caps & VMX_EPT_1GB_PAGE_BIT;
	vmx_caps.invept_single = caps & VMX_EPT_EXTENT_CONTEXT_BIT;
	return NULL;
}

/* There is no such thing with shadow paging. */
static void choose_unrestricted(void)
{
	if (!unrestricted_guest)
		vmx_caps.cpu2 &= ~SECONDARY_EXEC_UNRESTRICTED_GUEST;
	unrestricted_guest = vmx_caps.unrestricted = vmx_caps.cpu2 & SECONDARY_EXEC_UNRESTRICTED_GUEST;
}

/*
 * All of it or nothing. vCPUs turn the controls on where they have a local APIC. In real mode the emulator delivers interrupts
 * where guests are not unrestricted: the CPU must not.
 */
static void choose_apicv(void)
{
	vmx_apicv &= vmx_caps.unrestricted && (vmx_caps.cpu2 & VMX_APICV_CONTROLS) == VMX_APICV_CONTROLS;
	vmx_caps.apicv = vmx_apicv;
	vmx_caps.cpu2 &= ~VMX_APICV_CONTROLS;
}

/* Both halves or neither: the guest's half stops the counters, the host's starts them again. */
static void choose_perf(void)
{
	vmx_caps.perf = boot_cpu_has(X86_FEATURE_ARCH_PERFMON) && vmx_caps.exit & VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL &&
		vmx_caps.entry & VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL;
	if (vmx_caps.perf)
		return;
	vmx_caps.exit &= ~VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL;
	vmx_caps.entry &= ~VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL;
}

/* CPUs whose timer does not count at the rate that they tell (an erratum of each) */
static bool timer_is_broken(void)
{
	static const u32 signatures[] = {
		0x106a0, 0x106a1, 0x106a4, 0x106a5, 0x106e5, 0x20652, 0x20655, 0x206e6,
	};
	u32 signature = cpuid_eax(1);
	int i;

	for (i = 0; i < ARRAY_SIZE(signatures); i++)
		if (signatures[i] == signature)
			return true;
	return false;
}

static void choose_timer(void)
{
	u64 misc;

	if (!preemption_timer || timer_is_broken() || rdmsrl_safe(MSR_IA32_VMX_MISC, &misc)) {
		vmx_caps.pin &= ~PIN_BASED_VMX_PREEMPTION_TIMER;
		return;
	}
	vmx_caps.timer = vmx_caps.pin & PIN_BASED_VMX_PREEMPTION_TIMER;
	vmx_caps.timer_rate = vmx_misc_preemption_timer_rate(misc);
}

static void fill_backend_caps(void)
{
	vmx_backend_caps = (struct wr_backend_caps) {
		.only_beside = WR_VMX_ONLY_BESIDE,
		.exit_timer = vmx_caps.timer,
		.xsaves = vmx_caps.cpu2 & VMX_EXEC_XSAVES,
		.tsc_ratio_bits = vmx_caps.cpu2 & SECONDARY_EXEC_TSC_SCALING ? 48 : 0,
		.tsc_ratio_max = U64_MAX,
		.needs_tss = !vmx_caps.unrestricted,
		.needs_identity_map = !vmx_caps.unrestricted && !vmx_caps.shadow,
	};
}

static const char *read_caps(void)
{
	const char *missing;
	u64 basic;

	if (rdmsrl_safe(MSR_IA32_VMX_BASIC, &basic))
		return "VMX capability MSRs";
	vmx_caps = (struct vmx_caps) {
		.revision = vmx_basic_vmcs_revision_id(basic),
		.tsc_aux = boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID),
		.spec_ctrl = boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL),
		.flush_l1d = boot_cpu_has_bug(X86_BUG_L1TF) && boot_cpu_has(X86_FEATURE_FLUSH_L1D),
	};
	if (vmx_basic_vmcs_size(basic) > PAGE_SIZE)
		return "VMCSs of one page";
	missing = adjust_controls(basic) ?: choose_paging();
	/* An entry of a shadow table that is not present names no memory. */
	vmx_caps.flush_l1d &= !vmx_caps.shadow;
	choose_perf();
	choose_timer();
	choose_unrestricted();
	fill_backend_caps();
	if (!vmx_pml || !vmx_caps.ept_ad)
		vmx_caps.cpu2 &= ~SECONDARY_EXEC_ENABLE_PML;
	choose_apicv();
	vmx_posted_choose();
	return missing;
}

/* Does a hypervisor below, Hyper-V or one that speaks like it, recommend enlightened VMCSs? Source: its TLFS, 2.4. */
static bool wants_evmcs(void)
{
	u32 max, signature[3];

	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR))
		return false;
	cpuid(0x40000000, &max, &signature[0], &signature[1], &signature[2]);
	return !memcmp(signature, "Microsoft Hv", sizeof(signature)) && max >= 0x40000004 && cpuid_eax(0x40000004) & BIT(14);
}

static void read_facts(struct vmx_facts *facts)
{
	*facts = (struct vmx_facts) {
		.fred = wr_host_uses_fred(),
		.evmcs = wants_evmcs(),
	};
	if (rdmsrl_safe(MSR_IA32_FEAT_CTL, &facts->feature_control))
		facts->feature_control = 0;
}

/**
 * vmx_obstacle - what keeps VT-x from being used, whatever the CPU's VT-x can do
 * @facts: of the host
 *
 * Return: what, and where possible what to do about it, or NULL.
 */
const char *vmx_obstacle(const struct vmx_facts *facts)
{
	const u64 on = FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;

	if ((facts->feature_control & on) != on)
		return "VT-x is turned off in the firmware: enable it in its setup";
	/* An NMI that ended a guest's stay is delivered by INT 2, an interrupt by its gate: FRED knows neither. */
	if (facts->fred)
		return "the host takes its interrupts by FRED: boot with fred=off";
	/* KVM's stays in force when it is not running, and an entry of ours would be one of its guest's. */
	if (facts->evmcs)
		return "Hyper-V gives KVM an enlightened VMCS here, which cannot be lived beside";
	return NULL;
}
WR_EXPORT_FOR_KUNIT(vmx_obstacle);

static void free_cpu_pages(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = per_cpu_ptr(&vmx_cpu, cpu);

		if (c->vmxon)
			__free_page(c->vmxon);
		c->vmxon = NULL;
	}
}

static int alloc_cpu_pages(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = per_cpu_ptr(&vmx_cpu, cpu);

		INIT_LIST_HEAD(&c->active);
		c->vmxon = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
		if (!c->vmxon)
			return -ENOMEM;
		*(u32 *)page_address(c->vmxon) = vmx_caps.revision;
	}
	return 0;
}

static int alloc_memory(void)
{
	int err = alloc_cpu_pages();

	vmx_msr_bitmap = (void *)get_zeroed_page(GFP_KERNEL);
	vmx_no_msr_bitmap = (void *)get_zeroed_page(GFP_KERNEL);
	if (err || !vmx_msr_bitmap || !vmx_no_msr_bitmap) {
		vmx_remove();
		return -ENOMEM;
	}
	vmx_init_msr_bitmap();
	if (vmx_apicv_init()) {
		vmx_remove();
		return -ENOMEM;
	}
	return 0;
}

/* wr_backend.probe */
int vmx_probe(void)
{
	struct vmx_facts facts;
	const char *what;

	/* The kernel hides the feature when firmware has turned it off: ask the CPU. */
	if (!(cpuid_ecx(1) & BIT(X86_FEATURE_VMX & 31)))
		return -ENODEV;
	read_facts(&facts);
	what = vmx_obstacle(&facts);
	if (what) {
		pr_err("cannot run here: %s\n", what);
		return -EOPNOTSUPP;
	}
	what = read_caps();
	/* Last, for it comes with CPUs that have all the rest. */
	if (!what && !boot_cpu_has(X86_FEATURE_XSAVE))
		what = "XSAVE";
	if (what) {
		pr_err("cannot run here: the CPU or its VT-x lacks: %s\n", what);
		return -EOPNOTSUPP;
	}
	if (vmx_caps.shadow)
		vmx_use_shadow(&wr_vmx);
	else
		vmx_init_ept_format();
	if (!vmx_caps.unrestricted)
		vmx_use_restricted(&wr_vmx);
	return alloc_memory();
}

/* wr_backend.remove */
void vmx_remove(void)
{
	free_cpu_pages();
	vmx_apicv_exit();
	free_page((unsigned long)vmx_msr_bitmap);
	free_page((unsigned long)vmx_no_msr_bitmap);
	vmx_msr_bitmap = NULL;
	vmx_no_msr_bitmap = NULL;
}

/**
 * vmx_read_gdt - note where the kernel's GDT is
 * @cpu: this one
 *
 * Context: preemption off.
 */
void vmx_read_gdt(struct vmx_cpu *cpu)
{
	native_store_gdt(&cpu->gdt);
	/* Between an exit and the end of its stay another hypervisor's CPU has a wider one. */
	cpu->gdt.size = GDT_SIZE - 1;
}

/**
 * vmx_read_msrs - note the MSRs that guests have for themselves
 * @cpu: this one
 *
 * Context: interrupts off.
 */
void vmx_read_msrs(struct vmx_cpu *cpu)
{
	cpu->syscall_msr[VMX_STAR] = wr_host_rdmsr(MSR_STAR);
	cpu->syscall_msr[VMX_LSTAR] = wr_host_rdmsr(MSR_LSTAR);
	cpu->syscall_msr[VMX_SYSCALL_MASK] = wr_host_rdmsr(MSR_SYSCALL_MASK);
	if (vmx_caps.tsc_aux)
		cpu->tsc_aux = wr_host_rdmsr(MSR_TSC_AUX);
}

/* wr_backend.host_on */
int vmx_host_on(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);

	if (cpu->on)
		return 0;
	/* Somebody else has it. They would lose it when we turn it off, and we when they do. */
	if (__read_cr4() & X86_CR4_VMXE)
		return -EBUSY;
	wr_pt_handle_vmx(true);
	wr_cr4_set_vmxe(true);
	if (vmxon(page_to_phys(cpu->vmxon))) {
		wr_cr4_set_vmxe(false);
		wr_pt_handle_vmx(false);
		return -EIO;
	}
	cpu->on = true;
	cpu->current_vcpu = NULL;
	cpu->last = 0;
	vmx_read_gdt(cpu);
	vmx_read_msrs(cpu);
	wr_tlb_host_on(&cpu->tlb);
	return 0;
}

/* wr_backend.host_off; also from the crash path */
void vmx_host_off(void)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);

	/* Also where it was turned on in vain: what was made current meanwhile must not be taken for a section's. */
	vmx_forget_active(cpu);
	if (!cpu->on)
		return;
	cpu->on = false;
	vmxoff();
	wr_cr4_set_vmxe(false);
	wr_pt_handle_vmx(false);
}
