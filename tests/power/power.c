// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests of suspend and reboot, on an emulated host.
 *
 * Milliseconds written to the parameter "suspend" take the last online CPU through the kernel's own syscore suspend and, that
 * much later, resume, as suspend to RAM does. Devices stay awake: the host's root is on one that forgets what it was told (9p over virtio).
 *
 * When the host goes down, a line tells on how many CPUs virtualization was on before anybody was told, and is when all have
 * been. A guest has had time to try meanwhile.
 */
#define pr_fmt(fmt) "warren-power: " fmt

#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/special_insns.h>
#include <asm/tsc.h>

#include "compat.h"

#define GUESTS_TRY_MS	300

static bool is_on(void)
{
	u64 efer;

	if (boot_cpu_has(X86_FEATURE_VMX))
		return native_read_cr4() & X86_CR4_VMXE;
	rdmsrl(MSR_EFER, efer);
	return efer & EFER_SVME;
}

static void count_cpu(void *count)
{
	if (is_on())
		atomic_inc(count);
}

static int cpus_on(void)
{
	atomic_t count = ATOMIC_INIT(0);

	on_each_cpu(count_cpu, &count, 1);
	return atomic_read(&count);
}

static int suspended;	/* times that virtualization was off while suspended, and on after that */
module_param(suspended, int, 0444);
MODULE_PARM_DESC(suspended, "how often virtualization was off in, and on after a suspend");

/* No clock but the TSC goes on. */
static void sleep_deeply(u64 ms)
{
	u64 start = rdtsc();

	while (rdtsc() - start < ms * tsc_khz)
		cpu_relax();
}

/* Interrupts are off. */
static int suspend_and_resume(unsigned int ms)
{
	bool was = is_on(), asleep, is;
	int err = syscore_suspend();

	if (err)
		return err;
	asleep = is_on();
	sleep_deeply(ms);
	syscore_resume();
	is = is_on();
	/* Who makes the first VM may have been stopped before it was on here: it may be now. Where nobody does, a test finds it counted. */
	if (asleep || (was && !is))
		pr_err("BUG: virtualization %d before, %d in, %d after a suspend\n", was, asleep, is);
	suspended += !asleep && is;
	return 0;
}

static int suspend_set(const char *value, const struct kernel_param *param)
{
	unsigned int ms;
	int err = kstrtouint(value, 0, &ms);

	if (err)
		return err;
	if (num_online_cpus() > 1)
		return -EBUSY;
	/* As the kernel does: checks for sleeping know that nothing else can run. */
	local_irq_disable();
	system_state = SYSTEM_SUSPEND;
	err = suspend_and_resume(ms);
	system_state = SYSTEM_RUNNING;
	local_irq_enable();
	return err;
}

static const struct kernel_param_ops suspend_ops = { .set = suspend_set };

module_param_cb(suspend, &suspend_ops, NULL, 0200);
MODULE_PARM_DESC(suspend, "milliseconds to spend suspended, now");

static int before_down;

static int first_told(struct notifier_block *nb, unsigned long action, void *data)
{
	before_down = cpus_on();
	return NOTIFY_DONE;
}

static int last_told(struct notifier_block *nb, unsigned long action, void *data)
{
	int after;

	msleep(GUESTS_TRY_MS);
	after = cpus_on();
	pr_warn("CPUs with virtualization on: %d before, %d now\n", before_down, after);
	if (after)
		pr_err("BUG: virtualization is on while the host goes down\n");
	return NOTIFY_DONE;
}

static struct notifier_block first = { .notifier_call = first_told, .priority = INT_MAX };
static struct notifier_block last = { .notifier_call = last_told, .priority = INT_MIN };

static int __init power_init(void)
{
	register_reboot_notifier(&first);
	register_reboot_notifier(&last);
	return 0;
}

static void __exit power_exit(void)
{
	unregister_reboot_notifier(&last);
	unregister_reboot_notifier(&first);
}

module_init(power_init);
module_exit(power_exit);
MODULE_DESCRIPTION("Suspend and reboot, for Warren's tests");
MODULE_LICENSE("GPL");
