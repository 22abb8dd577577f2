/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only file that knows kernel versions. Each shim names the release that made it necessary.
 */
#ifndef WARREN_COMPAT_H
#define WARREN_COMPAT_H

#include <linux/cc_platform.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>
#include <asm/apic.h>
#include <asm/cpufeature.h>
#include <asm/irq_vectors.h>
#include <asm/nospec-branch.h>
#include <asm/perf_event.h>
#include <asm/reboot.h>
#include <asm/tlbflush.h>

/* 6.16: cpuid_count() and its like are in <asm/cpuid/api.h> */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#include <asm/cpuid/api.h>
#endif

/*
 * 6.18: <linux/entry-virt.h> took the place of <linux/entry-kvm.h>, and its function lost its argument: see
 * compat_xfer.h. (sparse does not know __has_include.)
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define WR_HAVE_ENTRY_VIRT
#endif

/* 6.16: rdmsrl() and its like became rdmsrq() */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#include <asm/msr.h>
#define rdmsrl(msr, val)	rdmsrq(msr, val)
#define rdmsrl_safe(msr, p)	rdmsrq_safe(msr, p)
#define wrmsrl(msr, val)	wrmsrq(msr, val)
#define wrmsrl_safe(msr, val)	wrmsrq_safe(msr, val)
#endif

/* 6.13: EXPORT_SYMBOL_NS_GPL takes the namespace as a string */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define WR_EXPORT_NS(sym)	EXPORT_SYMBOL_NS_GPL(sym, "WARREN_KUNIT")
#define WR_IMPORT_KUNIT_NS()	MODULE_IMPORT_NS("WARREN_KUNIT")
#else
#define WR_EXPORT_NS(sym)	EXPORT_SYMBOL_NS_GPL(sym, WARREN_KUNIT)
#define WR_IMPORT_KUNIT_NS()	MODULE_IMPORT_NS(WARREN_KUNIT)
#endif

/* warren-kunit.ko calls these; on kernels without KUnit nothing is exported. */
#if IS_ENABLED(CONFIG_KUNIT)
#define WR_EXPORT_FOR_KUNIT(sym)	WR_EXPORT_NS(sym)
#else
#define WR_EXPORT_FOR_KUNIT(sym)
#endif

/* 6.7: the attributes of a generic netlink dump's request are in its struct genl_info */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#define wr_genl_dump_attrs(cb)	(genl_info_dump(cb)->attrs)
#else
#define wr_genl_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#endif

/* 6.10: kvm_run.immediate_exit, which userspace may change any time, got a name that says so */
static inline bool wr_immediate_exit(const struct kvm_run *run)
{
#ifdef HINT_UNSAFE_IN_KVM
	return READ_ONCE(run->immediate_exit__unsafe);
#else
	return READ_ONCE(run->immediate_exit);
#endif
}

/* 6.6: what a hypercall's exit says of the guest's mode became a flag, and the old name userspace's */
static inline void wr_set_hypercall_mode(struct kvm_run *run, bool wide)
{
#ifdef KVM_EXIT_HYPERCALL_LONG_MODE
	run->hypercall.flags = wide ? KVM_EXIT_HYPERCALL_LONG_MODE : 0;
#else
	run->hypercall.longmode = wide;
#endif
}

/* 6.8: eventfd_signal() lost its count */
static inline void wr_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* 6.13: hrtimer_setup(); 6.15: hrtimer_init() removed */
static inline void wr_hrtimer_setup(struct hrtimer *timer,
				    enum hrtimer_restart (*fn)(struct hrtimer *),
				    clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
#endif
}

/* after 6.12: the notifiers' answers about age became bool */
#define wr_young_t	typeof(((struct mmu_notifier_ops *)NULL)->test_young(NULL, NULL, 0))

/* 6.4: arch_smp_send_reschedule(); smp_send_reschedule() now traces with a symbol that is not exported */
static inline void wr_send_reschedule(int cpu)
{
	/* The parentheses keep the macro of that name out. */
	(smp_ops.smp_send_reschedule)(cpu);
}

/* Make a guest on another CPU take what was posted. The kernel's own handler, for when no guest is there, does nothing. */
static inline void wr_send_posted(int cpu)
{
	/* 6.6: by a static call, which is not exported; the member stays */
	apic->send_IPI(cpu, POSTED_INTR_VECTOR);
}

/* 6.19: syscore callbacks take their data, and are registered by struct syscore. So in 6.12 since some point release: Kbuild looks. */
#ifdef WR_HAVE_REGISTER_SYSCORE
#define WR_DEFINE_SYSCORE(name, suspend_fn, resume_fn)				\
	static int name##_suspend(void *data) { return suspend_fn(); }		\
	static void name##_resume(void *data) { resume_fn(); }			\
	static const struct syscore_ops name##_ops = {				\
		.suspend = name##_suspend, .resume = name##_resume,		\
	};									\
	static struct syscore name = { .ops = &name##_ops }
#define wr_register_syscore(name)	register_syscore(name)
#define wr_unregister_syscore(name)	unregister_syscore(name)
#else
#define WR_DEFINE_SYSCORE(name, suspend_fn, resume_fn)				\
	static struct syscore_ops name = { .suspend = suspend_fn, .resume = resume_fn }
#define wr_register_syscore(name)	register_syscore_ops(name)
#define wr_unregister_syscore(name)	unregister_syscore_ops(name)
#endif

/*
 * 6.6, and 6.1 since some point release: a crash turns virtualization off by a callback alone, which a hypervisor registers; older
 * kernels look at CR4 and EFER themselves. 7.0: the place is KVM's. Kbuild looks.
 */
#ifdef WR_HAVE_EMERGENCY_CALLBACK
#define wr_register_emergency_callback(fn)	cpu_emergency_register_virt_callback(fn)
#define wr_unregister_emergency_callback(fn)	cpu_emergency_unregister_virt_callback(fn)
#else
#define wr_register_emergency_callback(fn)	do { } while (0)
#define wr_unregister_emergency_callback(fn)	do { } while (0)
#endif

/*
 * 6.17, and 6.1 and 6.12 since some point release: on CPUs with VMSCAPE the kernel makes a barrier on its way to user mode when it is
 * told that the thread ran a guest. Kbuild looks.
 */
static inline void wr_guest_has_run(void)
{
#ifdef WR_HAVE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

/* Before VT-x comes on, and after it is off: some CPUs cannot trace (Intel PT) meanwhile. 7.0: KVM's alone, see below. */
static inline void wr_pt_handle_vmx(bool on)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	intel_pt_handle_vmx(on);
#endif
}

/*
 * 7.0: CR4's shadow, from which the kernel rewrites CR4, is changed by KVM alone, and without VMXE there the next rewrite would
 * fault: VMXE cannot stay on while interrupts are. Before: cr4_set_bits().
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define WR_VMX_ONLY_BESIDE	true
#else
#define WR_VMX_ONLY_BESIDE	false
#endif

static inline void wr_cr4_set_vmxe(bool on)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	if (on)
		cr4_set_bits(X86_CR4_VMXE);
	else
		cr4_clear_bits(X86_CR4_VMXE);
#endif
}

/* 6.9: the kernel turns on SEV-SNP, whether it has guests of that kind or not */
static inline bool wr_host_has_snp(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	return cc_platform_has(CC_ATTR_HOST_SEV_SNP);
#else
	return false;
#endif
}

/* 6.9: FRED, by which the kernel takes interrupts instead of by the IDT if the CPU has it */
static inline bool wr_host_uses_fred(void)
{
#ifdef X86_FEATURE_FRED
	return cpu_feature_enabled(X86_FEATURE_FRED);
#else
	return false;
#endif
}

/* 6.7: shrinkers are allocated by the kernel. Return: the shrinker, for wr_shrinker_remove(); NULL: no memory. May sleep. */
static inline struct shrinker *wr_shrinker_add(const char *name,
					       unsigned long (*count)(struct shrinker *s, struct shrink_control *control),
					       unsigned long (*scan)(struct shrinker *s, struct shrink_control *control))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	struct shrinker *s = shrinker_alloc(0, "%s", name);
#else
	struct shrinker *s = kzalloc(sizeof(*s), GFP_KERNEL);
#endif

	if (!s)
		return NULL;
	s->count_objects = count;
	s->scan_objects = scan;
	s->seeks = DEFAULT_SEEKS;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	shrinker_register(s);
#else
	if (register_shrinker(s, "%s", name)) {
		kfree(s);
		return NULL;
	}
#endif
	return s;
}

static inline void wr_shrinker_remove(struct shrinker *s)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	shrinker_free(s);
#else
	unregister_shrinker(s);
	kfree(s);
#endif
}

/* 7.0: struct vmcb_control_area's nested_ctl became misc_ctl */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#define WR_VMCB_NESTED_CTL	misc_ctl
#else
#define WR_VMCB_NESTED_CTL	nested_ctl
#endif

#endif
