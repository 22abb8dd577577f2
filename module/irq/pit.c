// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254 of a VM: the model behind its ports, and the timer that turns channel 0 into interrupts
 * of GSI 0.
 */
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../warren.h"
#include "chips.h"

#define PIT_PORT	0x40
#define SPEAKER_PORT	0x61
#define PIT_GSI		0

/* No periodic timer is faster than this: the host must do other things too. 200 us */
#define PIT_MIN_STEP	(WR_PIT_HZ / 5000)

/* More ticks than these are not made up for, when the guest was stopped for long. */
#define PIT_MAX_OWED	0x10000

/* Rounded up: at that time the clock has counted them. */
static u64 pit_clocks_to_ns(u64 clocks)
{
	return mul_u64_u64_div_u64(clocks, NSEC_PER_SEC, WR_PIT_HZ) + 1;
}

static void pit_start_timer(struct wr_pit *pit)
{
	u64 due = pit_clocks_to_ns((pit->fired + 1) * pit->step);

	hrtimer_start(&pit->timer, ns_to_ktime(pit->start + due), HRTIMER_MODE_ABS);
}

/* Channel 0 stopped or started. A callback that runs at this moment sees that and does nothing. */
static void pit_rearm(struct wr_pit *pit)
{
	const struct kvm_pit_channel_state *c = &pit->model.state.channels[0];

	lockdep_assert_held(&pit->lock);
	pit->owed = 0;
	pit->acked = true;
	pit->fired = 0;
	pit->start = c->count_load_time;
	pit->step = wr_pit_period(c);
	pit->periodic = c->mode == 2 || c->mode == 3;
	if (pit->periodic)
		pit->step = max_t(u32, pit->step, PIT_MIN_STEP);
	/* Modes 1 and 5 wait for an edge of the gate, which channel 0 does not have. */
	pit->armed = (pit->periodic || c->mode == 0 || c->mode == 4) && !pit->model.no_count[0] &&
		     c->gate && !(pit->model.state.flags & KVM_PIT_FLAGS_HPET_LEGACY);
	if (pit->armed)
		pit_start_timer(pit);
	else
		hrtimer_try_to_cancel(&pit->timer);
}

/* May an interrupt go out now? With reinjection one is on its way at a time. */
static bool pit_take_tick(struct wr_pit *pit)
{
	lockdep_assert_held(&pit->lock);
	if (!pit->reinject) {
		pit->owed = 0;
		return true;
	}
	if (!pit->acked || !pit->owed)
		return false;
	pit->acked = false;
	return true;
}

static void pit_inject(struct wr_pit *pit)
{
	unsigned long flags;
	int ret;

	ret = wr_irq_set(pit->vm, PIT_GSI, 1, WR_IRQ_SOURCE_PIT);
	wr_irq_set(pit->vm, PIT_GSI, 0, WR_IRQ_SOURCE_PIT);
	if (ret >= 0)
		return;
	/* Masked everywhere: nobody will acknowledge, nobody counts. */
	raw_spin_lock_irqsave(&pit->lock, flags);
	pit->owed = 0;
	pit->acked = true;
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

/* Count the ticks that came due: false when the timer was set anew in the meantime. */
static bool pit_count_ticks(struct wr_pit *pit)
{
	s64 ns = ktime_to_ns(ktime_get()) - pit->start;
	u64 due, clocks;

	if (!pit->armed || ns < 0)
		return false;
	clocks = mul_u64_u64_div_u64(ns, WR_PIT_HZ, NSEC_PER_SEC);
	due = div_u64(clocks, pit->step);
	if (due <= pit->fired)
		return false;
	if (!pit->periodic) {
		due = 1;
		pit->armed = false;
	}
	pit->owed = min_t(u64, pit->owed + (due - pit->fired), PIT_MAX_OWED);
	pit->fired = due;
	if (pit->armed)
		pit_start_timer(pit);
	return true;
}

static enum hrtimer_restart pit_timer(struct hrtimer *timer)
{
	struct wr_pit *pit = container_of(timer, struct wr_pit, timer);
	unsigned long flags;
	bool inject;

	raw_spin_lock_irqsave(&pit->lock, flags);
	inject = pit_count_ticks(pit) && pit_take_tick(pit);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	if (inject)
		pit_inject(pit);
	return HRTIMER_NORESTART;
}

/**
 * wr_pit_ack - the guest acknowledged an interrupt of GSI 0
 * @pit: the PIT
 *
 * Context: any; no chip's lock held.
 */
void wr_pit_ack(struct wr_pit *pit)
{
	unsigned long flags;
	bool inject = false;

	raw_spin_lock_irqsave(&pit->lock, flags);
	if (pit->owed)
		pit->owed--;
	pit->acked = true;
	if (pit->reinject)
		inject = pit_take_tick(pit);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	if (inject)
		pit_inject(pit);
}

/**
 * wr_pit_unmask - the guest unmasked a pin of GSI 0: what was on its way to a masked one is
 * forgotten
 * @pit: the PIT
 *
 * Context: any; no chip's lock held.
 */
void wr_pit_unmask(struct wr_pit *pit)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pit->lock, flags);
	pit->owed = 0;
	pit->acked = true;
	raw_spin_unlock_irqrestore(&pit->lock, flags);
}

static int pit_io_read(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len, void *data)
{
	struct wr_pit *pit = container_of(dev, struct wr_pit, dev);
	s64 now = ktime_to_ns(ktime_get());
	unsigned long flags;
	u8 *bytes = data;
	u32 i;

	raw_spin_lock_irqsave(&pit->lock, flags);
	for (i = 0; i < len; i++)
		bytes[i] = wr_pit_model_read(&pit->model, addr + i - PIT_PORT, now);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

static int pit_io_write(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len,
			const void *data)
{
	struct wr_pit *pit = container_of(dev, struct wr_pit, dev);
	s64 now = ktime_to_ns(ktime_get());
	const u8 *bytes = data;
	unsigned long flags;
	u32 i;

	raw_spin_lock_irqsave(&pit->lock, flags);
	for (i = 0; i < len; i++)
		if (wr_pit_model_write(&pit->model, addr + i - PIT_PORT, bytes[i], now))
			pit_rearm(pit);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

static const struct wr_io_ops pit_io_ops = {
	.read = pit_io_read,
	.write = pit_io_write,
};

static int speaker_io_read(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len,
			   void *data)
{
	struct wr_pit *pit = container_of(dev, struct wr_pit, speaker);
	s64 now = ktime_to_ns(ktime_get());
	unsigned long flags;

	raw_spin_lock_irqsave(&pit->lock, flags);
	*(u8 *)data = wr_pit_speaker_read(&pit->model, now);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

static int speaker_io_write(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len,
			    const void *data)
{
	struct wr_pit *pit = container_of(dev, struct wr_pit, speaker);
	s64 now = ktime_to_ns(ktime_get());
	unsigned long flags;

	raw_spin_lock_irqsave(&pit->lock, flags);
	wr_pit_speaker_write(&pit->model, *(const u8 *)data, now);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

static const struct wr_io_ops speaker_io_ops = {
	.read = speaker_io_read,
	.write = speaker_io_write,
};

static int pit_register(struct wr_vm *vm, struct wr_pit *pit, bool speaker)
{
	int ret;

	ret = wr_bus_register(vm, WR_BUS_PIO, &pit->dev, PIT_PORT, WR_PIT_CHANNELS + 1);
	if (ret || !speaker)
		return ret;
	ret = wr_bus_register(vm, WR_BUS_PIO, &pit->speaker, SPEAKER_PORT, 1);
	if (ret)
		wr_bus_unregister(vm, WR_BUS_PIO, &pit->dev);
	return ret;
}

/**
 * wr_pit_create - KVM_CREATE_PIT and KVM_CREATE_PIT2
 * @vm: the VM
 * @config: flags: KVM_PIT_SPEAKER_DUMMY puts port 0x61 into the kernel as well
 *
 * Context: vm->lock held, may sleep.
 * Return: 0; -EINVAL unknown flags or padding, -EEXIST there is one, -ENOENT the VM has no
 * in-kernel PIC, -ENOMEM, -ENOSPC.
 */
int wr_pit_create(struct wr_vm *vm, const struct kvm_pit_config *config)
{
	struct wr_pit *pit;
	int ret;

	lockdep_assert_held(&vm->lock);
	if (config->flags & ~KVM_PIT_SPEAKER_DUMMY ||
	    memchr_inv(config->pad, 0, sizeof(config->pad)))
		return -EINVAL;
	if (vm->irq.pit)
		return -EEXIST;
	if (!vm->irq.pic)
		return -ENOENT;
	pit = kzalloc(sizeof(*pit), GFP_KERNEL_ACCOUNT);
	if (!pit)
		return -ENOMEM;

	raw_spin_lock_init(&pit->lock);
	wr_hrtimer_setup(&pit->timer, pit_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	wr_pit_model_reset(&pit->model, ktime_to_ns(ktime_get()));
	pit->acked = true;
	pit->reinject = true;
	pit->vm = vm;
	pit->dev.ops = &pit_io_ops;
	pit->speaker.ops = &speaker_io_ops;
	ret = pit_register(vm, pit, config->flags & KVM_PIT_SPEAKER_DUMMY);
	if (ret) {
		kfree(pit);
		return ret;
	}
	/* Who sees it must see it made. */
	smp_store_release(&vm->irq.pit, pit);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_pit_create);

/**
 * wr_pit_destroy - undo wr_pit_create()
 * @vm: the VM; without a PIT nothing is done
 *
 * Context: vm->lock held or the last user, may sleep. No vCPU runs.
 */
void wr_pit_destroy(struct wr_vm *vm)
{
	struct wr_pit *pit = vm->irq.pit;
	unsigned long flags;

	if (!pit)
		return;
	wr_bus_unregister(vm, WR_BUS_PIO, &pit->speaker);
	wr_bus_unregister(vm, WR_BUS_PIO, &pit->dev);
	raw_spin_lock_irqsave(&pit->lock, flags);
	pit->armed = false;
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	hrtimer_cancel(&pit->timer);
	WRITE_ONCE(vm->irq.pit, NULL);
	kfree(pit);
}

/**
 * wr_pit_get - KVM_GET_PIT2, and KVM_GET_PIT, whose channels are the same
 * @vm: the VM
 * @state: out
 *
 * Context: any.
 * Return: 0, -ENXIO without a PIT.
 */
int wr_pit_get(struct wr_vm *vm, struct kvm_pit_state2 *state)
{
	struct wr_pit *pit = READ_ONCE(vm->irq.pit);
	unsigned long flags;

	if (!pit)
		return -ENXIO;
	raw_spin_lock_irqsave(&pit->lock, flags);
	*state = pit->model.state;
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_pit_get);

/**
 * wr_pit_set - KVM_SET_PIT2, and KVM_SET_PIT, which has no flags
 * @vm: the VM
 * @state: the new state; counting begins anew
 * @with_flags: take @state->flags too, otherwise they stay
 *
 * Context: any.
 * Return: 0, -ENXIO without a PIT, -EINVAL for unknown flags.
 */
int wr_pit_set(struct wr_vm *vm, const struct kvm_pit_state2 *state, bool with_flags)
{
	struct wr_pit *pit = READ_ONCE(vm->irq.pit);
	struct kvm_pit_state2 new = *state;
	s64 now = ktime_to_ns(ktime_get());
	unsigned long flags;

	if (!pit)
		return -ENXIO;
	if (with_flags && new.flags & ~(KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON))
		return -EINVAL;
	memset(new.reserved, 0, sizeof(new.reserved));
	raw_spin_lock_irqsave(&pit->lock, flags);
	if (!with_flags)
		new.flags = pit->model.state.flags;
	wr_pit_model_set(&pit->model, &new, now);
	pit_rearm(pit);
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_pit_set);

/**
 * wr_pit_reinject - KVM_REINJECT_CONTROL
 * @vm: the VM
 * @control: pit_reinject: make up for ticks that the guest could not take
 *
 * Context: any.
 * Return: 0, -ENXIO without a PIT, -EINVAL for padding that is not zero.
 */
int wr_pit_reinject(struct wr_vm *vm, const struct kvm_reinject_control *control)
{
	struct wr_pit *pit = READ_ONCE(vm->irq.pit);
	unsigned long flags;

	if (!pit)
		return -ENXIO;
	if (memchr_inv(control->reserved, 0, sizeof(control->reserved)))
		return -EINVAL;
	raw_spin_lock_irqsave(&pit->lock, flags);
	pit->reinject = control->pit_reinject;
	pit->owed = 0;
	pit->acked = true;
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_pit_reinject);
