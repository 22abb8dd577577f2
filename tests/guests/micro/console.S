/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest at the end of a serial line: it answers each byte with the same in brackets, and powers off
 * when its power button is pressed. An 'i' makes it ignore the button, an 'f' print for ever, a 'q'
 * power off, an 'r' reset, a 'p' panic.
 */
#include "micro.h"

#define PORT_IER	(PORT_COM1 + 1)
#define PORT_LSR	(PORT_COM1 + 5)
#define PORT_PM1_STATUS	0x600
#define PORT_PM1_CONTROL 0x604
#define PORT_KEYBOARD	0x64
#define PORT_PANIC	0x505
#define POWER_BUTTON	0x0100
#define SOFT_OFF	0x3400		/* S5, enabled */
#define IGNORE		1
#define FLOOD		2

	.macro print char
	mov $PORT_COM1, %dx
	movb $\char, %al
	outb %al, %dx
	.endm

start:
	xor %ebx, %ebx			/* IGNORE, FLOOD */
	/* The line delivers nothing to a guest that does not want to be interrupted for it. */
	mov $PORT_IER, %dx
	movb $1, %al
	outb %al, %dx
	mov $message, %esi
	mov $(message_end - message), %ecx
	mov $PORT_COM1, %dx
	rep outsb

again:
	test $FLOOD, %ebx
	jz 1f
	mov $flood, %esi
	mov $(flood_end - flood), %ecx
	mov $PORT_COM1, %dx
	rep outsb
1:	mov $PORT_PM1_STATUS, %dx
	inw %dx, %ax
	test $POWER_BUTTON, %ax
	jz 2f
	test $IGNORE, %ebx
	jz power_off
2:	mov $PORT_LSR, %dx
	inb %dx, %al
	test $1, %al
	jz again
	mov $PORT_COM1, %dx
	inb %dx, %al
	mov %eax, %edi

	print '['
	mov %edi, %eax
	mov $PORT_COM1, %dx
	outb %al, %dx
	print ']'
	mov %edi, %eax
	cmpb $'q', %al
	je power_off
	cmpb $'r', %al
	je reset
	cmpb $'p', %al
	je panic
	cmpb $'i', %al
	jne 3f
	or $IGNORE, %ebx
3:	cmpb $'f', %al
	jne again
	or $FLOOD, %ebx
	jmp again

power_off:
	mov $PORT_PM1_CONTROL, %dx
	mov $SOFT_OFF, %ax
	outw %ax, %dx
0:	hlt
	jmp 0b

reset:
	movb $0xfe, %al
	outb %al, $PORT_KEYBOARD
	jmp 0b

panic:
	mov $PORT_PANIC, %dx
	movb $1, %al
	outb %al, %dx
	jmp 0b

message:
	.ascii "micro: ready\r\n"
message_end:

flood:
	.ascii "a line of sixty-four bytes that comes again and again, and so on\n"
flood_end:
