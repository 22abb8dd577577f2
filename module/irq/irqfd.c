// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqfds: eventfds that raise a GSI when somebody signals them, and with a resampler tell when the
 * guest is done.
 *
 * A wait-queue entry of our own on the eventfd is called by the signaller, with the eventfd's lock
 * held and interrupts off; all of wr_irq_set() may run there. Only an MSI for which all of many
 * vCPUs are looked at takes too long for that: a work item sends it. (The IOAPIC's pins send theirs under a lock of its own.)
 *
 * Whoever takes an irqfd off vm->irq.irqfds, under irqfds_lock, queues its shutdown; that work
 * alone frees it.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../compat.h"
#include "../warren.h"

/* What one acknowledge, with interrupts off, may have to look at */
#define RESAMPLERS_MAX	1024

struct wr_irqfd {
	struct wr_vm *vm;
	struct eventfd_ctx *eventfd;
	struct eventfd_ctx *resamplefd;		/* NULL: an edge */
	u32 gsi;
	struct list_head link;			/* irqfds_lock; empty: shutdown is queued */
	struct list_head resampler_link;	/* resamplers_lock */
	bool silent;				/* resamplers_lock to write: another one signals the same resamplefd for that GSI */
	wait_queue_entry_t wait;
	poll_table poll;
	struct work_struct inject;
	struct work_struct shutdown;
};

/* The shutdowns: a queue of our own, to be flushed when a VM goes. */
static struct workqueue_struct *irqfd_wq;

/*
 * The injections: another one, since shutdowns wait for them. One at a time: what a VM's owner can have done here is not charged to
 * him, and should not be more than a part of one CPU.
 */
static struct workqueue_struct *inject_wq;

static void irqfd_inject(struct wr_irqfd *irqfd)
{
	if (irqfd->resamplefd) {
		wr_irq_set(irqfd->vm, irqfd->gsi, 1, WR_IRQ_SOURCE_RESAMPLE);
		return;
	}
	wr_irq_set(irqfd->vm, irqfd->gsi, 1, WR_IRQ_SOURCE_USER);
	wr_irq_set(irqfd->vm, irqfd->gsi, 0, WR_IRQ_SOURCE_USER);
}

static void irqfd_inject_work(struct work_struct *work)
{
	irqfd_inject(container_of(work, struct wr_irqfd, inject));
}

/* Signalled. Edges that come before the work item ran merge, as those do that the vCPU has not taken yet. */
static void irqfd_signalled(struct wr_irqfd *irqfd)
{
	if (wr_irq_is_wide(irqfd->vm, irqfd->gsi))
		queue_work(inject_wq, &irqfd->inject);
	else
		irqfd_inject(irqfd);
}

/* Take it off the list and have it freed; later calls find it gone. */
static void irqfd_deactivate(struct wr_irqfd *irqfd)
{
	lockdep_assert_held(&irqfd->vm->irq.irqfds_lock);
	if (list_empty(&irqfd->link))
		return;
	list_del_init(&irqfd->link);
	queue_work(irqfd_wq, &irqfd->shutdown);
}

static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct wr_irqfd *irqfd = container_of(wait, struct wr_irqfd, wait);
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	u64 count;
	int ret = 0;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		irqfd_signalled(irqfd);
		ret = 1;
	}
	if (events & EPOLLHUP) {
		spin_lock_irqsave(&irqfd->vm->irq.irqfds_lock, flags);
		irqfd_deactivate(irqfd);
		spin_unlock_irqrestore(&irqfd->vm->irq.irqfds_lock, flags);
	}
	return ret;
}

static void irqfd_queue_proc(struct file *file, wait_queue_head_t *wqh, poll_table *poll)
{
	struct wr_irqfd *irqfd = container_of(poll, struct wr_irqfd, poll);

	/* First in the queue: others that poll the eventfd find it read. */
	add_wait_queue_priority(wqh, &irqfd->wait);
}

/* Is there a resampler of this GSI? Under vm->irq.srcu or resamplers_lock. */
static bool resampler_exists(struct wr_vm *vm, u32 gsi)
{
	struct wr_irqfd *irqfd;

	list_for_each_entry_srcu(irqfd, &vm->irq.resamplers, resampler_link,
				 srcu_read_lock_held(&vm->irq.srcu) ||
				 lockdep_is_held(&vm->irq.resamplers_lock))
		if (irqfd->gsi == gsi)
			return true;
	return false;
}

/**
 * wr_irqfd_has_resampler - does an irqfd wait for acknowledges of a GSI?
 * @vm: the VM
 * @gsi: which
 *
 * Context: any.
 */
bool wr_irqfd_has_resampler(struct wr_vm *vm, u32 gsi)
{
	bool found;
	int idx;

	idx = srcu_read_lock(&vm->irq.srcu);
	found = resampler_exists(vm, gsi);
	srcu_read_unlock(&vm->irq.srcu, idx);
	return found;
}

/**
 * wr_irqfd_notify_ack - a guest acknowledged a GSI: let its line fall, then ask the devices
 * whether they still want it
 * @vm: the VM
 * @gsi: which
 *
 * Context: any; no chip's lock held.
 */
void wr_irqfd_notify_ack(struct wr_vm *vm, u32 gsi)
{
	struct wr_irqfd *irqfd;
	int idx;

	if (list_empty(&vm->irq.resamplers))
		return;
	idx = srcu_read_lock(&vm->irq.srcu);
	if (resampler_exists(vm, gsi))
		wr_irq_set(vm, gsi, 0, WR_IRQ_SOURCE_RESAMPLE);
	list_for_each_entry_srcu(irqfd, &vm->irq.resamplers, resampler_link,
				 srcu_read_lock_held(&vm->irq.srcu))
		if (irqfd->gsi == gsi && !READ_ONCE(irqfd->silent))
			wr_eventfd_signal(irqfd->resamplefd);
	srcu_read_unlock(&vm->irq.srcu, idx);
}

static struct wr_irqfd *resampler_twin(const struct wr_irqfd *irqfd)
{
	struct wr_irqfd *other;

	list_for_each_entry(other, &irqfd->vm->irq.resamplers, resampler_link)
		if (other != irqfd && other->gsi == irqfd->gsi && other->resamplefd == irqfd->resamplefd)
			return other;
	return NULL;
}

/* One signal is enough for all that share a resamplefd: each wakes as many as wait there. */
static void resampler_add(struct wr_irqfd *irqfd)
{
	struct wr_irq *irq = &irqfd->vm->irq;

	irqfd->silent = resampler_twin(irqfd);
	list_add_rcu(&irqfd->resampler_link, &irq->resamplers);
	irq->nr_resamplers++;
}

static void resampler_remove(struct wr_irqfd *irqfd)
{
	struct wr_vm *vm = irqfd->vm;
	struct wr_irqfd *twin;

	mutex_lock(&vm->irq.resamplers_lock);
	twin = irqfd->silent ? NULL : resampler_twin(irqfd);
	if (twin)
		WRITE_ONCE(twin->silent, false);
	list_del_rcu(&irqfd->resampler_link);
	vm->irq.nr_resamplers--;
	/* Nobody is left who would let the line fall. */
	if (!resampler_exists(vm, irqfd->gsi))
		wr_irq_set(vm, irqfd->gsi, 0, WR_IRQ_SOURCE_RESAMPLE);
	mutex_unlock(&vm->irq.resamplers_lock);
	synchronize_srcu_expedited(&vm->irq.srcu);
}

static void irqfd_free(struct wr_irqfd *irqfd)
{
	if (irqfd->resamplefd)
		eventfd_ctx_put(irqfd->resamplefd);
	if (irqfd->eventfd)
		eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

static void irqfd_shutdown(struct work_struct *work)
{
	struct wr_irqfd *irqfd = container_of(work, struct wr_irqfd, shutdown);
	u64 count;

	/* No call of irqfd_wakeup() begins after this, and none is left. */
	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	flush_work(&irqfd->inject);
	if (irqfd->resamplefd)
		resampler_remove(irqfd);
	irqfd_free(irqfd);
}

static struct wr_irqfd *irqfd_alloc(struct wr_vm *vm, const struct kvm_irqfd *args,
				    struct file *file)
{
	struct eventfd_ctx *ctx;
	struct wr_irqfd *irqfd;

	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return ERR_PTR(-ENOMEM);
	irqfd->vm = vm;
	irqfd->gsi = args->gsi;
	INIT_LIST_HEAD(&irqfd->link);
	INIT_WORK(&irqfd->inject, irqfd_inject_work);
	INIT_WORK(&irqfd->shutdown, irqfd_shutdown);
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wakeup);
	init_poll_funcptr(&irqfd->poll, irqfd_queue_proc);

	ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(ctx))
		goto err_free;
	irqfd->eventfd = ctx;
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		ctx = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(ctx))
			goto err_free;
		irqfd->resamplefd = ctx;
	}
	return irqfd;

err_free:
	irqfd_free(irqfd);
	return ERR_CAST(ctx);
}

/* Does this eventfd raise a GSI already? */
static bool irqfd_exists(struct wr_vm *vm, const struct eventfd_ctx *eventfd)
{
	struct wr_irqfd *irqfd;
	bool found = false;

	spin_lock_irq(&vm->irq.irqfds_lock);
	list_for_each_entry(irqfd, &vm->irq.irqfds, link)
		found |= irqfd->eventfd == eventfd;
	spin_unlock_irq(&vm->irq.irqfds_lock);
	return found;
}

/*
 * The wait-queue entry comes before the list: what is on the list may be shut down at any moment.
 * It is in the queue of a file that is held, so that no hang-up comes before that.
 */
static void irqfd_activate(struct wr_irqfd *irqfd, struct file *file)
{
	struct wr_irq *irq = &irqfd->vm->irq;

	lockdep_assert_held(&irq->resamplers_lock);
	if (irqfd->resamplefd)
		resampler_add(irqfd);
	/* What was signalled before counts. */
	if (vfs_poll(file, &irqfd->poll) & EPOLLIN)
		irqfd_inject(irqfd);
	spin_lock_irq(&irq->irqfds_lock);
	list_add_tail(&irqfd->link, &irq->irqfds);
	spin_unlock_irq(&irq->irqfds_lock);
}

static int irqfd_assign_file(struct wr_vm *vm, const struct kvm_irqfd *args, struct file *file)
{
	struct wr_irqfd *irqfd;
	int ret = 0;

	irqfd = irqfd_alloc(vm, args, file);
	if (IS_ERR(irqfd))
		return PTR_ERR(irqfd);
	mutex_lock(&vm->irq.resamplers_lock);
	if (irqfd_exists(vm, irqfd->eventfd))
		ret = -EBUSY;
	else if (irqfd->resamplefd && vm->irq.nr_resamplers >= RESAMPLERS_MAX)
		ret = -ENOSPC;
	else
		irqfd_activate(irqfd, file);
	mutex_unlock(&vm->irq.resamplers_lock);
	if (ret)
		irqfd_free(irqfd);
	return ret;
}

static int irqfd_assign(struct wr_vm *vm, const struct kvm_irqfd *args)
{
	struct file *file;
	int ret;

	file = fget(args->fd);
	if (!file)
		return -EBADF;
	ret = irqfd_assign_file(vm, args, file);
	fput(file);
	return ret;
}

static int irqfd_deassign(struct wr_vm *vm, const struct kvm_irqfd *args)
{
	struct wr_irqfd *irqfd, *next;
	struct eventfd_ctx *eventfd;

	eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	spin_lock_irq(&vm->irq.irqfds_lock);
	list_for_each_entry_safe(irqfd, next, &vm->irq.irqfds, link)
		if (irqfd->eventfd == eventfd && irqfd->gsi == args->gsi)
			irqfd_deactivate(irqfd);
	spin_unlock_irq(&vm->irq.irqfds_lock);
	eventfd_ctx_put(eventfd);
	/* After the call no signal raises the GSI any more. */
	flush_workqueue(irqfd_wq);
	return 0;
}

/**
 * wr_irqfd - KVM_IRQFD
 * @vm: the VM
 * @args: eventfd, GSI, flags: deassign, resample
 *
 * Context: may sleep; takes its own locks.
 * Return: 0; -EINVAL unknown flags, padding, GSI too high, not an eventfd, resample without an
 * IOAPIC here or no in-kernel irqchip at all; -EBADF; -EBUSY the eventfd raises a GSI already; -ENOSPC too many with a
 * resampler; -ENOMEM. Deassigning what is not there succeeds.
 */
int wr_irqfd(struct wr_vm *vm, const struct kvm_irqfd *args)
{
	enum wr_irqchip_mode mode = READ_ONCE(vm->irq.mode);

	if (args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE) ||
	    memchr_inv(args->pad, 0, sizeof(args->pad)))
		return -EINVAL;
	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		return irqfd_deassign(vm, args);
	if (mode == WR_IRQCHIP_NONE || args->gsi >= WR_MAX_GSI)
		return -EINVAL;
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE && mode != WR_IRQCHIP_KERNEL)
		return -EINVAL;
	return irqfd_assign(vm, args);
}

/**
 * wr_irqfd_exit - shut all irqfds of a VM down
 * @vm: the VM; nobody assigns any more
 *
 * Context: may sleep.
 */
void wr_irqfd_exit(struct wr_vm *vm)
{
	struct wr_irqfd *irqfd, *next;

	spin_lock_irq(&vm->irq.irqfds_lock);
	list_for_each_entry_safe(irqfd, next, &vm->irq.irqfds, link)
		irqfd_deactivate(irqfd);
	spin_unlock_irq(&vm->irq.irqfds_lock);
	/* Those too whose eventfd was closed a moment ago. */
	flush_workqueue(irqfd_wq);
}

/**
 * wr_irqfd_module_init - before the first VM
 *
 * Return: 0, -ENOMEM.
 */
int wr_irqfd_module_init(void)
{
	irqfd_wq = alloc_workqueue("warren-irqfd", WQ_UNBOUND, 0);
	if (!irqfd_wq)
		return -ENOMEM;
	inject_wq = alloc_workqueue("warren-inject", WQ_UNBOUND, 1);
	if (!inject_wq)
		goto err_destroy_irqfd_wq;
	return 0;

err_destroy_irqfd_wq:
	destroy_workqueue(irqfd_wq);
	return -ENOMEM;
}

/**
 * wr_irqfd_module_exit - after the last VM
 */
void wr_irqfd_module_exit(void)
{
	destroy_workqueue(irqfd_wq);
	destroy_workqueue(inject_wq);
}
