// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of the host's that an exit has taken from the interrupt controller: the CPU will not deliver them any more.
 */
#include <asm/desc.h>

#include "gate.h"

/**
 * wr_host_interrupt - run the host's handler of an interrupt
 * @vector: acknowledged, not an exception's
 *
 * Context: interrupts off, and they stay off. The handler comes by the IDT: FRED hosts do not get here.
 */
void wr_host_interrupt(u8 vector)
{
	struct desc_ptr idt;

	store_idt(&idt);
	wr_gate_call(gate_offset((const gate_desc *)idt.address + vector));
}
