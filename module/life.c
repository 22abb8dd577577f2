// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a VM, as others are told of it: see life.h.
 */
#include <linux/rcuwait.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "life.h"
#include "notice.h"
#include "warren.h"

#define NO_VCPU		(-1)

/**
 * wr_life_init - nothing has run yet
 * @vm: new
 */
void wr_life_init(struct wr_vm *vm)
{
	mutex_init(&vm->life.lock);
	vm->life.state = WARREN_VM_CREATED;
}

/**
 * wr_vm_created - others may find a VM from here on
 * @vm: complete
 *
 * Return: 0; -ENOMEM, -EBUSY: as wr_registry_add(). Context: may sleep.
 */
int wr_vm_created(struct wr_vm *vm)
{
	int err;

	/* Whoever finds the VM has nothing to tell before its creation is told. */
	mutex_lock(&vm->life.lock);
	err = wr_registry_add(vm);
	if (!err)
		wr_notice(vm, WARREN_EVENT_CREATED, NO_VCPU, 0);
	mutex_unlock(&vm->life.lock);
	return err;
}

/**
 * wr_vm_destroyed - nobody finds a VM any more
 * @vm: its last reference is gone; it may never have been found
 *
 * Context: may sleep.
 */
void wr_vm_destroyed(struct wr_vm *vm)
{
	if (!vm->identity.id)
		return;
	wr_registry_remove(vm);
	wr_notice(vm, WARREN_EVENT_DESTROYED, NO_VCPU, 0);
}

/**
 * wr_vm_name - name a VM, and tell
 * @vm: held
 * @name: valid
 *
 * Return: 0, or -EEXIST as wr_vm_set_name(). Context: may sleep.
 */
int wr_vm_name(struct wr_vm *vm, const char *name)
{
	int r;

	mutex_lock(&vm->life.lock);
	r = wr_vm_set_name(vm, name);
	if (r > 0)
		wr_notice(vm, WARREN_EVENT_NAMED, NO_VCPU, 0);
	mutex_unlock(&vm->life.lock);
	return min(r, 0);
}

/**
 * wr_vm_pause - stop a guest; no vCPU of it runs when this returns
 * @vm: held; may be paused
 *
 * Context: process context, interrupts on; may sleep.
 */
void wr_vm_pause(struct wr_vm *vm)
{
	struct wr_life *life = &vm->life;

	mutex_lock(&life->lock);
	if (life->state != WARREN_VM_PAUSED) {
		life->paused_from = life->state;
		WRITE_ONCE(life->state, WARREN_VM_PAUSED);
		/* A vCPU that is not found now looks at the state after it became findable. */
		smp_mb();
		wr_vm_request_all(vm, WR_REQ_LIFE, true);
		wr_notice(vm, WARREN_EVENT_PAUSED, NO_VCPU, 0);
	}
	mutex_unlock(&life->lock);
}

/**
 * wr_vm_resume - let a guest go on
 * @vm: held; need not be paused
 *
 * Context: process context; may sleep.
 */
void wr_vm_resume(struct wr_vm *vm)
{
	struct wr_life *life = &vm->life;

	mutex_lock(&life->lock);
	if (life->state == WARREN_VM_PAUSED) {
		WRITE_ONCE(life->resumes, life->resumes + 1);
		/* Who sees the state sees the count. */
		smp_store_release(&life->state, life->paused_from);
		/* The halted ones, too: their guest is to be told when they run again. */
		wr_vm_request_all(vm, WR_REQ_LIFE, false);
		wr_notice(vm, WARREN_EVENT_RESUMED, NO_VCPU, 0);
	}
	mutex_unlock(&life->lock);
}

/* Of a paused VM, what it goes back to. Under life.lock */
static void set_state(struct wr_life *life, u32 state)
{
	if (life->state == WARREN_VM_PAUSED)
		life->paused_from = state;
	else
		WRITE_ONCE(life->state, state);
}

/**
 * wr_vm_report - WARREN_REPORT
 * @vm: held
 * @report: from userspace
 *
 * Return: 0 or -EINVAL. Context: may sleep.
 */
int wr_vm_report(struct wr_vm *vm, const struct warren_report *report)
{
	struct wr_life *life = &vm->life;

	if (report->flags || report->reserved[0] || report->reserved[1])
		return -EINVAL;
	if (report->what < WARREN_REPORT_RESET || report->what > WARREN_REPORT_PANIC)
		return -EINVAL;
	mutex_lock(&life->lock);
	switch (report->what) {
	case WARREN_REPORT_RESET:
		life->crashed = NULL;
		wr_notice(vm, WARREN_EVENT_RESET, NO_VCPU, 0);
		break;
	case WARREN_REPORT_SHUTDOWN:
		set_state(life, WARREN_VM_SHUT_DOWN);
		wr_notice(vm, WARREN_EVENT_SHUT_DOWN, NO_VCPU, 0);
		break;
	case WARREN_REPORT_PANIC:
		set_state(life, WARREN_VM_CRASHED);
		wr_notice(vm, WARREN_EVENT_CRASHED, NO_VCPU, WARREN_CRASH_PANIC);
		break;
	}
	mutex_unlock(&life->lock);
	return 0;
}

/**
 * wr_vcpu_created - tell of a new vCPU
 * @vcpu: findable, but its file is not yet
 *
 * Context: may sleep.
 */
void wr_vcpu_created(struct wr_vcpu *vcpu)
{
	struct wr_vm *vm = vcpu->vm;

	mutex_lock(&vm->life.lock);
	vcpu->resumes = vm->life.resumes;
	wr_notice(vm, WARREN_EVENT_VCPU_CREATED, vcpu->index, 0);
	mutex_unlock(&vm->life.lock);
}

/**
 * wr_vcpu_crashed - KVM_RUN returns because the vCPU cannot go on: vcpu->crash says why
 * @vcpu: on its own thread, outside of a stay
 */
void wr_vcpu_crashed(struct wr_vcpu *vcpu)
{
	struct wr_vm *vm = vcpu->vm;

	mutex_lock(&vm->life.lock);
	set_state(&vm->life, WARREN_VM_CRASHED);
	vm->life.crashed = vcpu;
	wr_notice(vm, WARREN_EVENT_CRASHED, vcpu->index, vcpu->crash);
	mutex_unlock(&vm->life.lock);
	vcpu->crash = 0;
}

static bool paused(struct wr_vcpu *vcpu)
{
	/* Pairs with wr_vm_resume(). */
	return smp_load_acquire(&vcpu->vm->life.state) == WARREN_VM_PAUSED;
}

/* Until the VM goes on, or a signal comes: fatal ones and the freezer's too. */
static void sleep_while_paused(struct wr_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->activity, WARREN_VCPU_PAUSED);
	prepare_to_rcuwait(&vcpu->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!paused(vcpu) || signal_pending(current))
			break;
		schedule();
	}
	finish_rcuwait(&vcpu->wait);
	WRITE_ONCE(vcpu->activity, WARREN_VCPU_RUNNING);
}

/* The guest is about to be entered. */
static void run_again(struct wr_vcpu *vcpu)
{
	struct wr_vm *vm = vcpu->vm;
	struct wr_life *life = &vm->life;

	mutex_lock(&life->lock);
	/*
	 * Paused meanwhile: then the vCPU has another request, and comes here again. Crashed: that one which did must run, others
	 * may not know yet.
	 */
	if (life->state != WARREN_VM_PAUSED && (!life->crashed || life->crashed == vcpu)) {
		life->crashed = NULL;
		WRITE_ONCE(life->state, WARREN_VM_RUNNING);
		if (!life->started)
			wr_notice(vm, WARREN_EVENT_STARTED, NO_VCPU, 0);
		life->started = true;
	}
	mutex_unlock(&life->lock);
}

/**
 * wr_life_enter - KVM_RUN of a VM that is not running
 * @vcpu: on its own thread
 *
 * What the guest is owed from the last KVM_RUN waits like the guest: a string instruction could go on for long. But
 * immediate_exit and signals finish it, since its VMM wants to see registers; the run loop then finds them.
 */
void wr_life_enter(struct wr_vcpu *vcpu)
{
	while (paused(vcpu) && !wr_immediate_exit(vcpu->run) && !signal_pending(current))
		sleep_while_paused(vcpu);
	wr_vcpu_request(vcpu, WR_REQ_LIFE);
}

/**
 * wr_life_serve - serve WR_REQ_LIFE, which was taken
 * @vcpu: on its own thread, outside of a stay
 *
 * Return: did it sleep? Then signals and the like want to be looked at again.
 */
bool wr_life_serve(struct wr_vcpu *vcpu)
{
	struct wr_life *life = &vcpu->vm->life;

	if (paused(vcpu)) {
		/* Its own request holds it until there is no pause to be seen. */
		wr_vcpu_request(vcpu, WR_REQ_LIFE);
		sleep_while_paused(vcpu);
		return true;
	}
	if (vcpu->resumes != READ_ONCE(life->resumes)) {
		vcpu->resumes = READ_ONCE(life->resumes);
		wr_clock_ctrl(vcpu);
	}
	if (READ_ONCE(life->state) != WARREN_VM_RUNNING)
		run_again(vcpu);
	return false;
}
