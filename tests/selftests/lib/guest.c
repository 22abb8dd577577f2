// SPDX-License-Identifier: GPL-2.0-only
/* Exceptions and interrupts inside the guest. */
#include "guest.h"

void (*volatile guest_handler[256])(struct guest_frame *);
struct guest_fault guest_fault;

void guest_trap(struct guest_frame *f)
{
	void (*fn)(struct guest_frame *) = guest_handler[f->vector & 0xff];

	if (fn) {
		fn(f);
		/*
		 * QEMU's TCG forgets the shadow of STI over an exit: an interrupt then comes between
		 * "sti; hlt", and HLT would sleep on what it was to wait for.
		 */
		if (*(const u8 *)f->rip == 0xf4)
			f->rip++;
		return;
	}
	if (guest_fault.fixup && f->vector < 32) {
		guest_fault.vector = f->vector;
		guest_fault.error = f->error;
		f->rip = guest_fault.fixup;
		return;
	}
	ucall(UCALL_TRAP, f->vector, f->error, f->rip);
}
