/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The port and the MMIO bus of a VM: devices in the kernel, ioeventfds, coalesced writes.
 */
#ifndef WARREN_IO_H
#define WARREN_IO_H

#include <linux/kvm.h>
#include <linux/types.h>

struct wr_vm;
struct wr_vcpu;
struct wr_io_dev;

enum wr_bus_id {
	WR_BUS_PIO,
	WR_BUS_MMIO,
	WR_BUS_FAST_MMIO,	/* ioeventfds of any length: write with length 0 before decoding */
	WR_NR_BUSES,
};

/* struct wr_bus_hint - how a vCPU's last search on a bus ended: guests repeat themselves */
struct wr_bus_hint {
	u64 generation;		/* of that bus; 0: none */
	u64 addr;
	u32 nr;			/* of ranges that begin at or before @addr */
};

/*
 * struct wr_io_ops - a device on a bus
 *
 * @read and @write run with preemption off, interrupts on: they never sleep and take spinlocks
 * only. Address and length lie within what was registered. They return 0 when the access was
 * theirs and -EOPNOTSUPP when it was not (the next device of that range is asked, then userspace).
 * @release ends the device after the last access; may sleep. Each of the three may be NULL.
 */
struct wr_io_ops {
	int (*read)(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len, void *data);
	int (*write)(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len,
		     const void *data);
	void (*release)(struct wr_io_dev *dev);
};

struct wr_io_dev {
	const struct wr_io_ops *ops;
};

/* At most this many ranges on one bus, ioeventfds and coalesced zones included. */
#define WR_BUS_MAX_RANGES	1000

/*
 * vm->lock is held by the caller of all but wr_bus_read() and wr_bus_write(), wr_coalesced_page(),
 * and of init and exit, where the VM has one user.
 */
int wr_bus_init(struct wr_vm *vm);
void wr_bus_exit(struct wr_vm *vm);
int wr_bus_register(struct wr_vm *vm, enum wr_bus_id bus, struct wr_io_dev *dev, u64 addr, u32 len);
void wr_bus_unregister(struct wr_vm *vm, enum wr_bus_id bus, struct wr_io_dev *dev);
int wr_bus_read(struct wr_vcpu *vcpu, enum wr_bus_id bus, u64 addr, u32 len, void *data);
int wr_bus_write(struct wr_vcpu *vcpu, enum wr_bus_id bus, u64 addr, u32 len, const void *data);

int wr_ioeventfd(struct wr_vm *vm, const struct kvm_ioeventfd *args);
int wr_coalesced_init(struct wr_vm *vm);
void wr_coalesced_exit(struct wr_vm *vm);
struct page *wr_coalesced_page(struct wr_vm *vm);
int wr_coalesced_register(struct wr_vm *vm, const struct kvm_coalesced_mmio_zone *zone);
int wr_coalesced_unregister(struct wr_vm *vm, const struct kvm_coalesced_mmio_zone *zone);

#endif
