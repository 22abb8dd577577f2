/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts of the host's that an exit has taken from the interrupt controller.
 */
#ifndef WARREN_GATE_H
#define WARREN_GATE_H

#include <linux/types.h>

/* gate.c */
void wr_host_interrupt(u8 vector);

/* gate_call.S */
void wr_gate_call(unsigned long handler);

#endif
