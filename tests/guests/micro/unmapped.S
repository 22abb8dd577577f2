/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes and reads memory that is not there: writes vanish, reads give all ones. */
#include "micro.h"

start:
	mov $UNMAPPED, %ebx
	mov $100, %ecx
0:	movl %ecx, (%ebx)
	movb %cl, 4(%ebx)
	add $4096, %ebx
	loop 0b
	movl UNMAPPED, %eax
	cmp $0xffffffff, %eax
	jne 1f
	movzbl UNMAPPED + 5, %eax
	cmp $0xff, %eax
	jne 1f
	finish 42
1:	finish 1
