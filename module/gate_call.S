/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * void wr_gate_call(unsigned long handler)
 *
 * Run what a gate of the IDT leads to, as if the CPU had taken an interrupt here. Interrupts are off: so say the flags that the
 * handler finds, and it leaves them off.
 */
#include <linux/linkage.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>

.text

SYM_FUNC_START(wr_gate_call)
	push %rbp
	mov  %rsp, %rbp
	/* The CPU aligns the stack before it pushes SS, RSP, RFLAGS, CS and RIP; the call is the last of these. */
	and  $~15, %rsp
	push $__KERNEL_DS
	push %rbp
	pushf
	push $__KERNEL_CS
	CALL_NOSPEC rdi
	/* The handler's IRET has brought RSP back already. */
	leave
	RET
SYM_FUNC_END(wr_gate_call)

.section .note.GNU-stack, "", @progbits
