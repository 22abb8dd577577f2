// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtualization of the host's CPUs: turned on for the first VM, off after the last, and kept so through CPU hotplug, suspend
 * and reboot.
 *
 * A crash needs nothing: the other CPUs are stopped by NMI, which AMD-V holds back while a guest is entered or left (GIF is
 * clear), so they stop in a state that the next kernel can start from.
 */
#define pr_fmt(fmt) "warren: " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mutex.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <asm/mce.h>
#include <asm/processor-flags.h>
#include <asm/ptrace.h>

#include "backend.h"
#include "compat.h"
#include "host.h"

/* Lock order: cpus_read_lock(), then this. */
static DEFINE_MUTEX(host_lock);
static unsigned long users;		/* host_lock, and constant during hotplug and suspend */
static atomic_t failures;		/* CPUs that could not be turned on */
static bool rebooting;
static enum cpuhp_state hotplug_state;

static void cpu_on(void *unused)
{
	if (wr_backend->host_on())
		atomic_inc(&failures);
}

static void cpu_off(void *unused)
{
	wr_backend->host_off();
}

static int cpu_online_callback(unsigned int cpu)
{
	int err = 0;

	mutex_lock(&host_lock);
	if (users) {
		local_irq_disable();
		err = wr_backend->host_on();
		local_irq_enable();
	}
	mutex_unlock(&host_lock);
	if (err)
		pr_err("CPU %u stays offline: virtualization is in use or cannot be turned on\n", cpu);
	return err;
}

static int cpu_offline_callback(unsigned int cpu)
{
	local_irq_disable();
	wr_backend->host_off();
	local_irq_enable();
	return 0;
}

/* The last CPU, with interrupts off; the others went offline before. */
static int suspend(void)
{
	if (users)
		wr_backend->host_off();
	return 0;
}

static void resume(void)
{
	if (users)
		WARN_ON_ONCE(wr_backend->host_on());
	wr_clock_resume();
}

WR_DEFINE_SYSCORE(host_syscore, suspend, resume);

/* Firmware may not expect virtualization on: off everywhere, and no entry turns it on again. */
static int reboot_callback(struct notifier_block *nb, unsigned long action, void *data)
{
	WRITE_ONCE(rebooting, true);
	on_each_cpu(cpu_off, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_notifier = {
	.notifier_call = reboot_callback,
};

/**
 * wr_host_restore - an entry found virtualization off on this CPU
 *
 * Return: 0 when it is on again; -EIO when it must stay off, for a reboot, or cannot be turned on.
 * Context: interrupts off.
 */
int wr_host_restore(void)
{
	if (READ_ONCE(rebooting))
		return -EIO;
	wr_backend->host_off();
	return wr_backend->host_on() ? -EIO : 0;
}

/**
 * wr_host_machine_check - a machine check of the host made the guest exit
 *
 * Handled as if it had hit in user mode: the guest's state is not the kernel's, and can be killed with its VMM.
 * Context: interrupts off, right after the exit.
 */
void wr_host_machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#endif
}

/**
 * wr_host_get - turn virtualization on, on every CPU, for one more VM
 *
 * Return: 0; -EBUSY when another hypervisor has a CPU; -EIO during a reboot. Context: may sleep.
 */
int wr_host_get(void)
{
	int err = 0;

	cpus_read_lock();
	mutex_lock(&host_lock);
	if (READ_ONCE(rebooting))
		err = -EIO;
	if (!err && !users) {
		atomic_set(&failures, 0);
		on_each_cpu(cpu_on, NULL, 1);
		if (atomic_read(&failures)) {
			on_each_cpu(cpu_off, NULL, 1);
			pr_warn_ratelimited("another hypervisor has running VMs: virtualization cannot be turned on\n");
			err = -EBUSY;
		}
	}
	if (!err)
		users++;
	mutex_unlock(&host_lock);
	cpus_read_unlock();
	return err;
}

/**
 * wr_host_put - a VM is gone
 *
 * Context: may sleep.
 */
void wr_host_put(void)
{
	cpus_read_lock();
	mutex_lock(&host_lock);
	if (!--users)
		on_each_cpu(cpu_off, NULL, 1);
	mutex_unlock(&host_lock);
	cpus_read_unlock();
}

/**
 * wr_host_init - follow CPU hotplug, suspend and reboot
 *
 * Return: 0 or a negative error. Context: module load.
 */
int wr_host_init(void)
{
	int state;

	state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "virt/warren:online",
					  cpu_online_callback, cpu_offline_callback);
	if (state < 0)
		return state;
	hotplug_state = state;
	wr_register_syscore(&host_syscore);
	register_reboot_notifier(&reboot_notifier);
	return 0;
}

/**
 * wr_host_exit - undo wr_host_init()
 */
void wr_host_exit(void)
{
	unregister_reboot_notifier(&reboot_notifier);
	wr_unregister_syscore(&host_syscore);
	cpuhp_remove_state_nocalls(hotplug_state);
}
