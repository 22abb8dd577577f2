/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * unsigned long vmx_enter_guest(u64 *regs, bool launched)
 *
 * Run the guest of the current VMCS until it exits. Interrupts are off and stay so. The VMCS holds RSP, RIP and RFLAGS; all
 * other general registers pass through @regs, in the order of enum wr_reg.
 *
 * Returns enum vmx_entry: 0 after an exit, 1 when the CPU refused the VMCS, 2 when VMX is off.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/asm.h>
#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#include <asm/frame.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>

#define R(n)	(8 * (n))
#define VCPU_RAX	R(0)
#define VCPU_RCX	R(1)
#define VCPU_RDX	R(2)
#define VCPU_RBX	R(3)
#define VCPU_RBP	R(5)
#define VCPU_RSI	R(6)
#define VCPU_RDI	R(7)

#define VMCS_HOST_RSP	0x6c14

/* Kernels that clear CPU buffers at entries know one feature bit for all, or one for guests of their own. */
#if defined(X86_FEATURE_CLEAR_CPU_BUF_VM)
#define CLEAR_BUFFERS_FEATURE	X86_FEATURE_CLEAR_CPU_BUF_VM
#elif defined(X86_FEATURE_CLEAR_CPU_BUF)
#define CLEAR_BUFFERS_FEATURE	X86_FEATURE_CLEAR_CPU_BUF
#endif

.section .rodata
/* VERW with a memory operand clears the CPU's buffers; any writable data segment will do. */
.Lverw_selector:
	.word __KERNEL_DS

.text

SYM_FUNC_START(vmx_enter_guest)
	push %rbp
	mov  %rsp, %rbp
	push %r15
	push %r14
	push %r13
	push %r12
	push %rbx

	/* Needed after the exit, which finds the stack here and every register the guest's. */
	push %rdi			/* regs */
	mov  $VMCS_HOST_RSP, %eax
1:	vmwrite %rsp, %rax

	/* VERW leaves CF alone: launch or resume. RDI is the register block until it is the last to be loaded. */
	bt   $0, %esi
	mov VCPU_RAX(%rdi), %rax
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

#ifdef CLEAR_BUFFERS_FEATURE
	ALTERNATIVE "jmp .Lno_verw", "", CLEAR_BUFFERS_FEATURE
	verw .Lverw_selector(%rip)
.Lno_verw:
#endif
	UNWIND_HINT_SAVE
	jnc 3f
2:	vmresume
	jmp .Lrefused
3:	vmlaunch
	/* Falls through only when the CPU does not enter. */
.Lrefused:
	mov $1, %eax
.Lfailed:
	/* Nothing of the guest ran, but its registers are loaded; RSP is ours. */
	pop %rdi
	jmp .Lclear

SYM_INNER_LABEL(vmx_exited, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR		/* HOST_RIP: exits are no branches */
	UNWIND_HINT_RESTORE
	push %rax
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
	pop VCPU_RAX(%rax)
	add $8, %rsp

	/* No RET before this: the guest may have trained the return predictors. */
	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT
	xor %eax, %eax

.Lclear:
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

	pop %rbx
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	pop %rbp
	RET

.Loff:
	mov $2, %eax
	jmp .Lfailed

	_ASM_EXTABLE(1b, .Loff)
	_ASM_EXTABLE(2b, .Loff)
	_ASM_EXTABLE(3b, .Loff)
SYM_FUNC_END(vmx_enter_guest)

.section .note.GNU-stack, "", @progbits
