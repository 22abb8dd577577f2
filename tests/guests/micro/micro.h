/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tiny guests, started by the launcher as PVH kernels: 32-bit protected mode, flat segments,
 * paging off, no stack. They end by writing their exit status to the debug-exit port.
 */
#ifndef GUESTS_MICRO_H
#define GUESTS_MICRO_H

#define PORT_DEBUG_EXIT	0xf4
#define PORT_COM1	0x3f8

/* Above the memory that such a guest is given, and no device's. */
#define UNMAPPED	0xb0000000

	.pushsection .note.pvh, "a", @note
	.balign 4
	.long 4, 4, 18		/* "Xen", one word, XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long start
	.popsection

	.macro finish status
	movb $\status, %al
	outb %al, $PORT_DEBUG_EXIT
0:	hlt
	jmp 0b
	.endm

	.code32
	.text
	.globl start

#endif
