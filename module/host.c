// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtualization of the host's CPUs. Alone, Warren turns it on for the first VM, off after the last, and keeps it so through CPU
 * hotplug, suspend and reboot. Beside another hypervisor nothing of Warren's is on but while the CPU is borrowed, see backend.h.
 *
 * After a crash the kernel asks for it to be off on each CPU, by NMI where they do not listen, before it starts another one.
 */
#define pr_fmt(fmt) "warren: " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mutex.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/stop_machine.h>
#include <asm/mce.h>
#include <asm/processor-flags.h>
#include <asm/ptrace.h>

#include "backend.h"
#include "compat.h"
#include "host.h"

/* Changes while all CPUs are stopped: constant as long as preemption is off, and during hotplug and suspend. */
bool wr_host_beside __read_mostly;

/* On before that is set for the first time, and from then on; host_lock to change */
DEFINE_STATIC_KEY_FALSE(wr_host_beside_key);

/* Lock order: this, then cpus_read_lock(). */
static DEFINE_MUTEX(host_lock);
static unsigned long users;		/* host_lock to change, before the CPUs go on or off */
static bool rival_is_here;		/* host_lock */
static bool told_of_crashes;		/* host_lock */
static atomic_t failure;		/* why a CPU could not be turned on: 0 or a negative error */
bool wr_host_rebooting __read_mostly;
static enum cpuhp_state hotplug_state;

static void cpu_on(void *unused)
{
	/* Whoever is asked may have looked for a reboot before it began. */
	int err = wr_host_is_rebooting() ? -EIO : wr_backend->host_on();

	if (err)
		atomic_cmpxchg(&failure, 0, err);
}

static void cpu_off(void *unused)
{
	wr_backend->host_off();
}

/* Should virtualization be on all the time? */
static bool keeps_on(void)
{
	return READ_ONCE(users) && !wr_host_beside;
}

static int cpu_online_callback(unsigned int cpu)
{
	int err = 0;

	/* A reboot's call of cpu_off() comes before or after this, and then is seen. */
	local_irq_disable();
	if (keeps_on() && !wr_host_is_rebooting())
		err = wr_backend->host_on();
	local_irq_enable();
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
	if (keeps_on())
		wr_backend->host_off();
	return 0;
}

static void resume(void)
{
	if (keeps_on())
		WARN_ON_ONCE(wr_backend->host_on());
	wr_clock_resume();
}

WR_DEFINE_SYSCORE(host_syscore, suspend, resume);

/* Firmware may not expect virtualization on: off everywhere, and no entry turns it on again. */
static int reboot_callback(struct notifier_block *nb, unsigned long action, void *data)
{
	WRITE_ONCE(wr_host_rebooting, true);
	on_each_cpu(cpu_off, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_notifier = {
	.notifier_call = reboot_callback,
};

/**
 * wr_host_restore - an entry found virtualization off on this CPU
 *
 * Return: 0 when it is on again; -EIO when it must stay off, for a reboot or beside another hypervisor, or cannot be turned on.
 * Context: interrupts off.
 */
int wr_host_restore(void)
{
	if (wr_host_is_rebooting() || wr_host_beside)
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

/* There is one place for this; beside another hypervisor it is the other's. host_lock is held. */
static void ask_to_be_told_of_crashes(bool on)
{
	if (on == told_of_crashes)
		return;
	told_of_crashes = on;
	if (on)
		wr_register_emergency_callback(wr_backend->host_off);
	else
		wr_unregister_emergency_callback(wr_backend->host_off);
}

/* On all CPUs at once, none of them in a stay, with interrupts off */
static int switch_cpu(void *beside)
{
	WRITE_ONCE(wr_host_beside, *(bool *)beside);
	if (wr_host_beside)
		wr_backend->host_off();
	else if (users)
		cpu_on(NULL);
	return 0;
}

/* Where it fails some CPUs are on. */
static int turn_on(void)
{
	atomic_set(&failure, 0);
	cpus_read_lock();
	on_each_cpu(cpu_on, NULL, 1);
	cpus_read_unlock();
	return atomic_read(&failure);
}

static void turn_off(void)
{
	cpus_read_lock();
	on_each_cpu(cpu_off, NULL, 1);
	cpus_read_unlock();
}

/*
 * A CPU that somebody else has on keeps Warren beside. All are on before any stay believes that it is alone: until then they are
 * borrowed, from ourselves as well.
 */
static void set_beside(bool beside)
{
	if (wr_host_beside == beside)
		return;
	if (!beside && users && turn_on()) {
		turn_off();
		return;
	}
	if (beside)
		ask_to_be_told_of_crashes(false);
	static_branch_enable(&wr_host_beside_key);
	atomic_set(&failure, 0);
	stop_machine(switch_cpu, &beside, cpu_online_mask);
	if (atomic_read(&failure)) {
		beside = true;
		stop_machine(switch_cpu, &beside, cpu_online_mask);
	}
	if (users && !beside)
		ask_to_be_told_of_crashes(true);
}

/**
 * wr_host_share - the other hypervisor, wr_backend.rival, comes or has gone
 * @present: it comes: when this returns, the CPUs are as if Warren were not there
 *
 * Context: may sleep.
 */
void wr_host_share(bool present)
{
	mutex_lock(&host_lock);
	rival_is_here = present;
	set_beside(present);
	mutex_unlock(&host_lock);
}

static int get_first(void)
{
	int err;

	if (wr_host_beside)
		return 0;
	err = turn_on();
	if (!err) {
		ask_to_be_told_of_crashes(true);
		return 0;
	}
	/* No module that is known, but it is there: live beside it as well. */
	if (err == -EBUSY) {
		set_beside(true);
		return 0;
	}
	pr_warn_ratelimited("virtualization cannot be turned on\n");
	/* First: a CPU that comes online in between would stay on. */
	WRITE_ONCE(users, 0);
	turn_off();
	return err;
}

/**
 * wr_host_get - turn virtualization on, on every CPU, for one more VM; beside another hypervisor count it only
 *
 * Return: 0; -EIO during a reboot, or when a CPU cannot be turned on. Context: may sleep.
 */
int wr_host_get(void)
{
	int err = 0;

	if (wr_host_is_rebooting())
		return -EIO;
	mutex_lock(&host_lock);
	WRITE_ONCE(users, users + 1);
	if (users == 1)
		err = get_first();
	mutex_unlock(&host_lock);
	return err;
}

static void put_last(void)
{
	turn_off();
	if (!rival_is_here)
		set_beside(false);
}

/**
 * wr_host_put - a VM is gone
 *
 * Context: may sleep.
 */
void wr_host_put(void)
{
	mutex_lock(&host_lock);
	WRITE_ONCE(users, users - 1);
	if (!users)
		put_last();
	mutex_unlock(&host_lock);
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
 * wr_host_forget_crashes - the place of the one who is told of crashes is free again
 *
 * Context: module unload, while it is still seen when another hypervisor comes. Each last VM is not worth the wait that this is.
 */
void wr_host_forget_crashes(void)
{
	mutex_lock(&host_lock);
	ask_to_be_told_of_crashes(false);
	mutex_unlock(&host_lock);
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
