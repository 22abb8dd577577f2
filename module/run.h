/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The run loop's parameters, and what vendors ask of it; its functions are in warren.h.
 */
#ifndef WARREN_RUN_H
#define WARREN_RUN_H

#include <linux/sched.h>

#include "warren.h"

extern unsigned int wr_halt_poll_ns;

static inline unsigned long wr_task_switches(void)
{
	return current->nvcsw + current->nivcsw;
}

/**
 * wr_vcpu_was_switched - may another thread have run on this CPU since a vCPU's last stay?
 * @vcpu: at the begin of a stay
 */
static inline bool wr_vcpu_was_switched(const struct wr_vcpu *vcpu)
{
	return vcpu->switches != wr_task_switches();
}

#endif
