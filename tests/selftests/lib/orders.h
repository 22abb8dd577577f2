/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine whose guest touches memory as the host orders: commands are in the guest's memory, and each one done ends in
 * guest_sync(1). A program that includes this has an order of its own.
 */
#ifndef SELFTESTS_ORDERS_H
#define SELFTESTS_ORDERS_H

#include "guest.h"
#include "vm.h"

#define GPA_T 0x10000000ul	/* where the tests put their slots */

struct machine {
	struct vm vm;
	struct vcpu v;
};

static inline void machine_vcpu(struct machine *m, void (*fn)(u64), u64 arg)
{
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
	vcpu_long(&m->v, fn, arg);
}

static inline void start_c(struct machine *m, void (*fn)(u64), u64 arg)
{
	vm_init(&m->vm);
	machine_vcpu(m, fn, arg);
}

static struct {
	volatile u64 op, addr, value;
} order;

/* FILL writes to the first word of @value pages, SCAN reads it. */
enum { OP_READ, OP_WRITE, OP_FILL, OP_SCAN };

static inline void guest_obeys(u64 arg)
{
	u64 i;

	(void)arg;
	for (;;) {
		if (order.op == OP_WRITE)
			*(volatile u64 *)order.addr = order.value;
		else if (order.op == OP_READ)
			order.value = *(volatile u64 *)order.addr;
		else if (order.op == OP_FILL)
			for (i = 0; i < order.value; i++)
				*(volatile u64 *)(order.addr + i * PAGE) = i + 1;
		else
			for (i = 0; i < order.value; i++)
				*(volatile u64 *)(order.addr + i * PAGE);
		guest_sync(1);
	}
}

static inline void give_order(struct machine *m, u64 op, u64 addr, u64 value)
{
	GUEST_VAR(&m->vm, order.op) = op;
	GUEST_VAR(&m->vm, order.addr) = addr;
	GUEST_VAR(&m->vm, order.value) = value;
}

static inline u64 guest_read(struct machine *m, u64 addr)
{
	give_order(m, OP_READ, addr, 0);
	EXPECT_SYNC(&m->v, 1);
	return GUEST_VAR(&m->vm, order.value);
}

static inline void guest_write(struct machine *m, u64 addr, u64 value)
{
	give_order(m, OP_WRITE, addr, value);
	EXPECT_SYNC(&m->v, 1);
}

static inline void guest_pages(struct machine *m, u64 op, u64 addr, u64 nr)
{
	give_order(m, op, addr, nr);
	EXPECT_SYNC(&m->v, 1);
}

#endif
