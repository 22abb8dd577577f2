// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run loop: KVM_RUN.
 *
 * A *stay* is a stretch of time on one CPU with preemption off and the guest's FPU in the registers. Inside it the vCPU enters
 * and exits many times; it ends for whatever must sleep: a page to bring in, an instruction to emulate, a signal, HLT,
 * userspace.
 */
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/sched/stat.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>

#include "backend.h"
#include "compat.h"
#include "compat_xfer.h"
#include "debug.h"
#include "exit.h"
#include "fpu.h"
#include "gate.h"
#include "host.h"
#include "life.h"
#include "run.h"
#include "state.h"
#include "sync.h"
#include "trace.h"

/* Longest time that a halted vCPU looks for an event before it sleeps, in ns; module parameter halt_poll_ns */
unsigned int wr_halt_poll_ns = 200000;

#define HALT_POLL_START	10000

/* Requests that can be served with interrupts off; all others end the stay. */
#define REQ_IN_STAY	(BIT(WR_REQ_TLB_FLUSH) | BIT(WR_REQ_EVENT))

/* By an exit, or by the hardware's taking what was posted */
static void kick(struct wr_vcpu *vcpu, bool posted)
{
	int cpu;

	/*
	 * The request before the mode: pairs with the barrier in enter_guest(), where the mode comes before the
	 * look at requests. rcuwait_wake_up() orders it against the sleeper's look in the same way.
	 */
	smp_mb();
	if (rcuwait_active(&vcpu->wait))
		rcuwait_wake_up(&vcpu->wait);
	cpu = READ_ONCE(vcpu->cpu);
	if (READ_ONCE(vcpu->mode) != WR_IN_GUEST)
		return;
	preempt_disable();
	if (cpu >= 0 && cpu != smp_processor_id() && cpu_online(cpu)) {
		if (posted)
			wr_send_posted(cpu);
		else
			wr_send_reschedule(cpu);
	}
	preempt_enable();
}

/**
 * wr_vcpu_kick - make a vCPU look at its requests
 * @vcpu: any; after wr_vcpu_request()
 *
 * A vCPU in the guest gets an interrupt, a halted one is woken, any other will look before it enters.
 * Context: any.
 */
void wr_vcpu_kick(struct wr_vcpu *vcpu)
{
	kick(vcpu, false);
}

/**
 * wr_vcpu_kick_posted - make a vCPU take an interrupt from wr_lapic.posted
 * @vcpu: any; after wr_vcpu_request(WR_REQ_EVENT)
 *
 * As wr_vcpu_kick(), but a vCPU in the guest takes it there, without an exit; it looks at the request when it next exits.
 * Context: any.
 */
void wr_vcpu_kick_posted(struct wr_vcpu *vcpu)
{
	kick(vcpu, true);
}

static void ack_kick(void *unused)
{
}

/**
 * wr_vm_request_all - ask all vCPUs of a VM
 * @vm: the VM
 * @req: what
 * @wait: return only when no vCPU is still in the guest on an entry that did not see the request
 *
 * Context: process context with interrupts on; does not sleep; may hold vm->mmu.lock.
 */
void wr_vm_request_all(struct wr_vm *vm, enum wr_request req, bool wait)
{
	struct wr_vcpu *vcpu;
	unsigned long i;
	cpumask_var_t cpus;
	bool have_mask;
	int me, cpu;

	if (!atomic_read(&vm->online_vcpus))
		return;
	have_mask = wait && zalloc_cpumask_var(&cpus, GFP_ATOMIC | __GFP_NOWARN);
	me = get_cpu();
	wr_for_each_vcpu(i, vcpu, vm) {
		wr_vcpu_request(vcpu, req);
		if (!wait) {
			wr_vcpu_kick(vcpu);
			continue;
		}
		smp_mb(); /* the request before the mode, as in wr_vcpu_kick() */
		cpu = READ_ONCE(vcpu->cpu);
		if (READ_ONCE(vcpu->mode) != WR_IN_GUEST || cpu < 0 || cpu == me)
			continue;
		if (have_mask)
			__cpumask_set_cpu(cpu, cpus);
		else
			smp_call_function_single(cpu, ack_kick, NULL, 1);
	}
	/* A vCPU leaves the guest for the interrupt, and answers once it has left. */
	if (have_mask)
		smp_call_function_many(cpus, ack_kick, NULL, 1);
	put_cpu();
	if (have_mask)
		free_cpumask_var(cpus);
}

/*
 * Stolen time, another CPU, a suspended host: none of it without a switch of tasks. Only a host whose TSC is unstable needs
 * more care.
 */
static __always_inline void check_clock(struct wr_vcpu *vcpu)
{
	unsigned long switches = wr_task_switches();

	if (switches == vcpu->switches && !vcpu->clock.unstable)
		return;
	vcpu->switches = switches;
	wr_clock_load(vcpu);
}

/* Of wr_stats.guest_tsc: a stay goes on, the TSC at its start was taken off. */
#define IN_STAY	BIT_ULL(63)

/**
 * wr_vcpu_guest_ns - time in stays: in the guest, and in exits that let no other task in
 * @vcpu: may be running
 *
 * Return: ns. Context: any.
 */
u64 wr_vcpu_guest_ns(const struct wr_vcpu *vcpu)
{
	u64 cycles = READ_ONCE(vcpu->stats.guest_tsc);

	if (cycles & IN_STAY)
		cycles = (cycles + rdtsc_ordered()) & ~IN_STAY;
	/* Another CPU's TSC may be a little behind: less than nothing is nothing. */
	return cycles & (IN_STAY >> 1) ? 0 : wr_cycles_to_ns(cycles, tsc_khz);
}

static __always_inline void stay_enter(struct wr_vcpu *vcpu, int cpu, const bool beside)
{
	bool migrated = cpu != vcpu->cpu;

	WRITE_ONCE(vcpu->stats.guest_tsc, (vcpu->stats.guest_tsc - rdtsc()) | IN_STAY);
	/* Guest memory is touched inside a stay, and must not be waited for. */
	pagefault_disable();
	wr_fpu_enter(vcpu);
	WRITE_ONCE(vcpu->cpu, cpu);
	if (beside)
		wr_backend->load_beside(vcpu, migrated);
	else
		wr_backend->load(vcpu, migrated);
	vcpu->in_stay = true;
	check_clock(vcpu);
}

static __always_inline void stay_leave(struct wr_vcpu *vcpu, const bool beside)
{
	if (vcpu->event.armed)
		wr_event_disarm(vcpu);
	if (unlikely(vcpu->clock.unstable))
		wr_clock_put(vcpu);
	vcpu->in_stay = false;
	if (beside)
		wr_backend->put_beside(vcpu);
	else
		wr_backend->put(vcpu);
	wr_guest_has_run();
	wr_fpu_leave(vcpu);
	pagefault_enable();
	WRITE_ONCE(vcpu->stats.guest_tsc, (vcpu->stats.guest_tsc + rdtsc()) & ~IN_STAY);
}

/* Userspace asked to know when it can inject an interrupt: can it now? */
static __always_inline bool irq_window_ready(struct wr_vcpu *vcpu)
{
	return vcpu->vm->irq.mode != WR_IRQCHIP_KERNEL &&
		READ_ONCE(vcpu->run->request_interrupt_window) && wr_event_user_ready(vcpu);
}

/* With interrupts off. Requests made after the look find the vCPU in the guest and send it an interrupt. */
static __always_inline enum wr_run_result serve_requests(struct wr_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->requests) & ~REQ_IN_STAY)
		return WR_RUN_LEAVE;
	if (wr_vcpu_take_request(vcpu, WR_REQ_TLB_FLUSH)) {
		vcpu->stats.tlb_flushes++;
		wr_backend->flush_tlb(vcpu);
	}
	if (test_bit(WR_REQ_EVENT, &vcpu->requests) || wr_event_unfinished(vcpu)) {
		if (unlikely(vcpu->pv.eoi_armed) && wr_pv_eoi_sync(vcpu))
			return WR_RUN_LEAVE;
		if (irq_window_ready(vcpu) || (wr_has_lapic(vcpu) && wr_lapic_has_events(vcpu)))
			return WR_RUN_LEAVE;
		wr_vcpu_take_request(vcpu, WR_REQ_EVENT);
		wr_event_inject(vcpu);
	}
	return WR_RUN_RESUME;
}

static __always_inline bool host_wants_cpu(void)
{
	return xfer_to_guest_mode_work_pending() || local_softirq_pending();
}

/* Enter once and act on the exit. */
static __always_inline enum wr_run_result enter_guest(struct wr_vcpu *vcpu, const bool beside)
{
	enum wr_run_result result = WR_RUN_LEAVE;
	u64 reason;

	local_irq_disable();
	/* The mode before the look at requests: pairs with smp_mb() in wr_vcpu_kick() and wr_vm_request_all(). */
	smp_store_mb(vcpu->mode, WR_IN_GUEST);
	if (unlikely(host_wants_cpu()))
		goto out_outside;
	if (beside && wr_backend->borrow(vcpu)) {
		vcpu->run_error = -EIO;
		result = WR_RUN_USER;
		goto out_outside;
	}
	if (READ_ONCE(vcpu->requests) || wr_event_unfinished(vcpu)) {
		result = serve_requests(vcpu);
		if (result != WR_RUN_RESUME)
			goto out_give_back;
	}

	if (trace_warren_entry_enabled())
		wr_trace_entry(vcpu);
	wr_fpu_swap_pkru(vcpu, true);
	reason = READ_ONCE(vcpu->enter)(vcpu);
	vcpu->stats.exits[reason]++;
	wr_fpu_swap_pkru(vcpu, false);
	vcpu->event.armed = false;
	/* A tracer may read the user's memory: not by the keys of the guest. */
	if (trace_warren_exit_enabled())
		wr_trace_exit(vcpu, reason);
	if (beside)
		wr_backend->give_back(vcpu);

	/* The stay before the mode: pairs with smp_mb() in wr_vcpu_kick() and wr_vm_request_all(). */
	smp_store_release(&vcpu->mode, WR_OUTSIDE_GUEST);
	/* An interrupt that caused the exit is taken here. */
	if (unlikely(vcpu->host_vector)) {
		wr_host_interrupt(vcpu->host_vector);
		vcpu->host_vector = 0;
	}
	local_irq_enable();
	return wr_backend->handle_exit(vcpu);

out_give_back:
	if (beside)
		wr_backend->give_back(vcpu);
out_outside:
	/* As after an exit */
	smp_store_release(&vcpu->mode, WR_OUTSIDE_GUEST);
	local_irq_enable();
	return result;
}

/* The guest's flush, without leaving the stay when nothing else wants that and nothing need be allocated */
static __always_inline void load_shadow_in_stay(struct wr_vcpu *vcpu)
{
	if ((READ_ONCE(vcpu->requests) & ~REQ_IN_STAY) != BIT(WR_REQ_SHADOW))
		return;
	wr_vcpu_take_request(vcpu, WR_REQ_SHADOW);
	if (!wr_shadow_load_atomic(vcpu))
		wr_vcpu_request(vcpu, WR_REQ_SHADOW);
}

static __always_inline enum wr_run_result stay_on(struct wr_vcpu *vcpu, int cpu, const bool beside)
{
	enum wr_run_result result;

	stay_enter(vcpu, cpu, beside);
	current->flags |= PF_VCPU;
	do {
		if (static_branch_unlikely(&wr_shadow_key))
			load_shadow_in_stay(vcpu);
		result = enter_guest(vcpu, beside);
	} while (result == WR_RUN_RESUME);
	current->flags &= ~PF_VCPU;
	stay_leave(vcpu, beside);
	return result;
}

/* A loop of its own, for which all is inlined twice: alone an exit does not pay for it. */
static noinline enum wr_run_result stay_beside(struct wr_vcpu *vcpu, int cpu)
{
	return stay_on(vcpu, cpu, true);
}

static enum wr_run_result stay(struct wr_vcpu *vcpu)
{
	enum wr_run_result result;
	int cpu;

	vcpu->ran = true;
	cpu = get_cpu();
	/* As long as preemption is off it stays so. */
	result = wr_host_is_beside() ? stay_beside(vcpu, cpu) : stay_on(vcpu, cpu, false);
	put_cpu();
	if (result == WR_RUN_SLEEPABLE)
		result = wr_backend->handle_exit(vcpu);
	return result;
}

/* Does something end the guest's HLT? */
static bool wake(struct wr_vcpu *vcpu)
{
	if (vcpu->mp_state != KVM_MP_STATE_HALTED || !(READ_ONCE(vcpu->pv.unhalted) || wr_event_deliverable(vcpu)))
		return false;
	WRITE_ONCE(vcpu->pv.unhalted, false);
	WRITE_ONCE(vcpu->mp_state, KVM_MP_STATE_RUNNABLE);
	return true;
}

/* Is there a reason to run, or to go back to userspace? Else a halted vCPU sleeps. */
static bool has_work(struct wr_vcpu *vcpu)
{
	unsigned long stop = BIT(WR_REQ_TRIPLE_FAULT) | BIT(WR_REQ_EOI_EXIT);

	if (READ_ONCE(vcpu->requests) & stop)
		return true;
	if (wr_has_lapic(vcpu) && wr_lapic_has_events(vcpu))
		return true;
	return wake(vcpu);
}

/* KVM_CAP_HALT_POLL of the VM goes before the module's parameter. */
static unsigned int halt_poll_limit(const struct wr_vcpu *vcpu)
{
	s64 own = READ_ONCE(vcpu->vm->halt_poll_ns);

	return own < 0 ? READ_ONCE(wr_halt_poll_ns) : own;
}

/* Polling pays when events come soon after HLT: grow the time when one came while polling, else shrink it. */
static bool poll_for_work(struct wr_vcpu *vcpu)
{
	unsigned int limit;
	u64 end;

	/* Nobody gains from polling while another task could run. */
	if (!vcpu->halt_poll_ns || vcpu->pv.no_poll || !single_task_running())
		return false;
	limit = halt_poll_limit(vcpu);
	if (!limit)
		return false;
	vcpu->stats.halt_polls_tried++;
	end = ktime_get_ns() + min(vcpu->halt_poll_ns, limit);
	do {
		if (has_work(vcpu)) {
			vcpu->stats.halt_polls++;
			return true;
		}
		cpu_relax();
	} while (single_task_running() && !need_resched() && !signal_pending(current) && ktime_get_ns() < end);
	return false;
}

/* In cycles of the TSC, which cost less to read than nanoseconds; whether they are exact matters little here. */
static void adapt_polling(struct wr_vcpu *vcpu, u64 slept)
{
	unsigned int limit = halt_poll_limit(vcpu);

	if (slept > (u64)limit * tsc_khz / NSEC_PER_MSEC)
		vcpu->halt_poll_ns = 0;
	else
		vcpu->halt_poll_ns = min(limit, max(vcpu->halt_poll_ns * 2, HALT_POLL_START));
}

static void block(struct wr_vcpu *vcpu)
{
	u64 start, slept;

	vcpu->stats.halts++;
	if (vcpu->exit_tsc)
		wr_lapic_timer_halt(vcpu);
	if (poll_for_work(vcpu)) {
		trace_warren_halt(vcpu, 0);
		return;
	}
	wr_steal_mark(vcpu);
	WRITE_ONCE(vcpu->activity, vcpu->mp_state == KVM_MP_STATE_HALTED ? WARREN_VCPU_HALTED : WARREN_VCPU_WAITING);
	start = rdtsc();
	prepare_to_rcuwait(&vcpu->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (has_work(vcpu) || signal_pending(current))
			break;
		schedule();
	}
	finish_rcuwait(&vcpu->wait);
	WRITE_ONCE(vcpu->activity, WARREN_VCPU_RUNNING);
	slept = rdtsc() - start;
	vcpu->stats.halt_wakeups++;
	vcpu->stats.halt_tsc += slept;
	trace_warren_halt(vcpu, slept);
	adapt_polling(vcpu, slept);
}

/* As long as the ring is full each KVM_RUN ends here. */
static enum wr_run_result dirty_ring_full(struct wr_vcpu *vcpu)
{
	wr_vcpu_request(vcpu, WR_REQ_DIRTY_FULL);
	vcpu->run->exit_reason = KVM_EXIT_DIRTY_RING_FULL;
	vcpu->run_error = 0;
	return WR_RUN_USER;
}

static enum wr_run_result load_shadow(struct wr_vcpu *vcpu)
{
	vcpu->run_error = wr_shadow_load(vcpu);
	if (!vcpu->run_error)
		return WR_RUN_RESUME;
	wr_vcpu_request(vcpu, WR_REQ_SHADOW);
	return WR_RUN_USER;
}

/* Requests that may sleep, or end KVM_RUN; WR_RUN_LEAVE when it slept. A paused guest is served nothing. */
static enum wr_run_result serve_outside(struct wr_vcpu *vcpu)
{
	if (!(READ_ONCE(vcpu->requests) & ~REQ_IN_STAY))
		return WR_RUN_RESUME;
	if (wr_vcpu_take_request(vcpu, WR_REQ_LIFE) && wr_life_serve(vcpu))
		return WR_RUN_LEAVE;
	if (wr_vcpu_take_request(vcpu, WR_REQ_TRIPLE_FAULT))
		return wr_exit_shutdown(vcpu);
	if (wr_vcpu_take_request(vcpu, WR_REQ_EOI_EXIT))
		return wr_exit_eoi(vcpu);
	if (wr_vcpu_take_request(vcpu, WR_REQ_TPR))
		return wr_exit_tpr(vcpu);
	if (wr_vcpu_take_request(vcpu, WR_REQ_DEBUG))
		return wr_exit_step(vcpu);
	if (wr_vcpu_take_request(vcpu, WR_REQ_DIRTY_FULL) && wr_dirty_ring_is_full(vcpu))
		return dirty_ring_full(vcpu);
	if (wr_vcpu_take_request(vcpu, WR_REQ_POLICY))
		wr_policy_apply(vcpu);
	if (wr_vcpu_take_request(vcpu, WR_REQ_CLOCK))
		wr_clock_update(vcpu);
	if (wr_vcpu_take_request(vcpu, WR_REQ_STEAL))
		wr_steal_update(vcpu);
	if (wr_vcpu_take_request(vcpu, WR_REQ_SHADOW))
		return load_shadow(vcpu);
	return WR_RUN_RESUME;
}

/* INIT, SIPI, HLT: is the vCPU to run? */
static bool runnable(struct wr_vcpu *vcpu)
{
	if (wr_has_lapic(vcpu) && wr_lapic_has_events(vcpu))
		wr_lapic_take_events(vcpu);
	if (vcpu->pv.eoi_armed)
		wr_pv_eoi_sync(vcpu);
	wake(vcpu);
	return vcpu->mp_state == KVM_MP_STATE_RUNNABLE;
}

static enum wr_run_result host_work(struct wr_vcpu *vcpu)
{
	/* Userspace may do anything after this exit, but only KVM_RUN tells it of an EOI. */
	if (irq_window_ready(vcpu) && !test_bit(WR_REQ_EOI_EXIT, &vcpu->requests)) {
		vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
		vcpu->run_error = 0;
		return WR_RUN_USER;
	}
	if (need_resched())
		wr_steal_mark(vcpu);
	if (vcpu->yield) {
		vcpu->yield = false;
		if (vcpu->pv.yield_to)
			wr_pv_yield(vcpu);
		else
			cond_resched();
	}
	if (!__xfer_to_guest_mode_work_pending())
		return WR_RUN_RESUME;
	/* Before a signal ends KVM_RUN, for the same reason. */
	if (wr_vcpu_take_request(vcpu, WR_REQ_EOI_EXIT))
		return wr_exit_eoi(vcpu);
	if (wr_xfer_to_guest_mode_handle_work()) {
		vcpu->run->exit_reason = KVM_EXIT_INTR;
		vcpu->run_error = -EINTR;
		vcpu->stats.signal_exits++;
		return WR_RUN_USER;
	}
	return WR_RUN_RESUME;
}

/* All that keeps a vCPU from running, looked at where it may sleep, until nothing does. */
static enum wr_run_result prepare(struct wr_vcpu *vcpu)
{
	enum wr_run_result result;

	for (;;) {
		if (host_work(vcpu) == WR_RUN_USER)
			return WR_RUN_USER;
		result = serve_outside(vcpu);
		if (result == WR_RUN_USER)
			return result;
		if (result == WR_RUN_LEAVE)
			continue;
		if (runnable(vcpu))
			return WR_RUN_RESUME;
		block(vcpu);
	}
}

/* A stay looks at everything itself before it enters: only when it ends is it worth looking here. */
static int run_loop(struct wr_vcpu *vcpu)
{
	enum wr_run_result result;

	do {
		if (likely(vcpu->mp_state == KVM_MP_STATE_RUNNABLE)) {
			result = stay(vcpu);
			if (result == WR_RUN_USER)
				break;
		}
		result = prepare(vcpu);
	} while (result != WR_RUN_USER);
	return vcpu->run_error;
}

/* A vCPU that waits for SIPI: KVM_RUN waits too, and returns once more when it comes, as KVM's does. */
static int wait_for_sipi(struct wr_vcpu *vcpu)
{
	if (wr_immediate_exit(vcpu->run))
		return -EINTR;
	block(vcpu);
	if (wr_has_lapic(vcpu))
		wr_lapic_take_events(vcpu);
	if (signal_pending(current)) {
		vcpu->run->exit_reason = KVM_EXIT_INTR;
		return -EINTR;
	}
	return -EAGAIN;
}

static void fill_run(struct wr_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->if_flag = !!(vcpu->rflags & X86_EFLAGS_IF);
	run->cr8 = vcpu->cr8;
	run->apic_base = vcpu->apic_base;
	run->flags = 0;
	/* The cheap look first */
	run->ready_for_interrupt_injection = vcpu->vm->irq.mode == WR_IRQCHIP_KERNEL ||
		(wr_interrupt_allowed(vcpu) && wr_event_user_ready(vcpu));
}

/* Without a local APIC here. What userspace says, and knows, it need not be told; of what is lower it will be. */
static int take_cr8(struct wr_vcpu *vcpu)
{
	u64 cr8 = READ_ONCE(vcpu->run->cr8);

	/* Nearly always: all are 0. */
	if (likely(!(cr8 | vcpu->cr8 | READ_ONCE(vcpu->requests))))
		return 0;
	if (cr8 != vcpu->cr8 && wr_set_cr8(vcpu, cr8))
		return -EINVAL;
	wr_vcpu_take_request(vcpu, WR_REQ_TPR);
	if (cr8)
		wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return 0;
}

static int run_checked(struct wr_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	int err;

	if (unlikely(READ_ONCE(run->kvm_valid_regs) | READ_ONCE(run->kvm_dirty_regs))) {
		err = wr_sync_in(vcpu);
		if (err)
			return err;
	}
	if (!wr_has_lapic(vcpu) && take_cr8(vcpu))
		return -EINVAL;
	if (unlikely(READ_ONCE(vcpu->vm->life.state) != WARREN_VM_RUNNING))
		wr_life_enter(vcpu);
	if (wr_exit_complete(vcpu) == WR_RUN_USER)
		return vcpu->run_error;
	if (wr_immediate_exit(run)) {
		if (!wr_vcpu_take_request(vcpu, WR_REQ_EOI_EXIT))
			return -EINTR;
		wr_exit_eoi(vcpu);
		return vcpu->run_error;
	}
	/* It may want to know of a window only from this time on. */
	if (READ_ONCE(run->request_interrupt_window))
		wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return run_loop(vcpu);
}

static void thread_changed(struct wr_vcpu *vcpu)
{
	struct pid *new = get_task_pid(current, PIDTYPE_PID), *old = vcpu->thread;
	spinlock_t *lock = &vcpu->vm->identity.lock;

	spin_lock(lock);
	vcpu->thread = new;
	spin_unlock(lock);
	put_pid(old);
	/* The other thread's count says nothing. */
	vcpu->switches = ULONG_MAX;
}

/**
 * wr_vcpu_run - KVM_RUN
 * @vcpu: its vCPU; vcpu->mutex is held
 *
 * Return: 0 with vcpu->run filled; -EINTR for a signal or immediate_exit; -EAGAIN when a vCPU that waited for SIPI may
 * now run; -EINVAL for registers in vcpu->run that wr_sync_in() refuses; -EFAULT, -ENOMEM for guest memory that
 * cannot be had; -EIO beside another hypervisor when the CPU must stay as it is, or refuses.
 */
int wr_vcpu_run(struct wr_vcpu *vcpu)
{
	int r;

	if (unlikely(vcpu->thread != task_pid(current)))
		thread_changed(vcpu);
	WRITE_ONCE(vcpu->activity, WARREN_VCPU_RUNNING);
	/* Blocked all the same: what arrives now and would end the thread ends KVM_RUN alone. */
	if (vcpu->sigset_active)
		sigprocmask(SIG_SETMASK, &vcpu->sigset, &current->real_blocked);
	if (vcpu->mp_state == KVM_MP_STATE_UNINITIALIZED)
		r = wait_for_sipi(vcpu);
	else
		r = run_checked(vcpu);
	if (!r)
		vcpu->stats.userspace_exits++;
	trace_warren_user_exit(vcpu, vcpu->run->exit_reason, r);
	/* Who saves the guest's memory and then the local APIC shall not find the permission to end what has been ended. */
	if (unlikely(vcpu->pv.eoi_armed))
		wr_pv_eoi_sync(vcpu);
	fill_run(vcpu);
	if (unlikely(READ_ONCE(vcpu->run->kvm_valid_regs)))
		wr_sync_out(vcpu);
	if (vcpu->sigset_active) {
		sigprocmask(SIG_SETMASK, &current->real_blocked, NULL);
		sigemptyset(&current->real_blocked);
	}
	if (unlikely(vcpu->crash))
		wr_vcpu_crashed(vcpu);
	WRITE_ONCE(vcpu->activity, WARREN_VCPU_IDLE);
	return r;
}
