/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bool svm_enter_guest(u64 vmcb_pa, u64 *regs, u64 host_save_pa)
 *
 * Run the guest until it exits. Interrupts are off; they come back off. The VMCB holds RAX, RSP, RIP and RFLAGS; all other
 * general registers pass through @regs, in the order of enum wr_reg.
 *
 * Returns false, with nothing done, when SVM is off on this CPU: CLGI, the first SVM instruction, raised #UD. After
 * it no interrupt can come in and turn SVM off, so the others need no such care.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#include <asm/frame.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>

#define R(n)	(8 * (n))
#define VCPU_RCX	R(1)
#define VCPU_RDX	R(2)
#define VCPU_RBX	R(3)
#define VCPU_RBP	R(5)
#define VCPU_RSI	R(6)
#define VCPU_RDI	R(7)

.section .rodata
/* VERW with a memory operand clears the CPU's buffers; any writable data segment will do. */
.Lverw_selector:
	.word __KERNEL_DS

.text

SYM_FUNC_START(svm_enter_guest)
	push %rbp
	mov  %rsp, %rbp
	push %r15
	push %r14
	push %r13
	push %r12
	push %rbx

	/* Host state that is needed after the exit: the stack holds it, no register survives. */
	push %rsi			/* regs */
	push %rdx			/* host_save_pa */

	mov  %rdi, %rax
	mov  %rsi, %rdi

	/*
	 * Interrupts must be enabled for one to cause an exit, and none must arrive before VMRUN: GIF holds back
	 * all of them, NMIs too, from CLGI on.
	 */
1:	clgi
	sti
	vmload %rax

	/* RAX keeps the VMCB's address, RDI the register block until it is the last to be loaded. */
	mov VCPU_RCX(%rdi), %rcx
	mov VCPU_RDX(%rdi), %rdx
	mov VCPU_RBX(%rdi), %rbx
	mov VCPU_RBP(%rdi), %rbp
	mov VCPU_RSI(%rdi), %rsi
	mov R(8)(%rdi), %r8
	mov R(9)(%rdi), %r9
	mov R(10)(%rdi), %r10
	mov R(11)(%rdi), %r11
	mov R(12)(%rdi), %r12
	mov R(13)(%rdi), %r13
	mov R(14)(%rdi), %r14
	mov R(15)(%rdi), %r15
	mov VCPU_RDI(%rdi), %rdi

#ifdef X86_FEATURE_CLEAR_CPU_BUF_VM
	/* Clobbers flags only: VMRUN loads the guest's. */
	ALTERNATIVE "jmp .Lno_verw", "", X86_FEATURE_CLEAR_CPU_BUF_VM
	verw .Lverw_selector(%rip)
.Lno_verw:
#endif
	vmrun %rax

	/* RAX is the VMCB's address again, all else the guest's. GS is not yet the host's: no per-CPU data. */
	vmsave %rax
	mov  (%rsp), %rax
	vmload %rax
	mov  8(%rsp), %rax

	mov %rcx, VCPU_RCX(%rax)
	mov %rdx, VCPU_RDX(%rax)
	mov %rbx, VCPU_RBX(%rax)
	mov %rbp, VCPU_RBP(%rax)
	mov %rsi, VCPU_RSI(%rax)
	mov %rdi, VCPU_RDI(%rax)
	mov %r8,  R(8)(%rax)
	mov %r9,  R(9)(%rax)
	mov %r10, R(10)(%rax)
	mov %r11, R(11)(%rax)
	mov %r12, R(12)(%rax)
	mov %r13, R(13)(%rax)
	mov %r14, R(14)(%rax)
	mov %r15, R(15)(%rax)
	add $16, %rsp

	/* No RET before this: the guest may have trained the return predictors. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
	CALL_UNTRAIN_RET

	/* Guest values must not feed speculation in the host. Callee-saved ones come back from the stack. */
	xor %ecx, %ecx
	xor %edx, %edx
	xor %ebx, %ebx
	xor %ebp, %ebp
	xor %esi, %esi
	xor %edi, %edi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d

	/* The interrupt that caused the exit waits until the caller enables interrupts. */
	cli
	stgi
	mov $1, %eax
.Lout:
	pop %rbx
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	pop %rbp
	RET

.Loff:
	add $16, %rsp
	xor %eax, %eax
	jmp .Lout

	_ASM_EXTABLE(1b, .Loff)
SYM_FUNC_END(svm_enter_guest)

.section .note.GNU-stack, "", @progbits
