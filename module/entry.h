/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Assembly that the entries of both vendors share: the general registers of a guest, in a block in the order of enum wr_reg.
 * The control block has RSP on both, and RAX on AMD-V.
 */
#ifndef WARREN_ENTRY_H
#define WARREN_ENTRY_H

#define WR_REG(n)	(8 * (n))

/* What the caller wants back: RBP is its frame, too. */
.macro push_callee_saved
	push %rbp
	mov  %rsp, %rbp
	push %r15
	push %r14
	push %r13
	push %r12
	push %rbx
.endm

.macro pop_callee_saved
	pop %rbx
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	pop %rbp
.endm

/* All but RAX and RSP, from the block at RDI, which is the last to be loaded. */
.macro load_guest_registers
	mov WR_REG(1)(%rdi), %rcx
	mov WR_REG(2)(%rdi), %rdx
	mov WR_REG(3)(%rdi), %rbx
	mov WR_REG(5)(%rdi), %rbp
	mov WR_REG(6)(%rdi), %rsi
	mov WR_REG(8)(%rdi), %r8
	mov WR_REG(9)(%rdi), %r9
	mov WR_REG(10)(%rdi), %r10
	mov WR_REG(11)(%rdi), %r11
	mov WR_REG(12)(%rdi), %r12
	mov WR_REG(13)(%rdi), %r13
	mov WR_REG(14)(%rdi), %r14
	mov WR_REG(15)(%rdi), %r15
	mov WR_REG(7)(%rdi), %rdi
.endm

/* All but RAX and RSP, to the block at RAX. */
.macro store_guest_registers
	mov %rcx, WR_REG(1)(%rax)
	mov %rdx, WR_REG(2)(%rax)
	mov %rbx, WR_REG(3)(%rax)
	mov %rbp, WR_REG(5)(%rax)
	mov %rsi, WR_REG(6)(%rax)
	mov %rdi, WR_REG(7)(%rax)
	mov %r8,  WR_REG(8)(%rax)
	mov %r9,  WR_REG(9)(%rax)
	mov %r10, WR_REG(10)(%rax)
	mov %r11, WR_REG(11)(%rax)
	mov %r12, WR_REG(12)(%rax)
	mov %r13, WR_REG(13)(%rax)
	mov %r14, WR_REG(14)(%rax)
	mov %r15, WR_REG(15)(%rax)
.endm

/*
 * Guest values must not feed speculation in the host. RAX is the result; callee-saved ones come back from the stack. On the
 * stack's top is the address of the block, which nobody needs any more: RDI gets it.
 */
.macro clear_guest_registers
	pop %rdi
	xor %ecx, %ecx
	xor %edx, %edx
	xor %ebx, %ebx
	xor %ebp, %ebp
	xor %esi, %esi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d
.endm

#endif
