// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioeventfds: a guest's write to a port or an address signals an eventfd, without a trip to
 * userspace.
 */
#include <linux/eventfd.h>
#include <linux/slab.h>

#include "compat.h"
#include "warren.h"

/* A write without a length in the registration may have any. */
#define ANY_LENGTH_MAX	8

#define VALID_FLAGS	(KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO | \
			 KVM_IOEVENTFD_FLAG_DEASSIGN)

/*
 * struct wr_ioeventfd - on vm->ioeventfds and on a bus
 *
 * One of any length on MMIO is on the fast bus too, which frees nothing.
 */
struct wr_ioeventfd {
	struct list_head link;
	struct eventfd_ctx *eventfd;
	u64 addr, match;
	u32 len;			/* 0: any */
	bool wildcard;			/* any value */
	enum wr_bus_id bus;
	struct wr_io_dev dev;
	struct wr_io_dev fast;
};

static u64 read_value(const void *data, u32 len)
{
	u64 value = 0;

	memcpy(&value, data, len);
	return value;
}

static bool ioeventfd_matches(const struct wr_ioeventfd *io, u64 addr, u32 len, const void *data)
{
	if (addr != io->addr)
		return false;
	if (!io->len)
		return true;
	return len == io->len && (io->wildcard || read_value(data, len) == io->match);
}

static int ioeventfd_write(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len,
			   const void *data)
{
	struct wr_ioeventfd *io = container_of(dev, struct wr_ioeventfd, dev);

	if (!ioeventfd_matches(io, addr, len, data))
		return -EOPNOTSUPP;
	wr_eventfd_signal(io->eventfd);
	return 0;
}

static void ioeventfd_release(struct wr_io_dev *dev)
{
	struct wr_ioeventfd *io = container_of(dev, struct wr_ioeventfd, dev);

	list_del(&io->link);
	eventfd_ctx_put(io->eventfd);
	kfree(io);
}

static const struct wr_io_ops ioeventfd_ops = {
	.write = ioeventfd_write,
	.release = ioeventfd_release,
};

static int ioeventfd_fast_write(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len,
				const void *data)
{
	struct wr_ioeventfd *io = container_of(dev, struct wr_ioeventfd, fast);

	wr_eventfd_signal(io->eventfd);
	return 0;
}

static const struct wr_io_ops ioeventfd_fast_ops = {
	.write = ioeventfd_fast_write,
};

/* Would one write signal both, or would it be unclear which? */
static bool ioeventfd_collides(const struct wr_ioeventfd *a, const struct wr_ioeventfd *b)
{
	if (a->bus != b->bus || a->addr != b->addr)
		return false;
	if (!a->len || !b->len)
		return true;
	return a->len == b->len && (a->wildcard || b->wildcard || a->match == b->match);
}

static bool ioeventfd_same(const struct wr_ioeventfd *a, const struct wr_ioeventfd *b)
{
	return a->bus == b->bus && a->addr == b->addr && a->len == b->len &&
	       a->eventfd == b->eventfd && a->wildcard == b->wildcard &&
	       (a->wildcard || a->match == b->match);
}

/* What @args describe, less the eventfd. */
static int ioeventfd_parse(struct wr_ioeventfd *io, const struct kvm_ioeventfd *args)
{
	bool match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;

	if (args->flags & ~VALID_FLAGS || memchr_inv(args->pad, 0, sizeof(args->pad)))
		return -EINVAL;
	if (args->len > 8 || (args->len && !is_power_of_2(args->len)))
		return -EINVAL;
	if (args->addr + args->len < args->addr || (match && !args->len))
		return -EINVAL;
	*io = (struct wr_ioeventfd) {
		.addr = args->addr,
		.len = args->len,
		.match = match ? args->datamatch : 0,
		.wildcard = !match,
		.bus = args->flags & KVM_IOEVENTFD_FLAG_PIO ? WR_BUS_PIO : WR_BUS_MMIO,
		.dev.ops = &ioeventfd_ops,
		.fast.ops = &ioeventfd_fast_ops,
	};
	/* Only that many bits are ever written. */
	if (io->len && io->len < 8)
		io->match &= BIT_ULL(8 * io->len) - 1;
	return 0;
}

/* How many bytes a write may touch; at the end of the address space less. */
static u32 ioeventfd_reach(const struct wr_ioeventfd *io)
{
	return io->len ?: min_t(u64, ANY_LENGTH_MAX, U64_MAX - io->addr + (io->addr != 0));
}

static int ioeventfd_register(struct wr_vm *vm, struct wr_ioeventfd *io)
{
	int ret;

	if (io->bus == WR_BUS_MMIO && !io->len) {
		ret = wr_bus_register(vm, WR_BUS_FAST_MMIO, &io->fast, io->addr, 0);
		if (ret)
			return ret;
	}
	ret = wr_bus_register(vm, io->bus, &io->dev, io->addr, ioeventfd_reach(io));
	if (ret)
		wr_bus_unregister(vm, WR_BUS_FAST_MMIO, &io->fast);
	return ret;
}

static int ioeventfd_assign(struct wr_vm *vm, const struct wr_ioeventfd *wanted)
{
	struct wr_ioeventfd *io;
	int ret;

	list_for_each_entry(io, &vm->ioeventfds, link)
		if (ioeventfd_collides(io, wanted))
			return -EEXIST;
	io = kmemdup(wanted, sizeof(*io), GFP_KERNEL_ACCOUNT);
	if (!io)
		return -ENOMEM;
	list_add_tail(&io->link, &vm->ioeventfds);
	ret = ioeventfd_register(vm, io);
	if (ret) {
		list_del(&io->link);
		kfree(io);
	}
	return ret;
}

static int ioeventfd_deassign(struct wr_vm *vm, const struct wr_ioeventfd *wanted)
{
	struct wr_ioeventfd *io;

	list_for_each_entry(io, &vm->ioeventfds, link) {
		if (!ioeventfd_same(io, wanted))
			continue;
		wr_bus_unregister(vm, WR_BUS_FAST_MMIO, &io->fast);
		wr_bus_unregister(vm, io->bus, &io->dev);
		return 0;
	}
	return -ENOENT;
}

/**
 * wr_ioeventfd - KVM_IOEVENTFD
 * @vm: the VM
 * @args: address, length 0 (any), 1, 2, 4 or 8, flags: port, datamatch, deassign
 *
 * Context: vm->lock held, may sleep.
 * Return: 0; -EINVAL unknown flags, padding, length, a range that wraps, datamatch without length,
 * not an eventfd; -EBADF; -EEXIST one write would match two; -ENOENT nothing such to deassign;
 * -ENOSPC; -ENOMEM.
 */
int wr_ioeventfd(struct wr_vm *vm, const struct kvm_ioeventfd *args)
{
	struct wr_ioeventfd wanted;
	bool deassign = args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN;
	int ret;

	lockdep_assert_held(&vm->lock);
	ret = ioeventfd_parse(&wanted, args);
	if (ret)
		return ret;
	wanted.eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(wanted.eventfd))
		return PTR_ERR(wanted.eventfd);
	ret = deassign ? ioeventfd_deassign(vm, &wanted) : ioeventfd_assign(vm, &wanted);
	/* An assigned one keeps the reference. */
	if (ret || deassign)
		eventfd_ctx_put(wanted.eventfd);
	return ret;
}
