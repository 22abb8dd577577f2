// SPDX-License-Identifier: GPL-2.0-only
/*
 * Samples of guests for the host's perf, which asks in its interrupt's handler whether that came while a guest ran.
 *
 * It did if it ended the guest's stay. So the interrupt that an exit was for is taken here, right behind the exit, with this
 * CPU's vCPU noted for that long. A vCPU enters through this file only with perf=1, so others pay nothing.
 *
 * The kernel has one place for such answers, and KVM warns when it finds it taken. Warren leaves it to KVM: it does not take it
 * while KVM is there, and gives it back before KVM comes.
 */
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/perf_event.h>

#include "backend.h"
#include "fpu.h"
#include "gate.h"
#include "host.h"
#include "perf.h"

u64 (*wr_enter)(struct wr_vcpu *vcpu) __ro_after_init;
bool wr_perf;

/* Whose interrupt or NMI is being handled here */
static DEFINE_PER_CPU(struct wr_vcpu *, sampled);

/**
 * wr_perf_nmi - run the host's handler of an NMI that ended a vCPU's stay in the guest
 * @vcpu: its RIP and mode are up to date
 *
 * Context: interrupts off, NMIs blocked.
 */
void wr_perf_nmi(struct wr_vcpu *vcpu)
{
	__this_cpu_write(sampled, vcpu);
	asm volatile("int $2");
	__this_cpu_write(sampled, NULL);
}

#ifdef CONFIG_GUEST_PERF_EVENTS

static DEFINE_MUTEX(lock);
static bool registered;		/* lock */

static unsigned int state(void)
{
	struct wr_vcpu *vcpu = this_cpu_read(sampled);

	if (!vcpu)
		return 0;
	return PERF_GUEST_ACTIVE | (wr_backend->get_cpl(vcpu) ? PERF_GUEST_USER : 0);
}

static unsigned long get_ip(void)
{
	struct wr_vcpu *vcpu = this_cpu_read(sampled);

	return vcpu ? vcpu->rip : 0;
}

static struct perf_guest_info_callbacks callbacks = {
	.state = state,
	.get_ip = get_ip,
};

/* With the host's PKRU, as in run.c */
static void take_interrupt(struct wr_vcpu *vcpu)
{
	wr_fpu_swap_pkru(vcpu, false);
	__this_cpu_write(sampled, vcpu);
	if (vcpu->host_vector) {
		wr_host_interrupt(vcpu->host_vector);
		vcpu->host_vector = 0;
	} else {
		local_irq_enable();
		/* STI holds interrupts for one instruction more. */
		asm volatile("nop");
		local_irq_disable();
	}
	__this_cpu_write(sampled, NULL);
	wr_fpu_swap_pkru(vcpu, true);
}

static u64 enter(struct wr_vcpu *vcpu)
{
	u64 reason = wr_backend->enter(vcpu);

	/* Beside KVM the CPU is borrowed, for as long as interrupts stay off; and KVM has the place. */
	if (reason == WARREN_EXIT_INTERRUPT && !wr_host_is_beside())
		take_interrupt(vcpu);
	return reason;
}

/**
 * wr_perf_withdraw - give the place back, for KVM comes
 *
 * Context: may sleep; wr_host_beside is true, so that nobody takes it again.
 */
void wr_perf_withdraw(void)
{
	mutex_lock(&lock);
	if (registered)
		perf_unregister_guest_info_callbacks(&callbacks);
	registered = false;
	mutex_unlock(&lock);
}

static int begin(void)
{
	int err = 0;

	mutex_lock(&lock);
	if (wr_host_is_beside()) {
		pr_err("perf=1 is not available: virtualization is shared with KVM, or may be, and perf's samples of guests are KVM's\n");
		err = -EBUSY;
	} else {
		perf_register_guest_info_callbacks(&callbacks);
		registered = true;
		wr_enter = enter;
	}
	mutex_unlock(&lock);
	return err;
}

#else

static int begin(void)
{
	pr_err("perf=1 is not available: this kernel's perf takes no samples of guests\n");
	return -EOPNOTSUPP;
}

void wr_perf_withdraw(void)
{
}

#endif

/**
 * wr_perf_init - choose how vCPUs enter, and tell perf of guests if that is wanted
 *
 * Return: 0; -EBUSY when KVM does that; -EOPNOTSUPP on a kernel whose perf knows no guests.
 */
int __init wr_perf_init(void)
{
	wr_enter = wr_backend->enter;
	return wr_perf ? begin() : 0;
}

/**
 * wr_perf_exit - undo wr_perf_init(); there are no vCPUs any more
 */
void wr_perf_exit(void)
{
	wr_perf_withdraw();
}
